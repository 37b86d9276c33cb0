"""Texts become vectors, by a model that was made for it and a context of its own.

Like ``vision`` it touches llama.cpp on behalf of the runtime. A text is read in one piece, since
such models look at all of it at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import llama_cpp as llama

from chatterm.engine import wire
from chatterm.errors import ChattermError, EngineError, ModelError, TooLong

MOST_TOKENS = 2048
"""Of one text; the library sets memory aside for as many at once."""


class Embedder:
    """A context that pools what the model makes of a text into one vector."""

    def __init__(
        self,
        model: Any,
        tokenize: Callable[[str], list[int]],
        *,
        name: str,
        room: int,
        threads: int,
    ) -> None:
        params = llama.llama_context_default_params()
        params.embeddings = True
        params.n_ctx = params.n_batch = params.n_ubatch = room
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = threads
        params.pooling_type = llama.LLAMA_POOLING_TYPE_UNSPECIFIED
        self._context = llama.llama_init_from_model(model, params)
        if not self._context:
            raise EngineError("there is no memory for embeddings", hint="take a smaller model")
        pooling = llama.llama_pooling_type(self._context)
        if pooling in (llama.LLAMA_POOLING_TYPE_NONE, llama.LLAMA_POOLING_TYPE_RANK):
            llama.llama_free(self._context)
            raise ModelError(
                f"{name} is no model for embeddings",
                hint="choose one that is; chatterm models list shows them",
            )
        self._tokenize = tokenize
        self._room = room
        self._size: int = llama.llama_model_n_embd(model)
        self._batch: Any = llama.llama_batch_init(room, 0, 1)

    def close(self) -> None:
        llama.llama_batch_free(self._batch)
        llama.llama_free(self._context)

    def tokens(self, text: str, *, cut: bool = False) -> list[int]:
        """The tokens of a text that can be embedded; one that is too long may be ``cut``."""
        tokens = self._tokenize(text)
        if not tokens:
            raise ModelError("an empty text cannot be embedded", hint="leave it out")
        if len(tokens) > self._room and cut:
            # Such models were taught that a text ends with its last token.
            return [*tokens[: self._room - 1], tokens[-1]]
        if len(tokens) > self._room:
            raise TooLong(
                f"a text has {len(tokens)} tokens, and this model reads {self._room} at once",
                hint="embed shorter texts",
            )
        return tokens

    def vector(self, tokens: Sequence[int]) -> list[float]:
        """The normalised vector of a text."""
        batch = self._batch
        for at, token in enumerate(tokens):
            batch.token[at], batch.pos[at] = token, at
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
            batch.logits[at] = True
        batch.n_tokens = len(tokens)
        if memory := llama.llama_get_memory(self._context):
            llama.llama_memory_clear(memory, True)
        if llama.llama_decode(self._context, batch) != 0:
            raise EngineError("this text could not be embedded", hint="try a shorter one")
        values = llama.llama_get_embeddings_seq(self._context, 0)[: self._size]
        norm = sum(value * value for value in values) ** 0.5 or 1.0
        return [value / norm for value in values]


@dataclass(slots=True, eq=False)
class Texts:
    """What one client wants to be embedded, by and by."""

    left: deque[list[int]]
    send: Callable[[dict[str, Any]], None]
    end: Callable[[], None]
    tokens: int = 0
    vectors: list[list[float]] = field(default_factory=list)

    def step(self, embedder: Embedder) -> bool:
        """Embed the next text; True once the reply is sent."""
        if self.left:
            tokens = self.left.popleft()
            self.tokens += len(tokens)
            self.vectors.append(embedder.vector(tokens))
        if self.left:
            return False
        self.send({"reply": {"vectors": self.vectors, "tokens": self.tokens}})
        self.end()
        return True

    def failed(self, error: ChattermError) -> None:
        self.send(wire.error_to_json(error))
        self.end()
