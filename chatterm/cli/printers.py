"""Printers that stand before another one and choose what it gets of an answer, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatterm.events import Event, Replaced, TextDelta

if TYPE_CHECKING:
    from chatterm.cli.answering import Printer
    from chatterm.session import ChatSession


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
