"""The parts of requests that OpenAI's APIs have in common, as pydantic checks them.

Unknown fields are passed over, as clients are always newer than servers; a known one of the wrong
kind is refused with its name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """A JSON object of a request."""

    model_config = ConfigDict(strict=True, extra="ignore")


Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Sampling(Body):
    """How tokens are chosen: OpenAI's parameters, and those that llama.cpp's server added."""

    temperature: float | None = Field(None, ge=0, le=5)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=0, lt=2**31)
    min_p: float | None = Field(None, ge=0, le=1)
    typical_p: float | None = Field(None, ge=0, le=1)
    repeat_penalty: float | None = Field(None, ge=0, le=10)
    repetition_penalty: float | None = Field(None, ge=0, le=10)
    repeat_last_n: int | None = Field(None, ge=-1, lt=2**31)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    dry_multiplier: float | None = Field(None, ge=0)
    dry_base: float | None = Field(None, ge=0)
    dry_allowed_length: int | None = Field(None, ge=0, lt=2**31)
    dry_penalty_last_n: int | None = Field(None, ge=-1, lt=2**31)
    xtc_probability: float | None = Field(None, ge=0, le=1)
    xtc_threshold: float | None = Field(None, ge=0, le=1)
    mirostat: int | None = Field(None, ge=0, le=2)
    mirostat_tau: float | None = Field(None, ge=0)
    mirostat_eta: float | None = Field(None, ge=0, le=1)
    grammar: str | None = Field(None, max_length=1 << 16)


AS_THEY_ARE = tuple(set(Sampling.model_fields) - {"repetition_penalty"})
"""Parameters that have the same name here."""


class TemplateSwitches(Body):
    """What vLLM and llama.cpp hand on to a chat template."""

    enable_thinking: bool | None = None


class FunctionTool(Body):
    """A function that the model may call."""

    name: str = Field(min_length=1, max_length=256, pattern=r"^[a-zA-Z0-9_.:-]+$")
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class SchemaFormat(Body):
    """A JSON Schema that the answer has to fit."""

    name: str = Field(min_length=1, max_length=256)
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None
