"""What the server counts, in the text form of Prometheus.

Labels come from the code and from the list of models, so that their number is bounded: no user, no
path that a client made up.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from chatterm import __version__
from chatterm.engine.machine import resident_bytes
from chatterm.server.access import MetricsCaller
from chatterm.server.core import Server
from chatterm.server.observing import Seen
from chatterm.server.work import Job, JobState

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Counts:
    """How many times were how long."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(_SECONDS, seconds)] += 1
        self.total += seconds


class Metrics:
    """Listens to requests and jobs, and adds up."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._began = server.clock()
        self._requests: dict[_Labels, int] = defaultdict(int)
        self._seconds: dict[_Labels, _Counts] = defaultdict(_Counts)
        self._jobs: dict[_Labels, int] = defaultdict(int)
        self._tokens: dict[_Labels, int] = defaultdict(int)
        self._waits: dict[_Labels, _Counts] = defaultdict(_Counts)
        self._firsts: dict[_Labels, _Counts] = defaultdict(_Counts)

    def request(self, seen: Seen) -> None:
        route = ("method", seen.method), ("route", seen.route)
        self._requests[*route, ("status", str(seen.status))] += 1
        self._seconds[route].add(seen.seconds)

    def job(self, job: Job) -> None:
        model = (("model", job.model),)
        if job.state is JobState.IN_PROGRESS and job.started_at is not None:
            self._waits[model].add(job.started_at - job.created_at)
        if not job.state.is_over:
            return
        self._jobs[*model, ("state", str(job.state))] += 1
        usage = job.usage
        for kind, count in (
            ("cached", usage.cached_tokens),
            ("evaluated", usage.evaluated_tokens),
            ("completion", usage.completion_tokens),
        ):
            self._tokens[*model, ("kind", kind)] += count
        if job.timings.first_token_ms is not None:
            self._firsts[model].add(job.timings.first_token_ms / 1000)

    def text(self) -> str:
        jobs = self._server.jobs
        now = self._server.clock()
        parts = [
            _lines("info", "gauge", "This server.", [((("version", __version__),), 1)]),
            _lines("requests_total", "counter", "Requests.", self._requests.items()),
            _times("request_seconds", "How long requests took, streams included.", self._seconds),
            _lines("jobs_total", "counter", "Answers that are over.", self._jobs.items()),
            _lines("jobs_waiting", "gauge", "Answers that wait.", [((), jobs.waiting)]),
            _lines("jobs_running", "gauge", "Answers being written.", [((), jobs.running)]),
            _times("job_wait_seconds", "How long answers waited for their turn.", self._waits),
            _times("first_token_seconds", "From the turn to the first token.", self._firsts),
            _lines("tokens_total", "counter", "Tokens.", self._tokens.items()),
            _lines("up_seconds", "gauge", "Since it began.", [((), round(now - self._began, 3))]),
            _lines(
                "cpu_seconds_total",
                "counter",
                "Processor time of the server, without engines.",
                [((), round(time.process_time(), 3))],
            ),
            _lines("resident_bytes", "gauge", "Memory, without engines.", [((), resident_bytes())]),
            _lines("open_files", "gauge", "Open files and sockets.", [((), _open_files())]),
        ]
        return "".join(line for part in parts for line in part)


def routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/metrics", summary="What the server counts", response_class=PlainTextResponse)
    async def read(_: MetricsCaller) -> Response:
        return Response(metrics.text(), headers={"Content-Type": _TYPE})

    return router


def _lines(
    name: str, kind: str, words: str, values: Iterable[tuple[_Labels, float]]
) -> Iterator[str]:
    yield f"# HELP chatterm_{name} {words}\n# TYPE chatterm_{name} {kind}\n"
    for labels, value in values:
        yield f"chatterm_{name}{_shown(labels)} {value}\n"


def _times(name: str, words: str, values: dict[_Labels, _Counts]) -> Iterator[str]:
    yield f"# HELP chatterm_{name} {words}\n# TYPE chatterm_{name} histogram\n"
    for labels, counts in values.items():
        total = 0
        for bound, count in zip([*map(str, _SECONDS), "+Inf"], counts.buckets, strict=True):
            total += count
            yield f"chatterm_{name}_bucket{_shown((*labels, ('le', bound)))} {total}\n"
        yield f"chatterm_{name}_sum{_shown(labels)} {round(counts.total, 6)}\n"
        yield f"chatterm_{name}_count{_shown(labels)} {total}\n"


def _shown(labels: Sequence[tuple[str, str]]) -> str:
    said = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
    return f"{{{said}}}" if said else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 0
