"""Presets of sampling that the server offers by name, as ``serve.presets`` has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chatterm.errors import ConfigError
from chatterm.hints import nearest
from chatterm.params import Params

_OURS = {
    "top_k": "top_k",
    "top_p": "top_p",
    "typical_p": "typical_p",
    "temperature": "temperature",
    "repetition_penalty": "repeat_penalty",
    "max_new_tokens": "max_tokens",
}
"""Words of the wire, and what we call them."""
_OPEN_ASSISTANTS = (
    "own",
    "k50 top_k=50 top_p=0.95 temperature=0.75 repetition_penalty=1.2",
    "k50-Creative top_k=50 top_p=0.95 temperature=0.85 repetition_penalty=1.2",
    "k50-Precise top_k=50 top_p=0.95 temperature=0.1 repetition_penalty=1.2",
    "k50-Original top_k=50 top_p=0.95 temperature=0.9 repetition_penalty=1.2",
    "nucleus9 top_p=0.9 temperature=0.8 repetition_penalty=1.2",
    "typical2 typical_p=0.2 temperature=0.8 repetition_penalty=1.2",
    "typical3 typical_p=0.3 temperature=0.8 repetition_penalty=1.2",
)
_EXAMPLE = "as in precise top_k=50 temperature=0.1"


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    sampling: Mapping[str, float | int]
    """In the words of the wire."""


def parse_presets(texts: Iterable[str]) -> tuple[Preset, ...]:
    """Presets, each a name and ``KEY=VALUE`` as often as needed; a ConfigError of a wrong one.

    Where there is none they are those of Open-Assistant.
    """
    presets = tuple(map(_preset, texts)) or tuple(map(_preset, _OPEN_ASSISTANTS))
    names = [preset.name for preset in presets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"serve.presets has {twice!r} twice", hint="give one another name")
    return presets


def _preset(text: str) -> Preset:
    name, *said = text.split() or [""]
    if not name or "=" in name:
        raise ConfigError(f"serve.presets: {text!r} does not begin with a name", hint=_EXAMPLE)
    values: dict[str, float | int] = {}
    for word in said:
        key, equals, value = word.partition("=")
        where = f"serve.presets: {name}: {word}"
        if not equals:
            raise ConfigError(f"{where} is not KEY=VALUE", hint=_EXAMPLE)
        if key not in _OURS:
            hint = nearest(key, _OURS, otherwise=f"there are {', '.join(_OURS)}")
            raise ConfigError(f"{where}: there is no {key!r}", hint=hint)
        try:
            values[key] = getattr(Params.parse({_OURS[key]: value}), _OURS[key])
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", hint=error.hint or _EXAMPLE) from error
    return Preset(name, values)
