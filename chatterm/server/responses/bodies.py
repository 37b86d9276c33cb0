"""Requests for responses and conversations, as they come."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chatterm.server.openai_common.bodies import (
    Body,
    Effort,
    FunctionTool,
    Metadata,
    Sampling,
)


class Item(Body):
    """A message, a call, what came of one, a thought, a compaction, or the name of a known item."""

    type: str | None = None
    id: str | None = Field(None, max_length=256)
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[dict[str, Any]] | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[dict[str, Any]] | None = None
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None


class Tool(FunctionTool):
    """A function; no other kind of tool is offered here."""

    type: str
    name: str = ""


class ToolName(Body):
    type: Literal["function"]
    name: str


class AllowedTools(Body):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[ToolName] = Field(min_length=1)


class TextFormat(Body):
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class TextOptions(Body):
    format: TextFormat | None = None
    verbosity: str | None = None


class Reasoning(Body):
    effort: Effort | None = None
    summary: str | None = None


class ConversationName(Body):
    id: str


class CompactBody(Body):
    """``POST /v1/responses/compact``: what was said, to be summed up."""

    model: str
    input: str | list[Item] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None


class AskedBody(CompactBody, Sampling):
    """What a response is made of, and what ``/responses/input_tokens`` counts."""

    conversation: str | ConversationName | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | ToolName | AllowedTools | None = None
    text: TextOptions | None = None
    reasoning: Reasoning | None = None
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None


class ResponseBody(AskedBody):
    """``POST /v1/responses``"""

    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    include: list[str] | None = None
    max_output_tokens: int | None = Field(None, ge=1, lt=2**31)
    max_tool_calls: int | None = Field(None, ge=1)
    top_logprobs: int | None = Field(None, ge=0, le=20)
    metadata: Metadata | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt: dict[str, Any] | None = None


class ItemsBody(Body):
    """Items for a conversation."""

    items: list[Item] = Field(min_length=1, max_length=1000)


class ConversationBody(Body):
    items: list[Item] | None = Field(None, max_length=1000)
    metadata: Metadata | None = None


class LabelsBody(Body):
    metadata: Metadata | None = None
