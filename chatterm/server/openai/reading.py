"""A chat completion as it is asked for, as the requests that a backend answers."""

from __future__ import annotations

from dataclasses import replace

from chatterm.messages import Attachment, Message, Request, Role, ToolCall
from chatterm.params import Params
from chatterm.server.openai.bodies import (
    AllowedTools,
    ChatBody,
    ChatMessage,
    NamedTool,
    Part,
    ResponseFormat,
)
from chatterm.server.openai_common.errors import bad
from chatterm.server.openai_common.reading import (
    ANY_OBJECT,
    Offer,
    check_arguments,
    offer_of,
    params_of,
    reasoning_of,
    schema_of,
    seed_of,
    stops_of,
    take_picture,
    tool_of,
)
from chatterm.server.pictures import Pictures

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
}


def requests_of(body: ChatBody, answer_id: str) -> list[Request]:
    """One request for each choice."""
    _refuse_what_is_not_here(body)
    pictures = Pictures()
    path = tuple(
        _message(message, f"messages.{at}", pictures, at)
        for at, message in enumerate(body.messages)
    )
    offer = _offer(body)
    request = Request(
        model=body.model,
        path=path,
        answer_id=answer_id,
        params=_params(body),
        tools=offer.tools,
        must_call=offer.must_call,
        images=pictures.bytes_of,
    )
    return choices_of(request, body.seed, body.n)


def choices_of(request: Request, seed: int | None, n: int | None) -> list[Request]:
    """The same request as often as it is to be answered."""
    return [
        replace(request, params=replace(request.params, seed=seed_of(seed, choice)))
        for choice in range(n or 1)
    ]


def _refuse_what_is_not_here(body: ChatBody) -> None:
    if body.functions or body.function_call is not None:
        raise bad("functions are called tools now: use tools and tool_choice", "functions")
    if body.audio is not None or "audio" in (body.modalities or ()):
        raise bad("no model here speaks", "modalities")
    if body.web_search_options is not None:
        raise bad("this server does not search the web", "web_search_options")
    if body.top_logprobs is not None and not body.logprobs:
        raise bad("top_logprobs needs logprobs to be true", "top_logprobs")


def _params(body: ChatBody) -> Params:
    limit, field = body.max_completion_tokens, "max_completion_tokens"
    if limit is None:
        limit, field = body.max_tokens, "max_tokens"
    thinks = reasoning_of(body.reasoning_effort)
    if thinks is None and body.chat_template_kwargs is not None:
        thinks = body.chat_template_kwargs.enable_thinking
    more = {
        "max_tokens": (field, limit),
        "stop": ("stop", stops_of(body.stop)),
        "logit_bias": ("logit_bias", body.logit_bias),
        "logprobs": ("top_logprobs", (body.top_logprobs or 0) if body.logprobs else None),
        "reasoning": ("reasoning_effort", thinks),
    }
    params = params_of(body, more)
    schema = _schema(body.response_format)
    if schema and params.grammar:
        raise bad("an answer is held to a grammar or to a response_format, not both", "grammar")
    return replace(params, schema=schema)


def _schema(wanted: ResponseFormat | None) -> str:
    if wanted is None or wanted.type == "text":
        return ""
    if wanted.type == "json_object":
        return ANY_OBJECT
    if wanted.json_schema is None:
        raise bad("the schema is missing", "response_format.json_schema")
    return schema_of(wanted.json_schema.schema_, "response_format.json_schema.schema")


def _offer(body: ChatBody) -> Offer:
    tools = [
        tool_of(tool.function, f"tools.{at}.function") for at, tool in enumerate(body.tools or ())
    ]
    match body.tool_choice:
        case NamedTool(function=function):
            choice: tuple[str, list[str] | None] = "required", [function.name]
        case AllowedTools(allowed_tools=allowed):
            choice = allowed.mode, [tool.function.name for tool in allowed.tools]
        case word:
            choice = word or "auto", None
    return offer_of(tools, choice)


# -- messages --------------------------------------------------------------------------------


def _message(said: ChatMessage, param: str, pictures: Pictures, at: int) -> Message:
    text, attachments = _content(said, f"{param}.content", pictures)
    calls: tuple[ToolCall, ...] = ()
    if said.role == "assistant":
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in said.tool_calls or ()
        )
        for number, call in enumerate(calls):
            check_arguments(call.arguments, f"{param}.tool_calls.{number}.function.arguments")
    elif said.role == "tool":
        if said.tool_call_id is None:
            raise bad("a tool's message says which call it answers", f"{param}.tool_call_id")
        calls = (ToolCall(said.tool_call_id, "", "{}"),)
    if said.content is None and said.role != "assistant":
        raise bad("the message has no content", f"{param}.content")
    return Message(
        id=f"m{at}",
        parent_id=f"m{at - 1}" if at else None,
        role=_ROLES[said.role],
        text=text,
        created_at=0.0,
        reasoning=said.reasoning_content or said.reasoning or "",
        attachments=attachments,
        tool_calls=calls,
    )


def _content(
    said: ChatMessage, param: str, pictures: Pictures
) -> tuple[str, tuple[Attachment, ...]]:
    if said.content is None:
        return said.refusal or "", ()
    if isinstance(said.content, str):
        return said.content, ()
    texts, seen = [], []
    for at, part in enumerate(said.content):
        place = f"{param}.{at}"
        if part.type == "image_url":
            if part.image_url is None:
                raise bad("the picture is missing", f"{place}.image_url")
            seen.append(take_picture(pictures, part.image_url.url, f"{place}.image_url.url"))
        else:
            texts.append(_text(part, place))
    return "\n".join(texts), tuple(seen)


def _text(part: Part, place: str) -> str:
    if part.type not in ("text", "refusal"):
        raise bad(f"no model here reads a part of the type {part.type!r}", f"{place}.type")
    text = part.text if part.type == "text" else part.refusal
    if text is None:
        raise bad("the text is missing", f"{place}.{part.type}")
    return text
