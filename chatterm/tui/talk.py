"""A chat that is open: its session, the answer being written, and what waits to be sent.

A talk goes on whether or not it is shown; who shows it listens. It is the only place in the TUI
that runs answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from chatterm.attachments.content import Content
from chatterm.backend import count_prompt
from chatterm.errors import ChattermError
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
from chatterm.messages import Message, Role, State
from chatterm.session import ChatSession
from chatterm.titling import Titler
from chatterm.tui.desk import Desk
from chatterm.tui.writing import Growth, Writing

HELD_SECONDS = 3.0
"""How long a message waits at most to be counted; the engine says itself what it leaves out."""
IDLE_SECONDS = 2.0
"""How long the user may think before the model is asked for a title."""


class Listener(Protocol):
    """Who shows a talk. Every method is called on the loop."""

    def path_changed(self, talk: Talk) -> None:
        """Other messages are to be shown: read the path again."""

    def answer_began(self, talk: Talk, message: Message) -> None: ...

    def answer_grew(self, talk: Talk, event: Growth) -> None: ...

    def answer_ended(self, talk: Talk, message: Message) -> None: ...

    async def holds_back_next(self, talk: Talk) -> bool:
        """Whether what waits is not sent by itself; it is no longer in the queue then."""

    def could_not_send(self, talk: Talk, error: ChattermError) -> None:
        """What waits could not be stored, and is in the queue still."""

    def title_changed(self, talk: Talk) -> None:
        """The chat got a better title."""

    def status_changed(self, talk: Talk) -> None:
        """Something beside the words changed: progress, speed, the queue, a notice."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What waits to be sent."""

    text: str
    contents: tuple[Content, ...] = ()
    """Files that go with it."""
    draft: str = ""
    """The text as a draft has it, where that is more than the text."""

    @property
    def kept(self) -> str:
        return self.draft or self.text


