"""Stand-ins for the Open-Assistant inference server, a class for each generation.

Built from recordings of the real servers: the same routes, bodies, headers and defects. What the
workers do is a script for each answer; it is delivered once, as the real queue does, so two readers
share it and a reader that comes back gets the rest.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tests.servers.wire import Connection, Request, WireServer

_BEGAN = datetime(2026, 11, 21, 3, 47, 43, 228420, tzinfo=UTC)
_WORDS = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True)
class Wait:
    """A pending event."""

    position: int = 1
    size: int = 1


@dataclass(frozen=True)
class Say:
    """A token."""

    text: str


@dataclass(frozen=True)
class Plugin:
    """A step of a plugin, and the empty token that follows it."""

    action: str
    given: str
    response: str


@dataclass(frozen=True)
class Finish:
    """The answer is complete; the reader gets the message."""

    text: str


@dataclass(frozen=True)
class Abort:
    """A worker failed; the reader gets its words."""

    reason: str = "Aborted due to worker error."


@dataclass(frozen=True)
class Become:
    """The stored message changes and the reader is told nothing."""

    state: str
    text: str | None = None


@dataclass(frozen=True)
class Raw:
    """Exactly these bytes as a chunk."""

    data: bytes


@dataclass(frozen=True)
class Cut:
    """The connection breaks, inside an event if some bytes of it are given."""

    inside: bytes = b""


@dataclass(frozen=True)
class End:
    """The stream ends in an orderly way and says nothing, as in a restart."""


@dataclass(frozen=True)
class Do:
    """Something the test wants to happen now."""

    action: Callable[[], Any]


Step = Wait | Say | Plugin | Finish | Abort | Become | Raw | Cut | End | Do
PING = Raw(b"event: ping\r\ndata: 2026-11-21 03:52:37.622374\r\n\r\n")
COMMENT = Raw(b": ping - 2026-11-21 04:10:17.823000\r\n\r\n")


@dataclass
class Stored:
    """A message and, for an answer, what its worker will do."""

    id: str
    chat_id: str
    parent_id: str | None
    role: str
    content: str | None
    state: str
    created_at: str
    owner: str
    score: int = 0
    reports: list[dict[str, str]] = field(default_factory=list)
    work: dict[str, Any] | None = None
    script: deque[Step] = field(default_factory=deque)
    said: bool = False


@dataclass
class StoredChat:
    id: str
    owner: str
    created_at: str
    modified_at: str
    title: str | None = None
    hidden: bool = False
    allow_data_use: bool = True
    tail: str | None = None


@dataclass(frozen=True)
class Fault:
    """What happens to one request in place of the answer it should get."""

    method: str
    path_end: str
    status: int = 0
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    is_done: bool = False
    """The request is carried out, and its reply is lost."""


class OpenAssistant(WireServer):
    """The last generation (G5)."""

    models: ClassVar[tuple[str, ...]] = ("_lorem", "OA_SFT_Pythia_12B")
    chats_path: ClassVar[str] = "/chats"
    split: ClassVar[bool] = True
    description: ClassVar[dict[str, list[str]]] = {
        "/auth/callback/debug": ["get"],
        "/chats": ["get", "post"],
        "/chats/{chat_id}": ["get", "put", "delete"],
        "/chats/{chat_id}/prompter_message": ["post"],
        "/chats/{chat_id}/assistant_message": ["post"],
        "/chats/{chat_id}/messages/{message_id}": ["get"],
        "/chats/{chat_id}/messages/{message_id}/events": ["get"],
        "/chats/{chat_id}/messages/{message_id}/message_evals": ["post"],
        "/configs/model_configs": ["get"],
    }
    schemas: ClassVar[dict[str, list[str]]] = {
        "CreateAssistantMessageRequest": ["parent_id", "model_config_name", "system_prompt"]
    }
    models_path: ClassVar[str] = "/configs/model_configs"

    def __init__(self, *, pause: float = 0.0, beat: float = 0.02, refreshes: bool = False) -> None:
        super().__init__(self._route)
        self.pause = pause
        self.beat = beat
        """Seconds between pending events, which are a second apart in real life."""
        self.refreshes = refreshes
        self.debug_allowed = True
        self.described = True
        self.workers = True
        self.next: list[Sequence[Step]] = []
        self.faults: list[Fault] = []
        self.tokens: dict[str, str] = {}
        self.expired: set[str] = set()
        self.chats: dict[str, StoredChat] = {}
        self.messages: dict[str, Stored] = {}
        self.logins = 0
        self._ids = 0
        self._running: set[asyncio.Task[Any]] = set()

    # What a test looks at

    @property
    def log(self) -> list[str]:
        """The requests so far, with ids taken out."""
        return [f"{r.method} {re.sub(r'(chat|msg)-[0-9]+', '*', r.path)}" for r in self.requests]

    def sent(self, path_end: str) -> list[Any]:
        """The bodies of the posts to a path."""
        return [r.json for r in self.requests if r.method == "POST" and r.path.endswith(path_end)]

    def answers(self) -> list[Stored]:
        return [m for m in self.messages.values() if m.role == "assistant"]

    def prompts(self) -> list[Stored]:
        return [m for m in self.messages.values() if m.role == "prompter"]

    def expire(self) -> None:
        """Every token so far is refused from now on."""
        self.expired |= set(self.tokens)

    # Replies

    async def _json(self, connection: Connection, value: Any, status: int = 200) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        await self._body(connection, status, text.encode(), "application/json")

    async def _body(
        self,
        connection: Connection,
        status: int,
        body: bytes = b"",
        kind: str = "",
        *more: tuple[str, str],
    ) -> None:
        headers = [("date", "Sat, 21 Nov 2026 03:46:36 GMT"), ("server", "uvicorn")]
        if status != 204:
            headers.append(("content-length", str(len(body))))
        if kind:
            headers.append(("content-type", kind))
        # A refusal names its headers first, a redirect of the router last.
        at = 2 if body else len(headers)
        headers[at:at] = more
        await connection.reply(status, body, headers)

    async def _refuse(self, connection: Connection, status: int, detail: Any) -> None:
        await self._json(connection, {"detail": detail}, status)

    async def _crash(self, connection: Connection) -> None:
        await self._body(connection, 500, b"Internal Server Error", "text/plain; charset=utf-8")

    async def _swallow(self, connection: Connection) -> None:
        """What the handlers of this server do with an exception of their own."""
        await self._body(connection, 500)

    def _new_id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}-{self._ids}"

    def _now(self) -> str:
        moment = _BEGAN + timedelta(milliseconds=self._ids)
        return moment.replace(tzinfo=None).isoformat()

    # Routes

    async def _route(self, request: Request, connection: Connection) -> None:
        fault = next((f for f in self.faults if _hits(f, request)), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.is_done:
                await self._plain(request, _Nobody())
                connection.cut()
            if not fault.status:
                connection.cut()
            await self._body(connection, fault.status, fault.body, fault.kind, *fault.headers)
            return
        await self._plain(request, connection)

    async def _plain(self, request: Request, connection: Connection) -> None:
        path = request.path
        if path in ("/chats", "/chats/") and path != self.chats_path:
            there = ("location", f"{self.url}{self.chats_path}")
            await self._body(connection, 307, b"", "", there)
        elif path.startswith("/auth/"):
            await self._auth(request, connection)
        elif path == "/openapi.json" and self.described:
            await self._json(connection, self._description())
        elif path == self.models_path:
            await self._json(connection, [self._model(name) for name in self.models])
        elif path == "/workers/sessions":
            await self._json(connection, self._sessions())
        elif path.startswith("/chats"):
            await self._chats(request, connection)
        else:
            await self._refuse(connection, 404, "Not Found")

    def _description(self) -> dict[str, Any]:
        schemas: dict[str, Any] = {
            name: {"properties": {key: {} for key in keys}} for name, keys in self.schemas.items()
        }
        paths: dict[str, Any] = {
            path: {verb: {} for verb in verbs} for path, verbs in self.description.items()
        }
        return {"openapi": "3.0.2", "paths": paths, "components": {"schemas": schemas}}

    def _model(self, name: str) -> dict[str, Any]:
        sampling = {
            "top_k": 50,
            "top_p": 0.95,
            "typical_p": None,
            "temperature": 0.75,
            "repetition_penalty": 1.2,
            "max_new_tokens": 1024,
        }
        preset = {"name": "k50", "description": "", "sampling_parameters": sampling}
        return {"name": name, "description": "", "parameter_configs": [preset]}

    def _config(self, name: str) -> dict[str, Any]:
        return {
            "model_id": name,
            "max_input_length": 128,
            "max_total_length": 256,
            "quantized": False,
        }

    def _sessions(self) -> list[Any]:
        if not self.workers:
            return []
        config = {"model_config": self._config("_lorem"), "max_parallel_requests": 1}
        return [{"id": "s", "worker_id": "w", "worker_info": {"config": config}}]

    async def _auth(self, request: Request, connection: Connection) -> None:
        match request.path:
            case "/auth/providers":
                await self._json(connection, ["debug"])
            case "/auth/login/debug" if "username" in request.query:
                # The real server does not encode them either.
                query = request.query
                values = f"code={query['username']}&state={query.get('state', '{}')}"
                there = ("location", f"{self.url}/auth/callback/debug?{values}")
                await self._body(connection, 302, b'{"detail":"Found"}', "application/json", there)
            case "/auth/callback/debug" if not self.debug_allowed:
                await self._refuse(connection, 403, "Debug auth is not allowed")
            case "/auth/callback/debug" if not request.query.get("code"):
                await self._refuse(connection, 400, "Username is required")
            case "/auth/callback/debug":
                await self._json(connection, self._pair(request.query["code"]))
            case "/auth/refresh":
                await self._refresh(request, connection)
            case "/auth/check":
                user = await self._user(request, connection)
                if user is not None:
                    await self._json(connection, user)
            case _:
                await self._refuse(connection, 404, "Not Found")

    def _token(self, user: str, kind: str) -> dict[str, str]:
        self.logins += kind == "bearer"
        token = f"eyJhbGciOiJkaXIi..{kind}.{user}.{self.logins}"
        self.tokens[token] = user
        return {"access_token": token, "token_type": kind}

    def _pair(self, user: str) -> dict[str, Any]:
        return {
            "access_token": self._token(user, "bearer"),
            "refresh_token": self._token(user, "refresh"),
        }

    async def _refresh(self, request: Request, connection: Connection) -> None:
        user = self.tokens.get(request.headers.get("refresh", ""))
        if "refresh" not in request.headers:
            await self._crash(connection)
        elif self.refreshes and user is not None:
            await self._json(connection, self._token(user, "bearer"))
        else:
            # A genuine token is refused too: that is how the real server is.
            await self._refuse(connection, 401, "Invalid token")

    async def _user(self, request: Request, connection: Connection) -> str | None:
        """Who asks; a refusal is sent where nobody does."""
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ")
        if token == header or not token:
            await self._refuse(connection, 403, "Not authenticated")
        elif token in self.expired:
            await self._refuse(connection, 401, "Token expired")
        elif token not in self.tokens:
            await self._refuse(connection, 401, "Invalid token")
        elif ".refresh." in token:
            await self._refuse(connection, 400, "Invalid token type")
        else:
            return self.tokens[token]
        return None

    async def _chats(  # noqa: C901  (a table of routes)
        self, request: Request, connection: Connection
    ) -> None:
        user = await self._user(request, connection)
        if user is None:
            return
        parts = request.path.strip("/").split("/")
        match request.method, parts[1:]:
            case "POST", []:
                await self._create(user, connection)
            case "GET", []:
                await self._list(user, request, connection)
            case method, [chat_id]:
                await self._one_chat(method, user, chat_id, request, connection)
            case "POST", [chat_id, "prompter_message"] if self.split:
                await self._prompt(user, chat_id, request, connection)
            case "POST", [_, "assistant_message"] if self.split:
                await self._answer_to(user, request, connection)
            case "POST", [chat_id, "messages"] if not self.split:
                await self._both(user, chat_id, request, connection)
            case "GET", [_, "messages", message_id]:
                message = self._message(user, message_id)
                if message is None:
                    await self._crash(connection)
                else:
                    await self._json(connection, self._read(message))
            case "GET", [_, "messages", message_id, "events"]:
                await self._events(user, message_id, connection)
            case "POST", [_, "messages", message_id, "votes" | "reports" | "message_evals"]:
                await self._judge(user, message_id, parts[-1], request, connection)
            case _:
                await self._refuse(connection, 404, "Not Found")

    def _message(self, user: str, message_id: str) -> Stored | None:
        message = self.messages.get(message_id)
        return message if message is not None and message.owner == user else None

    async def _create(self, user: str, connection: Connection) -> None:
        now = self._now()
        chat = StoredChat(self._new_id("chat"), user, now, now)
        self.chats[chat.id] = chat
        await self._json(connection, self._listed(chat))

    async def _list(self, user: str, request: Request, connection: Connection) -> None:
        query = request.query
        limit = int(query.get("limit", "10"))
        mine = [c for c in reversed(self.chats.values()) if c.owner == user]
        if query.get("include_hidden") != "true":
            mine = [c for c in mine if not c.hidden]
        after = query.get("after")
        if after is not None:
            ids = [c.id for c in mine]
            mine = mine[ids.index(after.removeprefix("cursor=")) + 1 :]
        page = mine[:limit]
        following = f"cursor={page[-1].id}" if len(mine) > limit else None
        listed = [self._listed(chat) for chat in page]
        await self._json(connection, {"chats": listed, "next": following, "prev": None})

    async def _one_chat(
        self, method: str, user: str, chat_id: str, request: Request, connection: Connection
    ) -> None:
        chat = self.chats.get(chat_id)
        known = chat is not None and chat.owner == user
        if method == "PUT" and not known:
            await self._swallow(connection)
        elif chat is None or not known:
            await self._refuse(connection, 404, "Chat not found")
        elif method == "GET":
            messages = [self._read(m) for m in self.messages.values() if m.chat_id == chat_id]
            # The server gives them in no order at all.
            whole = {**self._listed(chat, whole=True), "messages": messages[::-1]}
            await self._json(connection, whole)
        elif method == "DELETE":
            self.delete(chat_id)
            await self._body(connection, 200)
        elif len(request.json.get("title") or "") > 100:
            await self._refuse(connection, 422, [{"loc": ["body", "title"], "msg": "too long"}])
        else:
            self._change(chat, request.json)
            await self._json(connection, None)

    def delete(self, chat_id: str) -> None:
        del self.chats[chat_id]
        self.messages = {k: m for k, m in self.messages.items() if m.chat_id != chat_id}

    def _change(self, chat: StoredChat, wanted: dict[str, Any]) -> None:
        if wanted.get("title") is not None:
            chat.title = wanted["title"]
        if wanted.get("hidden") is not None:
            chat.hidden = wanted["hidden"]
        if wanted.get("allow_data_use") is not None:
            chat.allow_data_use = wanted["allow_data_use"]
        chat.tail = wanted.get("active_thread_tail_message_id") or chat.tail

    async def _judge(
        self, user: str, message_id: str, what: str, request: Request, connection: Connection
    ) -> None:
        message = self._message(user, message_id)
        score = request.json.get("score", 0)
        if message is None or message.role == "prompter" or not -1 <= score <= 1:
            await self._swallow(connection)
            return
        if what == "votes":
            message.score = int(score)
        elif what == "reports":
            message.reports.append({"id": self._new_id("report"), **request.json})
        await self._body(connection, 200)

    # Messages

    async def _prompt(
        self, user: str, chat_id: str, request: Request, connection: Connection
    ) -> None:
        chat = self.chats.get(chat_id)
        if chat is None or chat.owner != user:
            await self._swallow(connection)
            return
        body = request.json
        refusal = self._tree_rule(chat_id, body.get("parent_id"))
        if refusal:
            await self._refuse(connection, 400, refusal)
        else:
            await self._json(connection, self._read(self._add_prompt(chat, body)))

    def _tree_rule(self, chat_id: str, parent_id: str | None) -> str:
        if parent_id is None:
            taken = any(m.chat_id == chat_id for m in self.messages.values())
            return "Trying to add first message to non-empty chat" if taken else ""
        parent = self.messages.get(parent_id)
        if parent is None or parent.chat_id != chat_id:
            return "Parent message not found"
        if parent.role != "assistant":
            return "Parent message is not an assistant message"
        return "" if parent.state == "complete" else "Parent message is not complete"

    def _add_prompt(self, chat: StoredChat, body: dict[str, Any]) -> Stored:
        prompt = Stored(
            self._new_id("msg"),
            chat.id,
            body.get("parent_id"),
            "prompter",
            body["content"],
            "manual",
            self._now(),
            chat.owner,
        )
        self.messages[prompt.id] = prompt
        chat.modified_at = prompt.created_at
        chat.title = chat.title or prompt.content
        return prompt

    async def _answer_to(self, user: str, request: Request, connection: Connection) -> None:
        body = request.json
        name = body["model_config_name"]
        parent = self.messages.get(body["parent_id"])
        if name not in self.models:
            await self._refuse(connection, 422, f"Model {name} not found")
        elif parent is None or parent.role != "prompter":
            await self._swallow(connection)
        elif parent.owner != user:
            await self._refuse(connection, 400, "Message not found")
        else:
            await self._json(connection, self._read(self._add_answer(parent, body)))

    def _add_answer(self, parent: Stored, body: dict[str, Any]) -> Stored:
        for other in self.messages.values():
            elsewhere = other.parent_id != parent.id and other.owner == parent.owner
            if elsewhere and other.state == "pending":
                other.state = "cancelled"
        answer = Stored(
            self._new_id("msg"),
            parent.chat_id,
            parent.id,
            "assistant",
            None,
            "pending",
            self._now(),
            parent.owner,
            work=self._work(body),
        )
        answer.script.extend(self.next.pop(0) if self.next else self._speech(parent, body))
        self.messages[answer.id] = answer
        return answer

    def _work(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return {
            "model_config": self._config(body["model_config_name"]),
            "sampling_parameters": body.get("sampling_parameters"),
            "do_sample": True,
            "seed": 10067202797911313696,
            "system_prompt": body.get("system_prompt"),
            "plugins": [],
            "plugin_max_depth": 4,
        }

    def _speech(self, parent: Stored, body: dict[str, Any]) -> list[Step]:
        """What a worker says by itself: the prompt, word by word."""
        words = _WORDS.findall(parent.content or "")
        return [*(Say(word) for word in words), Finish((parent.content or "").strip())]

    async def _both(
        self, user: str, chat_id: str, request: Request, connection: Connection
    ) -> None:
        body = request.json
        chat = self.chats.get(chat_id)
        if not self._knows_model(body):
            await self._refuse_model(body, connection)
        elif chat is None or chat.owner != user or self._tree_rule(chat_id, body["parent_id"]):
            await self._swallow(connection)
        else:
            prompt = self._add_prompt(chat, body)
            answer = self._add_answer(prompt, body)
            pair = {"prompter_message": self._read(prompt), "assistant_message": self._read(answer)}
            await self._json(connection, pair)

    def _knows_model(self, body: dict[str, Any]) -> bool:
        return body.get("model_config_name") in self.models

    async def _refuse_model(self, body: dict[str, Any], connection: Connection) -> None:
        await self._refuse(connection, 422, f"Model {body.get('model_config_name')} not found")

    # The stream

    async def _events(self, user: str, message_id: str, connection: Connection) -> None:
        message = self._message(user, message_id)
        if message is None:
            await self._crash(connection)
        elif message.role != "assistant":
            await self._refuse(connection, 400, "Only assistant messages can be streamed.")
        elif message.state in ("complete", "aborted_by_worker"):
            await self._body(connection, 204)
        else:
            head = [
                ("date", "Sat, 21 Nov 2026 03:47:43 GMT"),
                ("server", "uvicorn"),
                ("cache-control", "no-cache"),
                ("connection", "keep-alive"),
                ("x-accel-buffering", "no"),
                ("content-type", "text/event-stream; charset=utf-8"),
                ("transfer-encoding", "chunked"),
            ]
            await connection.reply(200, b"", head)
            while await self._step(message, connection):
                await asyncio.sleep(self.pause)
            await connection.end_chunks()

    async def _step(self, message: Stored, connection: Connection) -> bool:
        """Do the next step for this reader; False when its stream is over."""
        if message.id not in self.messages or message.state == "cancelled" or not message.script:
            # Nothing will ever come, and the reader is not told.
            await asyncio.sleep(self.beat)
            await self._send(message, COMMENT if message.said else Wait(0, 0), connection)
            return True
        step = message.script.popleft()
        if not isinstance(step, Wait | Raw | Cut | End | Do) and message.state == "pending":
            message.state = "in_progress"
        match step:
            case Do(action=action):
                task = action()
                if asyncio.iscoroutine(task):
                    running = asyncio.ensure_future(task)
                    self._running.add(running)
            case Become(state=state, text=text):
                message.state, message.content = state, text
            case Cut(inside=inside):
                if inside:
                    await connection.chunk(inside)
                await asyncio.sleep(0.01)
                connection.cut()
            case End():
                return False
            case _:
                await self._send(message, step, connection)
        return not isinstance(step, Finish | Abort)

    async def _send(self, message: Stored, step: Step, connection: Connection) -> None:
        match step:
            case Raw(data=data):
                await connection.chunk(data)
                return
            case Wait(position=position, size=size):
                value = self._pending(position, size)
            case Say(text=text):
                message.said = True
                value = self._token_event(text)
            case Plugin():
                await connection.chunk(self._event(self._plugin(step)))
                value = self._token_event("")
            case Finish(text=text):
                message.state, message.content = "complete", text
                value = {"event_type": "message", "message": self._read(message)}
            case Abort(reason=reason):
                message.state = "aborted_by_worker"
                value = self._error(message, reason)
            case _:
                raise AssertionError(step)
        if value:
            await connection.chunk(self._event(value))

    def _event(self, value: Any) -> bytes:
        return b"data: " + json.dumps(value).encode() + b"\r\n\r\n"

    def _pending(self, position: int, size: int) -> dict[str, Any]:
        return {"event_type": "pending", "queue_position": position, "queue_size": size}

    def _token_event(self, text: str) -> dict[str, Any]:
        return {"event_type": "token", "text": text}

    def _plugin(self, step: Plugin) -> dict[str, Any]:
        return {
            "event_type": "plugin_intermediate",
            "current_plugin_thought": "",
            "current_plugin_action_taken": step.action,
            "current_plugin_action_input": step.given,
            "current_plugin_action_response": step.response,
            "message": None,
        }

    def _error(self, message: Stored, reason: str) -> dict[str, Any]:
        return {"event_type": "error", "error": reason, "message": self._read(message)}

    # What is read

    def _listed(self, chat: StoredChat, *, whole: bool = False) -> dict[str, Any]:
        return {
            "id": chat.id,
            "created_at": chat.created_at,
            "modified_at": chat.modified_at,
            "title": chat.title,
            "hidden": chat.hidden,
            "allow_data_use": chat.allow_data_use,
            # The list never has it: a defect of the real server.
            "active_thread_tail_message_id": chat.tail if whole else None,
        }

    def _read(self, message: Stored) -> dict[str, Any]:
        return {
            "id": message.id,
            "parent_id": message.parent_id,
            "content": message.content,
            "chat_id": message.chat_id,
            "created_at": message.created_at,
            "role": message.role,
            "state": message.state,
            "score": message.score,
            "reports": message.reports,
            "work_parameters": message.work,
            "safe_content": None,
            "safety_level": None,
            "safety_label": None,
            "safety_rots": None,
            "used_plugin": None,
        }


class Combined(OpenAssistant):
    """The generation of 24 to 26 March 2023 (G4): a prompt and its answer are made at once."""

    split = False
    description = {
        "/auth/callback/debug": ["get"],
        "/chats": ["get", "post"],
        "/chats/{chat_id}": ["get"],
        "/chats/{chat_id}/messages": ["post"],
        "/chats/{chat_id}/messages/{message_id}": ["get"],
        "/chats/{chat_id}/messages/{message_id}/events": ["get"],
        "/configs/model_configs": ["get"],
    }
    schemas = {"CreateMessageRequest": ["parent_id", "content", "model_config_name"]}

    async def _one_chat(
        self, method: str, user: str, chat_id: str, request: Request, connection: Connection
    ) -> None:
        if method != "GET":
            await self._refuse(connection, 405, "Method Not Allowed")
        elif chat_id not in self.chats or self.chats[chat_id].owner != user:
            await self._crash(connection)
        else:
            await super()._one_chat(method, user, chat_id, request, connection)

    def _message(self, user: str, message_id: str) -> Stored | None:
        # This version cannot read a message that was reported: a field has two names.
        message = super()._message(user, message_id)
        return message if message is not None and not message.reports else None

    async def _refresh(self, request: Request, connection: Connection) -> None:
        if self.refreshes:
            await super()._refresh(request, connection)
        else:
            await self._crash(connection)

    async def _list(self, user: str, request: Request, connection: Connection) -> None:
        mine = [c for c in reversed(self.chats.values()) if c.owner == user]
        await self._json(connection, {"chats": [self._listed(chat) for chat in mine]})

    def _listed(self, chat: StoredChat, *, whole: bool = False) -> dict[str, Any]:
        return {
            "id": chat.id,
            "created_at": chat.created_at,
            "modified_at": chat.modified_at,
            "title": chat.title,
        }

    def _read(self, message: Stored) -> dict[str, Any]:
        return {
            "id": message.id,
            "parent_id": message.parent_id,
            "content": message.content,
            "created_at": message.created_at,
            "role": message.role,
            "state": message.state,
            "score": message.score,
            "reports": message.reports,
        }


class Earlier(Combined):
    """The generation of 11 to 23 March 2023 (G3): a flat token, work parameters, a slash."""

    chats_path = "/chats/"
    models_path = "/configs/models"
    description = {
        "/auth/login/debug": ["get"],
        "/chats/": ["get", "post"],
        "/chats/{chat_id}": ["get"],
        "/chats/{chat_id}/messages": ["post"],
        "/chats/{chat_id}/messages/{message_id}": ["get"],
        "/chats/{chat_id}/messages/{message_id}/events": ["get"],
        "/configs/models": ["get"],
    }
    schemas = {"CreateMessageRequest": ["parent_id", "content", "work_parameters"]}

    async def _auth(self, request: Request, connection: Connection) -> None:
        if request.path != "/auth/login/debug":
            await self._refuse(connection, 404, "Not Found")
        elif not self.debug_allowed:
            await self._refuse(connection, 403, "Debug auth is not allowed")
        else:
            await self._json(connection, self._token(request.query["username"], "bearer"))

    def _model(self, name: str) -> dict[str, Any]:
        work = {
            "model_name": name,
            "top_k": 50,
            "top_p": 0.9,
            "temperature": 1.0,
            "repetition_penalty": None,
        }
        preset = {"name": "k50", "description": "k=50", "work_parameters": work}
        return {"name": name, "description": "", "parameter_configs": [preset]}

    def _knows_model(self, body: dict[str, Any]) -> bool:
        # What is not named is the default model: such a server heeds no field it does not know.
        return body.get("work_parameters", {}).get("model_name", "_lorem") in self.models

    async def _refuse_model(self, body: dict[str, Any], connection: Connection) -> None:
        await self._swallow(connection)

    def _work(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return None

    def _error(self, message: Stored, reason: str) -> dict[str, Any]:
        return {"event_type": "error", "error": reason}


class Untagged(Earlier):
    """The generation of 7 to 10 March 2023 (G2): events do not say what they are."""

    models_path = "/none"
    description = {
        path: verbs
        for path, verbs in Earlier.description.items()
        if path not in ("/configs/models", "/chats/{chat_id}/messages/{message_id}")
    }

    async def _chats(self, request: Request, connection: Connection) -> None:
        if re.fullmatch(r"/chats/[^/]+/messages/[^/]+", request.path):
            await self._refuse(connection, 404, "Not Found")
        else:
            await super()._chats(request, connection)

    def _pending(self, position: int, size: int) -> dict[str, Any]:
        return {}

    def _token_event(self, text: str) -> dict[str, Any]:
        return {"token": {"text": text, "log_prob": -0.1, "token_id": 1}, "error": None}

    def _error(self, message: Stored, reason: str) -> dict[str, Any]:
        return {"token": None, "error": reason}

    async def _send(self, message: Stored, step: Step, connection: Connection) -> None:
        if isinstance(step, Finish):
            # There was no event for the end: the stream was over.
            message.state, message.content = "complete", step.text
            return
        await super()._send(message, step, connection)


GENERATIONS: dict[str, type[OpenAssistant]] = {
    "G5": OpenAssistant,
    "G4": Combined,
    "G3": Earlier,
    "G2": Untagged,
}


def _hits(fault: Fault, request: Request) -> bool:
    return request.method == fault.method and request.path.endswith(fault.path_end)


class _Nobody(Connection):
    """Takes a reply that is to be lost."""

    def __init__(self) -> None:
        return

    async def raw(self, data: bytes) -> None:
        return
