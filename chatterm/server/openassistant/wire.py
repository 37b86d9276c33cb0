"""What the wire calls things: values of the store as the JSON that these clients read.

Times are naive UTC. An answer that failed keeps what came of it in ``content`` and says why in
``error``; released servers have neither, and clients ignore what they do not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from chatterm.messages import Message, Role, State
from chatterm.params import Params
from chatterm.server.users import User
from chatterm.server.work import JobState

TITLE_LENGTH = 100
JsonObject = dict[str, Any]

_STATES = {
    JobState.PENDING: "pending",
    JobState.IN_PROGRESS: "in_progress",
    JobState.COMPLETE: "complete",
    JobState.STOPPED: "cancelled",
    JobState.FAILED: "aborted_by_worker",
    JobState.TIMEOUT: "timeout",
}
_WITHOUT_JOB = {
    State.WRITING: "pending",
    State.COMPLETE: "complete",
    State.STOPPED: "aborted_by_worker",
    State.FAILED: "aborted_by_worker",
}
OPEN = ("pending", "in_progress")


class Body(BaseModel):
    """A body as it comes: what is not known is ignored, a number may stand for text."""

    model_config = ConfigDict(
        coerce_numbers_to_str=True, extra="ignore", protected_namespaces=(), frozen=True
    )


class Sampling(Body):
    top_k: int | None = None
    top_p: float | None = None
    typical_p: float | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    max_new_tokens: int = 1024


class OldSampling(Body):
    """Of the second and third generation: the model is one of the parameters."""

    model_name: str | None = None
    top_k: int | None = 50
    top_p: float | None = 0.9
    typical_p: float | None = None
    temperature: float | None = 1.0
    repetition_penalty: float | None = None


class Plugin(Body):
    url: str
    enabled: bool = True
    plugin_config: JsonObject | None = None
    trusted: bool = False


class NewPrompt(Body):
    parent_id: str | None = None
    content: str


class NewAnswer(Body):
    parent_id: str
    model_config_name: str
    sampling_parameters: Sampling = Field(default_factory=Sampling)
    system_prompt: str | None = None
    user_profile: str | None = None
    user_response_instructions: str | None = None
    plugins: list[Plugin] = Field(default_factory=list)


class NewBoth(Body):
    """A prompt and its answer at once, in both forms that there were."""

    parent_id: str | None = None
    content: str
    model_config_name: str | None = None
    sampling_parameters: Sampling | None = None
    work_parameters: OldSampling | None = None


class NewChat(Body):
    """Nothing can be said of a new chat."""


class ChatUpdate(Body):
    title: str | None = Field(default=None, max_length=TITLE_LENGTH)
    hidden: bool | None = None
    allow_data_use: bool | None = None
    active_thread_tail_message_id: str | None = None


class Vote(Body):
    score: int


class Evaluation(Body):
    inferior_message_ids: list[str]


class PluginAddress(Body):
    url: str


class Password(Body):
    username: str = Field(max_length=200)
    password: str = Field(max_length=10_000)


def params_of(sampling: Sampling | OldSampling, seed: int) -> Params:
    """The parameters of an answer; a ConfigError where one is beyond what can be."""
    said: JsonObject = {
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "typical_p": sampling.typical_p,
        "temperature": sampling.temperature,
        "repeat_penalty": sampling.repetition_penalty,
        "max_tokens": getattr(sampling, "max_new_tokens", None),
        "seed": seed,
    }
    return Params.parse({key: value for key, value in said.items() if value is not None})


def time_text(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")


def state_of(message: Message, job: JobState | None) -> str:
    if message.role is not Role.ASSISTANT:
        return "manual"
    return _STATES[job] if job is not None else _WITHOUT_JOB[message.state]


def message_json(
    message: Message,
    chat_id: str,
    *,
    job: JobState | None = None,
    work: JsonObject | None = None,
    score: int = 0,
    reports: tuple[JsonObject, ...] = (),
) -> JsonObject:
    state = state_of(message, job)
    is_prompt = message.role is not Role.ASSISTANT
    text: str | None = message.text
    if state in OPEN or (state not in ("complete", "manual") and not text):
        text = None
    return {
        "id": message.id,
        "chat_id": chat_id,
        "parent_id": message.parent_id,
        "created_at": time_text(message.created_at),
        "role": "prompter" if is_prompt else "assistant",
        "content": text,
        "state": state,
        "error": message.error or None,
        "score": score,
        "reports": list(reports),
        "work_parameters": work,
        "safe_content": None,
        "safety_level": None,
        "safety_label": None,
        "safety_rots": None,
        "used_plugin": None,
    }


def user_json(user: User) -> JsonObject:
    return {
        "id": user.id,
        "provider": user.provider.rpartition(":")[2],
        "provider_account_id": user.provider_id or user.name,
        "display_name": user.display_name,
        "deleted": user.deleted_at is not None,
    }


def event_text(value: Mapping[str, Any], number: int | None) -> bytes:
    """One event of a stream: ASCII, and lines that end as these servers end them."""
    head = f"id: {number}\r\n" if number else ""
    return f"{head}data: {json.dumps(value)}\r\n\r\n".encode("ascii")


def ping_text(now: float) -> bytes:
    """A comment, which keeps proxies from closing a stream that is silent."""
    return f": ping - {time_text(now).replace('T', ' ')}\r\n\r\n".encode("ascii")
