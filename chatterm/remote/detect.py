"""What a server is, by what it answers and never by how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from chatterm.errors import BadReply, Refused
from chatterm.remote._http import Http, Reply
from chatterm.remote.address import Address

_PROVIDERS = ("debug", "discord", "github", "google", "local", "password")

Kind: TypeAlias = Literal["openassistant", "openai", "ollama"]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a server."""

    kind: Kind
    address: Address
    """Where the dialect begins, such as the folder ``/v1``."""
    evidence: str
    program: str = ""
    """``chatterm`` where the server is one of its own."""


class Prober:
    """Asks a server, without any key, what it is."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def find(self, kind: Kind | None = None) -> Found:
        """The dialect and its address; with ``kind`` only the address is looked for."""
        last: BadReply | Refused | None = None
        for name, probe in (
            ("openassistant", self._openassistant),
            ("ollama", self._ollama),
            ("openai", self._openai),
        ):
            if kind in (None, name):
                try:
                    if found := await probe():
                        return found if kind else await self._best(found)
                except (BadReply, Refused) as error:
                    last = error
        if kind is not None:
            return Found(kind, self._http.address, "your word")
        if isinstance(last, Refused):
            raise last
        raise Refused(
            f"{self._http.address.url} speaks no dialect that chatterm knows",
            hint="name one if you are sure: --kind openassistant, openai or ollama",
        ) from last

    async def _best(self, found: Found) -> Found:
        """Some servers speak several dialects; OpenAI's can do most, but keeps no chats.

        Chatterm's own server does, so it is talked to in the dialect that has them.
        """
        if found.kind != "openassistant" or found.program:
            return found
        with suppress(BadReply, Refused):
            return await self._openai() or found
        return found

    async def _openassistant(self) -> Found | None:
        """Its own description, or a list of login providers that has one of its names."""
        reply = await self._get("/openapi.json")
        description = _object(reply)
        paths = description.get("paths")
        if isinstance(paths, Mapping) and any(
            path.startswith(("/chats/{chat_id}/", "/chat/{")) for path in paths
        ):
            return Found(
                "openassistant", self._http.address, "its /openapi.json", _program(description)
            )
        reply = await self._get("/auth/providers")
        providers = _value(reply) if reply.ok else None
        if isinstance(providers, list) and any(name in providers for name in _PROVIDERS):
            return Found("openassistant", self._http.address, "its /auth/providers")
        return None

    async def _ollama(self) -> Found | None:
        reply = await self._get("/api/version")
        if reply.ok and isinstance(_object(reply).get("version"), str):
            tags = await self._get("/api/tags")
            if isinstance(_object(tags).get("models"), list) or tags.status in (401, 403):
                return Found("ollama", self._http.address, "its /api/version and /api/tags")
        return None

    async def _openai(self) -> Found | None:
        """A list of models, or the demand for a key where one would be."""
        address = self._http.address
        folders = [""] if address.path.rsplit("/", 1)[-1].startswith("v") else ["/v1", ""]
        for folder in folders:
            reply = await self._get(f"{folder}/models")
            if _is_model_list(reply) or _wants_key(reply):
                there = replace(address, path=address.path + folder)
                return Found("openai", there, f"its {folder}/models")
        return None

    async def _get(self, path: str) -> Reply:
        return await self._http.request("GET", path, anonymous=True)


def _is_model_list(reply: Reply) -> bool:
    value = _value(reply) if reply.ok else None
    if isinstance(value, Mapping):
        value = value.get("data")
    return isinstance(value, list) and all(
        isinstance(entry, Mapping) and "id" in entry for entry in value
    )


def _wants_key(reply: Reply) -> bool:
    said = _object(reply)
    return reply.status in (401, 403) and bool(said.keys() & {"error", "message", "detail"})


def _program(description: Mapping[str, Any]) -> str:
    info = description.get("info")
    title = info.get("title") if isinstance(info, Mapping) else None
    return "chatterm" if title == "chatterm" else ""


def _value(reply: Reply) -> Any:
    try:
        return reply.json()
    except BadReply:
        return None


def _object(reply: Reply) -> Mapping[str, Any]:
    value = _value(reply)
    return value if isinstance(value, Mapping) else {}
