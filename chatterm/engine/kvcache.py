"""Never evaluate a token twice: which sequence already knows the beginning of a prompt.

A prompt takes over the idle sequence that shares most with it, shares the cells of a busy one, or
comes back from a snapshot on disk, whichever saves most. The last token of a prompt is always
evaluated, since its logits are what an answer starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chatterm.engine.snapshots import Snapshots, Written

_WORTH_KEEPING = 64
"""Tokens: less than this is evaluated again sooner than it is copied or written."""


class Memory(Protocol):
    """What the cache needs of a runtime."""

    @property
    def keeps_any_prefix(self) -> bool: ...

    def cut(self, sequence: int, length: int) -> bool: ...

    def forget(self, sequence: int) -> None: ...

    def copy(self, source: int, target: int, length: int) -> None: ...

    def state_of(self, sequence: int) -> bytearray: ...

    def restore(self, sequence: int, state: bytearray) -> bool: ...


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the context and what it holds, position by position."""

    number: int
    tokens: list[int] = field(default_factory=list)
    answers: list[Written] = field(default_factory=list)
    """What the model itself wrote in it, and at which positions."""
    busy: bool = False
    used_at: float = 0.0
    saved: int = 0
    """How many of the tokens a snapshot holds."""


class PrefixCache:
    """The sequences of one context."""

    def __init__(
        self,
        memory: Memory,
        count: int,
        snapshots: Snapshots | None,
        monotonic: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._slots = [Slot(number) for number in range(count)]
        self._snapshots = snapshots
        self._monotonic = monotonic

    @property
    def has_free_slot(self) -> bool:
        return any(not slot.busy for slot in self._slots)

    def take(self, prompt: Sequence[int]) -> tuple[Slot, int]:
        """A sequence for this prompt, and how much of the prompt it already knows."""
        prompt = list(prompt)
        source, shared = self._best_source(prompt)
        slot = self._from_snapshot(prompt, shared) or self._from_slot(source, shared)
        known = min(common_prefix(slot.tokens, prompt), len(prompt) - 1)
        known = self._cut(slot, known)
        slot.busy = True
        slot.used_at = self._monotonic()
        return slot, known

    def release(self, slot: Slot) -> None:
        """The answer is over; what it left stays warm."""
        slot.busy = False
        slot.used_at = self._monotonic()

    def drop(self, slot: Slot) -> None:
        """Forget a sequence whose state cannot be trusted."""
        self._clear(slot)
        slot.busy = False

    def evict_one(self) -> bool:
        """Make room by writing out and forgetting the idle sequence that was used longest ago."""
        idle = [slot for slot in self._slots if not slot.busy and slot.tokens]
        if not idle:
            return False
        self._evict(min(idle, key=lambda slot: slot.used_at))
        return True

    def save_all(self) -> None:
        """Write a snapshot of everything that is worth one."""
        for slot in self._slots:
            if not slot.busy:
                self._save(slot)

    def _best_source(self, prompt: list[int]) -> tuple[Slot | None, int]:
        best: Slot | None = None
        most = 0
        for slot in self._slots:
            shared = self._usable(slot.tokens, prompt)
            if shared > most or (shared == most and best is not None and best.busy):
                best, most = slot, shared
        return best, most

    def _usable(self, held: list[int], prompt: list[int]) -> int:
        shared = min(common_prefix(held, prompt), len(prompt) - 1)
        if not self._memory.keeps_any_prefix and shared < len(held):
            return 0
        return shared

    def _from_snapshot(self, prompt: list[int], shared: int) -> Slot | None:
        if self._snapshots is None:
            return None
        found = self._snapshots.best(lambda tokens: self._usable(tokens, prompt))
        if found is None or found[1] < shared + _WORTH_KEEPING:
            return None
        snapshot = self._snapshots.read(found[0])
        if snapshot is None:
            return None
        slot = self._empty_slot()
        if not self._memory.restore(slot.number, snapshot.state):
            self._clear(slot)
            return None
        slot.tokens = snapshot.tokens
        slot.answers = snapshot.answers
        slot.saved = len(slot.tokens)
        return slot

    def _from_slot(self, source: Slot | None, shared: int) -> Slot:
        if source is None or not shared:
            return self._empty_slot()
        if not source.busy and not self._worth_a_copy(source, len(source.tokens) - shared):
            return source
        target = self._empty_slot(but=source)
        self._memory.copy(source.number, target.number, shared)
        target.tokens = source.tokens[:shared]
        target.answers = _before(shared, source.answers)
        target.saved = min(source.saved, shared)
        return target

    def _worth_a_copy(self, source: Slot, tail: int) -> bool:
        """Whether to keep what ``source`` holds beyond the shared part, in a sequence more."""
        spare = [slot for slot in self._slots if not slot.busy and slot is not source]
        if tail == 0 or not spare:
            return False
        return tail > _WORTH_KEEPING or any(not slot.tokens for slot in spare)

    def _empty_slot(self, but: Slot | None = None) -> Slot:
        idle = [slot for slot in self._slots if not slot.busy and slot is not but]
        slot = min(idle, key=lambda slot: (bool(slot.tokens), slot.used_at))
        self._evict(slot)
        return slot

    def _cut(self, slot: Slot, length: int) -> int:
        if length == len(slot.tokens):
            return length
        if length and self._memory.cut(slot.number, length):
            del slot.tokens[length:]
            slot.answers = _before(length, slot.answers)
            slot.saved = min(slot.saved, length)
            return length
        self._clear(slot)
        return 0

    def _evict(self, slot: Slot) -> None:
        self._save(slot)
        self._clear(slot)

    def _clear(self, slot: Slot) -> None:
        self._memory.forget(slot.number)
        slot.tokens = []
        slot.answers = []
        slot.saved = 0

    def _save(self, slot: Slot) -> None:
        if self._snapshots is None or len(slot.tokens) < slot.saved + _WORTH_KEEPING:
            return
        state = self._memory.state_of(slot.number)
        if state and self._snapshots.write(slot.tokens, slot.answers, state):
            slot.saved = len(slot.tokens)


def _before(length: int, answers: list[Written]) -> list[Written]:
    """The answers of which something is left when only so much is kept."""
    return [(start, tokens) for start, tokens in answers if start < length]


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences have in common from the start."""
    low, high = 0, min(len(first), len(second))
    if first[:high] == second[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low
