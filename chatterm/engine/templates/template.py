"""The chat template of one model: messages in, a prompt out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chatterm.engine.templates.fallback import fallback_template
from chatterm.engine.templates.guard import SENTINEL, Guard, Segment, bare
from chatterm.engine.templates.probe import TOOL, probed
from chatterm.engine.templates.sandbox import Sandbox, TemplateFailure
from chatterm.engine.templates.turns import (
    Shape,
    ToolsPlace,
    Turn,
    as_messages,
    fitted,
    turns_of,
)
from chatterm.errors import ModelError
from chatterm.ids import Clock
from chatterm.messages import Message, Role, Tool
from chatterm.parsing.formats import AnswerFormat, Start, Tags, detect_format

_HINT = "use another model file, or one with another chat template"
_SHORTEST_END = 3
_ANSWER_END = re.compile(r"\s*(<[^<>\s]+>|\[/?[A-Z_]+\])")
_WORDS_THAT_TEMPLATES_SEEK = frozenset(
    ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
)
_FINAL = "<|channel|>final<|message|>"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is to read before it answers."""

    segments: tuple[Segment, ...]
    """To be tokenised one by one."""
    wants_bos: bool
    """Whether the template wrote the token that begins a text; it is not in the segments."""
    start: Start
    """What the answer begins with."""
    stops: tuple[str, ...] = ()
    """Texts that end an answer, beside the tokens that do."""

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


class ChatTemplate:
    """Renders chats for one model, through its own template or, if it has none, a neutral one.

    ``special_tokens`` are the texts of all tokens that a tokenizer does not make of mere text, and
    ``added_tokens`` those among them that it recognises even there (None: it could be any).
    """

    def __init__(
        self,
        source: str,
        *,
        bos: str = "",
        eos: str = "",
        special_tokens: Collection[str] = (),
        added_tokens: Collection[str] | None = None,
        clock: Clock,
    ) -> None:
        self.format: AnswerFormat = detect_format(source, special_tokens)
        self._stops: tuple[str, ...] = ()
        if not source.strip():
            source, self._stops = fallback_template(special_tokens)
        self._source = source
        self._bos, self._eos = bos, eos
        self._special_tokens = frozenset(special_tokens)
        structural = {token for token in special_tokens if token in source}
        self._guard = Guard(
            special_tokens,
            added=added_tokens,
            structural=structural | self.format.markers | _WORDS_THAT_TEMPLATES_SEEK,
        )
        try:
            self._sandbox = Sandbox(source, clock=clock, kept=SENTINEL)
            self._shape = probed(self._attempt)
        except TemplateFailure as failure:
            raise _error("read", failure) from failure
        self._stops += self._answer_end()

    @property
    def supports_tools(self) -> bool:
        """Whether functions can be offered to the model."""
        return self._shape.tools is not ToolsPlace.NOWHERE

    def render(
        self,
        path: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        reasoning: bool | None = None,
        prefill: str = "",
        generate: bool = True,
    ) -> Prompt:
        """The prompt for an answer to the last message of ``path``.

        ``prefill`` is how the answer begins. Without ``generate`` the prompt only holds the chat.
        """
        if tools and not self.supports_tools:
            raise ModelError(
                "this model's chat template has no place for tools",
                hint="send the message without tools, or to a model that can call them",
            )
        turns = fitted(turns_of(path, self._guard), self._shape, self.format)
        declared = [_declared(tool, self._guard) for tool in tools]
        switches = self._switches(reasoning)
        text = self._rendered(turns, declared, switches, generate=generate)
        wants_bos = bool(self._bos) and text.startswith(self._bos)
        text = text[len(self._bos) :] if wants_bos else text
        start = Start.ANSWER
        if generate:
            opening, start = self._opening(text, reasoning, prefill)
            text += opening + self._guard.protect(prefill)
        return Prompt(self._guard.segments(text), wants_bos, start, self._stops)

    # -- rendering ---------------------------------------------------------------------------

    def _rendered(
        self,
        turns: list[Turn],
        tools: list[dict[str, Any]],
        switches: dict[str, Any],
        *,
        generate: bool,
    ) -> str:
        if tools and self._shape.tools is ToolsPlace.SYSTEM:
            turns, tools = _with_tools(turns, tools), []
        messages = as_messages(turns, self._shape)
        switches = switches | {"add_generation_prompt": generate}
        try:
            return self._run(messages, self._shape, tools, switches)
        except TemplateFailure as failure:
            where = "" if failure.endless else self._culprit(messages, tools, switches)
            raise _error("render", failure, where) from failure

    def _run(
        self,
        messages: list[dict[str, Any]],
        shape: Shape,
        tools: list[dict[str, Any]],
        switches: dict[str, Any],
    ) -> str:
        variables: dict[str, Any] = {
            "messages": messages,
            "bos_token": self._bos,
            "eos_token": self._eos,
            **switches,
        }
        if tools:
            variables["tools"] = tools
        elif shape.names_no_tools:
            variables |= {"tools": None, "documents": None}
        characters = sum(map(_characters, messages)) + sum(map(_characters, tools))
        return self._sandbox.render(variables, messages=len(messages), characters=characters)

    def _attempt(self, messages: list[dict[str, Any]], shape: Shape, offered: bool) -> str | None:
        try:
            return self._run(
                messages, shape, [TOOL] if offered else [], {"add_generation_prompt": True}
            )
        except TemplateFailure as failure:
            if failure.endless:
                raise
            return None

    def _culprit(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], switches: dict[str, Any]
    ) -> str:
        """The first message that the template cannot render."""
        for count in range(1, len(messages) + 1):
            try:
                self._run(messages[:count], self._shape, tools, switches)
            except TemplateFailure as failure:
                if failure.endless:
                    return ""
                return f"at message {count} of {len(messages)}, role {messages[count - 1]['role']}"
        return ""

    # -- the beginning of the answer ---------------------------------------------------------

    def _switches(self, reasoning: bool | None) -> dict[str, Any]:
        """The names by which templates know whether the model is to think."""
        if reasoning is None:
            return {}
        switches: dict[str, Any] = {"enable_thinking": reasoning, "thinking": reasoning}
        if reasoning:
            return switches
        if "thinking_budget" in self._source:
            switches["thinking_budget"] = 0
        if "reasoning_effort" in self._source:
            # gpt-oss cannot be told not to think, only to do it briefly.
            switches["reasoning_effort"] = "low" if self.format.channels else "none"
        return switches

    def _opening(self, text: str, reasoning: bool | None, prefill: str) -> tuple[str, Start]:
        """What has to follow the rendered chat, and what the model writes after that."""
        if self.format.channels:
            return (_FINAL, Start.TEXT) if prefill else ("", Start.ANSWER)
        tags = self._opened(text)
        if tags is not None and not prefill and reasoning is not False:
            return "", Start.REASONING
        opening = "" if tags is None else _closing(tags)
        if not prefill:
            return opening, Start.ANSWER
        wraps = [wrap.open for wrap in self.format.wraps if wrap.anywhere]
        return opening + "".join(wraps[:1]) + " " * self.format.strips, Start.TEXT

    def _opened(self, text: str) -> Tags | None:
        end = text.rstrip()
        return next((tags for tags in self.format.reasoning if end.endswith(tags.open)), None)

    def _answer_end(self) -> tuple[str, ...]:
        """What the template writes after an answer, in case it is no token for the model."""
        after = self._shape.ends
        if self.format.channels or len(after.strip()) < _SHORTEST_END:
            return ()
        tokens = [token for token in self._special_tokens if after.lstrip().startswith(token)]
        match = _ANSWER_END.match(after)
        end = max(tokens, key=len) if tokens else match[1] if match else after.rstrip()
        return () if any(stop in end for stop in self._stops) else (end,)


