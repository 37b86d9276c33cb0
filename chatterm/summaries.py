"""Summaries, which a model reads in the place of the messages a chat begins with.

The tree keeps every message: a summary is one more, behind those it stands for, and only what is
sent is shorter. So taking it back, or going to another branch, brings the words back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from chatterm.backend import Backend, count_prompt
from chatterm.errors import ConfigError, ModelError, TooLong
from chatterm.events import Done, Event, ReasoningDelta, Replaced, TextDelta
from chatterm.messages import CountedPrompt, Message, Request, Role, State

_TOO_SMALL = frozenset({"guide"})
"""The built-in guide answers questions about chatterm and nothing else."""
_LONGEST = 600
"""Tokens of a summary, where the context is large enough."""
_PART = 6
"""A summary takes at most one part in so many of the context."""
_WORDS_A_TOKEN = 0.6
_BEFORE = "What was said before in this chat, summed up:"
_ASKED = (
    "Sum up everything above, so that this chat can go on where nothing else of it is known: facts,"
    " names, numbers, decisions, what was asked for and what is still open. Use the language of the"
    " chat, and at most {words} words. Write the summary and nothing else."
)


def can_be_told(backend: str, model: str) -> bool:
    """Whether a model can do what it is told; ``echo`` can only repeat it."""
    return backend != "echo" and model not in _TOO_SMALL


def in_force(path: Sequence[Message]) -> Message | None:
    """The summary that counts at the end of a path; one that was not finished does not."""
    for message in reversed(path):
        if message.summarises and message.state is State.COMPLETE and message.text.strip():
            return message
    return None


def shortened(path: Sequence[Message]) -> list[Message]:
    """A path as a model is to read it: a summary and what it does not stand for.

    The summary is told with the system message, which stays where turns are left out.
    """
    summary = in_force(path)
    if summary is None:
        return [message for message in path if not message.summarises]
    return resumed(path, summary.text, summary.summarises)


def resumed(path: Sequence[Message], summary: str, covers: int) -> list[Message]:
    """The path after so many spoken messages, which a summary stands for."""
    before: list[Message] = []
    rest: list[Message] = []
    count = 0
    for message in path:
        is_spoken = _is_spoken(message)
        count += is_spoken
        if is_spoken and count > covers:
            rest.append(message)
        elif message.role is Role.SYSTEM:
            (before if count <= covers and not rest else rest).append(message)
    if not summary:
        return [*before, *rest]
    said = f"{_BEFORE}\n\n{summary.strip()}"
    if not before:
        return [Message("", None, Role.SYSTEM, said, 0.0), *rest]
    first = replace(before[0], text=f"{before[0].text}\n\n{said}")
    return [first, *before[1:], *rest]


def spoken(path: Sequence[Message]) -> int:
    """How many messages of a path a summary can stand for."""
    return sum(_is_spoken(message) for message in path)


def _is_spoken(message: Message) -> bool:
    return message.role is not Role.SYSTEM and not message.summarises


class Summariser:
    """Has one chat's beginning summed up by the model that answers in it."""

    def __init__(self, backend: Backend, request: Request) -> None:
        """``request`` has the whole path, as a model reads each message."""
        self._backend = backend
        self._request = request
        self._path = request.path
        known = in_force(request.path)
        self._known = known.text if known is not None else ""
        self._done = known.summarises if known is not None else 0
        self._context = 0
        """Of the model, once it has counted something."""

    async def choose(self) -> int:
        """How many messages a summary should stand for: what is left fills half the context.

        At least one turn; as little as possible of what was said last.
        """
        ends = self._ends()
        if not ends:
            raise ConfigError("there is nothing to sum up yet", hint="send a prompt first")
        whole = await self._counted(shortened(self._path))
        if whole is not None and (whole.tokens is None or not whole.context):
            return await _first(ends, self._is_half)
        return await _first(ends, self._leaves_room)

    async def events(self, covers: int) -> AsyncGenerator[Event, None]:
        """The summary of so many messages, as an answer comes; in steps where they do not fit."""
        ends = [end for end in self._ends() if end < covers] + [covers]
        text, at = self._known, self._done
        while (end := await self._reach(text, at, ends)) < covers:
            step: list[str] = []
            async with aclosing(self._said(text, at, end)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        step.append(event.text)
                    elif isinstance(event, Replaced):
                        step = [event.text]
                    elif not isinstance(event, ReasoningDelta | Done):
                        yield event
            text, at = _something("".join(step)), end
        said = ""
        async with aclosing(self._said(text, at, covers)) as events:
            async for event in events:
                if isinstance(event, TextDelta | Replaced):
                    said += event.text
                elif isinstance(event, Done):
                    _something(said)
                yield event

    def _ends(self) -> list[int]:
        """After how many messages a turn ends, of those that no summary stands for yet."""
        ends = []
        count = 0
        for message in self._path:
            if _is_spoken(message):
                if message.role is Role.USER and count > self._done:
                    ends.append(count)
                count += 1
        return [*ends, count] if count > self._done else ends

    async def _leaves_room(self, end: int) -> bool:
        """Whether what follows a summary of so many messages fills at most half the context."""
        counted = await self._counted(resumed(self._path, "", end))
        if counted is None or counted.left_out or counted.tokens is None:
            return False
        context = counted.context or 0
        return counted.tokens + _longest(context) <= context // 2

    async def _is_half(self, end: int) -> bool:
        """The same where nobody can count: whether it is at most half of what was said."""
        rest = sum(len(message.text) for message in resumed(self._path, "", end))
        return 2 * rest <= sum(len(message.text) for message in shortened(self._path))

    async def _reach(self, text: str, at: int, ends: Sequence[int]) -> int:
        """How far the model can read in one go."""
        ahead = [end for end in ends if end > at]
        backwards = ahead[::-1]

        async def fits(end: int) -> bool:
            counted = await self._counted(self._asked(text, at, end))
            return counted is not None and not counted.left_out

        reached = await _first(backwards, fits)
        if reached == ahead[0] and not await fits(reached):
            raise ModelError(
                "a message is longer than the model's context, so it cannot be summed up",
                hint="choose a model with more context, or begin a new chat",
            )
        return reached

    def _asked(self, text: str, at: int, end: int) -> list[Message]:
        """What is to be summed up, and that it is; it begins as the chat does, and is cached so."""
        read: list[Message] = []
        count = 0
        for message in self._path:
            count += _is_spoken(message)
            if count <= end:
                read.append(message)
        words = int(_longest(self._context) * _WORDS_A_TOKEN)
        asked = Message("", None, Role.USER, _ASKED.format(words=words), 0.0)
        return [*resumed(read, text, at), asked]

    async def _counted(self, path: Sequence[Message]) -> CountedPrompt | None:
        """A path as the model reads it; None where its last message alone is too long."""
        if not path or path[-1].role is not Role.USER:
            path = [*path, Message("", None, Role.USER, "", 0.0)]
        try:
            counted = await count_prompt(self._backend, self._with(path))
        except TooLong:
            return None
        self._context = counted.context or 0
        return counted

    def _with(self, path: Sequence[Message]) -> Request:
        params = replace(
            self._request.params,
            max_tokens=_longest(self._context),
            reasoning=False,
            stop=(),
            grammar="",
            schema="",
        )
        return replace(self._request, path=tuple(path), params=params)

    def _said(self, text: str, at: int, end: int) -> AsyncGenerator[Event, None]:
        return self._backend.stream(self._with(self._asked(text, at, end)))


def _longest(context: int) -> int:
    return min(_LONGEST, context // _PART) if context else _LONGEST


def _something(text: str) -> str:
    if not text.strip():
        raise ModelError("the model wrote no summary", hint="try again, or choose another model")
    return text


async def _first(ends: Sequence[int], is_enough: Callable[[int], Awaitable[bool]]) -> int:
    """The first of which that is true, as it is of all behind it; the last where of none."""
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if await is_enough(ends[middle]):
            high = middle
        else:
            low = middle + 1
    return ends[low]
