"""Never evaluate a token twice: which sequence already knows the beginning of a prompt.

A prompt takes over the idle sequence that shares most with it, shares the cells of a busy one, or
comes back from where it was parked, in memory or in a snapshot on disk, whichever saves most. The
last token of a prompt is always evaluated, since its logits are what an answer starts from.

Idle sequences are parked because every answer pays for them: the library looks at all cells up to
the last used one, and 3,000 idle cells cost a small model an eighth of its speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chatterm.engine.snapshots import Snapshots, Written

_WORTH_A_COPY = 8
"""Tokens: a state is copied back from memory sooner than this many are evaluated."""
_WORTH_KEEPING = 64
"""Tokens: less than this is evaluated again sooner than it is read from disk or kept apart."""


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


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be kept where."""

    sequences: int
    idle_tokens: int = 256
    """Of idle sequences in the context, beside the one that is asked for."""
    parked_bytes: int = 0
    """Of states in memory; what is beyond that goes to disk."""


@dataclass(slots=True, eq=False)
class Parked:
    """A sequence that was taken out of the context, whole."""

    tokens: list[int]
    answers: list[Written]
    state: bytearray
    saved: int


class PrefixCache:
    """The sequences of one context, and those that were in it."""

    def __init__(
        self,
        memory: Memory,
        room: Room,
        snapshots: Snapshots | None,
        monotonic: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._room = room
        self._slots = [Slot(number) for number in range(room.sequences)]
        self._parked: list[Parked] = []
        """The one parked last comes last."""
        self._snapshots = snapshots
        self._monotonic = monotonic

    @property
    def parked_bytes(self) -> int:
        return sum(len(parked.state) for parked in self._parked)

    @property
    def has_free_slot(self) -> bool:
        return any(not slot.busy for slot in self._slots)

    def take(self, prompt: Sequence[int]) -> tuple[Slot, int]:
        """A sequence for this prompt, and how much of the prompt it already knows."""
        prompt = list(prompt)
        source, shared = self._best_source(prompt)
        slot = self._brought_back(prompt, shared) or self._from_slot(source, shared)
        known = min(common_prefix(slot.tokens, prompt), len(prompt) - 1)
        known = self._cut(slot, known)
        slot.busy = True
        slot.used_at = self._monotonic()
        self._park_idle(self._room.idle_tokens)
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
        """Make room by parking the idle sequence that was used longest ago."""
        idle = self._idle()
        if not idle:
            return False
        self._park(min(idle, key=lambda slot: slot.used_at))
        return True

    def save_all(self) -> None:
        """Write a snapshot of everything that is worth one."""
        for slot in self._idle():
            if self._is_worth_saving(slot):
                self._save(slot, self._memory.state_of(slot.number))
        for parked in self._parked:
            self._save(parked, parked.state)

    def _idle(self) -> list[Slot]:
        return [slot for slot in self._slots if not slot.busy and slot.tokens]

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

    def _brought_back(self, prompt: list[int], shared: int) -> Slot | None:
        """The sequence out of memory or off the disk that knows clearly more than any slot."""
        rated = [(self._usable(parked.tokens, prompt), parked) for parked in self._parked]
        most, parked = max(rated, key=lambda pair: pair[0], default=(0, None))
        if parked is not None and most >= shared + _WORTH_A_COPY:
            # A fork needs the beginning only, and the chat it left will want the rest.
            if len(parked.tokens) - most <= _WORTH_KEEPING:
                self._parked.remove(parked)
            shared, found = most, parked
        else:
            found = None
        return self._restored(self._from_disk(prompt, shared) or found)

    def _from_disk(self, prompt: list[int], shared: int) -> Parked | None:
        if self._snapshots is None:
            return None
        best = self._snapshots.best(lambda tokens: self._usable(tokens, prompt))
        if best is None or best[1] < shared + _WORTH_KEEPING:
            return None
        read = self._snapshots.read(best[0])
        if read is None:
            return None
        return Parked(read.tokens, read.answers, read.state, saved=len(read.tokens))

    def _restored(self, parked: Parked | None) -> Slot | None:
        if parked is None:
            return None
        slot = self._empty_slot()
        self._park_idle(0)
        if not self._memory.restore(slot.number, parked.state):
            self._clear(slot)
            return None
        slot.tokens, slot.answers = list(parked.tokens), list(parked.answers)
        slot.saved = parked.saved
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
        self._park(slot)
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

    def _clear(self, slot: Slot) -> None:
        self._memory.forget(slot.number)
        slot.tokens = []
        slot.answers = []
        slot.saved = 0

    def _park_idle(self, limit: int) -> None:
        """Park idle sequences, the longest unused first, until ``limit`` tokens are left."""
        idle = sorted(self._idle(), key=lambda slot: slot.used_at, reverse=True)
        tokens = 0
        for slot in idle:
            tokens += len(slot.tokens)
            if tokens > limit:
                self._park(slot)

    def _park(self, slot: Slot) -> None:
        if len(slot.tokens) >= _WORTH_KEEPING:
            state = self._memory.state_of(slot.number)
            if state:
                self._parked.append(Parked(slot.tokens, slot.answers, state, slot.saved))
        self._clear(slot)
        while self.parked_bytes > self._room.parked_bytes:
            oldest = self._parked.pop(0)
            self._save(oldest, oldest.state)

    def _is_worth_saving(self, held: Slot | Parked) -> bool:
        return self._snapshots is not None and len(held.tokens) >= held.saved + _WORTH_KEEPING

    def _save(self, held: Slot | Parked, state: bytearray) -> None:
        if self._snapshots is None or not state or not self._is_worth_saving(held):
            return
        if self._snapshots.write(held.tokens, held.answers, state):
            held.saved = len(held.tokens)


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
