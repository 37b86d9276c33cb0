"""Printers of an answer: what they are, the one for text, and those that stand before another.

The latter choose what it gets of an answer, and when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from chatterm.cli.console import Console
from chatterm.events import (
    Done,
    Event,
    Linked,
    Notice,
    Progress,
    Queued,
    ReasoningDelta,
    Replaced,
    TextDelta,
    ToolCalled,
)

if TYPE_CHECKING:
    from chatterm.session import ChatSession


class Printer(Protocol):
    """How an answer appears on stdout."""

    def started(self, session: ChatSession) -> None: ...

    def event(self, event: Event) -> None: ...

    def ended(self, session: ChatSession) -> None:
        """The answer is complete or stopped."""

    def failed(self) -> None:
        """The answer failed; the error itself is reported by whoever catches it."""


class TextPrinter:
    """The words of the answer, as they come; reasoning, progress and notices go to stderr."""

    def __init__(self, console: Console, *, reasoning: bool = True) -> None:
        self._console = console
        self._shows_reasoning = reasoning
        self._reasoned = False
        self._written: list[str] = []

    def started(self, session: ChatSession) -> None:
        return

    def event(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._begin_words()
                self._written.append(text)
                self.words(text)
            case Replaced(text=text):
                self._replace(text)
            case ReasoningDelta(text=text):
                self._reason(text)
            case Notice(text=text):
                self._console.note(text)
            case Queued(position=position, size=size):
                self._console.status(f"waiting: {position + 1} of {size}", else_note=True)
            case Progress(stage=stage, done=done, total=total):
                self._console.status(_progress(stage, done, total))
            case ToolCalled() | Linked() | Done():
                pass
            case _:
                assert_never(event)

    def words(self, text: str) -> None:
        """Print more of the answer."""
        self._console.write(text)

    def end_words(self) -> None:
        """The answer has ended."""
        self._console.end_line()

    def ended(self, session: ChatSession) -> None:
        self.failed()

    def failed(self) -> None:
        self._begin_words()
        self.end_words()

    def _replace(self, text: str) -> None:
        """What is written cannot be taken back; only a difference one would see is mentioned."""
        before = "".join(self._written)
        self._written = [text]
        if not before:
            self._begin_words()
            self.words(text)
        elif before.strip() != text.strip():
            self._console.note(
                "the server changed its answer afterwards; the stored chat has the final text"
            )

    def _reason(self, text: str) -> None:
        if self._shows_reasoning:
            self._console.clear_status()
            self._reasoned = True
            self._console.aside(text)
        else:
            self._console.status("thinking")

    def _begin_words(self) -> None:
        self._console.clear_status()
        if self._reasoned:
            self._reasoned = False
            self._console.aside("\n")


def _progress(stage: str, done: int, total: int) -> str:
    if stage == "load":
        return f"loading the model: {100 * done // total} %" if total else "loading the model"
    return f"reading the prompt: {done:,} of {total:,} tokens"


class AtOnce:
    """Keeps the words back until the answer has ended, however it ends."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._words: list[str] = []

    def started(self, session: ChatSession) -> None:
        self._printer.started(session)

    def event(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._words.append(text)
            case Replaced(text=text):
                self._words = [text]
            case _:
                self._printer.event(event)

    def ended(self, session: ChatSession) -> None:
        self._print()
        self._printer.ended(session)

    def failed(self) -> None:
        self._print()
        self._printer.failed()

    def _print(self) -> None:
        if self._words:
            self._printer.event(TextDelta("".join(self._words)))


class Wordless:
    """Passes everything on but the words, of which only a part is to be printed, at the end."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    def started(self, session: ChatSession) -> None:
        self._printer.started(session)

    def event(self, event: Event) -> None:
        if not isinstance(event, TextDelta | Replaced):
            self._printer.event(event)

    def ended(self, session: ChatSession) -> None:
        self._printer.ended(session)

    def failed(self) -> None:
        self._printer.failed()
