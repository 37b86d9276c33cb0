"""From a request for a response to its first draft: what it says of itself, what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatterm.messages import Request
from chatterm.params import Params
from chatterm.server.core import Server
from chatterm.server.openai_common.answer import check_length
from chatterm.server.openai_common.errors import bad
from chatterm.server.openai_common.reading import (
    ANY_OBJECT,
    Offer,
    offer_of,
    params_of,
    reasoning_of,
    schema_of,
    seed_of,
    stops_of,
    tool_of,
)
from chatterm.server.responses.bodies import (
    AllowedTools,
    AskedBody,
    CompactBody,
    ResponseBody,
    TextFormat,
    ToolName,
)
from chatterm.server.responses.items import COMPACTION, Json, path_of, plain, user_message
from chatterm.server.responses.kept import KeptResponses
from chatterm.server.responses.runs import Draft

_STAYING = ("user", "system", "developer")
"""Whose messages a compaction leaves as they are."""
_LOGPROBS = "message.output_text.logprobs"


class Drafter:
    """Drafts responses of any user."""

    def __init__(self, server: Server, kept: KeptResponses) -> None:
        self._server = server
        self._kept = kept
        self._new_id = server.new_id

    def draft(self, user_id: str, body: ResponseBody) -> Draft:
        """Everything about a response but its answer; bad where it cannot be."""
        if body.prompt is not None:
            raise bad("this server keeps no prompts: send instructions and input", "prompt")
        if body.input is None:
            raise bad("the input is missing", "input")
        kept = body.store is not False
        if body.background and not kept:
            raise bad("a response in the background is stored", "background")
        before = self._before(user_id, body, _conversation(body))
        asked = self._asked(body, before)
        items = [*before, *asked]
        if items and items[-1]["type"] == COMPACTION:
            raise bad("behind a compaction there is nothing to answer: add a message", "input")
        with_logprobs = body.top_logprobs is not None or _LOGPROBS in (body.include or ())
        request = self._request(body, items, _answer_params(body, with_logprobs))
        return Draft(
            user_id=user_id,
            response=self._response(body, kept=kept),
            asked=asked,
            request=request,
            kept=kept,
            one_call=body.parallel_tool_calls is False,
            cut=body.truncation == "auto",
            logprobs=with_logprobs,
            streamed=bool(body.stream),
        )

    def request(self, user_id: str, body: AskedBody) -> Request:
        """What a model would read."""
        before = self._before(user_id, body, _conversation(body))
        return self._request(body, [*before, *self._asked(body, before)], _params(body))

    def compacted(self, user_id: str, body: CompactBody) -> tuple[Request, list[Json]]:
        """What is to be summed up, and the items that stay beside the summary."""
        before = self._before(user_id, body, "")
        items = [*before, *self._asked(body, before)]
        path, images = path_of(body.instructions, items)
        request = Request(body.model, path, self._new_id(), images=images)
        check_length(self._server, request)
        return request, [item for item in items if item.get("role") in _STAYING]

    def _request(self, body: AskedBody, items: Sequence[Json], params: Params) -> Request:
        path, images = path_of(body.instructions, items)
        if not path:
            raise bad("there is nothing to answer", "input")
        offer = _offer(body)
        request = Request(
            model=body.model,
            path=path,
            answer_id=self._new_id(),
            params=params,
            tools=offer.tools,
            must_call=offer.must_call,
            images=images,
        )
        check_length(self._server, request)
        return request

    def _before(self, user_id: str, body: CompactBody, conversation: str) -> list[Json]:
        """The items that were there before this request."""
        if body.previous_response_id is not None:
            if conversation:
                raise bad(
                    "previous_response_id and conversation do not go together",
                    "previous_response_id",
                )
            return self._kept.chain(user_id, body.previous_response_id)
        return self._kept.items(user_id, conversation) if conversation else []

    def _asked(self, body: CompactBody, before: Sequence[Json]) -> list[Json]:
        """The items of this request."""
        known = {item["id"]: item for item in before}
        match body.input:
            case None:
                return []
            case str(text):
                return [user_message(text, self._new_id)]
            case items:
                return [
                    plain(item, f"input.{at}", self._new_id, known.get)
                    for at, item in enumerate(items)
                ]

    def _response(self, body: ResponseBody, *, kept: bool) -> Json:
        conversation = _conversation(body)
        said = body.model_dump(by_alias=True, exclude_none=True)
        return {
            "id": f"resp_{self._new_id()}",
            "object": "response",
            "created_at": int(self._server.clock()),
            "status": "queued" if body.background else "in_progress",
            "background": bool(body.background),
            "completed_at": None,
            "conversation": {"id": conversation} if conversation else None,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata or {},
            "model": body.model,
            "output": [],
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": body.previous_response_id,
            "reasoning": said.get("reasoning", {"effort": None, "summary": None}),
            "safety_identifier": body.safety_identifier,
            "store": kept,
            "temperature": body.temperature,
            "text": said.get("text") or {"format": {"type": "text"}},
            "tool_choice": said.get("tool_choice", "auto"),
            "tools": said.get("tools", []),
            "top_logprobs": body.top_logprobs or 0,
            "top_p": body.top_p,
            "truncation": body.truncation or "disabled",
            "usage": None,
            "user": body.user,
        }


def _conversation(body: AskedBody) -> str:
    if body.conversation is None:
        return ""
    return body.conversation if isinstance(body.conversation, str) else body.conversation.id


def _answer_params(body: ResponseBody, with_logprobs: bool) -> Params:
    more = {
        "max_tokens": ("max_output_tokens", body.max_output_tokens),
        "stop": ("stop", stops_of(body.stop)),
        "seed": ("seed", seed_of(body.seed)),
        "logprobs": ("top_logprobs", (body.top_logprobs or 0) if with_logprobs else None),
    }
    return _params(body, more)


def _params(body: AskedBody, more: dict[str, tuple[str, Any]] | None = None) -> Params:
    effort = body.reasoning.effort if body.reasoning else None
    thinks = {"reasoning": ("reasoning.effort", reasoning_of(effort))}
    params = params_of(body, (more or {}) | thinks)
    wanted = body.text.format if body.text else None
    schema = _schema(wanted) if wanted else ""
    if schema and params.grammar:
        raise bad("an answer is held to a grammar or to text.format, not both", "grammar")
    return replace(params, schema=schema)


def _schema(wanted: TextFormat) -> str:
    match wanted.type:
        case "json_object":
            return ANY_OBJECT
        case "json_schema":
            return schema_of(wanted.schema_, "text.format.schema")
        case _:
            return ""


def _offer(body: AskedBody) -> Offer:
    tools = []
    for at, tool in enumerate(body.tools or ()):
        if tool.type != "function":
            raise bad(f"this server offers no {tool.type!r}, only functions", f"tools.{at}.type")
        if not tool.name:
            raise bad("a function has a name", f"tools.{at}.name")
        tools.append(tool_of(tool, f"tools.{at}"))
    match body.tool_choice:
        case ToolName(name=name):
            choice: tuple[str, list[str] | None] = "required", [name]
        case AllowedTools(mode=mode, tools=allowed):
            choice = mode, [one.name for one in allowed]
        case word:
            choice = word or "auto", None
    return offer_of(tools, choice)
