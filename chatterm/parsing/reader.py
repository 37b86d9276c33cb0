"""One tool call while it comes: where it ends, and then what it says."""

from __future__ import annotations

import re

from chatterm.parsing.calls import Call, Tools, read_calls
from chatterm.parsing.ends import End, JsonEnd, NotACall, TagEnd
from chatterm.parsing.formats import Body, CallSyntax

_UNDECIDED = 256
"""Characters by which it must be clear how a call is written."""
_ATTEMPTS = 4
"""Closing tags tried as the end; the first of them may stand inside an argument."""
_NAME = re.compile(r"[\w.-]{1,64}\s*")
_BARE = re.compile(r'\{\s*"([^"\\]*)"')
_BARE_KEYS = frozenset(["name", "type", "function", "parameters", "arguments"])


class CallReader:
    """Reads what follows the opening marker of a call, or raises ``NotACall`` if it is none."""

    def __init__(self, syntax: CallSyntax, tools: Tools) -> None:
        self.syntax = syntax
        self.calls: list[Call] = []
        self._tools = tools
        self._end: End | None = None
        self._attempts = 0
        self._parts: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """All that was fed."""
        return "".join(self._parts)

    def feed(self, text: str, at: int) -> int:
        """Where in ``text`` the call ends; -1 if it takes all of it and wants more."""
        added = text[at:]
        self._parts.append(added)
        self._length += len(added)
        if self._end is None:
            searched, begin = self.text, self._begin(self.text)
            if begin < 0:
                return -1
        else:
            searched, begin = added, 0
        assert self._end is not None
        while (end := self._end.feed(searched, begin)) >= 0:
            beyond = len(searched) - end
            if self._read(self.text[: self._length - beyond]):
                return len(text) - beyond
            begin = end
        return -1

    def finish(self) -> None:
        """Take the end of the answer for the end of the call."""
        self.calls = self._calls(self.text)

    def _read(self, body: str) -> bool:
        self._attempts += 1
        try:
            self.calls = self._calls(body)
        except NotACall:
            if isinstance(self._end, JsonEnd) or self._attempts == _ATTEMPTS:
                raise
            return False
        return True

    def _calls(self, body: str) -> list[Call]:
        return read_calls(self.syntax.body, self.syntax.opens_body + body, self._tools)

    def _begin(self, head: str) -> int:
        """Decide by what the call begins with how to find its end, and where to begin to look."""
        head = head[:_UNDECIDED]
        lead = len(head) - len(head.lstrip())
        begin = self._begin_after(head, lead) if lead < len(head) else -1
        if begin < 0 and len(head) == _UNDECIDED:
            raise NotACall
        return begin

    def _begin_after(self, head: str, lead: int) -> int:
        syntax = self.syntax
        match syntax.body:
            case Body.JSON if syntax.opens_body:
                self._end = JsonEnd()
                self._end.feed(syntax.opens_body, 0)
                return 0
            case Body.JSON | Body.TAGGED | Body.NAMED | Body.PYTHON_TAG if head[lead] in "{[":
                self._end = JsonEnd()
                return lead
            case Body.BARE:
                return self._begin_bare(head, lead)
            case Body.TAGGED:
                return self._begin_tagged(head, lead)
            case Body.NAMED:
                return self._begin_named(head)
            case Body.JSON:
                raise NotACall
            case _:
                self._end = TagEnd(syntax.close)
                return 0

    def _begin_bare(self, head: str, lead: int) -> int:
        key = _BARE.match(head, lead)
        if key is None:
            if head[lead + 1 :].lstrip()[:1] not in ("", '"'):
                raise NotACall
            return -1
        if key[1] not in _BARE_KEYS:
            raise NotACall
        self._end = JsonEnd()
        return lead

    def _begin_tagged(self, head: str, lead: int) -> int:
        function = "<function="
        said = head[lead : lead + len(function)]
        if not function.startswith(said):
            name = _NAME.match(head, lead)
            if name is None or (name.end() < len(head) and head[name.end()] != "<"):
                raise NotACall
            if name.end() == len(head):
                return -1
        elif said != function:
            return -1
        self._end = TagEnd(self.syntax.close)
        return 0

    def _begin_named(self, head: str) -> int:
        begin = head.find("{")
        if begin >= 0:
            self._end = JsonEnd()
        elif "\n" in head.strip():
            raise NotACall
        return begin
