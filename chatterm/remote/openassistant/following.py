"""Follows one answer to its end, whatever happens to the stream.

Streams of these servers end early, never, or without saying how it went, and deliver each token to
one reader only. So the stored message is the truth: it is asked for whenever the stream ends
without an ending, and now and then while the stream says nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from chatterm.errors import BadReply, ChattermError, RemoteError, Unreachable
from chatterm.events import Event, Notice, Queued, Replaced, TextDelta
from chatterm.remote._http import Reply, Stream
from chatterm.remote.openassistant.api import Api, message_path
from chatterm.remote.openassistant.signals import (
    Changed,
    Failed,
    Final,
    Pending,
    Signal,
    Step,
    Token,
    signal_of,
)
from chatterm.remote.openassistant.values import RemoteMessage
from chatterm.remote.sse import sse_events
from chatterm.remote.text import Pieces

_AGAIN = "what came so far is kept; regenerate the answer"

_CLOSING = 0.2
"""Seconds for a stream to close by itself."""
_LONG_WAIT = 5
"""Checks without a token until the user is told."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Seconds that following an answer is paced by."""

    check: float = 12.0
    """Without news, until the stored message is looked at."""
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Before connecting again; the last one goes on."""
    patience: float = 60.0
    """Without any connection, until the answer is given up."""


class _Check:
    """It is time to look at the stored message."""


@dataclass(frozen=True, slots=True)
class _End:
    """The stream is over; an error says that it broke."""

    error: ChattermError | None


_Item: TypeAlias = Signal | _Check | _End


class Following:
    """One answer that a server writes."""

    def __init__(self, api: Api, chat_id: str, answer: RemoteMessage, watch: Watch) -> None:
        self._api = api
        self._chat_id = chat_id
        self._answer = answer
        self._watch = watch
        self._pieces = Pieces()
        self._shown: list[str] = []
        self._queue_seen: Pending | None = None
        self._steps_seen: set[str] = set()
        self._checks = 0
        self._heard = False
        self._is_complete = False
        self._seen = ""
        """The id of the last event, where the server numbers them."""
        self._problem: ChattermError | None = None
        self.tokens = 0
        """Tokens that were received here, which is fewer than were written after a break."""

    async def events(self) -> AsyncGenerator[Event, None]:
        """The answer; ends when it is complete and raises when it failed."""
        loop = asyncio.get_running_loop()
        limit = self._api.access.http.limits.answer
        ends_at = loop.time() + limit
        heard_at = loop.time()
        pauses = iter(self._watch.pauses)
        while True:
            self._heard = False
            self._problem = None
            async with aclosing(self._once()) as events:
                async for event in events:
                    yield event
                    if loop.time() > ends_at:
                        raise self._failure(f"no end within {limit:g} seconds")
            if self._is_complete:
                return
            if self._heard:
                heard_at, pauses = loop.time(), iter(self._watch.pauses)
            stored = await self._believed(self._problem, loop.time() - heard_at)
            if stored is not None:
                for event in self._final(stored):
                    yield event
                return
            if loop.time() > ends_at:
                raise self._failure(f"no end within {limit:g} seconds")
            await asyncio.sleep(next(pauses, self._watch.pauses[-1]))

    async def _once(self) -> AsyncGenerator[Event, None]:
        """The events of one connection, to its end or to the answer's."""
        async with aclosing(self._connection()) as items:
            async for item in items:
                if isinstance(item, _End):
                    self._problem = item.error
                    return
                if isinstance(item, _Check):
                    for event in await self._noticed():
                        yield event
                    continue
                self._heard = True
                self._is_complete = isinstance(item, Final)
                for event in self._meaning(item):
                    yield event
                if self._is_complete:
                    return

    async def _believed(
        self, problem: ChattermError | None, silence: float
    ) -> RemoteMessage | None:
        """After a stream without an ending: the complete message, or None to connect again."""
        try:
            stored = await self._stored()
        except Unreachable:
            if silence > self._watch.patience:
                raise
            return None
        if stored.ending == "complete":
            return stored
        if problem is not None and not isinstance(problem, Unreachable):
            raise problem
        if silence > self._watch.patience:
            raise self._failure("it sends no events of this answer")
        return None

    async def _connection(self) -> AsyncGenerator[_Item, None]:
        """What one connection brings, with a reminder where it is silent for long."""
        queue: asyncio.Queue[_Item] = asyncio.Queue()
        reminder = _Reminder(self._watch.check, lambda: queue.put_nowait(_Check()))
        reading = asyncio.create_task(self._read(queue))
        reading.add_done_callback(lambda _: queue.put_nowait(_End(None)))
        try:
            while True:
                item = await queue.get()
                if isinstance(item, _Check):
                    item = await self._ended() or item
                elif not isinstance(item, Pending):
                    reminder.news()
                yield item
                if isinstance(item, _End):
                    return
        finally:
            reminder.cancel()
            if self._is_complete:
                # The server closes the stream now, and the connection can be used again.
                await asyncio.wait([reading], timeout=_CLOSING)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, queue: asyncio.Queue[_Item]) -> None:
        """Put what the stream brings into the queue, and how it ended."""
        try:
            path = f"{message_path(self._chat_id, self._answer.id)}/events"
            async with (
                self._api.access.stream(path, self._seen) as reply,
                aclosing(self._signals(reply)) as signals,
            ):
                async for signal in signals:
                    queue.put_nowait(signal)
        except ChattermError as error:
            queue.put_nowait(_End(error))

    async def _signals(self, reply: Stream | Reply) -> AsyncGenerator[Signal, None]:
        if isinstance(reply, Reply):
            # 204 is an answer that is finished, 500 one that is unknown: the message tells.
            return
        if reply.media_type != "text/event-stream":
            raise BadReply(
                f"{self._api.name} sent {reply.media_type or 'something'} in place of events",
                hint="is a proxy in between? what came so far is kept",
            )
        async with aclosing(reply.chunks()) as chunks, aclosing(sse_events(chunks)) as events:
            async for event in events:
                signal = signal_of(event.event, event.data)
                if signal is not None:
                    yield signal
                # What is not taken any more has not been seen.
                self._seen = event.id or self._seen

    async def _ended(self) -> Final | Failed | None:
        """How the answer ended, if it did and the stream did not say so."""
        try:
            message = await self._stored()
        except Unreachable:
            return None  # The stream will show whether the server is still there.
        except RemoteError as error:
            return Failed(error.message)
        return Final(message) if message.ending == "complete" else None

    async def _stored(self) -> RemoteMessage:
        """The message as the server keeps it; an error where it is lost or failed."""
        message = await self._api.message(self._chat_id, self._answer.id)
        if message is None:
            raise RemoteError(f"{self._api.name} does not have this answer any more", hint=_AGAIN)
        if message.ending == "failed":
            raise self._failure(message.failure)
        return message

    def _meaning(self, signal: Signal) -> list[Event]:
        """What the user is shown of a signal; raises for one that ends the answer badly."""
        match signal:
            case Final(message=message):
                return self._final(message)
            case Failed(reason=reason):
                raise self._failure(reason)
            case Token(text=text):
                self.tokens += bool(text)
                piece = self._pieces.join(text)
                if piece:
                    self._shown.append(piece)
                    return [TextDelta(piece)]
                return []
            case Pending(position=position, size=size):
                if self._shown or signal == self._queue_seen:
                    return []
                self._queue_seen = signal
                # The server counts from 1; 0 means that it does not know, or is at work.
                return [Queued(max(position - 1, 0), size)]
            case Step(text=text):
                if text in self._steps_seen:
                    return []
                self._steps_seen.add(text)
                return [Notice("plugin", text)]
            case Changed(prompt=prompt):
                return [Notice("remote", f"{self._api.name} answers another prompt: {prompt}")]
            case _:
                assert_never(signal)

    def _final(self, message: RemoteMessage) -> list[Event]:
        """The stored text counts; what was streamed need not be the same."""
        shown, text = "".join(self._shown), message.text
        self._shown = [text]
        if text.startswith(shown):
            return [TextDelta(text[len(shown) :])] if len(text) > len(shown) else []
        return [Replaced(text)]

    async def _noticed(self) -> list[Event]:
        """Say why nothing happens, as far as it can be known, when one begins to wonder."""
        if self._shown:
            return []
        self._checks += 1
        if self._checks == 1 and await self._lacks_worker():
            words = f"no worker of {self._api.name} serves this model now; it waits for one"
        elif self._checks == _LONG_WAIT:
            # Released servers lose a message now and then, and never tell.
            words = f"{self._api.name} has not begun yet; if that goes on, stop and regenerate"
        else:
            return []
        return [Notice("waiting", words)]

    async def _lacks_worker(self) -> bool:
        if not self._answer.worker_config:
            return False
        try:
            offered = await self._api.worker_configs()
        except RemoteError:
            return False
        return offered is not None and all(dict(o) != self._answer.worker_config for o in offered)

    def _failure(self, reason: str) -> RemoteError:
        return RemoteError(f"{self._api.name} failed: {reason or 'no reason given'}", hint=_AGAIN)


class _Reminder:
    """Calls back every so many seconds in which there was no news; costs nothing per token."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._call = call
        self._silent = True
        self._timer = self._loop.call_later(seconds, self._ring)

    def news(self) -> None:
        self._silent = False

    def cancel(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        if self._silent:
            self._call()
        self._silent = True
        self._timer = self._loop.call_later(self._seconds, self._ring)
