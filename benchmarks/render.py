"""The renderer alone: CPU of drawing a text, whole and while it grows, without any screen."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from benchmarks.answers import CASES, fragments, longer, mixed
from chatterm.render.document import StreamDoc, render
from chatterm.render.theme import ANSI

WIDTH = 118
HERTZ = 20


def main() -> None:
    print("a whole text, ms of CPU, beside rich.markdown")
    for words in (100, 2_000, 10_000):
        text = mixed(words)
        ours = _cpu(lambda text=text: render(text, WIDTH, ANSI))  # type: ignore[misc]
        theirs = _cpu(lambda text=text: _rich(text))  # type: ignore[misc]
        print(f"  {words:6,} words {ours:8.1f}   rich {theirs:8.1f}")
    print("while it grows, 5 words a paint")
    costs = {words: _streamed(longer(words // 2_000), 5) for words in (2_000, 10_000)}
    for words, cost in costs.items():
        print(f"  {words:6,} words {cost:8.0f} ms")
    print(f"  10,000 against 2,000 words: {costs[10_000] / costs[2_000]:.1f} x   bar 5.5")
    print(f"share of a core at 100 words/s and {HERTZ} paints a second, drawing alone")
    for name, text in CASES.items():
        parts = fragments(text, 5)
        share = _streamed(text, 5) / 1000 / (len(parts) / HERTZ)
        print(f"  {name:20} {100 * share:5.1f} %")


def _streamed(text: str, words: int) -> float:
    began = time.process_time()
    document = StreamDoc(WIDTH, ANSI)
    for part in fragments(text, words):
        document.append(part)
        document.render()
    document.finish()
    return 1000 * (time.process_time() - began)


def _cpu(work: Callable[[], object]) -> float:
    work()
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return 1000 * best


def _rich(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console(file=io.StringIO(), width=WIDTH, force_terminal=True).print(Markdown(text))


if __name__ == "__main__":
    main()
