"""llama.cpp, loaded: tokens in, logits out. Few modules beside it touch the library.

Runs in the host process alone. Everything here is synchronous and belongs to one thread. The
library may abort the process on states it does not like, so callers hand over only what has been
checked.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Read by ggml at its first abort: without it a debugger is started for the backtrace.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

import llama_cpp as llama

from chatterm.engine.batch import Abandoned, BatchItem, LoadCancelled, NoRoom, Picture
from chatterm.engine.embedding import MOST_TOKENS, Embedder
from chatterm.engine.llama_batch import LlamaBatch
from chatterm.engine.llama_log import LlamaLog
from chatterm.engine.machine import physical_cores
from chatterm.engine.settings import EngineSettings
from chatterm.engine.vision import Eyes, Glance
from chatterm.errors import EngineError, ModelError

DEFAULT_CONTEXT = 8192
_IDLE_SHARE = 0.01
_LEAST_IDLE_TOKENS = 64
_CACHE_TYPES = {
    "auto": llama.GGML_TYPE_F16,
    "f32": llama.GGML_TYPE_F32,
    "f16": llama.GGML_TYPE_F16,
    "q8_0": llama.GGML_TYPE_Q8_0,
    "q4_0": llama.GGML_TYPE_Q4_0,
}
_ABORTED = 2
_WORTH_WATCHING = 32
"""Tokens: a smaller batch is done before it is worth asking whether somebody still waits."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What must be known of the tokens."""

    size: int
    bos_text: str
    eos_text: str
    adds_bos: bool
    bos: int
    special_texts: tuple[str, ...]
    """Tokens that mean something beside their text."""
    added_texts: tuple[str, ...]
    """Those of them that the tokenizer recognises in any text."""


