"""How a model answers where nobody asks for anything else: what its author recommends, or this."""

from __future__ import annotations

from collections.abc import Callable

from chatterm.errors import ConfigError
from chatterm.params import Params

DEFAULTS = Params(
    temperature=0.8,
    top_k=40,
    top_p=0.95,
    min_p=0.05,
    typical_p=1.0,
    repeat_penalty=1.0,
    repeat_last_n=64,
    frequency_penalty=0.0,
    presence_penalty=0.0,
    dry_multiplier=0.0,
    dry_base=1.75,
    dry_allowed_length=2,
    dry_penalty_last_n=-1,
    xtc_probability=0.0,
    xtc_threshold=0.1,
    mirostat=0,
    mirostat_tau=5.0,
    mirostat_eta=0.1,
)
_MODEL_KEYS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
}
"""What the author of a model recommends, where the file says so."""


def recommended(metadata: Callable[[str], object]) -> Params:
    """The parameters of an answer that asks for nothing, by what the file says of itself."""
    known = {name: metadata(key) for name, key in _MODEL_KEYS.items()}
    said = {name: str(value) for name, value in known.items() if value not in (None, "")}
    try:
        return Params.parse(said).over(DEFAULTS)
    except ConfigError:
        return DEFAULTS
