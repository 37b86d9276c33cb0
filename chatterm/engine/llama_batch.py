"""llama.cpp's batch: what is evaluated in one step, in the library's own memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llama_cpp as llama

from chatterm.engine.batch import BatchItem


class LlamaBatch:
    """Allocated once and filled again for each step."""

    def __init__(self, capacity: int) -> None:
        self._batch = llama.llama_batch_init(capacity, 0, 1)
        for index in range(capacity):
            self._batch.n_seq_id[index] = 1
        self._sequences = [self._batch.seq_id[index] for index in range(capacity)]

    def filled(self, items: Sequence[BatchItem]) -> Any:
        batch = self._batch
        tokens, positions, wants, sequences = (
            batch.token,
            batch.pos,
            batch.logits,
            self._sequences,
        )
        for index, (token, position, sequence, wants_logits) in enumerate(items):
            tokens[index] = token
            positions[index] = position
            sequences[index][0] = sequence
            wants[index] = wants_logits
        batch.n_tokens = len(items)
        return batch

    def free(self) -> None:
        llama.llama_batch_free(self._batch)
