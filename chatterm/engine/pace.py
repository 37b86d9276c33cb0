"""How fast this machine is right now, and what follows: prompt chunks and thread counts.

llama.cpp's threads wait for each other by spinning. On an idle machine that is the fastest way; if
another program keeps one core busy, every step waits for the thread that shares it, and fewer
threads are faster. So counts are tried out for a few steps when steps become slow, and again from
time to time while fewer threads are in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_SHARED_SECONDS = 0.2
"""The longest a prompt's chunk should hold up those whose answers are being written."""
_ALONE_SECONDS = 3.0
"""The longest a stop should have to wait while a prompt is read."""
_SHARED_LEAST, _ALONE_LEAST = 32, 64
_TRIAL_STEPS = 3
_RISE_STEPS = 12
"""For more threads than are in use: the first steps on a shared core are fast, as whoever slept is
let in before whoever kept the core busy."""
_HOPELESS = 1.5
"""Times the best mean; a trial that is so much slower is not played to its end."""
_SLOWER = 1.35
"""A step this much longer than usual is a sign that a core is shared."""
_SUSPICIOUS_STEPS = 3
_FIRST_RETRY_SECONDS = 0.5
"""A core that was busy for a moment only must not cost a whole answer half its speed."""
_LAST_RETRY_SECONDS = 16.0
_RETRY_GROWTH = 3


@dataclass(slots=True)
class _Trial:
    """A few steps with each of some thread counts."""

    counts: list[int]
    tokens: int
    """In each step; steps of another size say nothing in this trial."""
    at: int = 0
    seen: int = 0
    spent: float = 0.0
    best: float = float("inf")
    winner: int = 0


class Pace:
    """Learns from the steps that were done."""

    def __init__(self, threads: int, monotonic: Callable[[], float]) -> None:
        self._most = threads
        self._count = threads
        self._monotonic = monotonic
        self._usual: dict[int, float] = {}
        """Seconds of a step, by the tokens in it."""
        self._suspicious = 0
        self._trial: _Trial | None = None
        self._retry_after = _FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._prompt_rate = 0.0

    @property
    def threads(self) -> tuple[int, int]:
        """Threads for the next step: for single tokens, for prompts."""
        count = self._trial.counts[self._trial.at] if self._trial else self._count
        return count, self._count

    def chunk(self, *, others_write: bool, limit: int) -> int:
        """Prompt tokens for the next step, so that nobody waits long for it."""
        seconds = _SHARED_SECONDS if others_write else _ALONE_SECONDS
        least = _SHARED_LEAST if others_write else _ALONE_LEAST
        if not self._prompt_rate:
            return min(limit, 4 * least)
        # Whole multiples of 32 keep the library's matrix kernels at full speed.
        wanted = int(self._prompt_rate * seconds) // 32 * 32
        return max(min(wanted, limit), min(least, limit))

    def learn(self, seconds: float, tokens: int, reading: int) -> None:
        """Take note of one step."""
        if reading >= _SHARED_LEAST:
            rate = tokens / max(seconds, 1e-6)
            old = self._prompt_rate or rate
            self._prompt_rate = 0.5 * old + 0.5 * rate
        elif not reading and self._most > 1:
            self._learn_threads(seconds, tokens)

    def _learn_threads(self, seconds: float, tokens: int) -> None:
        if self._trial is not None and self._trial.tokens != tokens:
            self._trial = None
        if self._trial is not None:
            self._continue_trial(self._trial, seconds)
        elif not self._usual or self._may_retry():
            self._begin_trial(tokens)
        else:
            self._watch(seconds, tokens)

    def _may_retry(self) -> bool:
        return self._count < self._most and self._monotonic() >= self._retry_at

    def _watch(self, seconds: float, tokens: int) -> None:
        """Follow the usual time of a step, which grows as a chat does; notice jumps."""
        usual = self._usual.setdefault(tokens, seconds)
        if seconds > _SLOWER * usual:
            self._suspicious += 1
            if self._suspicious >= _SUSPICIOUS_STEPS:
                self._begin_trial(tokens)
        else:
            self._suspicious = 0
            self._usual[tokens] = usual + 0.1 * (seconds - usual)

    def _begin_trial(self, tokens: int) -> None:
        """Try the count in use first, so that a worse one is given up after a step or two."""
        self._suspicious = 0
        others = {self._most, self._most - 1, (self._most + 1) // 2} - {self._count, 0}
        self._trial = _Trial([self._count, *sorted(others, reverse=True)], tokens)

    def _continue_trial(self, trial: _Trial, seconds: float) -> None:
        # The mean, not the best: with a busy core some steps are lucky, and the next ones pay.
        trial.seen += 1
        trial.spent += seconds
        if not self._is_decided(trial):
            return
        mean = trial.spent / trial.seen
        if mean < trial.best:
            trial.best, trial.winner = mean, trial.counts[trial.at]
        trial.seen, trial.spent = 0, 0.0
        trial.at += 1
        if trial.at == len(trial.counts):
            self._end_trial(trial)

    def _is_decided(self, trial: _Trial) -> bool:
        wanted = _RISE_STEPS if trial.counts[trial.at] > self._count else _TRIAL_STEPS
        is_slow = trial.spent > _HOPELESS * trial.best * trial.seen
        return trial.seen >= wanted or (is_slow and trial.spent > _TRIAL_STEPS * trial.best)

    def _end_trial(self, trial: _Trial) -> None:
        self._trial = None
        stayed = trial.winner == self._count
        self._count = trial.winner
        self._usual = {trial.tokens: trial.best}
        longer = min(self._retry_after * _RETRY_GROWTH, _LAST_RETRY_SECONDS)
        self._retry_after = longer if stayed else _FIRST_RETRY_SECONDS
        self._retry_at = self._monotonic() + self._retry_after