class Talk:
    """One open chat."""

    def __init__(self, desk: Desk, session: ChatSession) -> None:
        self.desk = desk
        self.session = session
        self.listener: Listener | None = None
        self.writing: Writing | None = None
        self.queue: deque[Prompt] = deque()
        self.notices: list[str] = []
        """What the user must know about the last answer and that is no failure."""
        self.failures: dict[str, ChattermError] = {}
        """Errors by the answer they ended, with their hints, which the store does not keep."""
        self._unkept: dict[str, Message] = {}
        """Answers whose end the store could not take, by their ids."""
        self.unseen = False
        """Whether an answer ended while another chat was shown."""
        self.whole: str | None = None
        """The last answer of which it is known that the model was given the whole chat for it."""
        self.told = 0
        """How many messages its user knows will be left out."""
        self._task: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._titler = Titler(desk.store)
        self._titling: asyncio.Task[None] | None = None

    @property
    def chat_id(self) -> str | None:
        return self.session.chat_id

    @property
    def busy(self) -> bool:
        return self._task is not None

    @property
    def goes_on(self) -> bool:
        """Whether what waits is sent by itself in time."""
        return self.busy or self._next is not None

    def draft(self, written: str) -> str:
        """What is kept of what waits and what is written."""
        waiting = [prompt.kept for prompt in self.queue]
        return "\n\n".join(part for part in [*waiting, written] if part)

    def written_in(self, draft: str) -> str:
        """What is left of a draft without what waits."""
        for prompt in self.queue:
            draft = self._without(prompt, draft)
        return draft

    def _without(self, prompt: Prompt, draft: str) -> str:
        kept = self.desk.store.redacted(prompt.kept)
        if draft == kept:
            return ""
        return draft.removeprefix(f"{kept}\n\n")

    def send(self, prompt: Prompt) -> None:
        """Send now, or when the answer that runs has ended."""
        if self.goes_on:
            self.queue.append(prompt)
            self._status_changed()
            return
        self._send(prompt)

    def _send(self, prompt: Prompt) -> None:
        store = self.desk.store
        self._keep_what_was_not()
        self._answer(self.session.send(prompt.text, prompt.contents))
        if store.redacted(prompt.text) != prompt.text:
            self.notices.append("Secrets were replaced before this was stored or sent.")
            self._status_changed()
        if self.chat_id is not None:
            # The prompt is stored and asked; where the next program goes on is the lesser thing.
            with suppress(ChattermError):
                store.remember_terminal(self.desk.terminal_id, self.chat_id)

    def unqueue(self) -> Prompt | None:
        """Take the message back that was queued last."""
        if not self.queue:
            return None
        prompt = self.queue.pop()
        self._status_changed()
        return prompt

    def regenerate(self, message_id: str) -> None:
        self._answer(self.session.regenerate(message_id))

    def edit(self, message_id: str, text: str) -> None:
        """A prompt is edited and answered; an answer stands as it was edited."""
        is_prompt = self.desk.store.message(message_id).role is Role.USER
        events = self.session.edit(message_id, text)
        if is_prompt:
            self._answer(events)
        else:
            self._path_changed()

    def continue_(self, message_id: str) -> None:
        self._answer(self.session.continue_(message_id))

    def summarise(self) -> None:
        """Have the older messages summed up."""
        self._answer(self.session.summarise())

    async def stop(self) -> None:
        """End the answer and keep what came; returns once it is stored. What waits stays."""
        for task in (self._next, self._titling, self._task):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        with suppress(ChattermError):
            self._keep_what_was_not()

    def path(self) -> list[Message]:
        """From the root to the tip, with the words that are not stored yet."""
        path = self.session.path()
        if self._unkept:
            path = [self._unkept.get(message.id, message) for message in path]
        if self.writing is None or not path or path[-1].id != self.writing.message_id:
            return path
        return [*path[:-1], self.writing.so_far(path[-1])]

    def _answer(self, events: AsyncGenerator[Event, None]) -> None:
        """Begin to read an answer; its row is there before the first word."""
        if self._titling is not None:
            self._titling.cancel()
        self.notices = []
        self.writing = Writing(self.desk.monotonic(), self.session.model)
        self._path_changed()
        before = self.session.answer_id
        self._task = asyncio.create_task(self._consume(events))
        # By then the task has run to its first pause, and the answer has its row.
        asyncio.get_running_loop().call_soon(self._announce, before)

    def _announce(self, before: str | None) -> None:
        message_id = self.session.answer_id
        if self.writing is None or message_id is None or message_id == before:
            return
        if self.writing.message_id is None:
            message = self.desk.store.message(message_id)
            self.writing.begin(message)
            if self.listener is not None:
                self.listener.answer_began(self, self.writing.so_far(message))
                self.listener.status_changed(self)

    async def _consume(self, events: AsyncGenerator[Event, None]) -> None:
        before = self.session.answer_id
        failure: ChattermError | None = None
        whole = False
        try:
            async with aclosing(events):
                async for event in events:
                    self._announce(before)
                    self._take(event)
            whole = True
        except ChattermError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  (the TUI's turn worker: a card, not a crash)
            failure = _bug(error)
        finally:
            self._ended(before, failure)
            if whole and self.queue:
                self._next = asyncio.create_task(self._send_next())
            elif whole:
                self._titling = asyncio.create_task(self._find_title())

    def _take(self, event: Event) -> None:
        assert self.writing is not None
        match event:
            case TextDelta() | ReasoningDelta() | ToolCalled() | Replaced():
                self.writing.grew(event, self.desk.monotonic)
                if self.listener is not None:
                    self.listener.answer_grew(self, event)
                return
            case Queued() | Progress():
                self.writing.stage = event
            case Notice(kind="plugin" | "waiting", text=text):
                self.writing.doing = text
            case Notice(kind=kind, text=text):
                self.writing.is_cut = self.writing.is_cut or kind == "context"
                self.notices.append(text)
            case Linked() | Done():
                return
            case _:
                assert_never(event)
        self._status_changed()

    def _ended(self, before: str | None, failure: ChattermError | None) -> None:
        answer_id = self.session.answer_id
        begun = answer_id is not None and answer_id != before
        self._announce(before)
        if begun and self.writing is not None and not self.writing.is_cut:
            self.whole = answer_id
        ended = self._as_it_ended(answer_id, failure) if begun and answer_id is not None else None
        self.writing = None
        self._task = None
        if failure is not None and ended is not None:
            self.failures[ended.id] = failure
        elif failure is not None:
            self.notices.append(_sentence(failure))
        self.unseen = self.listener is None
        if self.listener is not None and ended is not None:
            self.listener.answer_ended(self, ended)
        elif self.listener is not None:
            self.listener.path_changed(self)
        self._status_changed()

    def _as_it_ended(self, answer_id: str, failure: ChattermError | None) -> Message:
        """As the store has it; where that could not take the end, with all that came."""
        message = self.desk.store.message(answer_id)
        if message.state is not State.WRITING or failure is None or self.writing is None:
            return message
        ended = replace(self.writing.so_far(message), state=State.FAILED, error=failure.message)
        self._unkept[answer_id] = ended
        return ended

    def _keep_what_was_not(self) -> None:
        """Store what the store could not take when it came, before a model reads the chat again."""
        for ended in list(self._unkept.values()):
            self.desk.store.finish(
                ended.id,
                state=ended.state,
                text=ended.text,
                reasoning=ended.reasoning,
                error=ended.error,
                tool_calls=ended.tool_calls,
            )
            del self._unkept[ended.id]

    async def _find_title(self) -> None:
        """Give the chat a better title, unless the user goes on before that."""
        backend, model = self.session.backend, self.session.model
        wanted = self.desk.config.chats.titles == "model"
        if not wanted or not self._titler.wants(backend, model, self.chat_id):
            return
        await asyncio.sleep(IDLE_SECONDS)
        title = await self._titler.title(backend, model, self.chat_id)
        if title and self.listener is not None:
            self.listener.title_changed(self)

    async def _send_next(self) -> None:
        try:
            is_held = self.listener is None and await self._would_cut()
            if self.listener is not None:
                is_held = await self.listener.holds_back_next(self)
        finally:
            self._next = None
        if not self.queue or is_held:
            return
        prompt = self.queue.popleft()
        try:
            self._send(prompt)
        except ChattermError as error:
            self.queue.appendleft(prompt)
            self._could_not_send(error)
            return
        with suppress(ChattermError):
            draft = self._without(prompt, self.desk.store.draft(self.chat_id))
            self.desk.store.set_draft(self.chat_id, draft)

    async def _would_cut(self) -> bool:
        """Nobody looks: whether what waits would be the first to cost others their place."""
        prompt = self.queue[0]
        files = [content for content in prompt.contents if not content.is_image]
        try:
            request = self.session.preview(prompt.text, files)
            async with asyncio.timeout(HELD_SECONDS):
                count = await count_prompt(self.session.backend, request)
        except (ChattermError, TimeoutError):
            return False
        return count.left_out not in (0, self.told)

    def _could_not_send(self, error: ChattermError) -> None:
        if self.listener is not None:
            self.listener.could_not_send(self, error)
        else:
            self.notices.append(_sentence(error))

    def _path_changed(self) -> None:
        if self.listener is not None:
            self.listener.path_changed(self)

    def _status_changed(self) -> None:
        if self.listener is not None:
            self.listener.status_changed(self)


def last_answer(path: Sequence[Message]) -> Message | None:
    """The newest answer that has ended."""
    for message in reversed(path):
        if message.role is Role.ASSISTANT and message.state is not State.WRITING:
            return message
    return None


def _sentence(error: ChattermError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _bug(error: Exception) -> ChattermError:
    return ChattermError(
        f"a bug: {type(error).__name__}: {error}",
        hint="what came is kept; please report it with what chatterm doctor prints",
    )
