"""What a model takes in memory, from its header alone: weights, cache, computing, output.

The sums are those of llama.cpp: its cache is exact here, its compute buffers are estimated by what
fills them (a row of logits or of a layer for each token of a chunk). The benchmark ``fit`` holds
them against what the library reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chatterm.engine.gguf import GgufHeader
from chatterm.engine.gguf_values import Skipped

CACHE_BYTES: Final[Mapping[str, float]] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of one value of the attention cache."""
_REPACKED: Final[Mapping[str, frozenset[str]]] = {
    "x86": frozenset({"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"}),
    "arm": frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4"}),
}
"""Weights that a processor wants in another order: a copy in memory, beside the file's pages."""
_CELLS: Final = 256
"""The cache is made in steps of so many tokens."""
_PROCESS: Final = 30_000_000
"""Python and the library, before there is a model."""
_PER_WORD: Final = 900
"""What each token of the vocabulary costs, in the library's tables and in ours."""
_FLOAT: Final = 4
_HALF: Final = 2
_BOTH: Final = frozenset({"falcon-h1"})
"""Architectures whose layers have attention and a recurrent state side by side."""
_NO_CACHE: Final = frozenset({"t5encoder", "gemma-embedding"})


@dataclass(frozen=True)
class Need:
    """The parts of a model's memory, for one way to open it."""

    header: GgufHeader
    sequences: int = 8
    chunk: int = 512

    # -- weights -----------------------------------------------------------------------------

    @property
    def layers(self) -> int:
        """As llama.cpp counts what can go to a GPU: the blocks, and the output."""
        return self.header.block_count + 1

    def gpu_weights(self, gpu_layers: int) -> int:
        """Bytes of the last so many layers; the output goes first, a tied one as a copy."""
        weights = self.header.weights
        if gpu_layers <= 0:
            return 0
        blocks = weights.layers[max(0, self.layers - gpu_layers) :]
        return sum(blocks) + weights.output + (weights.input if weights.tied else 0)

    def gpu_file_bytes(self, gpu_layers: int) -> int:
        """Bytes of the file that are needed on the GPU alone."""
        weights = self.header.weights
        if gpu_layers <= 0:
            return 0
        return sum(weights.layers[max(0, self.layers - gpu_layers) :]) + weights.output

    def repacked(self, processor: str, gpu_layers: int = 0) -> int:
        """Bytes of the copy in another order that such a processor makes of its weights."""
        family = "arm" if processor.lower().startswith(("arm", "aarch")) else "x86"
        first = self._first(gpu_layers)
        return sum(
            tensor.size
            for tensor in self.header.tensors
            if tensor.type in _REPACKED[family]
            and len(tensor.shape) > 1
            and _block(tensor.name, -1 if gpu_layers else 0) in range(first)
        )

    # -- what is remembered ------------------------------------------------------------------

    def cache(self, context: int, kind: str, gpu_layers: int | None = None) -> int:
        """Bytes of the attention cache; with ``gpu_layers`` of that part which is on the GPU."""
        cells = -(-context // _CELLS) * _CELLS
        widths = self._widths if gpu_layers is None else self._widths[self._first(gpu_layers) :]
        return int(cells * sum(widths) * CACHE_BYTES[kind])

    def state(self, gpu_layers: int | None = None) -> int:
        """Bytes of what recurrent layers remember, which no context makes larger."""
        states = self._states if gpu_layers is None else self._states[self._first(gpu_layers) :]
        return sum(states) * _FLOAT * self.sequences

    def _first(self, gpu_layers: int) -> int:
        return max(0, self.layers - gpu_layers) if gpu_layers > 0 else self.header.block_count

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        """Values a token adds to each layer's cache."""
        header = self.header
        if not self._remembers:
            return (0,) * header.block_count
        compressed = self._number("attention.key_length_mla") and self._number(
            "attention.value_length_mla"
        )
        short = self._per_layer("attention.sliding_window_pattern")
        keys = self._number("attention.key_length_swa", header.key_length)
        values = self._number("attention.value_length_swa", header.value_length)
        shared = self._number("attention.shared_kv_layers")
        widths = []
        for number, heads in enumerate(header.kv_head_counts):
            key, value = (keys, values) if short[number] else self._lengths
            # Compressed attention keeps one latent for keys and values.
            width = heads * (key if compressed else key + value)
            recurrent = self._states[number] > 0 and header.architecture not in _BOTH
            borrowed = number >= header.block_count - shared
            widths.append(0 if recurrent or borrowed else width)
        return tuple(widths)

    @property
    def _lengths(self) -> tuple[int, int]:
        return self.header.key_length, self.header.value_length

    @property
    def _remembers(self) -> bool:
        """Encoders look at a text once and keep nothing."""
        header = self.header
        causal = header.metadata.get(f"{header.architecture}.attention.causal", True)
        return causal is not False and header.architecture not in _NO_CACHE

    @cached_property
    def _states(self) -> tuple[int, ...]:
        """Values each layer's state has for one sequence; attention layers have none."""
        header = self.header
        blocks = header.block_count
        window = self._number("shortconv.l_cache")
        inner, state = self._number("ssm.inner_size"), self._number("ssm.state_size")
        if window:
            one = header.embedding_length * (window - 1)
        elif inner:
            taps = max(0, self._number("ssm.conv_kernel") - 1)
            one = taps * (inner + 2 * self._number("ssm.group_count") * state) + state * inner
        else:
            return (0,) * blocks
        every = self._number("full_attention_interval", 4 if self._is_qwen_hybrid else 0)
        if every:
            return tuple(0 if (number + 1) % every == 0 else one for number in range(blocks))
        heads = header.metadata.get(f"{header.architecture}.attention.head_count_kv")
        if isinstance(heads, tuple):
            return tuple(0 if count else one for count in header.kv_head_counts)
        return (one,) * blocks

    @property
    def _is_qwen_hybrid(self) -> bool:
        return self.header.architecture in ("qwen3next", "qwen35", "qwen35moe")

    # -- computing ---------------------------------------------------------------------------

    def compute(self, context: int) -> int:
        """Bytes of the buffer that one chunk of a prompt is computed in."""
        chunk = min(self.chunk, context)
        row = self._layer_row * _FLOAT
        if not self._remembers:
            return chunk * (row + 2 * chunk * _FLOAT)
        logits = (self.header.vocab_size + 2 * self.header.embedding_length) * _FLOAT
        return chunk * max(logits, row + self._mask(context))

    def touched(self, context: int) -> int:
        """Of ``compute`` what a processor really fills: it is asked for a few rows of logits."""
        if not self._remembers:
            return self.compute(context)
        chunk = min(self.chunk, context)
        rows = chunk * (self._layer_row * _FLOAT + self._mask(context))
        return min(self.compute(context), rows + self.output())

    def process(self) -> int:
        """Bytes of the engine's process beside the model."""
        return _PROCESS + _PER_WORD * self.header.vocab_size

    def host_compute(self, context: int, shares: bool) -> int:
        """Bytes of the processor's buffer beside a GPU; ``shares`` where it computes layers too."""
        if shares:
            return self.touched(context)
        row = self.header.embedding_length * _FLOAT + self._mask(context)
        return min(self.chunk, context) * row

    def _mask(self, context: int) -> int:
        """Bytes for each token of a chunk that say which others it sees; windows have their own."""
        kinds = (1 if any(self._widths) else 0) + (1 if self._has_window else 0)
        return -(-context // _CELLS) * _CELLS * _HALF * kinds

    @property
    def _has_window(self) -> bool:
        return self.header.sliding_window > 0

    @property
    def _layer_row(self) -> int:
        """Values that are alive at once for each token, in the widest part of a layer."""
        header = self.header
        width = header.embedding_length
        dense = max(self._per_layer("feed_forward_length"), default=0)
        row = 3 * dense + 4 * width
        used = header.expert_used_count
        if used:
            # All that are used are alive at once, first inside, then as results to be summed.
            inner = self._number("expert_feed_forward_length", dense)
            row = max(row, 3 * used * inner + 4 * width, 2 * used * width + 2 * width)
        if inner := self._number("ssm.inner_size"):
            row = max(row, 5 * inner + 4 * width)
        return row

    def output(self) -> int:
        """Bytes of the logits that are handed out."""
        return self.header.vocab_size * _FLOAT * self.sequences if self._remembers else 0

    def _number(self, key: str, default: int = 0) -> int:
        """A number of the architecture; one of another form keeps nobody from using the model."""
        value = self.header.metadata.get(f"{self.header.architecture}.{key}", default)
        return value if isinstance(value, int) and value >= 0 else default

    def _per_layer(self, key: str) -> tuple[int, ...]:
        """A number of each layer; arrays too long to be kept count as zeros."""
        header = self.header
        value = header.metadata.get(f"{header.architecture}.{key}", 0)
        if isinstance(value, tuple) and len(value) >= header.block_count:
            return tuple(int(one) if isinstance(one, int) else 0 for one in value)
        if isinstance(value, Skipped | str | tuple):
            return (0,) * header.block_count
        return (0 if isinstance(value, bool) else int(value),) * header.block_count


def _block(name: str, otherwise: int) -> int:
    """The block a tensor belongs to; the input embeddings are read row by row, never repacked."""
    found = re.match(r"blk\.(\d{1,4})\.", name)
    if found:
        return int(found[1])
    return otherwise if name.startswith("output.") else -1
