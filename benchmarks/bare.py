"""The baseline: llama.cpp driven by the shortest loop that works, with the best settings found.

`python -m benchmarks.bare MODE MODEL ...` prints one JSON line; it runs in a process of its own, so
that nothing of chatterm is in its way.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("GGML_NO_BACKTRACE", "1")

import llama_cpp as llama


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(level: int, text: bytes, data: Any) -> None:
    return


class Bare:
    """A model, a context and a batch."""

    def __init__(self, path: str, *, threads: int, sequences: int = 1, context: int = 8192) -> None:
        llama.llama_log_set(_quiet, None)
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(
            path.encode(), llama.llama_model_default_params()
        )
        self.vocab = llama.llama_model_get_vocab(self.model)
        params = llama.llama_context_default_params()
        params.n_ctx = context
        params.n_batch = params.n_ubatch = 512
        params.n_seq_max = sequences
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
        params.no_perf = True
        self.context = llama.llama_init_from_model(self.model, params)
        self.batch = llama.llama_batch_init(512, 0, 1)
        chain = llama.llama_sampler_chain_default_params()
        self.sampler = llama.llama_sampler_chain_init(chain)
        llama.llama_sampler_chain_add(self.sampler, llama.llama_sampler_init_greedy())

    def tokens(self, text: str) -> list[int]:
        data = text.encode()
        found = (llama.llama_token * (len(data) + 8))()
        count = llama.llama_tokenize(self.vocab, data, len(data), found, len(found), False, True)
        return found[:count]

    def decode(self, items: list[tuple[int, int, int, bool]]) -> None:
        batch = self.batch
        for at, (token, position, sequence, wants) in enumerate(items):
            batch.token[at] = token
            batch.pos[at] = position
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = sequence
            batch.logits[at] = wants
        batch.n_tokens = len(items)
        if llama.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama_decode failed")

    def read(self, tokens: list[int], sequence: int = 0) -> int:
        """Evaluate a prompt, and choose what follows."""
        last = len(tokens) - 1
        for start in range(0, len(tokens), 512):
            part = tokens[start : start + 512]
            self.decode(
                [(token, start + at, sequence, start + at == last) for at, token in enumerate(part)]
            )
        return int(llama.llama_sampler_sample(self.sampler, self.context, -1))


def decode(path: str, threads: int, count: int, prompt: str) -> dict[str, float]:
    bare = Bare(path, threads=threads)
    tokens = bare.tokens(prompt)
    token = bare.read(tokens)
    position = len(tokens)
    started = time.perf_counter()
    for _ in range(count - 1):
        bare.decode([(token, position, 0, True)])
        token = int(llama.llama_sampler_sample(bare.sampler, bare.context, 0))
        position += 1
    return {"tokens_per_second": (count - 1) / (time.perf_counter() - started)}


def prompt(path: str, threads: int, text: str) -> dict[str, float]:
    bare = Bare(path, threads=threads)
    tokens = bare.tokens(text)
    started = time.perf_counter()
    bare.read(tokens)
    return {
        "tokens_per_second": len(tokens) / (time.perf_counter() - started),
        "tokens": len(tokens),
    }


def together(path: str, threads: int, count: int, prompts: list[str]) -> dict[str, float]:
    """Decode one token for each of several sequences at a time."""
    bare = Bare(path, threads=threads, sequences=len(prompts))
    all_tokens = [bare.tokens(text) for text in prompts]
    chosen = [bare.read(tokens, number) for number, tokens in enumerate(all_tokens)]
    positions = [len(tokens) for tokens in all_tokens]
    started = time.perf_counter()
    for _ in range(count - 1):
        bare.decode([(token, positions[at], at, True) for at, token in enumerate(chosen)])
        positions = [position + 1 for position in positions]
        chosen = [
            int(llama.llama_sampler_sample(bare.sampler, bare.context, at))
            for at in range(len(prompts))
        ]
    seconds = time.perf_counter() - started
    return {"tokens_per_second": (count - 1) * len(prompts) / seconds}


def wrapper(path: str, count: int, text: str) -> dict[str, float]:
    """llama-cpp-python's own chat completion, with its defaults, streaming."""
    model = llama.Llama(path, verbose=False)
    stream = model.create_chat_completion(
        [{"role": "user", "content": text}], stream=True, max_tokens=count
    )
    parts: Any = stream
    times = [time.perf_counter() for part in parts if part["choices"][0]["delta"].get("content")]
    return {"tokens_per_second": (len(times) - 1) / (times[-1] - times[0])}


if __name__ == "__main__":
    mode, arguments = sys.argv[1], json.loads(sys.argv[2])
    modes: dict[str, Any] = {
        "decode": decode,
        "prompt": prompt,
        "together": together,
        "wrapper": wrapper,
    }
    print(json.dumps(modes[mode](**arguments)))
