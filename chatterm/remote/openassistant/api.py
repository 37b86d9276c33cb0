"""What can be done with a server's chats beside talking: list, read, name, hide, delete, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from chatterm.errors import BadReply, ConfigError, Refused, RemoteError
from chatterm.remote._http import Reply
from chatterm.remote.failures import failure
from chatterm.remote.openassistant.access import Access
from chatterm.remote.openassistant.generation import is_missing_route
from chatterm.remote.openassistant.values import RemoteChat, RemoteMessage, chat_of, message_of

ReportType: TypeAlias = Literal["spam", "offensive", "feedback"]

_PAGE = 100
_MOST_PAGES = 1000
_TITLE_LENGTH = 100


class Api:
    """The chats of one user on one server."""

    def __init__(self, access: Access) -> None:
        self.access = access

    @property
    def name(self) -> str:
        return self.access.name

    async def aclose(self) -> None:
        await self.access.http.aclose()

    async def model_configs(self) -> dict[str, Mapping[str, Any]]:
        """Each model with the sampling the server would choose; empty where it does not tell."""
        path = (await self.access.generation()).models
        if not path:
            return {}
        reply = await self.access.http.request("GET", path, anonymous=True)
        value = self.good(reply).json()
        if not isinstance(value, list):
            raise BadReply(f"the list of models of {self.name} cannot be read")
        entries = [e for e in value if isinstance(e, Mapping) and isinstance(e.get("name"), str)]
        return {entry["name"]: _preset(entry) for entry in entries}

    async def worker_configs(self) -> list[Mapping[str, Any]] | None:
        """What the workers that are connected offer; None where it cannot be known."""
        reply = await self.access.http.request("GET", "/workers/sessions", anonymous=True)
        try:
            value = reply.json() if reply.ok else None
        except BadReply:
            return None
        if not isinstance(value, list):
            return None
        return [config for session in value if (config := _worker_config(session))]

    async def create_chat(self) -> str:
        path = (await self.access.generation()).chats
        return chat_of(self.good(await self.access.request("POST", path, body={})).json()).id

    async def chats(self, *, include_hidden: bool = False) -> list[RemoteChat]:
        """All chats, the newest first."""
        path = (await self.access.generation()).chats
        hidden = "true" if include_hidden else "false"
        found: list[RemoteChat] = []
        after = ""
        for _ in range(_MOST_PAGES):
            query = f"?limit={_PAGE}&include_hidden={hidden}{after}"
            page = self.good(await self.access.request("GET", path + query)).json()
            entries = page.get("chats") if isinstance(page, Mapping) else None
            if not isinstance(entries, list):
                raise BadReply(f"the list of chats of {self.name} cannot be read")
            found += [chat_of(entry) for entry in entries]
            following = page.get("next")
            if not entries or not isinstance(following, str):
                break
            after = f"&after={quote(following, safe='')}"
        return found

    async def chat(self, chat_id: str) -> RemoteChat:
        """A chat with its messages."""
        return chat_of(self.good(await self.access.request("GET", _chat(chat_id))).json())

    async def find_chat(self, chat_id: str) -> RemoteChat | None:
        """A chat, or None where the server has none of that id for this user."""
        reply = await self.access.request("GET", _chat(chat_id))
        # Old servers fail where they mean that there is none.
        if reply.status in (404, 500):
            return None
        return chat_of(self.good(reply).json())

    async def message(self, chat_id: str, message_id: str) -> RemoteMessage | None:
        """A message, or None where the server has it no more; every version says that by a 500."""
        reply = await self.access.request("GET", message_path(chat_id, message_id))
        if is_missing_route(reply):
            # The oldest servers give messages only with their chat.
            chat = await self.find_chat(chat_id)
            found = (m for m in (chat.messages if chat else ()) if m.id == message_id)
            return next(found, None)
        if reply.status in (404, 500):
            return None
        return message_of(self.good(reply).json())

    async def rename(self, chat_id: str, title: str) -> None:
        """Give a title; the server takes 100 characters."""
        if len(title) > _TITLE_LENGTH:
            title = title[: _TITLE_LENGTH - 1] + "…"
        await self._update(chat_id, {"title": title})

    async def hide(self, chat_id: str, *, hidden: bool = True) -> None:
        await self._update(chat_id, {"hidden": hidden})

    async def allow_data_use(self, chat_id: str, *, allowed: bool) -> None:
        """Whether the server's owners may train on a chat."""
        await self._update(chat_id, {"allow_data_use": allowed})

    async def set_tip(self, chat_id: str, message_id: str) -> None:
        """Tell the server which branch is shown."""
        await self._update(chat_id, {"active_thread_tail_message_id": message_id})

    async def delete(self, chat_id: str) -> None:
        """Delete a chat there, for good."""
        if not (await self.access.generation()).deletes:
            raise self._too_old("delete chats")
        self.good(await self.access.request("DELETE", _chat(chat_id)))

    async def vote(self, chat_id: str, message_id: str, score: int) -> None:
        """Judge an answer: 1, -1, or 0 to take that back."""
        await self._judge(chat_id, message_id, "votes", {"score": score})

    async def report(
        self, chat_id: str, message_id: str, report_type: ReportType, reason: str
    ) -> None:
        body = {"report_type": report_type, "reason": reason}
        await self._judge(chat_id, message_id, "reports", body)

    async def choose(self, chat_id: str, message_id: str, others: Sequence[str]) -> None:
        """Prefer an answer to its siblings."""
        if not (await self.access.generation()).chooses:
            raise self._too_old("compare answers")
        body = {"inferior_message_ids": list(others)}
        await self._judge(chat_id, message_id, "message_evals", body)

    def good(self, reply: Reply) -> Reply:
        """The reply, if it is a success."""
        if reply.ok:
            return reply
        raise self.failure(reply)

    def failure(self, reply: Reply) -> RemoteError:
        wait = reply.wait(self.access.http.clock())
        return failure(self.name, reply.status, reply.words, wait)

    async def _update(self, chat_id: str, body: Mapping[str, Any]) -> None:
        if not (await self.access.generation()).updates:
            raise self._too_old("change chats")
        reply = await self.access.request("PUT", _chat(chat_id), body=body)
        if reply.status == 500 and not reply.words:
            raise Refused(f"{self.name} has no such chat", hint="chatterm remotes chats lists them")
        self.good(reply)

    async def _judge(self, chat_id: str, message_id: str, what: str, body: Any) -> None:
        path = f"{message_path(chat_id, message_id)}/{what}"
        reply = await self.access.request("POST", path, body=body)
        if reply.status == 500 and not reply.words:
            raise Refused(f"{self.name} does not take that: only your own answers can be judged")
        self.good(reply)

    def _too_old(self, what: str) -> Refused:
        return Refused(f"{self.name} is too old to {what}", hint="it stays as it is there")


def report_type(name: str) -> ReportType:
    match name:
        case "spam" | "offensive" | "feedback":
            return name
        case _:
            raise ConfigError(f"a report is spam, offensive or feedback, not {name!r}")


def message_path(chat_id: str, message_id: str) -> str:
    return f"{_chat(chat_id)}/messages/{quote(message_id, safe='')}"


def _chat(chat_id: str) -> str:
    return f"/chats/{quote(chat_id, safe='')}"


def _preset(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first way of sampling that a model is listed with."""
    presets = entry.get("parameter_configs")
    first = presets[0] if isinstance(presets, list) and presets else None
    if not isinstance(first, Mapping):
        return {}
    found = first.get("sampling_parameters") or first.get("work_parameters")
    if not isinstance(found, Mapping):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, int | float)}


def _worker_config(session: Any) -> Mapping[str, Any]:
    found = session
    for key in ("worker_info", "config", "model_config"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
