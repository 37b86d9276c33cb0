"""Requests that are wrong in every way the OpenAPI document allows to think of."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, openapi
from schemathesis.core.errors import InvalidSchema

QUIET: dict[str, Any] = {
    "models": ("echo",),
    "requests_per_minute": 0,
    "open_jobs": 1000,
    "queue_size": 1000,
}
"""Settings of a server that is asked as fast as it answers."""
DEEP = 3000
"""More than Python's parsers go into each other."""
NOT_JSON = (
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"NaN",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"9" * 5000,
)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "\ud800",
    "\u202e" * 3,
    "../../etc/passwd",
    "x" * 20_000,
    [],
    [None],
    [[[]]],
    {},
    {"": None},
    {"\ud800": "\ud800"},
    {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
    {"$ref": "#"},
    {"type": "string", "pattern": "(((("},
)
TIMEOUT = 20.0


@dataclass(frozen=True)
class Failure:
    request: str
    status: int
    said: str


class Malformed:
    """Asks one server, and remembers what it should never have answered."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.asked = 0
        self.failures: list[Failure] = []
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT)
        self._document: dict[str, Any] = self._http.get("/openapi.json").json()
        self.schema = openapi.from_dict(self._document)
        self.schema.config.update(base_url=url)

    def close(self) -> None:
        self._http.close()

    def generate(self, examples: int, until: float, number: int = 0) -> None:
        """What schemathesis makes of every operation: valid, and with something wrong."""
        found: Any = self.schema.get_all_operations()
        operations = [one.ok() for one in found]
        random.Random(number).shuffle(operations)
        modes = (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)
        for operation, mode in itertools.product(operations, modes):
            if time.monotonic() > until:
                return
            try:
                self._examples(operation, mode, examples, number)
            except (Unsatisfiable, InvalidSchema):
                # Nothing can be wrong with an operation that takes nothing.
                continue

    def _examples(self, operation: Any, mode: GenerationMode, examples: int, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            said = case.as_transport_kwargs(base_url=self.url)
            self._send_like_requests(said)

        ask()

    def _send_like_requests(self, said: Mapping[str, Any]) -> None:
        content = said.get("data")
        headers = {
            key: value
            for key, value in (said.get("headers") or {}).items()
            if value is not None and _can_be_sent(key, value)
        }
        try:
            request = self._http.build_request(
                said["method"],
                said["url"],
                params=said.get("params"),
                headers=headers,
                content=content if isinstance(content, bytes | str) else None,
                data=content if isinstance(content, dict) else None,
                json=said.get("json") if "json" in said else None,
            )
        except (ValueError, TypeError, httpx.InvalidURL):
            return
        self._send(request)

    def hostile(self, until: float, number: int = 0) -> None:
        """Bodies that no schema makes: what is no JSON, and odd values in each known field."""
        rng = random.Random(number)
        bodies = list(self._bodies())
        rng.shuffle(bodies)
        for method, path, fields in bodies:
            for content in NOT_JSON:
                self._raw(method, path, content)
            for name in fields:
                if time.monotonic() > until:
                    return
                for odd in rng.sample(ODD, 8):
                    self._raw(method, path, _json({**_filled(fields), name: odd}))

    def _raw(self, method: str, path: str, content: bytes) -> None:
        headers = {"content-type": "application/json"}
        self._send(self._http.build_request(method, path, content=content, headers=headers))

    def _send(self, request: httpx.Request) -> None:
        self.asked += 1
        try:
            reply = self._http.send(request, stream=True)
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
            # No client can send this.
            return
        except httpx.TimeoutException:
            self.failures.append(Failure(f"{request.method} {request.url}", 0, "no answer"))
            return
        try:
            # A stream may go on for as long as the model does; its beginning is enough.
            said = next(reply.iter_bytes(), b"")
        finally:
            reply.close()
        if reply.status_code >= 500:
            what = f"{request.method} {request.url} {request.read()[:300]!r}"
            self.failures.append(
                Failure(what, reply.status_code, said[:300].decode(errors="replace"))
            )

    def _bodies(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """Method, path and the fields of the body, of every operation that takes one."""
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {})
                for kind in content.values():
                    fields = list(self._fields(kind.get("schema", {})))
                    plain = path.replace("{", "").replace("}", "")
                    yield method.upper(), plain, fields

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[str]:
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            yield from self._fields(self._document["components"]["schemas"][name])
        for part in ("anyOf", "oneOf", "allOf"):
            for one in schema.get(part, ()):
                yield from self._fields(one)
        yield from schema.get("properties", {})


def _filled(fields: Sequence[str]) -> dict[str, Any]:
    """What lets most requests get further than to the first missing field."""
    known = {
        "model": "echo",
        "messages": [{"role": "user", "content": "hello"}],
        "prompt": "hello",
        "input": "hello",
        "content": "hello",
        "max_tokens": 4,
        "stream": False,
    }
    return {name: value for name, value in known.items() if name in fields}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _can_be_sent(key: object, value: object) -> bool:
    try:
        httpx.Headers({str(key): str(value)})
    except (ValueError, TypeError):
        return False
    return str(value).isprintable() and str(value).isascii() and str(key).isascii()
