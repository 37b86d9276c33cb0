"""From events to the dialect's lines, and from its lines to one object. Nothing here knows HTTP.

Every line of a chat has a role, arguments are objects, and no line is empty: official clients stop
at anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from chatterm.events import (
    Done,
    Event,
    ReasoningDelta,
    Replaced,
    TextDelta,
    TokenLogprob,
    ToolCalled,
)
from chatterm.ids import Clock
from chatterm.messages import Stop, ToolCall
from chatterm.server.numbers import token_json

Kind: TypeAlias = Literal["chat", "generate"]
Line: TypeAlias = dict[str, Any]


def when(seconds: float) -> str:
    """A time as RFC 3339 has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class Lines:
    """The lines of one answer."""

    def __init__(
        self, kind: Kind, model: str, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        self._kind = kind
        self._model = model
        self._clock = clock
        self._monotonic = monotonic
        self._began = monotonic()
        self._sent = ""
        self._calls = 0

    def take(self, event: Event) -> Line | None:
        match event:
            case TextDelta(text=text, logprobs=logprobs):
                self._sent += text
                return self._piece(text, logprobs=logprobs)
            case Replaced(text=text):
                return self._replaced(text)
            case ReasoningDelta(text=text):
                return self._piece("", thinking=text)
            case ToolCalled(call=call):
                return self._call(call)
            case Done():
                return self._done(event)
            case _:
                return None

    def nothing(self, reason: Literal["load", "unload"]) -> Line:
        """What is said where nothing was asked."""
        line = self._piece("")
        return line | {"done": True, "done_reason": reason}

    def _piece(
        self, text: str, *, thinking: str = "", logprobs: Sequence[TokenLogprob] = (), **more: Any
    ) -> Line:
        said = {"thinking": thinking, **more} if thinking else more
        if self._kind == "chat":
            body: Line = {"message": {"role": "assistant", "content": text, **said}}
        else:
            body = {"response": text, **said}
        if logprobs:
            body["logprobs"] = [_logprob(item) for item in logprobs]
        return {
            "model": self._model,
            "created_at": when(self._clock()),
            **body,
            "done": False,
        }

    def _replaced(self, text: str) -> Line | None:
        """Nothing that was sent can be taken back; what is new in it is sent."""
        new = text.removeprefix(self._sent) if text.startswith(self._sent) else ""
        self._sent += new
        return self._piece(new) if new else None

    def _call(self, call: ToolCall) -> Line:
        said = {
            "id": call.id,
            "function": {
                "index": self._calls,
                "name": call.name,
                "arguments": call.arguments_object(),
            },
        }
        self._calls += 1
        return self._piece("", tool_calls=[said])

    def _done(self, done: Done) -> Line:
        timings = done.timings
        return {
            **self._piece(""),
            "done": True,
            "done_reason": "length" if done.stop is Stop.LENGTH else "stop",
            "total_duration": round((self._monotonic() - self._began) * 1e9),
            "load_duration": _nanoseconds(timings.load_ms),
            "prompt_eval_count": done.usage.prompt_tokens,
            "prompt_eval_duration": _nanoseconds(timings.prompt_ms),
            "eval_count": done.usage.completion_tokens,
            "eval_duration": _nanoseconds(timings.generation_ms),
        }


def joined(lines: Sequence[Line]) -> Line:
    """All lines of an answer as the one object of a client that wants no stream."""
    *pieces, last = lines
    if "message" in last:
        return _with_logprobs(last | {"message": _joined_message([*pieces, last])}, lines)
    whole = last | {"response": "".join(line["response"] for line in lines)}
    if thinking := "".join(line.get("thinking", "") for line in lines):
        whole["thinking"] = thinking
    return _with_logprobs(whole, lines)


def _joined_message(lines: Sequence[Line]) -> Line:
    messages = [line["message"] for line in lines]
    whole: Line = {
        "role": "assistant",
        "content": "".join(message["content"] for message in messages),
    }
    if thinking := "".join(message.get("thinking", "") for message in messages):
        whole["thinking"] = thinking
    if calls := [call for message in messages for call in message.get("tool_calls", ())]:
        whole["tool_calls"] = calls
    return whole


def _with_logprobs(whole: Line, lines: Sequence[Line]) -> Line:
    found = [item for line in lines for item in line.get("logprobs", ())]
    return whole | {"logprobs": found} if found else whole


def _logprob(item: TokenLogprob) -> Line:
    said = token_json(item.token, item.logprob)
    if item.top:
        said["top_logprobs"] = [token_json(token, logprob) for token, logprob in item.top]
    return said


def _nanoseconds(milliseconds: float | None) -> int:
    return round((milliseconds or 0.0) * 1e6)
