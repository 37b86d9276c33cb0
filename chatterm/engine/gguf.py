"""What a GGUF file says about its model: its name, its shape, and how many bytes each layer takes.

Everything is checked while the header is read, so a ``GgufHeader`` that exists can be trusted
to be complete and of the right types. ``gguf_file`` reads the bytes.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chatterm.engine.gguf_file import read_raw, read_values
from chatterm.engine.gguf_values import (
    AGAIN,
    RawHeader,
    Scalar,
    Skipped,
    Tensor,
    Value,
    damaged,
    find_number,
    find_text,
    shown,
    whole,
    wrong_type,
)
from chatterm.errors import ModelError

_MAX_LAYERS: Final = 1 << 12

# fmt: off
_FILE_TYPES: Final = (
    "F32", "F16", "Q4_0", "Q4_1", "", "", "", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
    "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S",
    "IQ3_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS",
    "IQ1_M", "BF16", "", "", "", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "Q1_0", "Q2_0",
)
# fmt: on
"""What ``general.file_type`` counts; the empty ones are numbers that are no longer used."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How many bytes each part of the model takes: what a GPU may or may not hold."""

    parameters: int
    layers: tuple[int, ...]
    """Bytes of each block."""
    input: int
    """The token embeddings; where ``tied`` they are the output matrix as well."""
    output: int
    """Everything outside the blocks and the embeddings."""
    tied: bool

    @property
    def total(self) -> int:
        return sum(self.layers) + self.input + self.output


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Zero and empty mean that the file does not say."""

    path: Path
    version: int
    file_size: int
    expected_size: int
    data_offset: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    weights: Weights
    architecture: str
    name: str
    quantisation: str
    tokenizer: str
    chat_template: str
    vocab_size: int
    context_length: int
    block_count: int
    embedding_length: int
    head_counts: tuple[int, ...]
    """One for each block."""
    kv_head_counts: tuple[int, ...]
    key_length: int
    """Of one head."""
    value_length: int
    sliding_window: int
    expert_count: int
    expert_used_count: int
    pooling: int | None
    """llama.cpp's pooling type; embedding models have one."""
    split_no: int
    split_count: int
    """1 for a model in a single file."""
    split_tensors_count: int

    def number(self, key: str, default: int = 0) -> int:
        """A whole number of this architecture, such as ``attention.kv_lora_rank``."""
        return find_number(self.path, self.metadata, f"{self.architecture}.{key}", default)

    def text(self, key: str) -> str:
        return find_text(self.path, self.metadata, key)


def read_header(path: Path, *, partial: bool = False) -> GgufHeader:
    """Read the header of ``path``; with ``partial`` its weights may still be missing."""
    header = _describe(read_raw(path))
    if header.file_size < header.expected_size and not partial:
        raise ModelError(
            f"{path.name} is truncated: {header.file_size:,} of {header.expected_size:,} bytes.",
            hint=AGAIN,
        )
    return header


def read_model(parts: Sequence[Path], *, partial: bool = False) -> GgufHeader:
    """The header of a model in one file or in several, the first of them first."""
    first = read_header(parts[0], partial=partial)
    if len(parts) == 1 and first.split_count == 1:
        return first
    return join_shards([first, *(read_header(part, partial=partial) for part in parts[1:])])


def read_array(header: GgufHeader, key: str) -> tuple[Scalar, ...]:
    """An array of the metadata in full; texts that are not UTF-8 come with replacements."""
    return read_values(header.path, key, header.metadata.get(key, ()))


def join_shards(headers: Sequence[GgufHeader]) -> GgufHeader:
    """One header for a model that is split over several files; the first has the metadata."""
    first = headers[0]
    for number, header in enumerate(headers):
        if (header.split_no, header.split_count) != (number, len(headers)):
            raise ModelError(
                f"{header.path.name} is not part {number + 1} of {len(headers)} of its model.",
                hint="Keep all parts of one model in one folder, under their own names.",
            )
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    if len({tensor.name for tensor in tensors}) != first.split_tensors_count:
        raise ModelError(
            f"The {len(headers)} parts of {first.path.name} do not belong together: "
            f"{len(tensors):,} of {first.split_tensors_count:,} tensors.",
            hint=AGAIN,
        )
    return replace(
        first,
        file_size=sum(header.file_size for header in headers),
        expected_size=sum(header.expected_size for header in headers),
        tensors=tensors,
        weights=_weigh(tensors, first.block_count),
        quantisation=_quantisation(first.path, first.metadata, tensors),
    )


