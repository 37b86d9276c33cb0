"""Requests for chat completions, completions and embeddings, as they come."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chatterm.server.openai_common.bodies import (
    Body,
    Effort,
    FunctionTool,
    Metadata,
    Sampling,
    SchemaFormat,
    TemplateSwitches,
)

MOST_CHOICES = 16
MOST_TEXTS = 2048

Stops = str | list[str] | None


class ImageUrl(Body):
    url: str
    detail: str | None = None


class Part(Body):
    """A piece of a message."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None


class CalledFunction(Body):
    name: str
    arguments: str


class Call(Body):
    """A call that an earlier answer has made."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class ToolOffer(Body):
    type: Literal["function"]
    function: FunctionTool


class ToolName(Body):
    name: str


class NamedTool(Body):
    type: Literal["function"]
    function: ToolName


class AllowedList(Body):
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1)


class AllowedTools(Body):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedList


ToolChoice = Literal["none", "auto", "required"] | NamedTool | AllowedTools


class ResponseFormat(Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class StreamOptions(Body):
    include_usage: bool | None = None


class Generating(Sampling):
    """What chat completions and completions have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    max_tokens: int | None = Field(None, ge=1, lt=2**31)
    stop: Stops = None
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


class ChatBody(Generating):
    """``POST /v1/chat/completions``"""

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, lt=2**31)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[ToolOffer] | None = Field(None, max_length=128)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: TemplateSwitches | None = None
    store: bool | None = None
    metadata: Metadata | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    web_search_options: dict[str, Any] | None = None


class CompletionBody(Generating):
    """``POST /v1/completions``"""

    prompt: str | list[str] | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = Field(None, ge=1, le=MOST_CHOICES)
    logprobs: int | None = Field(None, ge=0, le=20)


class EmbeddingBody(Body):
    """``POST /v1/embeddings``"""

    model: str
    input: str | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    user: str | None = None
