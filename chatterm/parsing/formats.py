"""How the models people run mark their reasoning and their tool calls.

A format is data: which tags there are, and how the inside of a call is written. It is told from
the model's chat template and its special tokens, never from the model's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

from chatterm.events import ReasoningDelta, Replaced, TextDelta, ToolCalled

Parsed: TypeAlias = TextDelta | Replaced | ReasoningDelta | ToolCalled
"""What an answer is made of."""


class Start(Enum):
    """What the model writes first, as the end of its prompt decides."""

    ANSWER = auto()
    """An answer from its beginning, reasoning and headers included."""
    REASONING = auto()
    """Reasoning: the prompt has opened it."""
    TEXT = auto()
    """The rest of a text: the prompt ends with how it begins."""


class Body(Enum):
    """How the inside of a tool call is written."""

    JSON = auto()
    """An object or a list of objects with name and arguments."""
    BARE = auto()
    """The same, and nothing around it tells that it is a call."""
    TAGGED = auto()
    """JSON, or ``<function=…>`` with ``<parameter=…>``, or a name with ``<arg_key>``."""
    FUNCTION = auto()
    """``name>`` and ``<parameter=…>`` or JSON."""
    NAMED = auto()
    """JSON, or ``name[ARGS]{…}``."""
    SECTION = auto()
    """Several calls between tokens of their own, as DeepSeek writes them."""
    GEMMA = auto()
    """``call:name{key:<|"|>text<|"|>}``."""
    PYTHON = auto()
    """``[name(key="text")]``."""
    PYTHON_TAG = auto()
    """JSON, or ``name.call(key="text")``, or a whole program."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Around a part of an answer. Tags that are one token are believed wherever they stand."""

    open: str
    close: str
    anywhere: bool = False
    stray: bool = False
    """Whether a closing tag is believed that nothing opened."""


@dataclass(frozen=True, slots=True)
class CallSyntax:
    """Around a tool call. The end of the answer closes one, too."""

    open: str
    body: Body
    close: str = ""
    opens_body: str = ""
    """The end of ``open`` that belongs to the body."""


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """What to look for in the answers of a model."""

    reasoning: tuple[Tags, ...] = ()
    wraps: tuple[Tags, ...] = ()
    """Around the text of an answer, to be taken off."""
    calls: tuple[CallSyntax, ...] = ()
    bare_calls: bool = False
    """Whether an answer that is a JSON object may be a call."""
    channels: bool = False
    """Whether answers are messages with headers, as gpt-oss writes them."""
    strips: bool = False
    """Whether white space at the beginning of an answer means nothing."""

    @property
    def markers(self) -> frozenset[str]:
        """Every text that means something; as a token, it must not be left out of the output."""
        tags = [*self.reasoning, *self.wraps]
        texts = {text for tag in tags for text in (tag.open, tag.close)}
        texts |= {text for call in self.calls for text in (call.open, call.close)}
        if self.channels:
            texts |= CHANNEL_MARKERS
        return frozenset(texts - {""})


_CHANNEL_TOKENS = ("start", "channel", "constrain", "message", "end", "call", "return")
CHANNEL_MARKERS = frozenset(f"<|{name}|>" for name in _CHANNEL_TOKENS)


def section_token(name: str) -> str:
    """One of DeepSeek's tokens, which are written with bars of full width."""
    return f"<\uff5ctool▁{name}\uff5c>"


_THINK = ("<think>", "</think>")
_TAGS = (
    Tags("[THINK]", "[/THINK]", anywhere=True),
    Tags("<|START_THINKING|>", "<|END_THINKING|>", anywhere=True),
    Tags("<|channel>thought", "<channel|>", anywhere=True),
    Tags("<seed:think>", "</seed:think>", stray=True),
)
_WRAPS = (
    Tags("<response>", "</response>"),
    Tags("<|START_RESPONSE|>", "<|END_RESPONSE|>", anywhere=True),
    Tags("<|START_TEXT|>", "<|END_TEXT|>", anywhere=True),
)
_CALLS = (
    CallSyntax("[TOOL_CALLS]", Body.NAMED),
    CallSyntax(section_token("calls▁begin"), Body.SECTION, section_token("calls▁end")),
    CallSyntax("<|tool_call>", Body.GEMMA, "<tool_call|>"),
    CallSyntax("<|START_ACTION|>", Body.JSON, "<|END_ACTION|>"),
    CallSyntax("<|tool_call_start|>", Body.PYTHON, "<|tool_call_end|>"),
    CallSyntax("<|tool_call|>", Body.JSON, "<|/tool_call|>"),
    CallSyntax("<|python_tag|>", Body.PYTHON_TAG),
    CallSyntax("<seed:tool_call>", Body.TAGGED, "</seed:tool_call>"),
    CallSyntax("<TOOLCALL>", Body.JSON, "</TOOLCALL>"),
)
_FUNCTOOLS = CallSyntax("functools[", Body.JSON, opens_body="[")
_TOOL_CALL = CallSyntax("<tool_call>", Body.TAGGED, "</tool_call>")
_FUNCTION = CallSyntax("<function=", Body.FUNCTION, "</function>")
PLAIN = AnswerFormat(strips=True)
"""Of a model without a chat template, which was never taught any markers."""
RAW = AnswerFormat()
"""Of a text that is continued: nothing in it means anything."""


def detect_format(template: str, special_tokens: Collection[str] = ()) -> AnswerFormat:
    """Tell the format of a model's answers from its chat template and its tokens."""
    if not template.strip() and "<|im_start|>" not in special_tokens:
        return PLAIN
    if "<|channel|>" in template and "<|message|>" in template:
        return AnswerFormat(channels=True)
    tokens = frozenset(special_tokens)

    def known(text: str) -> bool:
        return text in template or text in tokens

    reasoning = [tags for tags in _TAGS if known(tags.open)]
    reasoning.append(Tags(*_THINK, stray=any(map(known, _THINK))))
    calls = [
        syntax if syntax.body is not Body.JSON or known(syntax.close) else replace(syntax, close="")
        for syntax in _CALLS
        if known(syntax.open)
    ]
    if known("<|/tool|>") or "functools" in template:
        calls.append(_FUNCTOOLS)
    calls += [_TOOL_CALL, _FUNCTION]
    return AnswerFormat(
        reasoning=tuple(reasoning),
        wraps=tuple(tags for tags in _WRAPS if known(tags.open)),
        calls=tuple(calls),
        bare_calls=known("<|python_tag|>")
        or ("<|start_header_id|>" in template and '"parameters"' in template),
    )