def _describe(raw: RawHeader) -> GgufHeader:
    path, metadata = raw.path, raw.metadata
    architecture = find_text(path, metadata, "general.architecture")
    number: Callable[..., int] = functools.partial(find_number, path, metadata)
    blocks = number(f"{architecture}.block_count")
    if blocks > _MAX_LAYERS:
        damaged(path, f"it claims to have {blocks:,} layers")
    heads = _per_layer(path, metadata, f"{architecture}.attention.head_count", blocks)
    kv_heads = _per_layer(path, metadata, f"{architecture}.attention.head_count_kv", blocks)
    width = number(f"{architecture}.embedding_length")
    head_length = width // max(heads, default=0) if any(heads) else 0
    pooling = number(f"{architecture}.pooling_type", -1)
    return GgufHeader(
        path=path,
        version=raw.version,
        file_size=raw.file_size,
        expected_size=raw.expected_size,
        data_offset=raw.data_offset,
        metadata=metadata,
        tensors=raw.tensors,
        weights=_weigh(raw.tensors, blocks),
        architecture=architecture,
        name=find_text(path, metadata, "general.name"),
        quantisation=_quantisation(path, metadata, raw.tensors),
        tokenizer=find_text(path, metadata, "tokenizer.ggml.model"),
        chat_template=find_text(path, metadata, "tokenizer.chat_template"),
        vocab_size=_vocabulary(path, metadata, architecture),
        context_length=number(f"{architecture}.context_length"),
        block_count=blocks,
        embedding_length=width,
        head_counts=heads,
        kv_head_counts=kv_heads or heads,
        key_length=number(f"{architecture}.attention.key_length", head_length),
        value_length=number(f"{architecture}.attention.value_length", head_length),
        sliding_window=number(f"{architecture}.attention.sliding_window"),
        expert_count=number(f"{architecture}.expert_count"),
        expert_used_count=number(f"{architecture}.expert_used_count"),
        pooling=None if pooling < 0 else pooling,
        split_no=number("split.no"),
        split_count=number("split.count") or 1,
        split_tensors_count=number("split.tensors.count"),
    )


def _weigh(tensors: Sequence[Tensor], blocks: int) -> Weights:
    layers = [0] * blocks
    tokens = rest = 0
    for tensor in tensors:
        block = re.search(r"(?:^|\.)blk\.(\d{1,4})\.", tensor.name)
        if block and int(block[1]) < blocks:
            layers[int(block[1])] += tensor.size
        elif tensor.name.startswith("token_embd."):
            tokens += tensor.size
        else:
            rest += tensor.size
    return Weights(
        parameters=sum(tensor.elements for tensor in tensors),
        layers=tuple(layers),
        input=tokens,
        output=rest,
        tied=tokens > 0 and all(tensor.name != "output.weight" for tensor in tensors),
    )


def _quantisation(path: Path, metadata: Mapping[str, Value], tensors: Sequence[Tensor]) -> str:
    declared = find_number(path, metadata, "general.file_type", len(_FILE_TYPES))
    if declared < len(_FILE_TYPES) and _FILE_TYPES[declared]:
        return _FILE_TYPES[declared]
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        if len(tensor.shape) > 1:
            sizes[tensor.type] += tensor.size
    return max(sizes, key=sizes.__getitem__, default="")


def _vocabulary(path: Path, metadata: Mapping[str, Value], architecture: str) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, tuple):
        return len(tokens)
    if isinstance(tokens, Skipped) and tokens.kind == "string":
        return tokens.count
    if tokens is not None:
        wrong_type(path, "tokenizer.ggml.tokens", tokens, "a list of tokens")
    return find_number(path, metadata, f"{architecture}.vocab_size")


def _per_layer(path: Path, metadata: Mapping[str, Value], key: str, blocks: int) -> tuple[int, ...]:
    """A number for each layer, from an array or from one number that holds for all of them."""
    value = metadata.get(key)
    if not isinstance(value, tuple | Skipped):
        return (find_number(path, metadata, key),) * blocks if value is not None else ()
    if isinstance(value, Skipped) or len(value) != blocks:
        count = value.count if isinstance(value, Skipped) else len(value)
        damaged(path, f"{shown(key)} has {count:,} elements for {blocks:,} layers")
    return tuple(whole(path, key, element) for element in value)
