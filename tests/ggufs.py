"""Makes small GGUF models that real llama.cpp loads and decodes, within a tenth of a second.

The weights are random and seeded, but not arbitrary: one channel of the residual stream is held
constant, so every token can be given a bias of its own. That is how the text stays varied and
readable at temperature 0, and how the model ends when, and only when, it is told to.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import gguf
import numpy as np
import numpy.typing as npt

from tests.vocabularies import (
    Vocabulary,
    bert_vocabulary,
    bpe_vocabulary,
    bytes_of,
    spm_vocabulary,
)

Array: TypeAlias = npt.NDArray[Any]
Quant: TypeAlias = Literal["F32", "F16", "Q8_0"]
NamedArrays: TypeAlias = Iterator[tuple[str, Array]]

CHATML: Final = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)

_NEVER: Final = -2.0
"""A bias, in units of the usual best logit, that no token overcomes."""
_EXPERTS_USED: Final = 2
_STATE: Final = 16
"""Of a recurrent layer: what it remembers in each channel."""


@dataclass(frozen=True, slots=True)
class Shape:
    layers: int = 2
    width: int = 64
    heads: int = 2
    kv_heads: int = 1
    ff: int = 128
    context: int = 2048
    experts: int = 0
    """Feed-forward networks to choose two from; 0 is one for all."""

    @property
    def head(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Taste:
    """How far the weights spread: what makes greedy text varied, and yet the same in any batch."""

    attention: float = 2.0
    """Of queries and keys: the higher, the fewer tokens a head looks at."""
    context: float = 1.0
    """What all layers together add to the residual stream, in units of an embedding."""
    logits: float = 3.0
    restless: float = 0.5
    """How much a token speaks against itself as the next one."""
    habit: float = 12.0
    """How far each token prefers two others as the next one, in standard deviations of a logit.

    A choice between all tokens ends in a near tie so often that rounding would change the text.
    """


def make_gguf(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    kv_heads: int = 1,
    ff: int = 128,
    vocab: int = 768,
    context: int = 2048,
    experts: int = 0,
    arch: str = "llama",
    tokenizer: Literal["bpe", "spm"] = "bpe",
    seed: int = 0,
    chat_template: str | None = CHATML,
    quant: Quant = "F32",
    add_bos: bool = False,
    ends: float = 0.0,
    bias: Mapping[str, float] | None = None,
    pooling: int | None = None,
    metadata: Mapping[str, object] | None = None,
    name: str = "tiny",
) -> Path:
    """Write a model that chats to ``path``.

    ``arch`` may be ``gemma3`` for a sliding window of 64 tokens, or ``mamba`` for a recurrent
    model, which cannot forget its last tokens alone; one that llama.cpp does not know makes a
    file that it refuses. ``ends`` is about the share of steps at which the greedy choice is to
    end the turn; at 0 the model never ends by itself. ``bias`` pushes single tokens, named as in
    the vocabulary, in units of the usual best logit: +2 makes one certain, -2 impossible.
    ``pooling`` (1 mean, 2 first, 3 last) makes it an embedding model.
    """
    words = bpe_vocabulary(vocab) if tokenizer == "bpe" else spm_vocabulary(vocab)
    shape = Shape(layers, width, heads, kv_heads, ff, context, experts)
    writer = gguf.GGUFWriter(path, arch)
    add_metadata(writer, shape, words, name=name)
    writer.add_file_type({"F32": 0, "F16": 1, "Q8_0": 7}[quant])
    writer.add_add_bos_token(add_bos)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    if pooling is not None:
        writer.add_pooling_type(gguf.PoolingType(pooling))
    for key, value in (metadata or {}).items():
        _add(writer, key, value)
    biases = readable(words) | {words.id(token): amount for token, amount in (bias or {}).items()}
    model = Model(shape, words, biases, seed=seed, ends=ends)
    if arch == "gemma3":
        writer.add_key_length(shape.head)
        writer.add_value_length(shape.head)
        writer.add_sliding_window(64)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(_EXPERTS_USED)
    if arch == "mamba":
        _add_recurrent_metadata(writer, shape)
    tensors = {"gemma3": model.gemma3, "mamba": model.mamba}.get(arch, model.llama)
    write_tensors(writer, tensors(), quant)
    return path


def make_bert(path: Path, *, vocab: int = 512, seed: int = 0, quant: Quant = "F32") -> Path:
    """Write an embedding model of the BERT family, with mean pooling and 512 tokens of context."""
    words = bert_vocabulary(vocab)
    shape = Shape(kv_heads=2, context=512)
    writer = gguf.GGUFWriter(path, "bert")
    add_metadata(writer, shape, words, name="tiny-bert")
    writer.add_file_type({"F32": 0, "F16": 1, "Q8_0": 7}[quant])
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(2)
    writer.add_unk_token_id(words.id("[UNK]"))
    writer.add_sep_token_id(words.id("[SEP]"))
    writer.add_pad_token_id(words.id("[PAD]"))
    writer.add_mask_token_id(words.id("[MASK]"))
    write_tensors(writer, Model(shape, words, {}, seed=seed).bert(), quant)
    return path


def truncated(source: Path, path: Path, keep: int) -> Path:
    """The first ``keep`` bytes of a model; fewer by that many if ``keep`` is negative."""
    data = source.read_bytes()
    path.write_bytes(data[:keep])
    return path


class Model:
    """The tensors of a model, one at a time, in the order of the file.

    Channel 0 of the residual stream is the same for every token: no layer writes into it, and
    the first column of the output matrix turns it into the bias of each token.
    """

    def __init__(
        self,
        shape: Shape,
        words: Vocabulary,
        biases: Mapping[int, float],
        *,
        seed: int = 0,
        ends: float = 0.0,
        taste: Taste | None = None,
    ) -> None:
        self._shape = shape
        self._words = words
        self._biases = biases
        self._ends = ends
        self._taste = taste or Taste()
        self._rng = np.random.default_rng(seed)
        self._embedding = self._normal(len(words), shape.width, 1.0)
        self._embedding[:, 0] = 1.0
        self._unit = shape.width**-0.5
        self._add = 2 * self._taste.context / (2 * shape.layers) ** 0.5

    def llama(self) -> NamedArrays:
        yield "token_embd.weight", self._embedding
        for layer in range(self._shape.layers):
            block = f"blk.{layer}."
            yield block + "attn_norm.weight", self._ones()
            yield from self._attention(block, self._add)
            yield block + "ffn_norm.weight", self._ones()
            yield from self._feed_forward(block, self._add)
        yield from self._output()

    def gemma3(self) -> NamedArrays:
        # this architecture multiplies its embeddings by the root of the width
        yield "token_embd.weight", self._embedding * self._unit
        sparing = self._ones() * np.float32(self._add / 2)
        sparing[0] = 0.0
        for layer in range(self._shape.layers):
            block = f"blk.{layer}."
            yield block + "attn_norm.weight", self._ones()
            yield from self._attention(block, 1.0)
            for part in ("q", "k"):
                head = np.full(self._shape.head, self._taste.attention, np.float32)
                yield block + f"attn_{part}_norm.weight", head
            yield block + "post_attention_norm.weight", sparing
            yield block + "ffn_norm.weight", self._ones()
            yield from self._feed_forward(block, 1.0)
            yield block + "post_ffw_norm.weight", sparing
        yield from self._output()

    def mamba(self) -> NamedArrays:
        yield "token_embd.weight", self._embedding
        width, inner = self._shape.width, 2 * self._shape.width
        rank = width // 16
        for layer in range(self._shape.layers):
            block = f"blk.{layer}."
            yield block + "attn_norm.weight", self._ones()
            yield block + "ssm_in.weight", self._normal(2 * inner, width, self._unit)
            yield block + "ssm_conv1d.weight", self._normal(inner, 4, 0.5)
            yield block + "ssm_conv1d.bias", np.zeros(inner, np.float32)
            yield block + "ssm_x.weight", self._normal(rank + 2 * _STATE, inner, inner**-0.5)
            yield block + "ssm_dt.weight", self._normal(inner, rank, rank**-0.5)
            yield block + "ssm_dt.bias", np.full(inner, -1.0, np.float32)
            decay = np.arange(1, _STATE + 1, dtype=np.float32) / _STATE
            yield block + "ssm_a", np.tile(-decay, (inner, 1))
            yield block + "ssm_d", np.ones(inner, np.float32)
            yield block + "ssm_out.weight", self._closed(inner, 2 * self._add)
        yield from self._output()

    def bert(self) -> NamedArrays:
        shape = self._shape
        yield "token_embd.weight", self._embedding
        yield "token_types.weight", self._normal(2, shape.width, 0.1)
        yield "position_embd.weight", self._normal(shape.context, shape.width, 0.3)
        yield from self._layer_norm("token_embd_norm")
        for layer in range(shape.layers):
            block = f"blk.{layer}."
            for part in ("q", "k", "v", "output"):
                yield f"{block}attn_{part}.weight", self._normal(shape.width, shape.width, 0.1)
                yield f"{block}attn_{part}.bias", np.zeros(shape.width, np.float32)
            yield from self._layer_norm(block + "attn_output_norm")
            yield block + "ffn_up.weight", self._normal(shape.ff, shape.width, 0.1)
            yield block + "ffn_up.bias", np.zeros(shape.ff, np.float32)
            yield block + "ffn_down.weight", self._normal(shape.width, shape.ff, 0.1)
            yield block + "ffn_down.bias", np.zeros(shape.width, np.float32)
            yield from self._layer_norm(block + "layer_output_norm")

    def _attention(self, block: str, scale: float) -> NamedArrays:
        width, kv_width = self._shape.width, self._shape.head * self._shape.kv_heads
        spread = self._taste.attention * self._unit
        yield block + "attn_q.weight", self._normal(width, width, spread)
        yield block + "attn_k.weight", self._normal(kv_width, width, spread)
        yield block + "attn_v.weight", self._normal(kv_width, width, self._unit)
        yield block + "attn_output.weight", self._closed(width, scale)

    def _feed_forward(self, block: str, scale: float) -> NamedArrays:
        width, ff = self._shape.width, self._shape.ff
        if self._shape.experts:
            yield from self._experts(block, scale / _EXPERTS_USED)
            return
        yield block + "ffn_gate.weight", self._normal(ff, width, self._unit)
        yield block + "ffn_up.weight", self._normal(ff, width, self._unit)
        yield block + "ffn_down.weight", self._closed(ff, scale)

    def _experts(self, block: str, scale: float) -> NamedArrays:
        width, ff, count = self._shape.width, self._shape.ff, self._shape.experts
        yield block + "ffn_gate_inp.weight", self._normal(count, width, self._unit)
        for part in ("gate", "up"):
            rows = self._normal(count * ff, width, self._unit)
            yield f"{block}ffn_{part}_exps.weight", rows.reshape(count, ff, width)
        down = [self._closed(ff, scale) for _ in range(count)]
        yield block + "ffn_down_exps.weight", np.stack(down)

    def _output(self) -> NamedArrays:
        """Rows of one length, so that no token is favoured; the biases in the first column."""
        taste = self._taste
        yield "output_norm.weight", self._ones()
        rows = self._normal(len(self._words), self._shape.width, 1.0)
        rows -= np.float32(taste.restless) * self._embedding
        rows[:, 0] = 0.0
        rows *= taste.logits / np.linalg.norm(rows, axis=1, keepdims=True)
        usual = np.array([n for n in range(len(self._words)) if n not in self._biases])
        for _ in range(2):
            preferred = self._embedding[self._rng.permutation(usual)]
            preferred[:, 0] = 0.0
            rows[usual] += preferred * np.float32(taste.habit * taste.logits / self._shape.width)
        norm = (1 + taste.context**2) ** 0.5
        best = taste.logits * (taste.habit / norm + 1)
        last = self._words.eos if self._words.eot is None else self._words.eot
        for token, amount in self._biases.items():
            if token != last or not self._ends:
                # the last norm shrinks the constant channel by about this much
                rows[token, 0] = amount * best * norm
        if self._ends:
            rows[last] *= best / taste.logits / statistics.NormalDist().inv_cdf(1 - self._ends)
        yield "output.weight", rows

    def _closed(self, columns: int, scale: float) -> Array:
        """A matrix into the residual stream that leaves the constant channel alone."""
        matrix = self._normal(self._shape.width, columns, scale * columns**-0.5)
        matrix[0] = 0.0
        return matrix

    def _normal(self, rows: int, columns: int, scale: float) -> Array:
        return self._rng.standard_normal((rows, columns), np.float32) * np.float32(scale)

    def _ones(self) -> Array:
        return np.ones(self._shape.width, np.float32)

    def _layer_norm(self, name: str) -> NamedArrays:
        yield name + ".weight", self._ones()
        yield name + ".bias", np.zeros(self._shape.width, np.float32)


def readable(words: Vocabulary) -> dict[int, float]:
    """Biases that keep everything but whole, printable text out of an answer."""
    return {
        number: _NEVER
        for number, (token, kind) in enumerate(zip(words.tokens, words.types, strict=True))
        if kind != gguf.TokenType.NORMAL or not _is_text(words, token)
    }


def _is_text(words: Vocabulary, token: str) -> bool:
    if words.model != "gpt2":
        return token.isprintable()
    try:
        text = bytes_of(token).decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable() or text == "\n"


def add_metadata(writer: gguf.GGUFWriter, shape: Shape, words: Vocabulary, *, name: str) -> None:
    writer.add_name(name)
    writer.add_quantization_version(2)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ff)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(shape.head)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model(words.model)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    if words.merges:
        writer.add_tokenizer_pre(words.pre)
        writer.add_token_merges(words.merges)
    if words.scores:
        writer.add_token_scores(words.scores)
    writer.add_bos_token_id(words.bos)
    writer.add_eos_token_id(words.eos)
    if words.eot is not None:
        writer.add_eot_token_id(words.eot)


def _add_recurrent_metadata(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_inner_size(2 * shape.width)
    writer.add_ssm_state_size(_STATE)
    writer.add_ssm_time_step_rank(shape.width // 16)


def _add(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case list() | tuple():
            writer.add_array(key, value)
        case _:
            raise TypeError(f"no GGUF type for {key}: {value!r}")


def write_tensors(
    writer: gguf.GGUFWriter, tensors: Iterable[tuple[str, Array]], quant: Quant
) -> None:
    packed = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in tensors:
        # ggml's recurrent operations take nothing but full precision
        if tensor.ndim == 1 or quant == "F32" or ".ssm_conv" in name or ".ssm_a" in name:
            writer.add_tensor(name, tensor.astype(np.float32, copy=False))
        elif quant == "Q8_0" and tensor.shape[-1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(tensor, packed), raw_dtype=packed)
        else:
            writer.add_tensor(name, tensor.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
