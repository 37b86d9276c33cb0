"""Which of the server's generations this is, read from its own description of itself.

Without a description it is taken for the last one: then a missing route says so with a 404 of just
one form, and nothing has been created by asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatterm.errors import BadReply, Refused
from chatterm.remote._http import Http, Reply

_CHAT = "/chats/{chat_id}"


@dataclass(frozen=True, slots=True)
class Generation:
    """What a server can do and how it wants to be asked."""

    split: bool = True
    """A prompt and its answer are created one after the other, so a prompt can have several."""
    code_login: bool = True
    """The debug login answers at ``/auth/callback/debug?code=``."""
    chats: str = "/chats"
    """The path of the list; an old server wants a slash at its end."""
    models: str = "/configs/model_configs"
    """The path of the list of models; the oldest have none."""
    system_prompt: bool = True
    updates: bool = True
    """Titles can be changed and chats hidden."""
    deletes: bool = True
    chooses: bool = True
    """One answer can be preferred to others."""
    is_certain: bool = True

    @property
    def names_configs(self) -> bool:
        """A request names a model config; before, it carried work parameters."""
        return self.models == "/configs/model_configs"


async def negotiate(http: Http) -> Generation:
    """Find out how to talk to a server, without a login."""
    reply = await http.request("GET", "/openapi.json", anonymous=True)
    described = _described(reply)
    if described is None:
        return await _assumed(http)
    paths = described["paths"]
    if f"{_CHAT}/messages/{{message_id}}/events" not in paths:
        raise Refused(
            f"{http.name} speaks a protocol from before 7 March 2023, which chatterm does not",
            hint="the server has to be updated",
        )
    of_chat = paths.get(_CHAT, {})
    return Generation(
        split=f"{_CHAT}/prompter_message" in paths,
        code_login="/auth/callback/debug" in paths,
        chats="/chats" if "/chats" in paths else "/chats/",
        models=next((path for path in _MODELS if path in paths), ""),
        system_prompt=_takes_system_prompt(described),
        updates="put" in of_chat,
        deletes="delete" in of_chat,
        chooses=f"{_CHAT}/messages/{{message_id}}/message_evals" in paths,
    )


_MODELS = ("/configs/model_configs", "/configs/models")


async def _assumed(http: Http) -> Generation:
    """What can be seen without a description; whether prompts are split shows when one is sent."""
    for path in _MODELS:
        reply = await http.request("GET", path, anonymous=True)
        if not is_missing_route(reply):
            return Generation(code_login=path == _MODELS[0], models=path, is_certain=False)
    return Generation(code_login=False, models="", is_certain=False)


def is_missing_route(reply: Reply) -> bool:
    """Whether the server has no such path at all; a missing chat is worded otherwise."""
    return reply.status == 404 and reply.words == "Not Found"


def _described(reply: Reply) -> Mapping[str, Any] | None:
    try:
        value = reply.json() if reply.ok else None
    except BadReply:
        return None
    good = isinstance(value, Mapping) and isinstance(value.get("paths"), Mapping)
    return value if good else None


def _takes_system_prompt(described: Mapping[str, Any]) -> bool:
    components = described.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    for schema in schemas.values() if isinstance(schemas, Mapping) else ():
        fields = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(fields, Mapping) and {"parent_id", "system_prompt"} <= fields.keys():
            return True
    return False
