"""llama.cpp with nothing around it: load, tokenise, decode greedily, through the low-level API.

``python -m tests.bare_llama MODEL`` reads a JSON object from stdin and writes one to stdout; tests
run it as a child, because the library may abort and writes to whatever descriptors it finds.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp as llama


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(level: int, text: bytes, data: object) -> None:
    if level == 4:
        sys.stderr.write(text.decode("utf-8", "replace"))


class BareLlama:
    """One model, one context; sequences are numbered from 0."""

    def __init__(
        self, path: Path, *, context: int = 0, sequences: int = 1, threads: int = 1, **options: Any
    ) -> None:
        llama.llama_log_set(_quiet, ctypes.c_void_p())
        params = llama.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        self.vocab = llama.llama_model_get_vocab(self.model)
        settings = llama.llama_context_default_params()
        settings.n_ctx = context
        settings.n_seq_max = sequences
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified = True
        for name, value in options.items():
            setattr(settings, name, value)
        self.context = llama.llama_init_from_model(self.model, settings)
        if not self.context:
            raise RuntimeError(f"llama.cpp makes no context for {path}")
        self.memory = llama.llama_get_memory(self.context)
        self.greedy = llama.llama_sampler_init_greedy()
        self.size = llama.llama_n_batch(self.context)
        self.batch = llama.llama_batch_init(self.size, 0, 1)

    def tokens(self, text: str, *, special: bool = True) -> list[int]:
        data = text.encode()
        buffer = (llama.llama_token * (len(data) + 8))()
        count = llama.llama_tokenize(
            self.vocab, data, len(data), buffer, len(buffer), special, special
        )
        return list(buffer[:count])

    def text(self, tokens: Sequence[int], *, special: bool = True) -> bytes:
        ids = (llama.llama_token * len(tokens))(*tokens)
        buffer = ctypes.create_string_buffer(64 * len(tokens) + 64)
        count = llama.llama_detokenize(
            self.vocab, ids, len(tokens), buffer, len(buffer), True, special
        )
        return buffer.raw[:count]

    def decode(self, entries: Sequence[tuple[int, int, int, bool]]) -> None:
        """Evaluate (token, position, sequence, wants logits) in one call."""
        batch = self.batch
        batch.n_tokens = len(entries)
        for index, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = wanted
        if code := llama.llama_decode(self.context, batch):
            raise RuntimeError(f"llama_decode says {code}")

    def prompt(self, tokens: Sequence[int], sequence: int = 0) -> None:
        last = len(tokens) - 1
        for start in range(0, len(tokens), self.size):
            part = tokens[start : start + self.size]
            self.decode([(t, start + i, sequence, start + i == last) for i, t in enumerate(part)])

    def generate(self, prompt: Sequence[int], count: int, sequence: int = 0) -> list[int]:
        """At most ``count`` tokens; an end-of-generation token is the last."""
        self.prompt(prompt, sequence)
        out: list[int] = []
        while len(out) < count:
            token = llama.llama_sampler_sample(self.greedy, self.context, -1)
            out.append(token)
            if llama.llama_vocab_is_eog(self.vocab, token):
                break
            self.decode([(token, len(prompt) + len(out) - 1, sequence, True)])
        return out

    def logits(self, index: int = -1) -> list[float]:
        row = llama.llama_get_logits_ith(self.context, index)
        return list(row[: llama.llama_vocab_n_tokens(self.vocab)])

    def embedding(self, tokens: Sequence[int]) -> list[float]:
        self.clear()
        self.prompt(tokens)
        row = llama.llama_get_embeddings_seq(self.context, 0)
        if not row:
            raise RuntimeError("no pooled embedding")
        return list(row[: llama.llama_model_n_embd(self.model)])

    def clear(self) -> None:
        # an encoder has no memory
        if self.memory:
            llama.llama_memory_clear(self.memory, False)

    def close(self) -> None:
        llama.llama_batch_free(self.batch)
        llama.llama_sampler_free(self.greedy)
        llama.llama_free(self.context)
        llama.llama_model_free(self.model)


def main() -> None:
    """``texts`` are tokenised and back; ``prompt`` is continued by ``steps`` tokens."""
    wish = json.load(sys.stdin)
    start = time.perf_counter()
    model = BareLlama(Path(sys.argv[1]), **wish.get("options", {}))
    answer: dict[str, Any] = {"load_s": time.perf_counter() - start}
    answer["texts"] = [
        model.text(model.tokens(text, special=False)).decode() for text in wish.get("texts", ())
    ]
    answer["counts"] = [len(model.tokens(text)) for text in wish.get("texts", ())]
    if "prompt" in wish:
        out = model.generate(model.tokens(wish["prompt"]), wish["steps"])
        answer["tokens"] = out
        answer["text"] = model.text(out).decode("utf-8", "replace")
    if "embed" in wish:
        answer["embeddings"] = [model.embedding(model.tokens(text)) for text in wish["embed"]]
    model.close()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
