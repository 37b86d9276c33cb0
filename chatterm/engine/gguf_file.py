"""The bytes of a GGUF file: its metadata and the list of its tensors, never a weight.

Long arrays (a vocabulary) are counted and stepped over; ``read_values`` fetches one when somebody
needs it. ``gguf_window`` checks every length before it is used.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chatterm.engine.gguf_values import (
    AGAIN,
    RawHeader,
    Scalar,
    Skipped,
    Tensor,
    Value,
    damaged,
    find_number,
    shown,
    wrong_type,
)
from chatterm.engine.gguf_window import MAX_ELEMENTS, Window, opened
from chatterm.errors import ModelError

_VERSIONS: Final = (2, 3)
_MAX_ENTRIES: Final = 1 << 14
_MAX_TENSORS: Final = 1 << 17
_MAX_KEY: Final = (1 << 16) - 1
_MAX_TEXT: Final = 1 << 20
_MAX_SMALL_ARRAY: Final = 1024
_PER_ELEMENT: Final = 64
"""What an array element is charged by ``Window.keep``: about its size as a Python object."""

_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final[Mapping[int, tuple[str, struct.Struct]]] = {
    0: ("u8", struct.Struct("<B")),
    1: ("i8", struct.Struct("<b")),
    2: ("u16", struct.Struct("<H")),
    3: ("i16", struct.Struct("<h")),
    4: ("u32", struct.Struct("<I")),
    5: ("i32", struct.Struct("<i")),
    6: ("f32", struct.Struct("<f")),
    7: ("bool", struct.Struct("<?")),
    10: ("u64", struct.Struct("<Q")),
    11: ("i64", struct.Struct("<q")),
    12: ("f64", struct.Struct("<d")),
}

_TENSOR_LAYOUTS: Final = tuple(struct.Struct(f"<{dimensions}QIQ") for dimensions in range(5))
"""Shape, type and offset, by the number of dimensions."""

# fmt: off
_TENSOR_TYPES: Final[Mapping[int, tuple[str, int, int]]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18),
}
# fmt: on
"""Name, elements in a block and bytes of a block, by the number ggml gives a type."""

_REMOVED_TYPES: Final = frozenset({4, 5, 31, 32, 33, 36, 37, 38})

_IMPOSTORS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the model", "Fetch it with git lfs pull."),
    (b"PK\x03\x04", "a zip or PyTorch file", ""),
    (b"\x80\x02", "a Python pickle", ""),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first."),
    (b"(\xb5/\xfd", "compressed with zstd", "Unpack it first."),
    (b"lmgg", "in the old GGML format", ""),
    (b"fmgg", "in the old GGMF format", ""),
    (b"tjgg", "in the old GGJT format", ""),
    (b"algg", "an old GGLA adapter", ""),
    (b"FUGG", "written for big-endian machines", ""),
    (b"\x00\x00\x00\x00", "filled with zeros, like a download that was never finished", ""),
)
_CONVERT: Final = "chatterm reads GGUF files: look for one of this model, or convert it."


def read_raw(path: Path) -> RawHeader:
    with opened(path) as (file, size):
        reader = Window(file, path, size)
        version, tensor_count, entry_count = _read_preamble(reader)
        metadata = _read_metadata(reader, entry_count)
        alignment = _alignment(path, metadata)
        tensors = _read_tensors(reader, tensor_count, alignment)
        data_offset = _padded(reader.position, alignment) if tensors else reader.position
    weights = tensors[-1].offset + tensors[-1].size if tensors else 0
    return RawHeader(
        path=path,
        version=version,
        file_size=size,
        expected_size=data_offset + weights,
        data_offset=data_offset,
        metadata=metadata,
        tensors=tensors,
    )


def read_values(path: Path, key: str, value: Value) -> tuple[Scalar, ...]:
    """The elements of an array, from the file where they were skipped."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Skipped) or value.kind == "text":
        wrong_type(path, key, value, "an array")
    with opened(path) as (file, size):
        reader = Window(file, path, size)
        reader.skip(value.offset, key)
        if value.kind == "string":
            return _read_strings(reader, value.count, key)
        layout = next(layout for name, layout in _SCALARS.values() if name == value.kind)
        return tuple(reader.scalar(layout, key) for _ in range(value.count))


def _read_preamble(reader: Window) -> tuple[int, int, int]:
    """Version, number of tensors and number of metadata entries."""
    path = reader.path
    if reader.size == 0:
        raise ModelError(f"{path.name} is empty.", hint=AGAIN)
    _check_magic(path, reader.take(min(reader.size, 64), "the first bytes"))
    reader.rewind(4)
    version = reader.u32("the version")
    if version & 0xFFFF == 0:
        raise ModelError(f"{path.name} was written for big-endian machines.", hint=_CONVERT)
    if version not in _VERSIONS:
        age = "too old" if version < min(_VERSIONS) else "newer than this chatterm knows"
        raise ModelError(
            f"{path.name} is a GGUF file of version {version}, which is {age}.",
            hint="Convert it again." if version < min(_VERSIONS) else "Update chatterm.",
        )
    tensors, entries = reader.u64("the number of tensors"), reader.u64("the number of entries")
    if tensors > _MAX_TENSORS:
        damaged(path, f"it claims to have {tensors:,} tensors")
    if entries > _MAX_ENTRIES:
        damaged(path, f"it claims to have {entries:,} metadata entries")
    return version, tensors, entries


