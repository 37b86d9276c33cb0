"""What one user may use: requests in a minute, tokens in a day. Open jobs are counted by the jobs.

Requests are counted here and now; tokens in the database, so that a restart forgives nothing.
"""

from __future__ import annotations

from collections import deque

from chatterm.ids import Clock
from chatterm.server.problems import TooMany
from chatterm.server.records import Records
from chatterm.server.work import Job

_MINUTE = 60.0
_DAY = 86400


class Limits:
    """The accounts of all users."""

    def __init__(
        self, records: Records, *, requests_per_minute: int = 0, tokens_per_day: int = 0
    ) -> None:
        self._db = records.db
        self._clock: Clock = records.clock
        self._requests = requests_per_minute
        self._tokens = tokens_per_day
        self._seen: dict[str, deque[float]] = {}

    def request(self, user_id: str) -> None:
        """Count a request; TooMany where it is one too many."""
        if not self._requests:
            return
        now = self._clock()
        seen = self._seen.setdefault(user_id, deque())
        while seen and seen[0] <= now - _MINUTE:
            seen.popleft()
        if len(seen) >= self._requests:
            wait = max(1, round(seen[0] + _MINUTE - now))
            raise TooMany(f"Too Many Requests. Retry After {wait} seconds.", wait)
        seen.append(now)

    def answer(self, user_id: str) -> None:
        """Whether an answer may be begun."""
        if self._tokens and self.tokens_today(user_id) >= self._tokens:
            wait = _DAY - int(self._clock()) % _DAY
            raise TooMany("You have used all your tokens of today.", wait)

    def tokens_today(self, user_id: str) -> int:
        found: int | None = self._db.value(
            "SELECT tokens FROM server_usage WHERE user_id = ? AND day = ?",
            (user_id, self._today()),
        )
        return found or 0

    def note(self, job: Job) -> None:
        """Count what a job has cost, when it is over."""
        tokens = job.usage.prompt_tokens + job.usage.completion_tokens
        if not self._tokens or not job.state.is_over or not tokens:
            return
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_usage (user_id, day, tokens) VALUES (?, ?, ?)"
                " ON CONFLICT (user_id, day) DO UPDATE SET tokens = tokens + excluded.tokens",
                (job.user_id, self._today(), tokens),
            )

    def _today(self) -> int:
        return int(self._clock()) // _DAY
