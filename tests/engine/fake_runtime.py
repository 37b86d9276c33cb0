"""A runtime without a model: the next token follows from the whole sequence, so any mix-up shows.

It keeps cells as llama.cpp's unified cache does: each holds a token at a position for a set of
sequences, a copy shares them, and a batch that does not fit changes nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chatterm.engine.batch import Abandoned, BatchItem, NoRoom, Picture
from chatterm.events import TokenLogprob
from chatterm.messages import Stop, Timings, Usage
from chatterm.params import Params

VOCABULARY = 50
END = 0


def next_token(sequence: Sequence[int]) -> int:
    """What the model says after these tokens."""
    return zlib.crc32(bytes(json.dumps(list(sequence)), "ascii")) % VOCABULARY


def alone(prompt: Sequence[int], limit: int, context: int) -> list[int]:
    """The answer to a prompt that nothing else disturbs."""
    tokens = list(prompt)
    answer: list[int] = []
    while len(answer) < limit and len(tokens) < context:
        token = next_token(tokens)
        if token == END:
            break
        answer.append(token)
        tokens.append(token)
    return answer


@dataclass(eq=False)
class Cell:
    token: int
    position: int
    sequences: set[int]


@dataclass(frozen=True)
class FakePicture:
    stand_ins: list[int]


@dataclass
class FakeRuntime:
    context: int = 64
    chunk: int = 8
    keeps_any_prefix: bool = True
    cells: list[Cell] = field(default_factory=list)
    rows: dict[int, list[int]] = field(default_factory=dict)
    evaluated: int = 0
    batches: list[list[BatchItem]] = field(default_factory=list)

    def tokens_of(self, sequence: int) -> list[int]:
        mine = [cell for cell in self.cells if sequence in cell.sequences]
        mine.sort(key=lambda cell: cell.position)
        assert [cell.position for cell in mine] == list(range(len(mine))), "a hole in a sequence"
        return [cell.token for cell in mine]

    def decode(self, items: Sequence[BatchItem], is_abandoned: Callable[[], bool]) -> None:
        assert 0 < len(items) <= self.chunk
        if len(items) > 1 and is_abandoned():
            raise Abandoned
        if len(self.cells) + len(items) > self.context:
            raise NoRoom
        self.rows = {}
        self.batches.append(list(items))
        for index, item in enumerate(items):
            assert item.token >= 0, "a picture among the words"
            held = self.tokens_of(item.sequence)
            assert item.position == len(held), "a token at the wrong place"
            self.cells.append(Cell(item.token, item.position, {item.sequence}))
            self.evaluated += 1
            if item.wants_logits:
                self.rows[index] = [*held, item.token]

    def look(self, picture: Picture, position: int, sequence: int) -> None:
        assert position == len(self.tokens_of(sequence)), "a picture at the wrong place"
        if len(self.cells) + len(picture.stand_ins) > self.context:
            raise NoRoom
        for at, stand_in in enumerate(picture.stand_ins, position):
            self.cells.append(Cell(stand_in, at, {sequence}))

    def ends(self, token: int) -> bool:
        return token == END

    def set_threads(self, generation: int, prompt: int) -> None:
        assert generation >= 1
        assert prompt >= 1

    def cut(self, sequence: int, length: int) -> bool:
        if not self.keeps_any_prefix:
            return False
        self._release(lambda cell: sequence in cell.sequences and cell.position >= length, sequence)
        return True

    def forget(self, sequence: int) -> None:
        self._release(lambda cell: sequence in cell.sequences, sequence)

    def _release(self, chosen: object, sequence: int) -> None:
        assert callable(chosen)
        for cell in self.cells:
            if chosen(cell):
                cell.sequences.discard(sequence)
        self.cells = [cell for cell in self.cells if cell.sequences]

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.tokens_of(target), "a copy into a sequence that is not empty"
        for cell in self.cells:
            if source in cell.sequences and cell.position < length:
                cell.sequences.add(target)

    def state_of(self, sequence: int) -> bytearray:
        return bytearray(json.dumps(self.tokens_of(sequence)).encode())

    def restore(self, sequence: int, state: bytearray) -> bool:
        tokens = json.loads(state)
        if len(self.cells) + len(tokens) > self.context:
            return False
        assert not self.tokens_of(sequence)
        self.cells += [Cell(token, at, {sequence}) for at, token in enumerate(tokens)]
        return True


@dataclass
class FakeChooser:
    runtime: FakeRuntime
    closed: bool = False

    def accept_prompt(self, tokens: list[int]) -> None:
        return

    def sample(self, index: int) -> int:
        assert not self.closed
        return next_token(self.runtime.rows[index])

    def logprob(self, index: int, token: int) -> TokenLogprob:
        return TokenLogprob(str(token), 0.0)

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


@dataclass(eq=False)
class FakeClient:
    """Takes what the scheduler says, and checks that it is said in order."""

    tokens: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)
    stop: Stop | None = None
    usage: Usage | None = None
    error: Exception | None = None
    gone: bool = False

    @property
    def over(self) -> bool:
        return self.stop is not None or self.error is not None

    def is_gone(self) -> bool:
        return self.gone

    def queued(self, position: int, size: int) -> None:
        assert not self.over
        self.places.append(position)

    def prompt(self, done: int, total: int) -> None:
        assert not self.over
        assert done <= total
        self.progress.append((done, total))

    def token(self, token: int, logprob: TokenLogprob | None) -> Stop | None:
        assert not self.over
        self.tokens.append(token)
        return None

    def finished(self, stop: Stop, usage: Usage, timings: Timings) -> None:
        assert not self.over
        assert timings.prompt_ms is not None
        self.stop, self.usage = stop, usage

    def failed(self, error: Exception) -> None:
        assert not self.over
        self.error = error


def params(limit: int) -> Params:
    return Params(max_tokens=limit, temperature=0.0)
