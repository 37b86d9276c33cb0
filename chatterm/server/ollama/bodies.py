"""The requests of the dialect, as pydantic checks them.

Unknown fields are passed over, as clients are always newer than servers. Clients send null for what
they leave out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

KeepAlive: TypeAlias = float | str | None
Think: TypeAlias = (
    bool | Literal["low", "medium", "high", "max", "true", "false", "none", ""] | None
)
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=512)]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class CalledFunction(Body):
    name: Name
    arguments: dict[str, Any] | None = None


class Call(Body):
    id: str | None = None
    function: CalledFunction


class ChatMessage(Body):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    """Each in base64."""
    tool_calls: list[Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Function(Body):
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(Body):
    type: Literal["function"] | None = None
    function: Function


class Named(Body):
    """A request about one model; old clients say ``name``."""

    model: Annotated[str, Field(max_length=512)] | None = None
    name: Annotated[str, Field(max_length=512)] | None = None

    @property
    def said(self) -> str:
        return self.model or self.name or ""


class Writing(Named):
    """What chat and generate have in common."""

    format: str | dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    stream: bool | None = None
    think: Think = None
    keep_alive: KeepAlive = None
    truncate: bool | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    @property
    def streams(self) -> bool:
        """These clients get a stream unless they say that they want none."""
        return self.stream is not False


class ChatBody(Writing):
    messages: list[ChatMessage] | None = None
    tools: list[ToolBody] | None = None


class GenerateBody(Writing):
    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    raw: bool | None = None
    images: list[str] | None = None


class EmbedBody(Named):
    input: str | list[str] | None = None
    truncate: bool | None = None
    dimensions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    keep_alive: KeepAlive = None


class OldEmbedBody(Named):
    prompt: str | None = None
    keep_alive: KeepAlive = None


class ShowBody(Named):
    verbose: bool | None = None


class PullBody(Named):
    stream: bool | None = None


class CopyBody(Body):
    source: Name
    destination: Name
