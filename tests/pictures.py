"""Small pictures, and the eyes of a model that sees them: random weights, real llama.cpp."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

_HIDDEN, _FEED, _LAYERS, _SIZE, _PATCH = 32, 64, 2, 28, 14
PICTURE_TOKENS = (_SIZE // _PATCH) ** 2
"""Positions that a picture takes with these eyes."""


def png(colour: tuple[int, int, int], width: int = 40, height: int = 30) -> bytes:
    """A picture of one colour."""
    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_projector(path: Path, *, width: int = 64, seed: int = 0) -> Path:
    """Write a projector of LLaVA's kind, for a model of that width."""
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    writer = GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    for key, number in {
        "image_size": _SIZE,
        "patch_size": _PATCH,
        "embedding_length": _HIDDEN,
        "feed_forward_length": _FEED,
        "projection_dim": width,
        "block_count": _LAYERS,
        "attention.head_count": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    tensors = {
        "v.patch_embd.weight": weights(_HIDDEN, 3, _PATCH, _PATCH),
        "v.class_embd": weights(_HIDDEN),
        "v.position_embd.weight": weights(PICTURE_TOKENS + 1, _HIDDEN),
        "v.pre_ln.weight": weights(_HIDDEN) + 1,
        "v.pre_ln.bias": weights(_HIDDEN),
        "mm.0.weight": weights(width, _HIDDEN),
        "mm.0.bias": weights(width),
        "mm.2.weight": weights(width, width),
        "mm.2.bias": weights(width),
    }
    for layer in range(_LAYERS):
        block = f"v.blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors[f"{block}.{name}.weight"] = weights(_HIDDEN, _HIDDEN)
            tensors[f"{block}.{name}.bias"] = weights(_HIDDEN)
        for name in ("ln1", "ln2"):
            tensors[f"{block}.{name}.weight"] = weights(_HIDDEN) + 1
            tensors[f"{block}.{name}.bias"] = weights(_HIDDEN)
        tensors[f"{block}.ffn_up.weight"] = weights(_FEED, _HIDDEN)
        tensors[f"{block}.ffn_up.bias"] = weights(_FEED)
        tensors[f"{block}.ffn_down.weight"] = weights(_HIDDEN, _FEED)
        tensors[f"{block}.ffn_down.bias"] = weights(_HIDDEN)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
