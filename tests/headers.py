"""GGUF files entry by entry, the right ones and those that no program would write."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

U32, F32, BOOL, STRING, ARRAY, U64 = 4, 6, 7, 8, 9, 10
Entry = tuple[str | bytes, bytes]
Info = tuple[str, tuple[int, ...], int, int]


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def string(value: str | bytes) -> bytes:
    return struct.pack("<I", STRING) + text(value)


def u32(value: int) -> bytes:
    return struct.pack("<II", U32, value)


def array(kind: int, count: int, data: bytes = b"") -> bytes:
    return struct.pack("<IIQ", ARRAY, kind, count) + data


def file_of(
    entries: Sequence[Entry] = (),
    tensors: Sequence[Info] = (),
    *,
    version: int = 3,
    claimed: tuple[int, int] | None = None,
    weights: int = 0,
) -> bytes:
    tensor_count, entry_count = claimed or (len(tensors), len(entries))
    data = b"GGUF" + struct.pack("<IQQ", version, tensor_count, entry_count)
    data += b"".join(text(key) + value for key, value in entries)
    for name, shape, kind, offset in tensors:
        data += text(name) + struct.pack("<I", len(shape))
        data += struct.pack(f"<{len(shape)}QIQ", *shape, kind, offset)
    return data + bytes(-len(data) % 32 + weights if tensors else 0)


LLAMA = ("general.architecture", string("llama"))


def vocabulary_entries(tokens: int, *, length: Callable[[int], int]) -> list[Entry]:
    data = b"".join(struct.pack("<Q", length(n)) + b"x" * length(n) for n in range(tokens))
    return [
        ("tokenizer.ggml.tokens", array(STRING, tokens, data)),
        ("tokenizer.ggml.token_type", array(U32, tokens, bytes(4 * tokens))),
        ("tokenizer.ggml.merges", array(STRING, tokens, data)),
    ]
