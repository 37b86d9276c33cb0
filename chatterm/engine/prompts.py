"""From a request to the tokens the model reads, within its context and never cut silently."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from chatterm.engine.batch import Picture
from chatterm.engine.templates import ChatTemplate, Prompt, Segment
from chatterm.errors import ModelError, TooLong
from chatterm.messages import Message, Request, Role
from chatterm.parsing import Start

See: TypeAlias = Callable[[bytes], Sequence[list[int] | Picture]]
"""What a picture becomes: tokens around it, and itself, perhaps in several pieces."""

_MARK = "\ufdd1"
"""A code point that no text may hold; two of them and a number between are a picture's place."""
_PLACE = re.compile(f"{_MARK}([0-9]+){_MARK}")
_ANSWERS_KEPT = 1024
_SHORTEST_ANSWER = 8
"""Tokens; the words of a shorter answer may stand elsewhere in the prompt by chance."""
_LEAST_ROOM = 512
"""Tokens left for the answer when the request does not say how long it may become."""
_STEP = 0.4
"""The part of the context that old turns are left out by, so that the cut moves seldom."""


class Tokenizer(Protocol):
    """What prompts need of a runtime."""

    @property
    def context(self) -> int: ...

    @property
    def bos(self) -> int: ...

    @property
    def adds_bos(self) -> bool: ...

    @property
    def infill(self) -> tuple[str, str, str] | None: ...

    def tokenize(self, text: str, *, special: bool = True) -> list[int]: ...

    def piece(self, token: int) -> bytes: ...

    def is_special(self, token: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class ReadyPrompt:
    """What to evaluate, and what the user must know of it."""

    prompt: Prompt
    tokens: list[int]
    left_out: int
    """Messages from the beginning that did not fit."""
    pictures: Mapping[int, Picture] = field(default_factory=dict)
    """By the position of their first stand-in among the tokens."""
    whole: int = 0
    """Tokens of everything, where messages were left out."""


class AnswerMemory:
    """The tokens that answers were really made of.

    A text can be cut into tokens in many ways, and a model need not choose the tokenizer's. With
    the tokens it chose, a chat's next prompt agrees with what the cache holds to the last one.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: OrderedDict[str, list[int]] = OrderedDict()

    def remember(self, tokens: Sequence[int]) -> None:
        """Take note of an answer, if it is a whole text and nothing but text.

        One with special tokens is left out: its words may stand in what a user typed.
        """
        if len(tokens) < _SHORTEST_ANSWER or any(map(self._tokenizer.is_special, tokens)):
            return
        try:
            text = b"".join(self._tokenizer.piece(token) for token in tokens).decode()
        except UnicodeDecodeError:
            return
        self._known[text] = list(tokens)
        self._known.move_to_end(text)
        if len(self._known) > _ANSWERS_KEPT:
            self._known.popitem(last=False)

    def get(self, text: str) -> list[int] | None:
        return self._known.get(text)


class PromptMaker:
    """Renders, tokenises and fits the prompts of one model."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: ChatTemplate,
        memory: AnswerMemory,
        see: See | None = None,
    ) -> None:
        """``see`` is the model's sight, if it has any."""
        self._see = see
        self._tokenizer = tokenizer
        self._template = template
        self._memory = memory

    def ready(self, request: Request) -> ReadyPrompt:
        """The whole request, or as much of its end as fits."""
        limit = self._tokenizer.context - self._room(request)
        ready = self._rendered(request, request.path)
        tokens = ready.tokens
        whole = len(tokens)
        if whole <= limit:
            return ready
        for start in self._later_starts(request.path, whole, limit):
            kept = _from(request.path, start)
            ready = self._rendered(request, kept)
            tokens = ready.tokens
            if len(tokens) <= limit:
                return replace(ready, left_out=len(request.path) - len(kept), whole=whole)
        raise TooLong(
            f"this message needs {len(tokens)} tokens, and may take {limit} of the model's context"
            f" of {self._tokenizer.context}",
            hint="send a shorter text, or open the model with more: -o context=N",
        )

    def _room(self, request: Request) -> int:
        wanted = request.params.max_tokens or _LEAST_ROOM
        return max(1, min(wanted, self._tokenizer.context // 4))

    def _rendered(self, request: Request, path: Sequence[Message]) -> ReadyPrompt:
        if request.raw:
            return self._raw(request)
        marked, images = self._marked(request, path)
        prompt = self._template.render(
            _told_of(request.params.schema, marked),
            tools=request.tools,
            reasoning=request.params.reasoning,
            prefill=request.prefill.replace(_MARK, ""),
        )
        answers = [message.text for message in path if message.role is Role.ASSISTANT]
        has_bos = self._tokenizer.adds_bos or prompt.wants_bos
        tokens = [self._tokenizer.bos] if has_bos and self._tokenizer.bos >= 0 else []
        pictures: dict[int, Picture] = {}
        for part in self._parts(prompt, answers, images):
            if isinstance(part, list):
                tokens += part
            else:
                pictures[len(tokens)] = part
                tokens += part.stand_ins
        return ReadyPrompt(prompt, tokens, 0, pictures)

    def _raw(self, request: Request) -> ReadyPrompt:
        """A text to be continued; in front of a suffix if there is one."""
        text = request.path[-1].text if request.path else ""
        if request.suffix:
            text = self._between(text, request.suffix)
        prompt = Prompt((Segment(text, special=True),), wants_bos=False, start=Start.TEXT)
        tokens = [self._tokenizer.bos] if self._tokenizer.adds_bos else []
        tokens += self._tokenizer.tokenize(text, special=True)
        if not tokens and self._tokenizer.bos >= 0:
            tokens = [self._tokenizer.bos]
        if not tokens:
            raise ModelError("there is no text to continue", hint="send at least a word")
        return ReadyPrompt(prompt, tokens, 0)

    def _between(self, before: str, after: str) -> str:
        marks = self._tokenizer.infill
        if marks is None:
            raise ModelError("this model cannot fill a gap", hint="send the text without a suffix")
        prefix, suffix, middle = marks
        return f"{prefix}{before}{suffix}{after}{middle}"

    def _marked(
        self, request: Request, path: Sequence[Message]
    ) -> tuple[list[Message], list[bytes]]:
        """The messages with a mark where each picture goes, and the pictures."""
        images: list[bytes] = []
        marked = []
        for message in path:
            marks = ""
            for file in message.attachments:
                if file.digest in request.images:
                    marks += f"{_MARK}{len(images)}{_MARK}"
                    images.append(request.images[file.digest])
            text = message.text.replace(_MARK, "")
            marked.append(replace(message, text=f"{marks}\n{text}" if marks else text))
        if images and self._see is None:
            raise ModelError(
                "this model cannot see pictures",
                hint="choose a model that can, or send the prompt without the picture",
            )
        return marked, images

    def _parts(
        self, prompt: Prompt, answers: list[str], images: list[bytes]
    ) -> Iterator[list[int] | Picture]:
        """Tokenise the segments apart, with known answers as the tokens they came as."""
        known = [(text, tokens) for text in answers if (tokens := self._memory.get(text))]
        for segment in prompt.segments:
            pieces = _PLACE.split(segment.text) if images else [segment.text]
            for at, piece in enumerate(pieces):
                if at % 2:
                    assert self._see is not None
                    yield from self._see(images[int(piece)])
                else:
                    yield self._tokens(piece, segment.special, known)

    def _tokens(self, rest: str, special: bool, known: list[tuple[str, list[int]]]) -> list[int]:
        result: list[int] = []
        while known:
            text, tokens = known[0]
            before, found, after = rest.partition(text)
            if not found:
                break
            result += self._tokenizer.tokenize(before, special=special)
            result += tokens
            rest = after
            known.pop(0)
        return result + self._tokenizer.tokenize(rest, special=special)

    def _later_starts(self, path: Sequence[Message], total: int, limit: int) -> list[int]:
        """Turns to begin at instead, the first so far on that the cut stays for a while."""
        starts = [at for at, message in enumerate(path) if message.role is Role.USER][1:]
        step = max(1, int(limit * _STEP))
        to_drop = -(-(total - limit) // step) * step
        dropped = 0
        position = 0
        later = []
        for start in starts:
            while position < start:
                if path[position].role is not Role.SYSTEM:
                    dropped += len(self._tokenizer.tokenize(path[position].text)) + 1
                position += 1
            if dropped >= to_drop:
                later.append(start)
        return later or starts[-1:]


def _told_of(schema: str, path: Sequence[Message]) -> Sequence[Message]:
    """The path with the schema below its last message.

    The grammar lets nothing else be written, but a model that does not know what the fields are
    for fills them with anything.
    """
    if not schema or not path:
        return path
    *before, last = path
    told = f"{last.text}\n\nAnswer with JSON that fits this schema, and nothing else:\n{schema}"
    return [*before, replace(last, text=told)]


def _from(path: Sequence[Message], start: int) -> list[Message]:
    """The messages from ``start`` on, after the system message."""
    system = [message for message in path[:start] if message.role is Role.SYSTEM]
    return [*system, *path[start:]]