class LlamaRuntime:
    """One model and one context of several sequences."""

    def __init__(
        self, settings: EngineSettings, progress: Callable[[float], bool] = lambda _: True
    ) -> None:
        self.settings = settings
        self._log = LlamaLog()
        llama.llama_backend_init()
        self._model = self._load(progress)
        self._vocab: Any = llama.llama_model_get_vocab(self._model)
        self.trained_context: int = llama.llama_model_n_ctx_train(self._model)
        self.threads = settings.threads or physical_cores()
        self._context = self._open_context()
        self._memory: Any = llama.llama_get_memory(self._context)
        self.context: int = llama.llama_n_ctx(self._context)
        self.sequences = settings.sequences
        self.chunk: int = llama.llama_n_batch(self._context)
        self.keeps_any_prefix = not (
            llama.llama_model_is_recurrent(self._model) or llama.llama_model_is_hybrid(self._model)
        )
        """Whether a sequence can be cut anywhere; recurrent states are all or nothing."""
        self._batch = LlamaBatch(self.chunk)
        self._is_abandoned: Callable[[], bool] = _never
        self._watch = llama.ggml_abort_callback(lambda _: self._is_abandoned())
        self._pieces: dict[int, bytes] = {}
        self._eyes: Eyes | None = None
        self.vocabulary = self._read_vocabulary()
        self.bos = self.vocabulary.bos
        self.adds_bos = self.vocabulary.adds_bos

    def close(self) -> None:
        if self._eyes is not None:
            self._eyes.close()
        self._batch.free()
        llama.llama_free(self._context)
        llama.llama_model_free(self._model)
        self._log.close()

    # -- the model ---------------------------------------------------------------------------

    @property
    def handles(self) -> tuple[Any, Any, Any]:
        """Model, vocabulary and context, for the samplers."""
        return self._model, self._vocab, self._context

    def chat_template(self, name: str = "") -> str:
        """The model's own template, or one it has for a purpose; or nothing."""
        found = llama.llama_model_chat_template(self._model, name.encode() or None)
        return found.decode("utf-8", "replace") if found else ""

    @property
    def writes(self) -> bool:
        """Whether it can answer at all; a model for embeddings reads only."""
        architecture = self.metadata("general.architecture")
        return self.metadata(f"{architecture}.attention.causal") != "false"

    @property
    def name(self) -> str:
        """The file's."""
        return Path(self.settings.model_path).name

    @property
    def description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        llama.llama_model_desc(self._model, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    @property
    def idle_tokens(self) -> int:
        """How many idle cells cost an answer no more than some percent of its speed."""
        model = self._model
        width = llama.llama_model_n_embd(model) // max(1, llama.llama_model_n_head(model))
        values = 2 * width * llama.llama_model_n_head_kv(model) * llama.llama_model_n_layer(model)
        of_a_step = _IDLE_SHARE * llama.llama_model_size(model)
        return max(_LEAST_IDLE_TOKENS, int(of_a_step / max(1, 2 * values)))

    @property
    def build(self) -> str:
        """Which library this is; another one may not understand its states."""
        return f"llama{llama.__version__}"

    @property
    def buffers_mb(self) -> float:
        """What the library says it took for weights, cache and computing."""
        return self._log.buffers.all_mb

    @property
    def gpu_mb(self) -> float:
        """What of that lies in the memory of GPUs."""
        return self._log.buffers.gpu_mb

    def metadata(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(4096)
        length = llama.llama_model_meta_val_str(
            self._model,
            key.encode(),
            buffer,
            len(buffer),
        )
        return None if length < 0 else buffer.value.decode("utf-8", "replace")

    def _load(self, progress: Callable[[float], bool]) -> Any:
        path = self.settings.model_path
        params = llama.llama_model_default_params()
        params.n_gpu_layers = self.settings.gpu_layers if llama.llama_supports_gpu_offload() else 0
        stopped = False

        def report(share: float, _: Any) -> bool:
            nonlocal stopped
            stopped = stopped or not progress(share)
            return not stopped

        callback = llama.llama_progress_callback(report)
        params.progress_callback = callback
        model = llama.llama_model_load_from_file(os.fsencode(path), params)
        if stopped:
            raise LoadCancelled
        if not model:
            raise ModelError(
                f"{Path(path).name} could not be loaded: {self._log.last_error()}",
                hint="the file may be damaged, or of a kind this llama.cpp does not know",
                detail=self._log.text(),
            )
        return model

    def _open_context(self) -> Any:
        settings = self.settings
        params = llama.llama_context_default_params()
        params.n_ctx = settings.context or min(DEFAULT_CONTEXT, self.trained_context)
        params.n_batch = params.n_ubatch = min(settings.chunk, params.n_ctx)
        params.n_seq_max = settings.sequences
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = self.threads
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
        params.type_k = params.type_v = _CACHE_TYPES[settings.cache_type]
        params.no_perf = True
        context = llama.llama_init_from_model(self._model, params)
        if not context:
            raise EngineError(
                f"there is no memory for a context of {params.n_ctx} tokens",
                hint="ask for less with -o context=N, or take a smaller model",
                detail=self._log.text(),
            )
        return context

    # -- tokens ------------------------------------------------------------------------------

    def _read_vocabulary(self) -> Vocabulary:
        size = llama.llama_vocab_n_tokens(self._vocab)
        control, unknown = llama.LLAMA_TOKEN_ATTR_CONTROL, llama.LLAMA_TOKEN_ATTR_UNKNOWN
        added = llama.LLAMA_TOKEN_ATTR_USER_DEFINED
        attributes = [llama.llama_vocab_get_attr(self._vocab, token) for token in range(size)]
        bos = llama.llama_vocab_bos(self._vocab)
        eos = llama.llama_vocab_eos(self._vocab)
        return Vocabulary(
            size=size,
            bos_text=self._text_of(bos) if bos >= 0 else "",
            eos_text=self._text_of(eos) if eos >= 0 else "",
            adds_bos=bool(llama.llama_vocab_get_add_bos(self._vocab)),
            bos=bos,
            special_texts=self._texts_with(attributes, control | added | unknown),
            added_texts=self._texts_with(attributes, added),
        )

    @property
    def infill(self) -> tuple[str, str, str] | None:
        """What stands before a text, before what comes behind its gap, and where the gap is
        filled; None of a model that was not taught to fill gaps."""
        tokens = [
            llama.llama_vocab_fim_pre(self._vocab),
            llama.llama_vocab_fim_suf(self._vocab),
            llama.llama_vocab_fim_mid(self._vocab),
        ]
        if any(token < 0 for token in tokens):
            return None
        prefix, suffix, middle = map(self._text_of, tokens)
        return prefix, suffix, middle

    def _texts_with(self, attributes: list[int], wanted: int) -> tuple[str, ...]:
        texts = (self._text_of(token) for token, has in enumerate(attributes) if has & wanted)
        return tuple(text for text in texts if text)

    def _text_of(self, token: int) -> str:
        text: bytes = llama.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace")

    def tokenize(self, text: str, *, special: bool = True, framed: bool = False) -> list[int]:
        """The tokens of a text; ``framed`` by those that the model itself puts around one."""
        if not text:
            return []
        data = text.encode("utf-8", "replace")
        room = len(data) + 16
        while True:
            tokens = (llama.llama_token * room)()
            count = llama.llama_tokenize(
                self._vocab, data, len(data), tokens, room, framed, special
            )
            if count >= 0:
                return tokens[:count]
            room = -count

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, special tokens by their text."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._read_piece(token)
        return known

    def _read_piece(self, token: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = llama.llama_token_to_piece(self._vocab, token, buffer, room, 0, True)
            if length >= 0:
                return buffer.raw[:length]
            room = -length

    def is_special(self, token: int) -> bool:
        """Whether a token means something beside its text."""
        special = llama.LLAMA_TOKEN_ATTR_CONTROL | llama.LLAMA_TOKEN_ATTR_USER_DEFINED
        return bool(llama.llama_vocab_get_attr(self._vocab, token) & special)

    def ends(self, token: int) -> bool:
        """Whether the model says with this token that it is done."""
        return bool(llama.llama_vocab_is_eog(self._vocab, token))

    # -- evaluation --------------------------------------------------------------------------

    def decode(self, items: Sequence[BatchItem], is_abandoned: Callable[[], bool] = _never) -> None:
        """Evaluate a batch; the logits of item ``i`` are then those of index ``i``.

        ``is_abandoned`` is asked at each node of a large batch's graph; a sequence that cannot be
        cut would not survive a batch that ends half way.
        """
        watched = len(items) >= _WORTH_WATCHING and self.keeps_any_prefix
        self._is_abandoned = is_abandoned
        watch = self._watch if watched else llama.ggml_abort_callback()
        llama.llama_set_abort_callback(self._context, watch, None)
        result = llama.llama_decode(self._context, self._batch.filled(items))
        if result == 1:
            raise NoRoom
        if result == _ABORTED:
            raise Abandoned
        if result != 0:
            raise EngineError(
                f"the model could not be evaluated (code {result})",
                hint="try again; if it stays, take another model or less context",
                detail=self._log.text(),
            )

    def see(self, data: bytes) -> list[list[int] | Picture]:
        """What a picture becomes; the eyes are opened when there is something to see."""
        if self._eyes is None:
            self._eyes = Eyes(self.settings.projector, self._model, self.threads)
        return self._eyes.see(data)

    def look(self, picture: Picture, position: int, sequence: int) -> None:
        """Evaluate a picture; nothing of it stays if there is no room."""
        assert self._eyes is not None
        assert isinstance(picture, Glance)
        llama.llama_set_abort_callback(self._context, llama.ggml_abort_callback(), None)
        try:
            self._eyes.evaluate(picture, self._context, position, sequence)
        except (NoRoom, EngineError):
            self.cut(sequence, position)
            raise

    def set_threads(self, generation: int, prompt: int) -> None:
        llama.llama_set_n_threads(self._context, generation, prompt)

    # -- sequences ---------------------------------------------------------------------------

    def cut(self, sequence: int, length: int) -> bool:
        """Forget everything from position ``length`` on; False if this model cannot do that."""
        return bool(llama.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def forget(self, sequence: int) -> None:
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let ``target`` share the first ``length`` positions of ``source``."""
        llama.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def state_of(self, sequence: int) -> bytearray:
        """Everything the model remembers of a sequence."""
        size = llama.llama_state_seq_get_size(self._context, sequence)
        data = bytearray(size)
        view = (ctypes.c_uint8 * size).from_buffer(data)
        written = llama.llama_state_seq_get_data(self._context, view, size, sequence)
        del view
        return data if written == size else bytearray()

    def restore(self, sequence: int, state: bytearray) -> bool:
        """Put a state back; the caller has verified that it is whole and of this model."""
        view = (ctypes.c_uint8 * len(state)).from_buffer(state)
        return bool(llama.llama_state_seq_set_data(self._context, view, len(state), sequence))

    # -- embeddings --------------------------------------------------------------------------

    def embedder(self) -> Embedder:
        """What turns texts into vectors, in a context of its own."""
        return Embedder(
            self._model,
            lambda text: self.tokenize(text, special=False, framed=True),
            name=self.name,
            room=min(self.trained_context, MOST_TOKENS),
            threads=self.threads,
        )
