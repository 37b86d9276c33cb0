"""A response while it is written: the object as it stands, and the events that tell of it.

Every event is numbered from 0. An item is opened when its first piece comes and closed before the
next one is opened; what the last event says is what is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from chatterm.events import Done, Event, ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.ids import Clock, NewId
from chatterm.messages import Stop, ToolCall, Usage
from chatterm.server.openai_common.answer import Onward, call_id, logprob_of
from chatterm.server.responses.items import Json

FAILED = "server_error"


class Writer:
    """Writes one response."""

    def __init__(
        self, response: Json, new_id: NewId, clock: Clock, *, logprobs: bool, streamed: bool
    ) -> None:
        """``streamed``: somebody reads along, so that what was said cannot be taken back."""
        self.response = response
        self._new_id = new_id
        self._clock = clock
        self._logprobs = logprobs
        self._streamed = streamed
        self._onward = Onward()
        self._number = 0
        self._item: Json | None = None
        self._text: list[str] = []
        self._item_logprobs: list[Json] = []

    @property
    def has_begun(self) -> bool:
        return self._number > 0

    def begin(self) -> Iterator[Json]:
        """The first events."""
        if self.response["status"] == "queued":
            yield self._lifecycle("created")
            yield self._lifecycle("queued")
        else:
            yield self._lifecycle("created")

    def progress(self) -> Iterator[Json]:
        self.response["status"] = "in_progress"
        yield self._lifecycle("in_progress")

    def take(self, event: Event) -> Iterator[Json]:
        match event:
            case TextDelta() | Replaced():
                yield from self._take_text(event)
            case ReasoningDelta(text=text):
                yield from self._open("reasoning")
                yield self._piece("response.reasoning_text.delta", delta=text)
                self._text.append(text)
            case ToolCalled(call=call):
                yield from self._call(call)
            case Done():
                yield from self._done(event)
            case _:
                pass

    def fail(self, error: Json) -> Iterator[Json]:
        """End with a failure; what came before it stays."""
        yield from self._close("incomplete")
        self.response["status"] = "failed"
        self.response["error"] = {"code": FAILED, "message": error["message"]}
        yield self._lifecycle("failed")

    def cancel(self) -> Iterator[Json]:
        yield from self._close("incomplete")
        self.response["status"] = "cancelled"
        self.response["completed_at"] = None
        # There is no event of its own for this; clients know the status.
        yield self._lifecycle("incomplete")

    # -- items -------------------------------------------------------------------------------

    def _take_text(self, event: TextDelta | Replaced) -> Iterator[Json]:
        if isinstance(event, Replaced) and not self._streamed:
            yield from self._begin_text_anew(event.text)
            return
        new = self._onward.take(event)
        if not new:
            return
        yield from self._open("message")
        told: list[Json] = []
        if self._logprobs and isinstance(event, TextDelta):
            told = [logprob_of(item) for item in event.logprobs]
        yield self._piece("response.output_text.delta", delta=new, logprobs=told)
        self._text.append(new)
        self._item_logprobs += told

    def _begin_text_anew(self, text: str) -> Iterator[Json]:
        self._onward = Onward()
        self._item_logprobs.clear()
        if self._item is not None and self._item["type"] == "message":
            self._text.clear()
            if not text:
                # Nothing was said after all; what follows may be a thought.
                self.response["output"].pop()
                self._item = None
        if text:
            yield from self._take_text(TextDelta(text))

    def _open(self, kind: str) -> Iterator[Json]:
        if self._item is not None and self._item["type"] == kind:
            return
        yield from self._close()
        if kind == "message":
            item: Json = {
                "type": "message",
                "id": f"msg_{self._new_id()}",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
        else:
            item = {
                "type": "reasoning",
                "id": f"rs_{self._new_id()}",
                "status": "in_progress",
                "summary": [],
                "content": [],
            }
        yield self._added(item)
        part = self._part("")
        yield self._piece("response.content_part.added", part=part)

    def _close(self, status: str = "completed") -> Iterator[Json]:
        item = self._item
        if item is None:
            return
        text = "".join(self._text)
        part = self._part(text)
        item["content"] = [part]
        if item["type"] == "message":
            logprobs = list(self._item_logprobs)
            yield self._piece("response.output_text.done", text=text, logprobs=logprobs)
        else:
            yield self._piece("response.reasoning_text.done", text=text)
        yield self._piece("response.content_part.done", part=part)
        item["status"] = status
        yield self._finished(item)
        self._item = None
        self._text.clear()
        self._item_logprobs.clear()

    def _call(self, call: ToolCall) -> Iterator[Json]:
        yield from self._close()
        item: Json = {
            "type": "function_call",
            "id": f"fc_{self._new_id()}",
            "status": "in_progress",
            "call_id": call_id(call),
            "name": call.name,
            "arguments": "",
        }
        yield self._added(item)
        place = {"item_id": item["id"], "output_index": self._index}
        yield self._event("response.function_call_arguments.delta", place, delta=call.arguments)
        item["arguments"] = call.arguments
        yield self._event(
            "response.function_call_arguments.done",
            place,
            name=call.name,
            arguments=call.arguments,
        )
        item["status"] = "completed"
        yield self._finished(item)
        self._item = None

    # -- the end -----------------------------------------------------------------------------

    def _done(self, done: Done) -> Iterator[Json]:
        if done.stop is Stop.CANCELLED:
            yield from self.cancel()
            return
        is_cut = done.stop is Stop.LENGTH
        yield from self._close("incomplete" if is_cut else "completed")
        self.response["usage"] = usage_of(done.usage)
        self.response["completed_at"] = None if is_cut else int(self._clock())
        if is_cut:
            self.response["status"] = "incomplete"
            self.response["incomplete_details"] = {"reason": "max_output_tokens"}
            yield self._lifecycle("incomplete")
        else:
            self.response["status"] = "completed"
            yield self._lifecycle("completed")

    # -- events ------------------------------------------------------------------------------

    @property
    def _index(self) -> int:
        return len(self.response["output"]) - 1

    def _part(self, text: str) -> Json:
        assert self._item is not None
        if self._item["type"] == "reasoning":
            return {"type": "reasoning_text", "text": text}
        part: Json = {"type": "output_text", "text": text, "annotations": []}
        return part | {"logprobs": list(self._item_logprobs)}

    def _added(self, item: Json) -> Json:
        self._item = item
        self.response["output"].append(item)
        return self._event(
            "response.output_item.added",
            {"output_index": self._index},
            item=copy.deepcopy(item),
        )

    def _finished(self, item: Json) -> Json:
        return self._event(
            "response.output_item.done",
            {"output_index": self._index},
            item=copy.deepcopy(item),
        )

    def _piece(self, kind: str, **more: Any) -> Json:
        assert self._item is not None
        place = {
            "item_id": self._item["id"],
            "output_index": self._index,
            "content_index": 0,
        }
        return self._event(kind, place, **more)

    def _lifecycle(self, kind: str) -> Json:
        return self._event(f"response.{kind}", {}, response=copy.deepcopy(self.response))

    def _event(self, kind: str, place: Json, **more: Any) -> Json:
        number, self._number = self._number, self._number + 1
        return {"type": kind, "sequence_number": number, **place, **more}


def usage_of(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def told_again(response: Json) -> Iterator[Json]:
    """The events of a response that is over, as if it was written at once."""
    number = 0

    def event(kind: str, **more: Any) -> Json:
        nonlocal number
        number += 1
        return {"type": kind, "sequence_number": number - 1, **more}

    empty = response | {"status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=empty)
    yield event("response.in_progress", response=empty)
    for at, item in enumerate(response["output"]):
        bare = item | {"status": "in_progress"}
        if item["type"] == "function_call":
            bare["arguments"] = ""
        else:
            bare["content"] = []
        yield event("response.output_item.added", output_index=at, item=bare)
        place = {"item_id": item["id"], "output_index": at}
        for kind, more in _pieces(item):
            yield event(kind, **place, **more)
        yield event("response.output_item.done", output_index=at, item=item)
    kind = response["status"] if response["status"] in ("completed", "failed") else "incomplete"
    yield event(f"response.{kind}", response=response)


def _pieces(item: Json) -> Iterator[tuple[str, Json]]:
    if item["type"] == "function_call":
        arguments = item["arguments"]
        yield "response.function_call_arguments.delta", {"delta": arguments}
        done = {"name": item["name"], "arguments": arguments}
        yield "response.function_call_arguments.done", done
        return
    for index, part in enumerate(item["content"]):
        at = {"content_index": index}
        told: Json = {"logprobs": []} if item["type"] == "message" else {}
        name = "output_text" if item["type"] == "message" else "reasoning_text"
        yield "response.content_part.added", at | {"part": part | {"text": ""}}
        yield f"response.{name}.delta", at | told | {"delta": part["text"]}
        yield f"response.{name}.done", at | told | {"text": part["text"]}
        yield "response.content_part.done", at | {"part": part}