def _check_magic(path: Path, begin: bytes) -> None:
    if begin.startswith(b"GGUF"):
        return
    hint = _CONVERT
    kind = "not a GGUF file"
    for magic, name, advice in _IMPOSTORS:
        if begin.startswith(magic):
            kind, hint = name, advice or _CONVERT
            break
    else:
        if begin.lstrip()[:1] == b"<":
            kind, hint = "a web page, not a model", AGAIN
        elif begin[8:9] == b"{":
            kind = "a safetensors file"
        elif begin.lstrip()[:1] in (b"{", b"["):
            kind, hint = "a JSON text, not a model", AGAIN
    raise ModelError(f"{path.name} is {kind}.", hint=hint)


def _read_metadata(reader: Window, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for number in range(1, count + 1):
        key = _read_name(reader, f"metadata entry {number}")
        if key in metadata:
            damaged(reader.path, f"it has two entries {shown(key)}")
        reader.keep(len(key) + _PER_ELEMENT)
        metadata[key] = _read_value(reader, key)
    return metadata


def _read_name(reader: Window, what: str) -> str:
    name = reader.string(_MAX_KEY, what)
    if not name:
        damaged(reader.path, f"{what} has no name")
    return _utf8(reader, name, f"the name of {what}")


def _read_value(reader: Window, key: str) -> Value:
    what = shown(key)
    kind = reader.u32(what)
    if kind == _STRING:
        return _read_text(reader, key)
    if kind == _ARRAY:
        return _read_small_array(reader, key)
    if kind not in _SCALARS:
        damaged(reader.path, f"{what} has the unknown type {kind}")
    return reader.scalar(_SCALARS[kind][1], what)


def _read_text(reader: Window, key: str) -> str | Skipped:
    what = shown(key)
    offset = reader.position
    length = reader.u64(what)
    if length > _MAX_TEXT:
        reader.skip(length, what)
        return Skipped("text", length, offset)
    reader.keep(length)
    data = reader.take(length, what)
    # a licence or a description in Latin-1 keeps nobody from using the model
    if key.startswith("general.") and key != "general.architecture":
        return data.decode("utf-8", "replace")
    return _utf8(reader, data, what)


def _read_small_array(reader: Window, key: str) -> tuple[Scalar, ...] | Skipped:
    what = shown(key)
    kind, count = reader.u32(what), reader.u64(what)
    if kind == _ARRAY:
        damaged(reader.path, f"{what} is an array of arrays")
    if kind != _STRING and kind not in _SCALARS:
        damaged(reader.path, f"{what} is an array of the unknown type {kind}")
    offset = reader.position
    if count > MAX_ELEMENTS:
        damaged(reader.path, f"{what} claims to have {count:,} elements")
    if kind == _STRING:
        reader.skip_strings(count, what)
    else:
        reader.skip(count * _SCALARS[kind][1].size, what)
    end = reader.position
    if count > _MAX_SMALL_ARRAY or end - offset > _MAX_TEXT:
        return Skipped("string" if kind == _STRING else _SCALARS[kind][0], count, offset)
    reader.keep(end - offset + count * _PER_ELEMENT)
    reader.rewind(offset)
    if kind == _STRING:
        return _read_strings(reader, count, what)
    return tuple(reader.scalar(_SCALARS[kind][1], what) for _ in range(count))


def _read_strings(reader: Window, count: int, what: str) -> tuple[str, ...]:
    return tuple(reader.string(_MAX_TEXT, what).decode("utf-8", "replace") for _ in range(count))


def _read_tensors(reader: Window, count: int, alignment: int) -> tuple[Tensor, ...]:
    tensors: dict[str, Tensor] = {}
    expected = 0
    for number in range(1, count + 1):
        tensor = _read_tensor(reader, number)
        if tensor.name in tensors:
            damaged(reader.path, f"it has tensor {shown(tensor.name)} twice")
        if tensor.offset != expected:
            what = f"tensor {shown(tensor.name)}"
            damaged(reader.path, f"{what} lies at {tensor.offset:,} instead of {expected:,}")
        expected = _padded(tensor.offset + tensor.size, alignment)
        reader.keep(len(tensor.name) + 4 * _PER_ELEMENT)
        tensors[tensor.name] = tensor
    return tuple(tensors.values())


def _read_tensor(reader: Window, number: int) -> Tensor:
    # A thousand of them are read in the time of one glance, so the name is made fit for a message
    # only where there is one.
    what = f"tensor {number}"
    name = _read_name(reader, what)
    dimensions = reader.u32(what)
    if dimensions > 4:
        damaged(reader.path, f"tensor {shown(name)} has {dimensions:,} dimensions")
    layout = _TENSOR_LAYOUTS[dimensions]
    *shape, kind, offset = layout.unpack(reader.take(layout.size, what))
    elements = math.prod(shape)
    if elements >= 1 << 63:
        damaged(reader.path, f"tensor {shown(name)} is impossibly large")
    if kind in _REMOVED_TYPES:
        raise ModelError(
            f"{reader.path.name} uses a quantisation that llama.cpp has dropped (type {kind}).",
            hint="Take a newer file of this model.",
        )
    if kind not in _TENSOR_TYPES:
        raise ModelError(
            f"{reader.path.name} uses the tensor type {kind}, which this chatterm does not know.",
            hint="Update chatterm, or take another quantisation of this model.",
        )
    type_name, block, block_bytes = _TENSOR_TYPES[kind]
    if shape and shape[0] % block:
        row = f"a row of tensor {shown(name)} has {shape[0]:,} elements"
        damaged(reader.path, f"{row}, not blocks of {block}")
    return Tensor(name, tuple(shape), type_name, offset, elements // block * block_bytes)


def _alignment(path: Path, metadata: Mapping[str, Value]) -> int:
    alignment = find_number(path, metadata, "general.alignment", 32)
    if alignment <= 0 or alignment & (alignment - 1):
        damaged(path, f"its alignment is {alignment:,}, which is no power of two")
    return alignment


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _utf8(reader: Window, data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        damaged(reader.path, f"{what} is not valid UTF-8")