def _closing(tags: Tags) -> str:
    return f"\n{tags.close}\n\n" if tags.close.startswith("</") else tags.close


def _declared(tool: Tool, guard: Guard) -> dict[str, Any]:
    try:
        parameters = json.loads(tool.parameters or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"the parameters of the tool {tool.name} are not JSON", hint="correct the tool"
        ) from error
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": guard.protect_all(function)}


def _with_tools(turns: list[Turn], tools: list[dict[str, Any]]) -> list[Turn]:
    """The functions as text in the system message, which some templates want."""
    said = json.dumps([tool["function"] for tool in tools], ensure_ascii=False)
    if turns and turns[0].role is Role.SYSTEM:
        system, turns = turns[0], turns[1:]
    else:
        system = Turn(Role.SYSTEM, "")
    return [Turn(Role.SYSTEM, system.text, extras={"tools": said}), *turns]


def _characters(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict():
            return sum(_characters(key) + _characters(item) for key, item in value.items())
        case list():
            return sum(map(_characters, value))
        case _:
            return 8


def _error(what: str, failure: TemplateFailure, where: str = "") -> ModelError:
    chat = " this chat" if what == "render" else ""
    place = f" (line {failure.line} of the template)" if failure.line else ""
    verb = "cannot render" if what == "render" else "cannot be read"
    return ModelError(
        f"the model's chat template {verb}{chat}: {bare(failure.reason)}{place}",
        hint=_HINT,
        detail=where,
    )
