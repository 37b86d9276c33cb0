"""The server's log: a line for each request and each job, as JSON or for people.

Nothing that anybody wrote, and no key or token, is ever in it. So of an exception it has the kind
and the places in the code, not the message, which may repeat what was sent.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from chatterm import __version__
from chatterm.server.observing import Seen
from chatterm.server.work import Job

Form = Literal["plain", "json", "off"]

_FIELDS = "chatterm_fields"
_server = logging.getLogger("chatterm.server")
_requests = logging.getLogger("chatterm.server.requests")
_jobs = logging.getLogger("chatterm.server.jobs")
_QUIET = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""What asks every few seconds is only written down when it fails."""


def write_to(stream: TextIO, form: Form) -> logging.Handler:
    """Let the server's log, and what uvicorn has to say, go to a stream."""
    handler: logging.Handler = logging.NullHandler()
    if form != "off":
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    for name, level in (("chatterm", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    return handler


def announce(event: str, fields: Mapping[str, str]) -> None:
    """What an owner should see when the server starts."""
    _log(_server, logging.INFO, event, {**fields, "version": __version__})


def request_over(seen: Seen) -> None:
    if seen.route in _QUIET and seen.status < 400:
        return
    fields: dict[str, Any] = {
        "request": seen.request_id,
        "client": seen.client,
        "user": seen.user_id,
        "method": seen.method,
        "route": seen.route,
        "status": seen.status,
        "ms": round(seen.seconds * 1000, 1),
    }
    if seen.jobs:
        fields["jobs"] = list(seen.jobs)
        fields["prompt_tokens"] = seen.prompt_tokens
        fields["completion_tokens"] = seen.completion_tokens
    if seen.left:
        fields["left"] = True
    _log(_requests, logging.WARNING if seen.status >= 500 else logging.INFO, "request", fields)


def job_changed(job: Job) -> None:
    """A line when a job is over; how it began is told by its times."""
    if not job.state.is_over:
        return
    finished, started = job.finished_at or job.created_at, job.started_at
    fields: dict[str, Any] = {
        "job": job.id,
        "user": job.user_id,
        "model": job.model,
        "state": str(job.state),
        "queue_ms": round(((started or finished) - job.created_at) * 1000, 1),
        "ms": round((finished - (started or finished)) * 1000, 1),
        "prompt_tokens": job.usage.prompt_tokens,
        "cached_tokens": job.usage.cached_tokens,
        "completion_tokens": job.usage.completion_tokens,
    }
    if job.error_kind:
        fields["error"] = job.error_kind
    _log(_jobs, logging.INFO, "job", fields)


def _log(logger: logging.Logger, level: int, event: str, fields: Mapping[str, Any]) -> None:
    logger.log(level, event, extra={_FIELDS: fields})


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            said["exception"] = _kind(record)
            said["at"] = _places(record)
        return json.dumps(said, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """For people and the journal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, _FIELDS, {})
        words = [_when(record), record.levelname.lower(), record.getMessage()]
        words += [f"{key}={_shown(value)}" for key, value in fields.items() if value != ""]
        if record.exc_info:
            words += [_kind(record), *_places(record)]
        return " ".join(words)


def _when(record: logging.LogRecord) -> str:
    when = datetime.fromtimestamp(record.created, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _kind(record: logging.LogRecord) -> str:
    kind = record.exc_info[0] if record.exc_info else None
    return kind.__name__ if kind else ""


def _places(record: logging.LogRecord) -> list[str]:
    """Where it happened, the innermost last."""
    trace = record.exc_info[2] if record.exc_info else None
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
