"""One chat and the rules of its tree: the only place that knows them.

The prompt is in the store before a backend hears of it. An answer has its row from the start, is
written down at least once a second, and is finished whatever ends it, so a crash costs at most the
last second. Nothing is overwritten: edit, regenerate and continue add siblings, and the tip moves.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from chatterm.attachments.content import Content, is_image
from chatterm.attachments.inline import inlined, need_sight
from chatterm.backend import Backend
from chatterm.errors import ConfigError
from chatterm.events import Event
from chatterm.messages import Attachment, Message, Request, Role
from chatterm.params import Params
from chatterm.recording import Record
from chatterm.store import Change, ChangeKind, Chat, Store
from chatterm.summaries import Summariser, can_be_told, shortened
from chatterm.titles import first_words

UNDONE: Mapping[ChangeKind, str] = {
    ChangeKind.ADD: "the message is taken back",
    ChangeKind.ANSWER: "the answer is taken back",
    ChangeKind.SELECT: "back on the branch before",
    ChangeKind.SUMMARY: "the summary is taken back, and the messages count again",
    ChangeKind.DELETE_MESSAGE: "the message is back",
    ChangeKind.RENAME: "the title is as it was",
    ChangeKind.DELETE_CHAT: "the chat is back",
}
"""What :meth:`ChatSession.undo` has done, in words."""
_LOCAL = ("echo", "engine")
"""Backends that know of each model what it can do."""


class ChatSession:
    """A chat that is being talked in. One answer at a time; another chat is another session."""

    def __init__(
        self,
        store: Store,
        backend: Backend,
        *,
        model: str,
        chat_id: str | None = None,
        system: str = "",
        params: Params | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without ``chat_id`` the chat comes into being with its first prompt."""
        self.store = store
        self.backend = backend
        self.model = model
        self.params = params or Params()
        self.chat_id = chat_id
        self.answer_id: str | None = None
        """The answer being written, or the last one."""
        self._system = system
        self._monotonic = monotonic

    def send(self, text: str, contents: Sequence[Content] = ()) -> AsyncGenerator[Event, None]:
        """Add a prompt with its files below the tip, at once, and answer it."""
        if not text.strip() and not contents:
            raise ConfigError("the prompt is empty", hint="type something, or pipe a text in")
        text = self.store.redacted(text)
        before = self.chat_id
        try:
            with self.store.atomic():
                parent_id = self._tip_or_new_chat(text if text.strip() else contents[0].name)
                prompt = self.store.add(
                    self._chat_id(),
                    parent_id=parent_id,
                    role=Role.USER,
                    text=text,
                    attachments=[self._attached(content) for content in contents],
                )
        except BaseException:
            # A chat that was to begin with it does not exist either.
            self.chat_id = before
            raise
        return self._answer(prompt.id)

    def _attached(self, content: Content) -> Attachment:
        return self.store.attach(content.data, content.name, content.media_type)

    def preview(self, text: str, contents: Sequence[Content] = ()) -> Request:
        """What :meth:`send` would ask for; nothing is stored."""
        path = self.path()
        if not path and self._system:
            system = self.store.redacted(self._system)
            path.append(Message("", None, Role.SYSTEM, system, 0.0))
        files = {
            str(at): replace(content, data=self.store.redacted_file(content.data))
            for at, content in enumerate(contents)
        }
        attached = tuple(
            Attachment(key, file.name, file.media_type, len(file.data))
            for key, file in files.items()
        )
        text = self.store.redacted(text)
        prompt = Message("", None, Role.USER, text, 0.0, attachments=attached)
        asked = [self._with_texts(message) for message in self._read(path)]
        asked.append(inlined(prompt, lambda key: files[key].data))
        return Request(
            model=self.model,
            path=tuple(asked),
            answer_id="",
            params=self.params,
            chat_id=self.chat_id or "",
        )

    def regenerate(self, message_id: str) -> AsyncGenerator[Event, None]:
        """Answer again: a sibling of that answer, or one more answer to that prompt."""
        message = self.store.message(message_id)
        if message.summarises:
            return self._summarise(message.parent_id, message.summarises)
        prompt_id = message.parent_id if message.role is Role.ASSISTANT else message.id
        if prompt_id is None:
            raise ConfigError("this answer has no prompt", hint="send a prompt first")
        return self._answer(prompt_id)

    def edit(self, message_id: str, text: str) -> AsyncGenerator[Event, None]:
        """Add a sibling with another text; a prompt is then answered, an answer stands."""
        original = self.store.message(message_id)
        edited = self.store.add(
            self._chat_id(),
            parent_id=original.parent_id,
            role=original.role,
            text=self.store.redacted(text),
            model=original.model,
            attachments=original.attachments,
            summarises=original.summarises,
        )
        return self._answer(edited.id) if original.role is Role.USER else _nothing()

    def continue_(self, message_id: str) -> AsyncGenerator[Event, None]:
        """Go on where an answer ended, as a sibling that begins with its text."""
        message = self.store.message(message_id)
        if message.summarises:
            return self.regenerate(message_id)
        if message.role is not Role.ASSISTANT:
            return self._answer(message.id)
        if message.parent_id is None:
            raise ConfigError("this answer has no prompt", hint="send a prompt first")
        return self._answer(message.parent_id, prefill=message.text)

    def summarise(self) -> AsyncGenerator[Event, None]:
        """Have the older messages summed up; from then on the model reads that in their place.

        The summary is a message like any other: it can be edited, made again and taken back, and
        a branch that began before it does without.
        """
        return self._summarise(self.store.chat(self._chat_id()).tip_id, None)

    def select(self, message_id: str) -> None:
        """Show the branch that message is on, down to its last visited leaf."""
        self.store.set_tip(self._chat_id(), self.store.leaf(message_id))

    def fork(self, message_id: str) -> Chat:
        """A new chat with everything up to that message."""
        return self.store.fork(self._chat_id(), message_id)

    def delete(self, message_id: str) -> None:
        """Hide a message and what follows it; ``undo`` brings it back."""
        self.store.delete_message(message_id)

    def undo(self) -> Change | None:
        """Take the last change of this chat back; nothing is destroyed by it."""
        return self.store.undo(self._chat_id())

    def path(self) -> list[Message]:
        """From the root to the tip."""
        return self.store.path(self.chat_id) if self.chat_id else []

    def _chat_id(self) -> str:
        if self.chat_id is None:
            raise ConfigError("this chat has no messages yet", hint="send a prompt first")
        return self.chat_id

    def _tip_or_new_chat(self, first_prompt: str) -> str | None:
        if self.chat_id is not None:
            return self.store.chat(self.chat_id).tip_id
        chat = self.store.create_chat(title=first_words(first_prompt), model=self.model)
        self.chat_id = chat.id
        if not self._system:
            return None
        system = self.store.redacted(self._system)
        return self.store.add(chat.id, parent_id=None, role=Role.SYSTEM, text=system).id

    async def _answer(self, prompt_id: str, prefill: str = "") -> AsyncGenerator[Event, None]:
        """Let the backend answer a message and write the answer down while it comes."""
        path = self.store.path(self._chat_id(), prompt_id)
        row = self._begin(prompt_id, text=prefill)
        request = replace(self._request(self._read(path)), answer_id=row.id, prefill=prefill)
        async with aclosing(self._recorded(row, self._asked(request))) as events:
            async for event in events:
                yield event

    async def _summarise(
        self, tip_id: str | None, covers: int | None
    ) -> AsyncGenerator[Event, None]:
        """Write a summary down behind ``tip_id``, of so many messages or of as many as it takes."""
        if not can_be_told(self.backend.name, self.model):
            raise ConfigError(
                f"{self.model} cannot sum up a chat",
                hint="choose a model that follows instructions",
            )
        request = self._request(self.store.path(self._chat_id(), tip_id) if tip_id else [])
        if request.links:
            raise ConfigError(
                f"{self.backend.name} keeps this chat itself, and reads its own messages",
                hint="begin a new chat, or go on with a model of this machine",
            )
        summariser = Summariser(self.backend, request)
        covers = covers or await summariser.choose()
        row = self._begin(tip_id, summarises=covers)
        async with aclosing(self._recorded(row, summariser.events(covers))) as events:
            async for event in events:
                yield event

    def _begin(self, parent_id: str | None, *, text: str = "", summarises: int = 0) -> Message:
        row = self.store.start_answer(
            self._chat_id(),
            parent_id=parent_id,
            model=self.model,
            backend=self.backend.name,
            params=self.params,
            text=text,
            summarises=summarises,
        )
        self.answer_id = row.id
        return row

    def _recorded(
        self, row: Message, events: AsyncGenerator[Event, None]
    ) -> AsyncGenerator[Event, None]:
        return Record(self.store, self.backend.name, row, self._monotonic).written(events)

    def _read(self, path: Sequence[Message]) -> list[Message]:
        """What a model reads of a path; a server that keeps the chat itself has it all."""
        if self.chat_id and self.store.links(self.backend.name, [self.chat_id]):
            return [message for message in path if not message.summarises]
        return shortened(path)

    def _request(self, path: Sequence[Message]) -> Request:
        chat_id = self._chat_id()
        ids = [chat_id, *(message.id for message in path)]
        return Request(
            model=self.model,
            path=tuple(self._with_texts(message) for message in path),
            answer_id="",
            params=self.params,
            chat_id=chat_id,
            links=self.store.links(self.backend.name, ids),
            images=self._images(path),
        )

    def _images(self, path: Sequence[Message]) -> dict[str, bytes]:
        """A backend does not know the store, so it is given what it may have to send."""
        digests = {
            file.digest
            for message in path
            for file in message.attachments
            if is_image(file.media_type)
        }
        return {digest: self.store.attachment_bytes(digest) for digest in digests}

    async def _asked(self, request: Request) -> AsyncGenerator[Event, None]:
        """The backend's answer, once it is known that the model can see what it is shown."""
        await self.need_sight(request)
        async with aclosing(self.backend.stream(request)) as events:
            async for event in events:
                yield event

    async def need_sight(self, request: Request) -> None:
        """Refuse pictures for a model of this machine that cannot see; a remote says so itself."""
        pictures = any(message.attachments for message in request.path)
        if pictures and self.backend.name in _LOCAL:
            models = await self.backend.models()
            found = next((model for model in models if model.name == request.model), None)
            need_sight(request.path, found, request.model)

    async def need_sight_for(self, pictures: Sequence[Content]) -> None:
        """The same before a prompt is sent."""
        shown = tuple(
            Attachment("", file.name, file.media_type, len(file.data))
            for file in pictures
            if file.is_image
        )
        prompt = Message("", None, Role.USER, "", 0.0, attachments=shown)
        await self.need_sight(Request(model=self.model, path=(prompt,), answer_id=""))

    def _with_texts(self, message: Message) -> Message:
        """A message as a model reads it: with what is attached."""
        return inlined(message, self.store.attachment_bytes)


async def _nothing() -> AsyncGenerator[Event, None]:
    return
    yield
