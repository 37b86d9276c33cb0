"""One answer of a chat-completions server, out of its chunks or out of a whole reply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chatterm.errors import BadReply, Busy, RemoteError
from chatterm.events import Event, Notice, TextDelta, TokenLogprob, ToolCalled
from chatterm.messages import Stop, Timings, ToolCall, Usage
from chatterm.remote.failures import failure, shortened, words_in
from chatterm.remote.text import whole
from chatterm.remote.thinking import Thinking

_STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "tool_calls": Stop.TOOL,
    "function_call": Stop.TOOL,
    "content_filter": Stop.END,
}


class Completion:
    """Takes chunks and gives events; knows at the end whether the answer was whole."""

    def __init__(self, name: str, *, goes_on: bool = False) -> None:
        """``goes_on`` is for an answer whose beginning was sent along."""
        self._name = name
        self._thinking = Thinking(goes_on=goes_on)
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._stop_word = False
        self.is_over = False
        """The server said that nothing will follow."""
        self.usage = Usage()
        self.timings = Timings()

    @property
    def is_whole(self) -> bool:
        return self.is_over or self._finish is not None

    @property
    def stop(self) -> Stop:
        if self._calls:
            return Stop.TOOL
        if self._stop_word:
            return Stop.STOP
        return _STOPS.get(self._finish or "stop", Stop.END)

    def take(self, data: str) -> Iterator[Event]:
        """The events of one chunk, as the stream has it."""
        if data == "[DONE]":
            self.is_over = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadReply(
                f"{self._name} sent an event that is not JSON: {shortened(data)}"
            ) from error
        yield from self._object(chunk)

    def whole(self, reply: Any) -> Iterator[Event]:
        """The events of a reply that was not streamed."""
        yield from self._object(reply)
        self.is_over = True

    def held(self) -> Iterator[Event]:
        """What was held back, once no more comes."""
        yield from self._thinking.end()

    def end(self) -> Iterator[Event]:
        """What can only be said once nothing more comes: the calls."""
        yield from self.held()
        for position, call in sorted(self._calls.items()):
            yield ToolCalled(
                ToolCall(call.id or f"call_{position}", call.name, call.arguments or "{}")
            )
        if self._finish == "content_filter":
            yield Notice("remote", f"the content filter of {self._name} ended the answer")

    def _object(self, chunk: Any) -> Iterator[Event]:
        if not isinstance(chunk, Mapping):
            raise BadReply(f"{self._name} sent something that is no part of an answer")
        if chunk.get("error") or chunk.get("object") == "error":
            raise self._failed(chunk)
        if isinstance(usage := chunk.get("usage"), Mapping):
            self.usage = _usage(usage)
        if isinstance(timings := chunk.get("timings"), Mapping):
            self.timings = _timings(timings)
        choices = chunk.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(first, Mapping) and not first.get("index"):
            yield from self._choice(first)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        delta = choice.get("delta") or choice.get("message") or {}
        if isinstance(delta, Mapping):
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(reasoning, str) and reasoning:
                yield from self._thinking.think(reasoning)
            content = delta.get("content")
            if isinstance(content, list):
                content = "".join(_texts(content))
            if not content:
                content = delta.get("refusal")
            if isinstance(content, str) and content:
                yield from self._said(content, _logprobs(choice.get("logprobs")))
            for call in delta.get("tool_calls") or ():
                self._take_call(call)
        if isinstance(finish := choice.get("finish_reason"), str):
            self._finish = finish
            self._stop_word = isinstance(choice.get("stop_reason"), str) and finish == "stop"

    def _said(self, content: str, logprobs: tuple[TokenLogprob, ...]) -> Iterator[Event]:
        if not logprobs:
            yield from self._thinking.say(content)
            return
        # Whoever asks for the tokens wants them as they are, tags and all.
        yield from self._thinking.end()
        for event in self._thinking.say(content):
            yield TextDelta(event.text, logprobs) if isinstance(event, TextDelta) else event

    def _take_call(self, piece: Any) -> None:
        """A call comes in pieces; some servers leave the position out of them."""
        if not isinstance(piece, Mapping):
            return
        position = piece.get("index")
        if not isinstance(position, int):
            begins = bool(piece.get("id")) or not self._calls
            position = len(self._calls) if begins else len(self._calls) - 1
        call = self._calls.setdefault(position, _Call())
        function = piece.get("function")
        call.add(piece.get("id"), function if isinstance(function, Mapping) else {})

    def _failed(self, chunk: Mapping[str, Any]) -> RemoteError:
        error = chunk.get("error") or chunk
        words = shortened(words_in(error)) or "no reason given"
        code = error.get("code") if isinstance(error, Mapping) else None
        if isinstance(code, int) and 400 <= code < 600:
            return failure(self._name, code, words)
        kind = error.get("type") if isinstance(error, Mapping) else None
        if kind in ("rate_limit_error", "overloaded_error", "rate_limit_exceeded"):
            return Busy(f"{self._name} is busy: {words}", hint="try again later")
        return RemoteError(f"{self._name} failed: {words}", hint="what came so far is kept")


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""

    def add(self, call_id: Any, function: Mapping[str, Any]) -> None:
        if isinstance(call_id, str) and call_id:
            self.id = call_id
        if isinstance(name := function.get("name"), str) and not self.name:
            self.name = whole(name)
        arguments = function.get("arguments")
        if isinstance(arguments, Mapping):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if isinstance(arguments, str):
            self.arguments += whole(arguments)


def _texts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            yield part["text"]


def _logprobs(value: Any) -> tuple[TokenLogprob, ...]:
    entries = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(entries, list):
        return ()
    return tuple(
        TokenLogprob(
            whole(str(entry.get("token", ""))), float(entry.get("logprob", 0)), _top(entry)
        )
        for entry in entries
        if isinstance(entry, Mapping)
    )


def _top(entry: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple(
        (whole(str(other.get("token", ""))), float(other.get("logprob", 0)))
        for other in entry.get("top_logprobs") or ()
        if isinstance(other, Mapping)
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _usage(said: Mapping[str, Any]) -> Usage:
    details = said.get("prompt_tokens_details")
    prompt = _count(said.get("prompt_tokens"))
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else 0
    cached = min(cached, prompt)
    written = _count(said.get("completion_tokens"))
    details = said.get("completion_tokens_details")
    thought = _count(details.get("reasoning_tokens")) if isinstance(details, Mapping) else 0
    return Usage(prompt, cached, prompt - cached, written, min(thought, written))


def _timings(said: Mapping[str, Any]) -> Timings:
    """llama-server tells how long it took."""

    def milliseconds(key: str) -> float | None:
        value = said.get(key)
        return float(value) if isinstance(value, int | float) else None

    return Timings(prompt_ms=milliseconds("prompt_ms"), generation_ms=milliseconds("predicted_ms"))
