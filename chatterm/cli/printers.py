"""Printers that stand before another one and choose what it gets of an answer, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatterm.events import Event, TextDelta

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
        if isinstance(event, TextDelta):
            self._words.append(event.text)
        else:
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
