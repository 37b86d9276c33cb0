"""Measures the guide through chatterm's own engine: ``python -m scripts.guide.evaluate``.

The questions of the test that also stand in the training data, word for word, are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chatterm.catalog import load_catalog
from chatterm.engine.client import EngineBackend
from chatterm.engine.doubt import FIRST_TOKENS, least_chance
from chatterm.engine.hosts import EngineHome
from chatterm.engine.settings import EngineSettings
from chatterm.events import TextDelta
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from scripts.guide.card import card
from scripts.guide.data import written_texts
from scripts.guide.topics import FOLDER, Question, Topic, load_questions, load_topics, spoken

_ROOT = FOLDER.parent.parent
SHIPPED = _ROOT / "chatterm" / "engine" / "guide" / "guide.gguf"
CARD = SHIPPED.with_name("card.md")
_LIMIT = 160
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    least: float
    """Probability of the least likely of its first tokens."""
    mean: float
    """Their mean probability."""

    def unsure(self, below: float) -> bool:
        return self.least < below


@dataclass(frozen=True, slots=True)
class Marked:
    """A question, what the guide said, and what that was worth."""

    question: Question
    answer: Answer
    given: str
    """The topic whose answer it is word for word, ``example:ID``, or nothing."""
    right: bool


Ask = Callable[[Sequence[str]], Awaitable[Answer]]


def main() -> None:
    options = _options()
    if options.same:
        _compare(options.model.resolve(), json.loads(options.same.read_text()))
        return
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        home = EngineHome(Path(folder) / "s", Path(folder) / "l", isolated=False)
        settings = EngineSettings(str(options.model.resolve()), threads=1)
        backend = EngineBackend(home, {"guide": settings}, keep_alive=1.0)
        asyncio.run(_run(backend, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    shipped = load_catalog(Path(os.devnull)).models["guide"]
    parser.add_argument("--doubt-below", type=float, default=shipped.doubt_below)
    parser.add_argument("--held-out", action="store_true", help="the author's kept phrasings only")
    parser.add_argument(
        "--same", type=Path, help="what PyTorch answered, written by scripts.guide.same"
    )
    parser.add_argument("--about", type=Path, help="about.json of the training: write the card")
    parser.add_argument("--dump", type=Path, help="write every answer there, as JSON lines")
    return parser.parse_args()


async def _run(backend: EngineBackend, options: argparse.Namespace) -> None:
    ask = _asker(backend)
    topics, report = load_topics()
    if options.held_out:
        await _held_out(ask, topics)
        return
    figures, marked = await _measure(ask, topics, options.doubt_below)
    print(f"phrasings left out of training, being questions of the test: {report.in_test}")
    for name, value in figures.items():
        print(f"{name:48} {value}")
    if options.dump:
        lines = [json.dumps(asdict(one)) for one in marked]
        options.dump.write_text("\n".join(lines) + "\n")
    if options.about:
        about = json.loads(options.about.read_text())
        CARD.write_text(card(about, figures, options.model.stat().st_size, len(topics)))


def _asker(backend: EngineBackend) -> Ask:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(said: Sequence[str]) -> Answer:
        path = []
        for number, text in enumerate(said):
            role = Role.ASSISTANT if number % 2 else Role.USER
            before = str(number - 1) if number else None
            path.append(Message(str(number), before, role, text, 0.0))
        params = Params(temperature=0.0, logprobs=0, max_tokens=_LIMIT)
        request = Request("guide", tuple(path), "answer", params)
        text, logprobs = "", []
        async with gate:
            async for event in backend.stream(request):
                if isinstance(event, TextDelta):
                    text += event.text
                    logprobs += [token.logprob for token in event.logprobs]
        first = [math.exp(logprob) for logprob in logprobs[:FIRST_TOKENS]] or [0.0]
        return Answer(text, least_chance(logprobs), sum(first) / len(first))

    return ask


async def _measure(
    ask: Ask, topics: dict[str, Topic], below: float
) -> tuple[dict[str, str], list[Marked]]:
    questions = load_questions()
    known = written_texts(topics)
    inside = await _mark(ask, topics, _fresh(questions.in_topic, known))
    outside = await _mark(ask, topics, _fresh(questions.outside, known), refusal=True)
    later = await _mark(ask, topics, questions.follow_up)
    fresh_later = [m for m in later if spoken(m.question.text) not in known]
    every = [*inside, *outside, *later]
    wrong = [m for m in inside if not m.right]
    figures = {
        f"questions in topic ({len(questions.in_topic)} written)": str(len(inside)),
        "right topic": _share(inside, lambda m: m.right),
        "right topic, or a doubt shown": _share(
            inside, lambda m: m.right or m.answer.unsure(below)
        ),
        "wrong topic without a doubt shown": _share(
            inside,
            lambda m: not m.right and not m.given.startswith("no-") and not m.answer.unsure(below),
        ),
        "refused though in topic": _share(
            inside, lambda m: not m.right and m.given.startswith("no-")
        ),
        "right, but a doubt shown": _share(inside, lambda m: m.right and m.answer.unsure(below)),
        "doubts the threshold catches of wrong answers": _share(
            wrong, lambda m: m.answer.unsure(below)
        ),
        f"questions outside ({len(questions.outside)} written)": str(len(outside)),
        "honest refusal": _share(outside, lambda m: m.right),
        "honest refusal, or a doubt shown": _share(
            outside, lambda m: m.right or m.answer.unsure(below)
        ),
        "follow-ups": str(len(later)),
        "right follow-up": _share(later, lambda m: m.right),
        "right follow-up, of those not trained on": _share(fresh_later, lambda m: m.right),
        "broken sentences": _share(every, lambda m: not m.given),
        "threshold of doubt": f"{below} (least likely of the first {FIRST_TOKENS} tokens)",
        "how well doubt tells wrong from right (AUC)": _separation(inside),
    }
    return figures, every


def _fresh(questions: Iterable[Question], known: frozenset[str]) -> list[Question]:
    return [question for question in questions if spoken(question.text) not in known]


async def _mark(
    ask: Ask, topics: dict[str, Topic], questions: Sequence[Question], *, refusal: bool = False
) -> list[Marked]:
    named = {topic.answer: name for name, topic in topics.items()}
    named |= {topic.example: f"example:{name}" for name, topic in topics.items()}

    async def mark(question: Question) -> Marked:
        said = [question.text]
        if question.before:
            said = [question.before, (await ask([question.before])).text, question.text]
        answer = await ask(said)
        given = named.get(answer.text.strip(), "")
        if "repeat" in question.topics and question.before:
            right = answer.text == said[1]
        else:
            right = given.startswith("no-") if refusal else given in question.topics
        return Marked(question, answer, given, right)

    return list(await asyncio.gather(*map(mark, questions)))


def _share(marked: Sequence[Marked], counts: Callable[[Marked], bool]) -> str:
    hits = sum(map(counts, marked))
    return f"{100 * hits / max(1, len(marked)):.1f}% ({hits} of {len(marked)})"


def _separation(marked: Sequence[Marked]) -> str:
    """How often a right answer is surer than a wrong one, by least and by mean probability."""
    least = _auc([(m.answer.least, m.right) for m in marked])
    mean = _auc([(m.answer.mean, m.right) for m in marked])
    return f"least {least:.2f}, mean {mean:.2f}"


def _auc(scored: Sequence[tuple[float, bool]]) -> float:
    right = [score for score, is_right in scored if is_right]
    wrong = [score for score, is_right in scored if not is_right]
    wins = sum((r > w) + (r == w) / 2 for r in right for w in wrong)
    return wins / max(1, len(right) * len(wrong))


async def _held_out(ask: Ask, topics: dict[str, Topic]) -> None:
    """What the threshold is read off, so that the test stays untouched."""
    questions = [Question(text, (name,)) for name, t in topics.items() for text in t.held_out]
    marked = await _mark(ask, topics, questions)
    print(f"right on held-out phrasings: {_share(marked, lambda m: m.right)}")
    print(f"AUC {_separation(marked)}")
    for below in (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98):
        sure = [m for m in marked if not m.answer.unsure(below)]
        wrong = sum(not m.right for m in sure)
        kept = sum(m.right for m in sure)
        print(f"doubt below {below}: {wrong} wrong and {kept} right of {len(marked)} without doubt")
    mistaken = Counter((m.question.topics[0], m.given) for m in marked if not m.right)
    for (wanted, given), _ in mistaken.most_common(60):
        print(f"  {wanted} -> {given or '(broken)'}")


def _compare(model: Path, pairs: list[dict[str, str]]) -> None:
    """PyTorch's greedy texts against those of ``chatterm ask``."""
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        env = {**os.environ, "CHATTERM_HOME": folder, "CHATTERM_ENGINE_KEEP_ALIVE": "5"}
        program = [sys.executable, "-m", "chatterm", "ask", "--temporary", "-q", "-m", str(model)]
        command = [*program, "-o", "temperature=0", "-o", f"max_tokens={_LIMIT}"]
        answers = [
            subprocess.run(
                [*command, "--", pair["question"]],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for pair in pairs
        ]
    other = [
        (pair, answer)
        for pair, answer in zip(pairs, answers, strict=True)
        if answer.strip() != pair["answer"].strip()
    ]
    for pair, text in other:
        print(f"{pair['question']!r}: PyTorch {pair['answer']!r}, engine {text!r}")
    print(f"{len(pairs) - len(other)} of {len(pairs)} answers are the same")


if __name__ == "__main__":
    main()
