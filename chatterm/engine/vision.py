"""Eyes of a model: pictures become embeddings, by the library's multimodal part.

Beside ``runtime`` and ``sampling`` the only file that touches llama.cpp. A picture takes positions
in a sequence as words do; the stand-ins in their places are made of its bytes, so the same picture
at the same place is never looked at twice.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp as llama
import llama_cpp.mtmd_cpp as mtmd

from chatterm.engine.batch import NoRoom, Picture
from chatterm.errors import EngineError, ModelError

_KEPT = 16
"""Pictures that are kept ready; a chat's next turn has them all again."""
_KINDS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")
"""How files begin that the library can read. Anything else it would give to a video player."""
_NO_ROOM = 1


class Glance:
    """A picture, or a slice of one, as the library has prepared it."""

    def __init__(self, chunk: Any, identity: bytes) -> None:
        self.chunk = mtmd.mtmd_input_chunk_copy(chunk)
        length = mtmd.mtmd_input_chunk_get_n_pos(chunk)
        self.stand_ins = [_stand_in(identity, at) for at in range(length)]

    def __del__(self) -> None:
        mtmd.mtmd_input_chunk_free(self.chunk)


def _stand_in(identity: bytes, at: int) -> int:
    """A number that is no token."""
    digest = hashlib.blake2b(identity + at.to_bytes(4), digest_size=6).digest()
    return -1 - int.from_bytes(digest)


class Eyes:
    """The projector that belongs to a model."""

    def __init__(self, path: str, model: Any, threads: int) -> None:
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = llama.llama_supports_gpu_offload()
        params.print_timings = False
        params.n_threads = threads
        params.warmup = False
        self._context = mtmd.mtmd_init_from_file(os.fsencode(path), model, params)
        if not self._context or not mtmd.mtmd_support_vision(self._context):
            raise ModelError(
                f"{Path(path).name} could not be loaded as the eyes of this model",
                hint="it may be damaged, or belong to another model; pull both again",
            )
        self._ready: OrderedDict[bytes, list[list[int] | Picture]] = OrderedDict()

    def close(self) -> None:
        self._ready.clear()
        mtmd.mtmd_free(self._context)

    def see(self, data: bytes) -> list[list[int] | Picture]:
        """The tokens and the glances that a picture becomes."""
        digest = hashlib.sha256(data).digest()
        parts = self._ready.get(digest)
        if parts is None:
            parts = self._ready[digest] = self._prepared(data, digest)
        self._ready.move_to_end(digest)
        if len(self._ready) > _KEPT:
            self._ready.popitem(last=False)
        return parts

    def evaluate(self, glance: Glance, context: Any, position: int, sequence: int) -> None:
        """Look, and write what was seen into a sequence."""
        if mtmd.mtmd_encode_chunk(self._context, glance.chunk) != 0:
            raise EngineError("the picture could not be looked at", hint="send a smaller one")
        seen = mtmd.mtmd_get_output_embd(self._context)
        after = ctypes.c_int32()
        result = mtmd.mtmd_helper_decode_image_chunk(
            self._context,
            context,
            glance.chunk,
            seen,
            position,
            sequence,
            llama.llama_n_batch(context),
            ctypes.byref(after),
            mtmd.mtmd_helper_post_decode_callback(),
            None,
        )
        if result == _NO_ROOM:
            raise NoRoom
        if result != 0:
            raise EngineError(
                f"the picture could not be evaluated (code {result})", hint="send a smaller one"
            )

    def _prepared(self, data: bytes, digest: bytes) -> list[list[int] | Picture]:
        parts: list[list[int] | Picture] = []
        with self._bitmap(data) as bitmap, _chunks() as chunks:
            part = mtmd.mtmd_input_part()
            part.bitmap = bitmap
            pointers = (ctypes.POINTER(mtmd.mtmd_input_part) * 1)(ctypes.pointer(part))
            if mtmd.mtmd_tokenize_from_parts(self._context, chunks, pointers, 1, False) != 0:
                raise ModelError("this picture could not be prepared", hint="send another size")
            for at in range(mtmd.mtmd_input_chunks_size(chunks)):
                chunk = mtmd.mtmd_input_chunks_get(chunks, at)
                parts.append(_text_of(chunk) or Glance(chunk, digest + at.to_bytes(4)))
        return parts

    @contextmanager
    def _bitmap(self, data: bytes) -> Iterator[Any]:
        bitmap = None
        if data.startswith(_KINDS):
            buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
            bitmap = mtmd.mtmd_helper_bitmap_init_from_buf(self._context, buffer, len(data), False)
        if not bitmap:
            raise ModelError("the picture cannot be read", hint="send it as PNG, JPEG, GIF or BMP")
        try:
            yield bitmap
        finally:
            mtmd.mtmd_bitmap_free(bitmap)


@contextmanager
def _chunks() -> Iterator[Any]:
    chunks = mtmd.mtmd_input_chunks_init()
    try:
        yield chunks
    finally:
        mtmd.mtmd_input_chunks_free(chunks)


def _text_of(chunk: Any) -> list[int]:
    """The tokens of a piece that is text; none of one that is seen."""
    if mtmd.mtmd_input_chunk_get_type(chunk) != mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
        return []
    count = ctypes.c_size_t()
    tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
    return list(tokens[: count.value]) if tokens else []
