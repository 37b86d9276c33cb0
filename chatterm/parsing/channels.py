"""Answers that are messages with headers, in channels: the harmony format of gpt-oss.

    <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…

The prompt ends with ``<|start|>assistant``, so an answer begins in the middle of a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import Enum, auto

from chatterm.events import ReasoningDelta, TextDelta, ToolCalled
from chatterm.parsing.calls import Call, json_object
from chatterm.parsing.ends import NotACall
from chatterm.parsing.formats import CHANNEL_MARKERS, Parsed, Start
from chatterm.parsing.text import Watch

_MESSAGE = "<|message|>"
_LONGEST_HEADER = 256
_LEADS = ("<|start|>", "<|channel|>", "<|constrain|>", _MESSAGE, "to=", "assistant")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"\bto=([^\s<]+)")
_HERE = frozenset(["assistant", "user", "all"])
_FUNCTIONS = "functions."


class _Kind(Enum):
    HEADER = auto()
    TEXT = auto()
    REASONING = auto()
    CALL = auto()


class ChannelReader:
    """Reads one answer; ``_rest`` is a header, or what may be the beginning of a marker."""

    def __init__(
        self, start: Start, tools: Collection[str], called: Callable[[Call], ToolCalled]
    ) -> None:
        self._tools = tools
        self._called = called
        self._kind = {
            Start.ANSWER: _Kind.HEADER,
            Start.REASONING: _Kind.REASONING,
            Start.TEXT: _Kind.TEXT,
        }[start]
        self._rest = ""
        self._header = ""
        self._name = ""
        self._body: list[str] = []
        self._said: set[_Kind] = set()
        self._breaks = False
        """Whether a part follows on another of its kind and must be set off from it."""
        self._header_watch = Watch([_MESSAGE])
        self._body_watch = Watch(CHANNEL_MARKERS - {_MESSAGE, "<|constrain|>"})

    @property
    def is_reasoning(self) -> bool:
        return self._kind is _Kind.REASONING

    def feed(self, text: str) -> list[Parsed]:
        out: list[Parsed] = []
        if not self._rest and self._kind is not _Kind.HEADER and self._body_watch.quiet(text):
            self._say(out, text)
            return out
        self._rest += text
        while self._rest and self._step(out, final=False):
            pass
        return out

    def finish(self) -> list[Parsed]:
        out: list[Parsed] = []
        while self._rest and self._step(out, final=True):
            pass
        if self._kind is _Kind.CALL:
            self._end_call(out)
        return out

    def _step(self, out: list[Parsed], *, final: bool) -> bool:
        if self._kind is _Kind.HEADER:
            return self._read_header(out, final=final)
        at, marker = self._body_watch.search(self._rest, final=final)
        self._say(out, self._rest[:at])
        self._rest = self._rest[at:]
        if not marker:
            return False
        if self._kind is _Kind.CALL:
            self._end_call(out)
        self._kind = _Kind.HEADER
        if marker not in ("<|start|>", "<|channel|>"):
            self._rest = self._rest[len(marker) :]
        return True

    def _read_header(self, out: list[Parsed], *, final: bool) -> bool:
        at, marker = self._header_watch.search(self._rest, final=final)
        if not _may_be_header(self._rest[:at]):
            self._begin(_Kind.TEXT)
        elif at > _LONGEST_HEADER:
            self._begin(_Kind.TEXT)
            # Given out here, since its first marker would only begin the same header again.
            self._say(out, self._rest[:_LONGEST_HEADER])
            self._rest = self._rest[_LONGEST_HEADER:]
        elif marker:
            self._header, self._rest = self._rest[:at], self._rest[at + len(marker) :]
            self._begin_message(out)
        elif final:
            # A header alone says nothing, unless it is not one.
            self._rest = "" if self._rest.lstrip().startswith(("<|", "to=")) else self._rest
            self._begin(_Kind.TEXT)
        else:
            return False
        return True

    def _begin_message(self, out: list[Parsed]) -> None:
        recipients = _RECIPIENT.findall(self._header)
        channels = _CHANNEL.findall(self._header)
        recipient = recipients[-1] if recipients else "user"
        name = recipient.removeprefix(_FUNCTIONS)
        if self._tools and (name != recipient or name in self._tools):
            self._name = name
            self._begin(_Kind.CALL)
        elif recipient not in _HERE:
            self._begin(_Kind.TEXT)
            self._say(out, self._header + _MESSAGE)
        elif channels and channels[-1] == "analysis":
            self._begin(_Kind.REASONING)
        else:
            self._begin(_Kind.TEXT)

    def _begin(self, kind: _Kind) -> None:
        self._kind = kind
        self._breaks = kind in self._said
        self._body.clear()

    def _say(self, out: list[Parsed], text: str) -> None:
        if not text:
            return
        if self._kind is _Kind.CALL:
            self._body.append(text)
            return
        if self._breaks:
            text = "\n\n" + text
            self._breaks = False
        self._said.add(self._kind)
        out.append(TextDelta(text) if self._kind is _Kind.TEXT else ReasoningDelta(text))

    def _end_call(self, out: list[Parsed]) -> None:
        body = "".join(self._body)
        try:
            out.append(self._called(Call(self._name, json_object(body))))
        except NotACall:
            self._begin(_Kind.TEXT)
            self._say(out, self._header + _MESSAGE + body)


def _may_be_header(text: str) -> bool:
    text = text.lstrip()
    return any(text.startswith(lead) or lead.startswith(text) for lead in _LEADS)
