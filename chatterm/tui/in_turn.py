"""Each key is taken when the one before it has had its effect.

Textual hands a key to whatever has the focus at that moment, and there it waits. Keys that come
close together, over a slow line or from a quick hand, so reach the wrong place: what is typed after
Ctrl+R stands in the composer, what follows Ctrl+N in the chat that is left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, TypeAlias, TypeVar

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerError

_PATIENCE = 1.0
"""Seconds that a key may take until those after it are taken nevertheless."""
_STILL = 3
"""A key may close a screen, whose caller then opens another: so often must nothing have moved."""

_Place: TypeAlias = tuple[MessagePump, ...]
_Result = TypeVar("_Result")


class InTurn(App[_Result]):
    """An app whose keys and pastes wait for each other."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: deque[events.Event] = deque()
        self._settling: asyncio.Task[None] | None = None

    @property
    def unread(self) -> str:
        """What was typed after the key that ended the program."""
        return "".join(map(_text, self._waiting))

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._settling is not None or self._exit:
            self._waiting.append(event)
        else:
            place = self._place()
            await super().on_event(event)
            self._settling = asyncio.create_task(self._take_the_rest(event, place))

    async def _take_the_rest(self, event: events.Event, place: _Place) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await self._effect(event, place)
                if not self._waiting or self._exit:
                    return
                event, place = self._waiting.popleft(), self._place()
                await super().on_event(event)
        finally:
            self._settling = None

    async def _effect(self, event: events.Event, place: _Place) -> None:
        """Until a key has done what it does, in ``place`` and in whatever that leads to."""
        await _idle(place[0])
        if isinstance(event, events.Key) and event.is_printable and event._stop_propagation:
            return  # a letter in a line
        still = 0
        while still < _STILL:
            for part in place:
                await _idle(part)
            now = self._place()
            still = still + 1 if now == place else 0
            place = now

    def _place(self) -> _Place:
        """Where the next key goes, and all that it can rise to."""
        return tuple((self.focused or self.screen).ancestors_with_self)


def _text(event: events.Event) -> str:
    if isinstance(event, events.Paste):
        return event.text
    if not isinstance(event, events.Key):
        return ""
    if event.key == "enter":
        return "\n"
    return (event.character or "") if event.is_printable else ""


async def ended(worker: Worker[None] | None) -> None:
    """Until what a key set going is there, so that the next key finds it."""
    if worker is not None:
        with contextlib.suppress(WorkerError):
            await worker.wait()


async def _idle(part: MessagePump) -> None:
    """Until a part has taken what has been told to it so far."""
    done = asyncio.Event()
    if part.call_later(done.set):
        await done.wait()
