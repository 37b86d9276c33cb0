"""What an event of the stream means, in the forms that it had over the generations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from chatterm.errors import BadReply
from chatterm.remote.failures import shortened
from chatterm.remote.openassistant.values import RemoteMessage, message_of


@dataclass(frozen=True, slots=True)
class Token:
    text: str


@dataclass(frozen=True, slots=True)
class Pending:
    position: int
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """A plugin did something."""

    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The safety model rewrote the prompt."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Final:
    message: RemoteMessage


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str


Signal: TypeAlias = Token | Pending | Step | Changed | Final | Failed


def signal_of(event: str, data: str) -> Signal | None:
    """The meaning of an event; None for a keep-alive and for what is not known."""
    if event == "error":
        return Failed(shortened(data))
    if event != "message":
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadReply(f"the server sent an event that is not JSON: {shortened(data)}") from error
    if not isinstance(value, Mapping):
        return None
    kind = value.get("event_type")
    if kind == "token":
        return Token(_text(value, "text"))
    return _untagged(value) if kind is None else _tagged(kind, value)


def _tagged(kind: Any, value: Mapping[str, Any]) -> Signal | None:
    match kind:
        case "pending":
            return Pending(_count(value, "queue_position"), _count(value, "queue_size"))
        case "plugin_intermediate":
            step = _step(value)
            return Step(step) if step else None
        case "safe_prompt":
            return Changed(_text(value, "safe_prompt"))
        case "message":
            return Final(message_of(value.get("message")))
        case "error":
            return Failed(shortened(_text(value, "error")))
        case _:
            return None


def _untagged(value: Mapping[str, Any]) -> Signal | None:
    """Before 11 March 2023 an event was a token or an error, without saying which."""
    if error := _text(value, "error"):
        return Failed(shortened(error))
    token = value.get("token")
    if isinstance(token, Mapping):
        return Token(_text(token, "text"))
    return None


def _step(value: Mapping[str, Any]) -> str:
    action = _text(value, "current_plugin_action_taken")
    given = _text(value, "current_plugin_action_input")
    response = _text(value, "current_plugin_action_response")
    thought = _text(value, "current_plugin_thought")
    words = [thought, f"{action}({given})" if action else "", response]
    return shortened(" · ".join(word for word in words if word))


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _count(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) and found > 0 else 0
