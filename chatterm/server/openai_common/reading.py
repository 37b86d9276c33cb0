"""From the fields of a request to the values of the core: parameters, tools, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatterm.errors import ConfigError
from chatterm.messages import Attachment, Tool
from chatterm.params import Params
from chatterm.server.openai_common.bodies import AS_THEY_ARE, FunctionTool, Sampling
from chatterm.server.openai_common.errors import bad
from chatterm.server.pictures import NoPicture, Pictures
from chatterm.server.schemas import schema_text

ANY_OBJECT = '{"type": "object"}'
_SEEDS = 2**32
_MOST_STOPS = 64
_LONGEST_STOP = 1000
_CODES = {
    "base64": "invalid_base64",
    "image": "invalid_image",
    "format": "invalid_image_format",
}
"""What these clients are told of something that is no picture."""


def take_picture(pictures: Pictures, url: str, param: str) -> Attachment:
    """A picture that came as a data URL. No other is fetched: a server that fetches what a
    client names would reach what the client cannot."""
    scheme, comma, body = url.partition(",")
    if not comma or not scheme.startswith("data:") or not scheme.endswith(";base64"):
        raise bad(
            "only pictures inside the request are taken: data:image/png;base64,...",
            param,
            "invalid_image_url",
        )
    try:
        return pictures.take(body)
    except NoPicture as error:
        raise bad(error.message, param, _CODES[error.kind]) from error


def params_of(sampling: Sampling, more: Mapping[str, tuple[str, Any]]) -> Params:
    """The parameters of a request; ``more`` has others by name, with the field each came in."""
    values: dict[str, Any] = {}
    for name in AS_THEY_ARE:
        if (value := getattr(sampling, name)) is not None:
            values[name] = _checked(name, name, value)
    if sampling.repetition_penalty is not None and "repeat_penalty" not in values:
        values["repeat_penalty"] = sampling.repetition_penalty
    for name, (param, value) in more.items():
        if value is not None:
            values[name] = _checked(name, param, value)
    return Params(**values)


def _checked(name: str, param: str, value: Any) -> Any:
    try:
        return getattr(Params.parse({name: value}), name)
    except ConfigError as error:
        raise bad(error.message, param) from error


def seed_of(seed: int | None, choice: int = 0) -> int | None:
    """A seed that engines know; the choices of one request differ."""
    return None if seed is None else (seed + choice) % _SEEDS


def stops_of(stop: str | Sequence[str] | None) -> list[str] | None:
    if not stop:
        return None
    stops = [stop] if isinstance(stop, str) else list(stop)
    if len(stops) > _MOST_STOPS or any(len(text) > _LONGEST_STOP for text in stops):
        raise bad(f"there may be {_MOST_STOPS} stops of {_LONGEST_STOP} characters", "stop")
    return stops


def reasoning_of(effort: str | None) -> bool | None:
    """Whether the model is to think."""
    return None if effort is None else effort not in ("none", "minimal")


def schema_of(schema: Mapping[str, Any] | None, param: str) -> str:
    """A schema that an answer can be held to."""
    if schema is None:
        raise bad("the schema is missing", param)
    try:
        return schema_text(schema)
    except ConfigError as error:
        raise bad(error.message, param) from error


def tool_of(function: FunctionTool, param: str) -> Tool:
    parameters = function.parameters or {}
    if parameters:
        schema_of(parameters, f"{param}.parameters")
    if parameters.get("type", "object") != "object":
        raise bad("the parameters of a function are an object", f"{param}.parameters")
    said = {"type": "object", "properties": {}} | parameters
    return Tool(function.name, function.description or "", json.dumps(said))


def check_arguments(arguments: str, param: str) -> None:
    """A call that is sent back has arguments that a template can read."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise bad(f"the arguments of a call are JSON: {error}", param) from error
    if not isinstance(value, dict):
        raise bad("the arguments of a call are a JSON object", param)


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools that are offered, and which of them have to be called."""

    tools: tuple[Tool, ...] = ()
    must_call: tuple[str, ...] = ()


def offer_of(tools: Sequence[Tool], choice: Any, param: str = "tool_choice") -> Offer:
    """What ``tool_choice`` makes of the tools: a word, a name, or names of which some are allowed.

    The choice has been made plain before: ``("auto" | "none" | "required", names or None)``.
    """
    mode, names = choice
    known = {tool.name for tool in tools}
    unknown = next((name for name in names or () if name not in known), None)
    if unknown is not None:
        raise bad(f"tool_choice names {unknown!r}, which is not among the tools", param)
    if len(known) < len(tools):
        raise bad("two tools have the same name", "tools")
    if mode == "required" and not tools:
        raise bad("tool_choice wants a call, and there are no tools", param)
    if mode == "none":
        return Offer()
    if mode == "required":
        return Offer(tuple(tools), tuple(names) if names else tuple(tool.name for tool in tools))
    return Offer(tuple(tool for tool in tools if not names or tool.name in names))
