"""Answers in which tags stand around reasoning and tool calls.

A tag may be a token of its own, or mere letters that an answer can also speak of. Letters are
therefore believed only where a part of an answer may begin, and not behind a quotation mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto

from chatterm.events import ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Tool
from chatterm.parsing.calls import Call
from chatterm.parsing.ends import NotACall
from chatterm.parsing.formats import AnswerFormat, Body, CallSyntax, Parsed, Start, Tags
from chatterm.parsing.reader import CallReader
from chatterm.parsing.text import Watch

_HELD_SPACE = 32
"""White space that is held back, since it does not count before a marker."""
_FALSE_CALLS = 8
"""Openings of calls that were none, after which no more are expected."""
_QUOTES = frozenset(" \t`'\"(\u2018\u201c«")
_SEVERAL = frozenset([Body.TAGGED, Body.BARE, Body.PYTHON_TAG])
"""Where another JSON object after the first is another call."""
_BARE = CallSyntax("", Body.BARE)


class _Mode(Enum):
    BLOCK = auto()
    """Where a part of the answer begins."""
    TEXT = auto()
    REASONING_BEGINS = auto()
    REASONING = auto()
    CALL = auto()
    CALLED = auto()
    """After a call: its closing tag may follow, or another call."""


class TagReader:
    """Reads one answer.

    ``_rest`` from ``_at`` on is what is not decided yet; it is short, as a call's reader keeps
    what it was given. Each step takes some of it, or is False because it must wait.
    """

    def __init__(
        self,
        answer_format: AnswerFormat,
        start: Start,
        tools: Mapping[str, Tool],
        called: Callable[[Call], ToolCalled],
    ) -> None:
        self._format = answer_format
        self._tools = tools
        self._called = called
        self._rest = ""
        self._at = 0
        self._last = ""
        """The last character of text that was given out."""
        self._said: list[str] = []
        """Text that a closing tag may yet turn into reasoning."""
        self._space = ""
        """White space before a call, to be given out if the call is none."""
        self._reader = CallReader(_BARE, tools)
        self._false_calls = 0
        self._calls = {syntax.open: syntax for syntax in answer_format.calls} if tools else {}
        self._bare = answer_format.bare_calls and bool(tools)
        self._strips = answer_format.strips
        self._reasoned = start is not Start.ANSWER
        self._reopens = start is Start.REASONING
        wraps = answer_format.wraps if start is Start.TEXT else ()
        self._wrap: Tags | None = next(iter(wraps), None)
        self._text_watch = self._text_markers()
        self._close_watch = Watch(tags.close for tags in answer_format.reasoning)
        self._mode = {
            Start.ANSWER: _Mode.BLOCK,
            Start.REASONING: _Mode.REASONING_BEGINS,
            Start.TEXT: _Mode.TEXT,
        }[start]
        self._steps: Mapping[_Mode, Callable[[list[Parsed], bool], bool]] = {
            _Mode.BLOCK: self._block,
            _Mode.TEXT: self._text,
            _Mode.REASONING_BEGINS: self._reasoning_begins,
            _Mode.REASONING: self._reasoning,
            _Mode.CALL: self._call,
            _Mode.CALLED: self._after_call,
        }

    @property
    def is_reasoning(self) -> bool:
        return self._mode in (_Mode.REASONING_BEGINS, _Mode.REASONING)

    def feed(self, text: str) -> list[Parsed]:
        if not text:
            return []
        if not self._rest:
            # Nearly every piece of an answer ends here.
            if self._mode is _Mode.TEXT:
                if self._text_watch.quiet(text) and not (self._calls and text[-1].isspace()):
                    out: list[Parsed] = []
                    self._give_out(out, text)
                    return out
            elif (
                self._mode is _Mode.REASONING
                and self._close_watch.quiet(text)
                and not text[-1].isspace()
            ):
                return [ReasoningDelta(text)]
        out = []
        self._rest += text
        self._run(out, final=False)
        return out

    def finish(self) -> list[Parsed]:
        out: list[Parsed] = []
        self._run(out, final=True)
        while self._mode is _Mode.CALL:
            try:
                self._reader.finish()
            except NotACall:
                self._give_back(out)
            else:
                self._end_call(out)
            self._run(out, final=True)
        return out

    def _run(self, out: list[Parsed], *, final: bool) -> None:
        while self._at < len(self._rest) and self._steps[self._mode](out, final):
            pass
        self._rest, self._at = self._rest[self._at :], 0

    # -- steps -------------------------------------------------------------------------------

    def _block(self, out: list[Parsed], final: bool) -> bool:
        begin = self._skip_space()
        if self._strips:
            self._at = begin
        elif begin - self._at > _HELD_SPACE:
            self._mode = _Mode.TEXT
            return True
        if begin == len(self._rest):
            self._mode = _Mode.TEXT if final else _Mode.BLOCK
            return final
        tags = {tags.open: tags for tags in (*self._format.reasoning, *self._format.wraps)}
        opened = self._leading(begin, [*tags, "{"] if self._bare else tags, final)
        if opened is None:
            return False
        if not opened:
            self._mode = _Mode.TEXT
        elif opened == "{":
            self._begin_call(_BARE, space_at=self._at, at=begin)
        elif tags[opened] in self._format.wraps:
            self._wrap, self._strips = tags[opened], True
            self._at = begin + len(opened)
            self._text_watch = self._text_markers()
        else:
            self._begin_reasoning(tags[opened], begin + len(opened))
        return True

    def _text(self, out: list[Parsed], final: bool) -> bool:
        at, marker = self._text_watch.search(self._rest, self._at, final=final)
        if not marker:
            self._say(out, at if final or not self._calls else self._solid(at))
            return False
        end = at + len(marker)
        if marker in self._calls:
            self._say(out, self._solid(at))
            self._begin_call(self._calls[marker], space_at=self._at, at=at, skip=len(marker))
        elif self._wrap is not None and marker == self._wrap.close:
            self._say(out, at)
            self._wrap = None
            self._text_watch = self._text_markers()
            self._begin_block(end)
        elif (tags := self._tags_opened_by(marker)) is not None:
            self._say(out, at)
            self._begin_reasoning(tags, end)
        elif self._believed(marker, at):
            self._say(out, at)
            self._take_back(out)
            self._text_watch = self._text_markers()
            self._begin_block(end)
        else:
            self._say(out, end)
        return True

    def _reasoning_begins(self, out: list[Parsed], final: bool) -> bool:
        self._at = self._skip_space()
        if self._at == len(self._rest):
            return False
        opens = [tags.open for tags in self._format.reasoning] if self._reopens else []
        again = self._leading(self._at, opens, final)
        if again is None:
            return False
        # Some models write the tag that their prompt has already written.
        self._at += len(again)
        self._reopens = False
        self._mode = _Mode.REASONING_BEGINS if again else _Mode.REASONING
        return True

    def _reasoning(self, out: list[Parsed], final: bool) -> bool:
        at, marker = self._close_watch.search(self._rest, self._at, final=final)
        end = at if final and not marker else self._solid(at)
        if end > self._at:
            out.append(ReasoningDelta(self._rest[self._at : end]))
            self._at = end
        if marker:
            self._begin_block(at + len(marker))
        return bool(marker)

    def _call(self, out: list[Parsed], final: bool) -> bool:
        try:
            end = self._reader.feed(self._rest, self._at)
        except NotACall:
            self._give_back(out)
            return True
        self._at = len(self._rest) if end < 0 else end
        if end >= 0:
            self._end_call(out)
        return end >= 0

    def _after_call(self, out: list[Parsed], final: bool) -> bool:
        self._at = self._skip_space()
        if self._at == len(self._rest):
            return False
        syntax = self._reader.syntax
        again = ["{", ";{", "; {"] if syntax.body in _SEVERAL else []
        follows = self._leading(self._at, [syntax.close, *again] if syntax.close else again, final)
        if follows is None:
            return False
        if follows in again:
            at = self._at + len(follows) - 1
            self._begin_call(CallSyntax("", syntax.body, syntax.close), space_at=self._at, at=at)
        else:
            self._begin_block(self._at + len(follows))
        return True

    # -- changes of mode ---------------------------------------------------------------------

    def _begin_block(self, at: int) -> None:
        self._mode, self._at, self._strips = _Mode.BLOCK, at, True

    def _begin_reasoning(self, tags: Tags, at: int) -> None:
        self._mode, self._at, self._reasoned = _Mode.REASONING_BEGINS, at, True
        self._close_watch = Watch([tags.close])
        self._text_watch = self._text_markers()

    def _begin_call(self, syntax: CallSyntax, *, space_at: int, at: int, skip: int = 0) -> None:
        self._mode, self._space = _Mode.CALL, self._rest[space_at:at]
        self._reader = CallReader(syntax, self._tools)
        self._at = at + skip

    def _end_call(self, out: list[Parsed]) -> None:
        out += map(self._called, self._reader.calls)
        self._mode = _Mode.CALLED

    def _give_back(self, out: list[Parsed]) -> None:
        """What looked like a call is text, and may hold a marker itself."""
        self._false_calls += 1
        if self._false_calls == _FALSE_CALLS:
            self._calls = {}
            self._text_watch = self._text_markers()
        self._mode = _Mode.TEXT
        opening = self._space + self._reader.syntax.open
        self._rest, self._at = opening + self._reader.text, 0
        self._say(out, len(opening))

    # -- looking -----------------------------------------------------------------------------

    def _say(self, out: list[Parsed], end: int) -> None:
        text = self._rest[self._at : end]
        if text:
            self._give_out(out, text)
        self._at = max(end, self._at)

    def _give_out(self, out: list[Parsed], text: str) -> None:
        self._last = text[-1]
        if not self._reasoned:
            self._said.append(text)
        out.append(TextDelta(text))

    def _take_back(self, out: list[Parsed]) -> None:
        """All that was said so far turns out to be what the model thought."""
        thought = "".join(self._said).strip()
        if thought and not self._reasoned:
            out += [Replaced(""), ReasoningDelta(thought)]
        self._said.clear()
        self._reasoned = True

    def _skip_space(self) -> int:
        at = self._at
        while at < len(self._rest) and self._rest[at].isspace():
            at += 1
        return at

    def _solid(self, at: int) -> int:
        """``at``, but before the white space that ends there."""
        least = max(self._at, at - _HELD_SPACE)
        while at > least and self._rest[at - 1].isspace():
            at -= 1
        return at

    def _leading(self, at: int, texts: Iterable[str], final: bool) -> str | None:
        """Which of ``texts`` stands at ``at``, or none, or None if that is not known yet."""
        tail = self._rest[at : at + _HELD_SPACE]
        waits = False
        for text in texts:
            if tail.startswith(text):
                return text
            waits = waits or text.startswith(tail)
        return None if waits and not final else ""

    def _text_markers(self) -> Watch:
        markers = set(self._calls)
        for tags in self._format.reasoning:
            if tags.anywhere:
                markers |= {tags.open, tags.close}
            elif tags.stray and not self._reasoned:
                markers.add(tags.close)
        if self._wrap is not None:
            markers.add(self._wrap.close)
        return Watch(markers)

    def _tags_opened_by(self, marker: str) -> Tags | None:
        return next((tags for tags in self._format.reasoning if tags.open == marker), None)

    def _believed(self, marker: str, at: int) -> bool:
        """Whether a closing tag that nothing opened closes reasoning, or is spoken of."""
        if any(tags.anywhere for tags in self._format.reasoning if tags.close == marker):
            return True
        before = self._rest[at - 1] if at > self._at else self._last
        return before not in _QUOTES
