"""Answers as clients of chat completions and completions read them, whole and in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatterm.events import Event, ReasoningDelta, Replaced, TextDelta, TokenLogprob, ToolCalled
from chatterm.messages import Stop, Timings, ToolCall, Usage
from chatterm.server.numbers import finite
from chatterm.server.openai_common.answer import Answer, Onward, call_id, logprob_of

_FINISH = {
    Stop.END: "stop",
    Stop.STOP: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL: "tool_calls",
    Stop.CANCELLED: "stop",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """What every chunk of an answer says again."""

    id: str
    created: int
    model: str

    def chat(self, choices: list[dict[str, Any]], kind: str = "chat.completion") -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def finish_of(answer: Answer) -> str:
    if answer.calls:
        return "tool_calls"
    return _FINISH[answer.done.stop] if answer.done else "stop"


def call_of(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(call), "type": "function", "function": function}


def usage_of(usages: Sequence[Usage]) -> dict[str, Any]:
    """Of all choices together; the prompt is the same for each and counted once."""
    prompt = max((usage.prompt_tokens for usage in usages), default=0)
    written = sum(usage.completion_tokens for usage in usages)
    cached = min((usage.cached_tokens for usage in usages), default=0)
    thought = sum(usage.reasoning_tokens for usage in usages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def timings_of(timings: Timings) -> dict[str, float]:
    """As llama.cpp's server tells them; only what is known."""
    said = {"prompt_ms": timings.prompt_ms, "predicted_ms": timings.generation_ms}
    return {name: value for name, value in said.items() if value is not None}


# -- chats -----------------------------------------------------------------------------------


def chat_completion(heading: Heading, answers: Sequence[Answer], logprobs: bool) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "message": chat_message(answer),
            "finish_reason": finish_of(answer),
            "logprobs": _logprobs(answer.logprobs) if logprobs else None,
        }
        for index, answer in enumerate(answers)
    ]
    said = heading.chat(choices) | {"usage": usage_of([answer.usage for answer in answers])}
    if len(answers) == 1 and answers[0].done is not None:
        said["timings"] = timings_of(answers[0].done.timings)
    return said


def chat_message(answer: Answer) -> dict[str, Any]:
    """The answer as a message; one of calls alone has no content."""
    said: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text if answer.text or not answer.calls else None,
        "refusal": None,
    }
    if answer.reasoning:
        said["reasoning_content"] = answer.reasoning
    if answer.calls:
        said["tool_calls"] = [call_of(call) for call in answer.calls]
    return said


def _logprobs(items: Sequence[TokenLogprob]) -> dict[str, Any]:
    return {"content": [logprob_of(item) for item in items], "refusal": None}


class ChatChunks:
    """The chunks of one choice."""

    def __init__(self, heading: Heading, index: int, logprobs: bool) -> None:
        self._heading = heading
        self._index = index
        self._with_logprobs = logprobs
        self.answer = Answer()
        self._onward = Onward()

    def first(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": ""})

    def take(self, event: Event) -> Iterator[dict[str, Any]]:
        """What an event adds."""
        self.answer.take(event)
        match event:
            case TextDelta() | Replaced():
                logprobs = event.logprobs if isinstance(event, TextDelta) else ()
                if new := self._onward.take(event):
                    yield self._chunk({"content": new}, logprobs)
            case ReasoningDelta(text=text):
                yield self._chunk({"reasoning_content": text})
            case ToolCalled(call=call):
                yield from self._call(call)
            case _:
                pass

    def last(self) -> dict[str, Any]:
        return self._chunk({}, finish=finish_of(self.answer))

    def _call(self, call: ToolCall) -> Iterator[dict[str, Any]]:
        index = len(self.answer.calls) - 1
        opening = call_of(call) | {"function": {"name": call.name, "arguments": ""}}
        yield self._chunk({"tool_calls": [{"index": index, **opening}]})
        arguments = {"index": index, "function": {"arguments": call.arguments}}
        yield self._chunk({"tool_calls": [arguments]})

    def _chunk(
        self,
        delta: dict[str, Any],
        logprobs: Sequence[TokenLogprob] = (),
        finish: str | None = None,
    ) -> dict[str, Any]:
        told = _logprobs(logprobs) if logprobs and self._with_logprobs else None
        choice = {"index": self._index, "delta": delta, "finish_reason": finish, "logprobs": told}
        return self._heading.chat([choice], "chat.completion.chunk")


# -- completions -----------------------------------------------------------------------------


def completion_choice(
    index: int,
    text: str,
    logprobs: Sequence[TokenLogprob] | None,
    finish: str | None,
    offset: int = 0,
) -> dict[str, Any]:
    return {
        "index": index,
        "text": text,
        "finish_reason": finish,
        "logprobs": None if logprobs is None else _old_logprobs(logprobs, offset),
    }


def _old_logprobs(items: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """The form that completions had before there were chats."""
    offsets = []
    for item in items:
        offsets.append(offset)
        offset += len(item.token)
    return {
        "tokens": [item.token for item in items],
        "token_logprobs": [finite(item.logprob) for item in items],
        "top_logprobs": [{token: finite(logprob) for token, logprob in item.top} for item in items],
        "text_offset": offsets,
    }
