"""Chooses the next token, with llama.cpp's own sampler chain.

A grammar is checked the cheap way first: the chain chooses freely, the grammar says yes or no to
that one token, and only a no costs a pass of the grammar over the whole vocabulary.
"""

from __future__ import annotations

import ctypes
import json
from typing import Any

import llama_cpp as llama
import numpy as np
from llama_cpp.llama_grammar import SchemaConverter

from chatterm.engine.constraints import quoted
from chatterm.engine.runtime import LlamaRuntime
from chatterm.errors import ConfigError
from chatterm.events import TokenLogprob
from chatterm.params import Params
from chatterm.schema_checks import resolved

_DRY_BREAKERS = (b"\n", b":", b'"', b"*")
_ANY_CHARACTER = '[^"\\\\]'
_JSON_CHARACTER = '[^"\\\\\\x7F\\x00-\\x1F]'
"""The library lets raw line breaks stand in a string, which JSON does not."""
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """The chain of one answer; it remembers what was chosen, so penalties see it."""

    def __init__(
        self,
        runtime: LlamaRuntime,
        params: Params,
        defaults: Params,
        grammar: str = "",
    ) -> None:
        """``grammar`` is GBNF with a rule ``root``, which the answer must follow."""
        self._model, self._vocab, self._context = runtime.handles
        self._size = runtime.vocabulary.size
        self._runtime = runtime
        self._params = params.over(defaults)
        self._grammar = self._open_grammar(grammar)
        self._chain = self._build_chain()

    def close(self) -> None:
        llama.llama_sampler_free(self._chain)
        if self._grammar:
            llama.llama_sampler_free(self._grammar)

    def accept_prompt(self, tokens: list[int]) -> None:
        """Let penalties see the end of the prompt, as llama.cpp's own programs do."""
        window = self._params.repeat_last_n or 0
        seen = tokens if window < 0 else tokens[len(tokens) - window :] if window else []
        for token in seen:
            llama.llama_sampler_accept(self._chain, token)

    def sample(self, index: int) -> int:
        """Choose after item ``index`` of the last batch."""
        if not self._grammar:
            return int(llama.llama_sampler_sample(self._chain, self._context, index))
        token = self._choose(self._candidates(index))
        if not self._grammar_allows(token):
            candidates = self._candidates(index)
            self._apply(self._grammar, candidates)
            token = self._choose(candidates)
        llama.llama_sampler_accept(self._grammar, token)
        llama.llama_sampler_accept(self._chain, token)
        return token

    def logprob(self, index: int, token: int) -> TokenLogprob:
        """How likely that token was before any sampler, and what else was."""
        logits = self._logits(index).astype(np.float64)
        shifted = logits - logits.max()
        logprobs = shifted - np.log(np.exp(shifted).sum())
        count = self._params.logprobs or 0
        best = np.argsort(logprobs)[::-1][:count]
        return TokenLogprob(
            self._piece(token),
            float(logprobs[token]),
            tuple((self._piece(int(other)), float(logprobs[other])) for other in best),
        )

    def _piece(self, token: int) -> str:
        return self._runtime.piece(token).decode("utf-8", "replace")

    def _logits(self, index: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        pointer = llama.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(pointer, shape=(self._size,))

    # -- grammar -----------------------------------------------------------------------------

    def _open_grammar(self, text: str) -> Any:
        if not text:
            return None
        grammar = llama.llama_sampler_init_grammar(self._vocab, text.encode(), b"root")
        if not grammar:
            raise ConfigError(
                "the grammar cannot be read", hint="it must be GBNF with a rule named root"
            )
        return grammar

    def _candidates(self, index: int) -> _Candidates:
        rows = np.empty(self._size, dtype=_CANDIDATE)
        rows["id"] = np.arange(self._size, dtype=np.int32)
        rows["logit"] = self._logits(index)
        rows["p"] = 0
        return _Candidates(rows)

    def _apply(self, sampler: Any, candidates: _Candidates) -> None:
        llama.llama_sampler_apply(sampler, ctypes.byref(candidates.array))

    def _choose(self, candidates: _Candidates) -> int:
        self._apply(self._chain, candidates)
        return int(candidates.array.data[candidates.array.selected].id)

    def _grammar_allows(self, token: int) -> bool:
        rows = np.array([(token, 1.0, 0.0)], dtype=_CANDIDATE)
        candidates = _Candidates(rows)
        self._apply(self._grammar, candidates)
        return bool(np.isfinite(rows["logit"][0]))

    # -- the chain ---------------------------------------------------------------------------

    def _build_chain(self) -> Any:
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in self._samplers():
            llama.llama_sampler_chain_add(chain, sampler)
        return chain

    def _samplers(self) -> list[Any]:
        params = self._params
        seed = llama.LLAMA_DEFAULT_SEED if params.seed is None else params.seed
        links = [*self._bias(), *self._penalties(), *self._dry()]
        if not params.temperature:
            return [*links, llama.llama_sampler_init_greedy()]
        if params.mirostat:
            return [*links, *self._mirostat(seed)]
        return [
            *links,
            *self._truncation(seed),
            llama.llama_sampler_init_temp(params.temperature),
            llama.llama_sampler_init_dist(seed),
        ]

    def _bias(self) -> list[Any]:
        pairs = [(token, bias) for token, bias in self._params.logit_bias if token < self._size]
        if not pairs:
            return []
        table = (llama.llama_logit_bias * len(pairs))(
            *(llama.llama_logit_bias(token, bias) for token, bias in pairs)
        )
        return [llama.llama_sampler_init_logit_bias(self._size, len(pairs), table)]

    def _penalties(self) -> list[Any]:
        params = self._params
        last_n = params.repeat_last_n or 0
        repeat = params.repeat_penalty if params.repeat_penalty is not None else 1.0
        frequency, presence = params.frequency_penalty or 0.0, params.presence_penalty or 0.0
        if last_n == 0 or (repeat == 1.0 and not frequency and not presence):
            return []
        if last_n < 0:
            last_n = self._runtime.context
        return [llama.llama_sampler_init_penalties(self._size, last_n, repeat, frequency, presence)]

    def _dry(self) -> list[Any]:
        params = self._params
        if not params.dry_multiplier:
            return []
        breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
        return [
            llama.llama_sampler_init_dry(
                self._vocab,
                params.dry_multiplier,
                params.dry_base or 0.0,
                params.dry_allowed_length or 0,
                self._runtime.context
                if params.dry_penalty_last_n == -1
                else params.dry_penalty_last_n or 0,
                breakers,
                len(_DRY_BREAKERS),
            )
        ]

    def _mirostat(self, seed: int) -> list[Any]:
        params = self._params
        tau, eta = params.mirostat_tau or 0.0, params.mirostat_eta or 0.0
        temperature = llama.llama_sampler_init_temp(params.temperature or 1.0)
        if params.mirostat == 1:
            return [
                temperature,
                llama.llama_sampler_init_mirostat(self._size, seed, tau, eta, 100),
            ]
        return [temperature, llama.llama_sampler_init_mirostat_v2(seed, tau, eta)]

    def _truncation(self, seed: int) -> list[Any]:
        params = self._params
        links = []
        if params.top_k:
            links.append(llama.llama_sampler_init_top_k(params.top_k))
        if params.typical_p is not None and params.typical_p < 1:
            links.append(llama.llama_sampler_init_typical(params.typical_p, 1))
        if params.top_p is not None and params.top_p < 1:
            links.append(llama.llama_sampler_init_top_p(params.top_p, 1))
        if params.min_p:
            links.append(llama.llama_sampler_init_min_p(params.min_p, 1))
        if params.xtc_probability:
            links.append(
                llama.llama_sampler_init_xtc(
                    params.xtc_probability, params.xtc_threshold or 0.0, 1, seed
                )
            )
        return links


class _Candidates:
    """A candidate array for the library, with the rows it points to kept alive."""

    def __init__(self, rows: np.ndarray[Any, Any]) -> None:
        self._rows = rows
        self.array = llama.llama_token_data_array(
            data=rows.ctypes.data_as(llama.llama_token_data_p),
            size=len(rows),
            selected=-1,
            sorted=False,
        )


class _Converter(SchemaConverter):
    """The library's converter, for references of every kind and for any text in a literal."""

    def __init__(self, schema: Any) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False
        )
        self._schema = schema
        self._named: dict[str, str] = {}

    def grammar(self) -> str:
        self.visit(self._schema, "")  # type: ignore[no-untyped-call]
        return str(self.format_grammar())  # type: ignore[no-untyped-call]

    def _resolve_ref(self, ref: str) -> str:
        """The rule of a definition, by its whole path: two may end in the same name."""
        if ref not in self._named:
            found, name = resolved(ref, self._schema), f"the-definition-{len(self._named)}"
            self._named[ref] = name
            self._named[ref] = self.visit(found, name)  # type: ignore[no-untyped-call]
        return self._named[ref]

    def _format_literal(self, literal: str) -> str:
        if len(literal) > 1 and literal[0] == '"':
            literal = json.dumps(json.loads(literal), ensure_ascii=False)
        return quoted(literal)


def grammar_of_schema(schema: str) -> str:
    """GBNF with a rule ``root``."""
    try:
        converter = _Converter(json.loads(schema))
        return str(converter.grammar()).replace(_ANY_CHARACTER, _JSON_CHARACTER)
    except Exception as error:
        raise ConfigError(
            f"the schema cannot be made into a grammar: {error}",
            hint="use plain JSON Schema: type, properties, required, items, enum, anyOf",
        ) from error
