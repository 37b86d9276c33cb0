"""How a chat stands: tokens used and left, speed, what is going on; for status and banner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chatterm.errors import ChattermError
from chatterm.events import Progress, Queued
from chatterm.messages import CountedPrompt, Message, Role, State
from chatterm.summaries import can_be_told, shortened
from chatterm.tui.actions import BY_ID, Where, actions_of, keys_now, shown_key, shown_keys
from chatterm.tui.desk import Capacity, Desk, short_name
from chatterm.tui.talk import Talk, last_answer
from chatterm.tui.widgets.banner import Notice
from chatterm.tui.widgets.status import Status, brief, tokens
from chatterm.tui.writing import Writing

_BYTES_A_TOKEN = 3.6
"""Of UTF-8: a token is some letters of English, and not much more than one sign of Chinese."""
_WHISPER_SECONDS = 3.0
_COUNT_FROM = 0.7
"""Of the context; from there on tokens are counted and not estimated."""
_QUOTED = 40
_ANSWER_ROOM = 256
"""Tokens an answer should have at least; the engine keeps no more than a quarter free."""


class Standing:
    """Of the chat that is shown."""

    def __init__(self, desk: Desk, refresh: Callable[[], None]) -> None:
        self._desk = desk
        self._refresh = refresh
        self._known: dict[str, Capacity] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._is_closed = False
        self._used = 0
        self._exact = True
        self._path: Sequence[Message] = ()
        self._read: Sequence[Message] = ()
        """The path as the model reads it."""
        self._speed: float | None = None
        self._first_ms: float | None = None
        self._typed = 0
        self._counted: CountedPrompt | None = None
        self._refusal = ""
        self._loading: dict[str, Progress] = {}
        self._whisper = ""
        self._whisper_warns = False
        self._whisper_until = 0.0

    def read(self, talk: Talk, path: Sequence[Message]) -> None:
        """Take from the last answer what the chat takes of the context, and how quick it was."""
        self._path, self._read = path, shortened(path)
        self.forget_count()
        self._used, self._exact, self._speed, self._first_ms = 0, True, None, None
        answer = last_answer(path)
        origin = self._desk.store.provenance(answer.id) if answer is not None else None
        is_told = answer is not None and not answer.summarises
        if answer is not None and is_told and origin is not None and origin.usage.prompt_tokens:
            usage, timings = origin.usage, origin.timings
            after = path[path.index(answer) + 1 :]
            self._used = usage.prompt_tokens + usage.completion_tokens + estimate(after)
            self._exact = not after
            if timings.generation_ms:
                self._speed = usage.completion_tokens / (timings.generation_ms / 1000)
            self._first_ms = timings.first_token_ms
        elif path:
            self._used, self._exact = estimate(self._read), False

    def typed(self, text: str) -> None:
        self._typed = round(_tokens_of(text))
        self.forget_count()

    def is_near(self, talk: Talk, text: str = "") -> bool:
        """Whether the context is so full that an estimate is not enough."""
        total = self.total(talk)
        if total is None:
            return False
        typed = max(self._typed, round(_tokens_of(text)))
        return self._is_unsure(talk) or self._used + typed > _COUNT_FROM * total

    def _is_unsure(self, talk: Talk) -> bool:
        """Whether the chat may be longer than what the last answer was given of it."""
        last = last_answer(self._path)
        if last is None:
            return False
        return bool(last.summarises) or talk.whole != last.id

    def counted(self, talk: Talk, count: CountedPrompt) -> None:
        """The model has counted what would be sent now."""
        self._counted = count if count.tokens is not None else None
        self._refusal = ""
        last = last_answer(self._path)
        if last is not None and not count.left_out and not last.summarises:
            talk.whole = last.id

    def refused(self, error: ChattermError) -> None:
        """The model says that it cannot read this."""
        self.forget_count()
        self._refusal = error.message

    def forget_count(self) -> None:
        self._counted, self._refusal = None, ""

    def loading(self, model: str, progress: Progress | None) -> None:
        """How far a model is that nobody has asked yet; None once that is over."""
        self._loading.pop(model, None)
        if progress is not None:
            self._loading[model] = progress

    def whisper(self, text: str, warning: bool) -> None:
        self._whisper, self._whisper_warns = text, warning
        self._whisper_until = self._desk.monotonic() + _WHISPER_SECONDS

    def total(self, talk: Talk) -> int | None:
        """Tokens of the model's context; asked for in the background, None until it is known."""
        known = self._capacity(talk.session.model).context
        return talk.session.params.context or known or None

    def _capacity(self, model: str) -> Capacity:
        if model not in self._asked and not self._is_closed:
            self._asked[model] = asyncio.create_task(self._ask(model))
        return self._known.get(model, Capacity())

    def ask_again(self, model: str) -> None:
        """An answer has begun or ended: its engine is there, and says what it takes now."""
        asked = self._asked.get(model)
        if asked is None or asked.done():
            self._asked.pop(model, None)

    async def aclose(self) -> None:
        """Ask nobody any more."""
        self._is_closed = True
        asked = self._asked.values()
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _ask(self, model: str) -> None:
        # Reading a file's header takes a moment; opening the screen comes first.
        await asyncio.sleep(0.2)
        try:
            said = await self._desk.capacity_of(model)
        except (ChattermError, OSError):
            return
        # An engine that has gone is opened again as it was.
        before = self._known.get(model, Capacity()).context
        self._known[model] = replace(said, context=said.context or before)
        self._refresh()

    # What is said

    def status(
        self, talk: Talk, others: int, where: Where, mode: str = "", *, following: bool = True
    ) -> Status:
        writing = talk.writing
        now = self._desk.monotonic()
        message, warning = "", False
        loading = self._loading.get(talk.session.model)
        if now < self._whisper_until:
            message, warning = self._whisper, self._whisper_warns
            if loading is not None and writing is None:
                message = f"{message}; {_loading(talk.session.model, loading)}"
        elif writing is not None and where is not Where.CHATS:
            # In the list the same key means something else.
            message = self._progress(writing)
            if not following and writing.first_token is not None:
                message = f"writing below; {self.key('follow')} follows  {self.key('stop')} stops"
        elif loading is not None:
            message = _loading(talk.session.model, loading)
        model = short_name(talk.session.model)
        if where is Where.CHATS:
            return Status(hints(self._desk, where), message, warning, model, others=others)
        speed = writing.speed(now) if writing is not None else self._speed
        return Status(
            hints=hints(self._desk, where),
            message=message,
            warning=warning,
            model=model,
            used=self._used_now(writing) or None,
            exact=self._counted is not None
            or (self._exact and not self._typed and writing is None),
            total=self.total(talk),
            speed=speed,
            first_ms=self._first_ms if writing is None else None,
            others=others,
            memory_mb=self._capacity(talk.session.model).memory_mb,
            mode=mode,
        )

    def _used_now(self, writing: Writing | None) -> int:
        if self._counted is not None and writing is None:
            return self._counted.whole or self._counted.tokens or 0
        return self._used + (writing.tokens if writing else 0) + self._typed

    def _progress(self, writing: Writing) -> str:
        stop = f"{self.key('stop')} stops"
        match writing.stage:
            case Queued(position=position, size=size):
                return f"waiting: {position + 1} of {size}  {stop}"
            case Progress(stage="load") as progress:
                return f"{_loading(writing.model, progress)}  {stop}"
            case Progress(done=done, total=total):
                return f"reading the prompt: {done:,} of {total:,}  {stop}"
        if writing.first_token is None:
            waited = self._desk.monotonic() - writing.began
            return f"asking {brief(short_name(writing.model))} {waited:.0f} s  {stop}"
        return f"writing  {stop}"

    def banner(
        self, talk: Talk, editing: Message | None, pulls: Mapping[str, str]
    ) -> tuple[Notice, ...]:
        notices = [Notice(f"Pulling {name}: {said}") for name, said in pulls.items()]
        if editing is not None and self._is_unanswered(editing):
            notices.append(
                Notice(
                    f"Your message was not answered and is here again: {self.key('send')} tries"
                    f" again, changed it becomes a new branch, {self.key('stop')} leaves it"
                )
            )
        elif editing is not None:
            whose = "your message" if editing.role is Role.USER else "the answer"
            then = "sends it" if editing.role is Role.USER else "keeps it"
            notices.append(
                Notice(
                    f"Editing {whose}: {self.key('send')} {then} as a new branch,"
                    f" {self.key('stop')} leaves it as it was"
                )
            )
        for place, prompt in enumerate(talk.queue, start=1):
            back = f"{self.key('unqueue')} back" if place == len(talk.queue) else ""
            notices.append(Notice(f"Next: {' '.join(prompt.text.split())}", right=back))
        if talk.writing is not None and talk.writing.doing:
            notices.append(Notice(talk.writing.doing))
        notices += [Notice(text, warning=True) for text in talk.notices]
        cut = self._cut(talk) if editing is None else ""
        if cut:
            notices.append(Notice(cut, warning=True))
        return tuple(notices)

    def _is_unanswered(self, prompt: Message) -> bool:
        last = self._path[-1] if self._path else None
        return last is not None and last.parent_id == prompt.id and last.state is State.FAILED

    def _cut(self, talk: Talk) -> str:
        """What will be left out of the next prompt, before it is; and what can be done instead."""
        total = self.total(talk)
        if total is None or talk.busy:
            return ""
        choices = self._choices(talk, total)
        if self._refusal:
            return f"{self._refusal[0].upper()}{self._refusal[1:]}. {choices}."
        room = min(_ANSWER_ROOM, total // 4)
        if self._counted is None and self._typed + room > total:
            long = f"This message is longer than the model's context of {tokens(total)} tokens"
            return f"{long} and cannot be answered. {choices}."
        gone = self._gone(total, room)
        if not gone:
            return ""
        last = " ".join(gone[-1].text.split())
        last = last if len(last) <= _QUOTED else last[: _QUOTED - 1] + "…"
        about = "" if self._counted is not None else "about "
        which = "the first message" if len(gone) == 1 else f"{about}the first {len(gone)} messages"
        session = talk.session
        if can_be_told(session.backend.name, session.model):
            choices = f"{self.key('summarise')} puts a summary in their place, {choices}"
        return (
            f"This chat no longer fits the model's context of {tokens(total)} tokens:"
            f" {which}, up to \u201c{last}\u201d, will be left out."
            f" {self.key('send')} lets them go, {choices}."
        )

    def _choices(self, talk: Talk, total: int) -> str:
        """What else can be done about a context that is full."""
        choices = [f"{self.key('new-chat')} begins a new chat"]
        most = self._capacity(talk.session.model).most
        if most > total:
            more = f"{self.key('parameters')} raises the context (up to {tokens(most)})"
            choices.append(more)
        return ", ".join([*choices, f"{self.key('model')} takes another model"])

    def _gone(self, total: int, room: int) -> list[Message]:
        """The messages that do not fit, the first one first."""
        spoken = [message for message in self._read if message.role is not Role.SYSTEM]
        if self._counted is not None:
            return spoken[: self._counted.left_out]
        over = self._used + self._typed + room - total
        gone = []
        for message in spoken:
            if over <= 0:
                break
            over -= estimate([message])
            gone.append(message)
        return gone

    def key(self, id_: str) -> str:
        """The first key of an action, as it is shown."""
        return shown_keys(keys_now(BY_ID[id_], self._desk.keymap), 1)


def _loading(model: str, progress: Progress) -> str:
    share = f" {100 * progress.done // progress.total} %" if progress.total else ""
    return f"loading {brief(short_name(model))}{share}"


def estimate(messages: Sequence[Message]) -> int:
    """Tokens of messages that no model has counted."""
    return round(sum(_tokens_of(message.text) + 4 for message in messages))


def _tokens_of(text: str) -> float:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size / _BYTES_A_TOKEN


def hints(desk: Desk, where: Where) -> tuple[tuple[str, str], ...]:
    """What the keys do here, for the status line."""
    actions = list(actions_of(where))
    if where is Where.COMPOSER:
        actions += [BY_ID["help"], *actions_of(Where.CHAT), BY_ID["palette"]]
    return tuple(
        (shown_key(keys_now(action, desk.keymap).split(",")[0]), action.hint)
        for action in actions
        if action.hint and keys_now(action, desk.keymap)
    )
