"""Which model of the catalogue suits this machine, before any of them is here.

Only sizes are known yet, so the need is a rule of thumb; ``fit`` says it exactly once the file's
header can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chatterm.catalog import ModelEntry
from chatterm.engine.machine import Machine

_BESIDE: Final = 1_300_000_000
"""Context, computing and the process, for a usual model with 8k of context."""
_CONTEXT_SHARE: Final = 0.15
"""Caches grow with their models; with some families by more than with others."""
_GPU_SHARE: Final = 0.9
_RAM_SHARE: Final = 0.7
"""Of the RAM that is free: other programs come and go while the model stays."""
_PER_TOKEN: Final = 3_300_000_000
"""Bytes a usual processor reads for each token while a person has patience."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A model to propose, and why."""

    entry: ModelEntry
    quantisation: str
    size: int
    reason: str


def need_of(size: int) -> int:
    """About what a model of that size takes in memory; 0 where the size is unknown."""
    return int(size * (1 + _CONTEXT_SHARE)) + _BESIDE if size else 0


def verdict(size: int, machine: Machine) -> str:
    """``yes``, ``partly`` on the GPU, ``no``; empty where that cannot be said."""
    need = need_of(size)
    if not need or not machine.free:
        return ""
    if machine.devices and need <= machine.gpu_free * _GPU_SHARE:
        return "yes"
    if need <= machine.free:
        return "partly" if machine.devices and not machine.shared else "yes"
    return "no"


def recommend(entries: Iterable[ModelEntry], machine: Machine) -> Recommendation | None:
    """The most capable of the proposed models that runs well here; None where none does.

    What fits on a GPU as a whole is quicker than anything that does not.
    """
    proposed = [entry for entry in entries if entry.proposed and entry.files]
    for reason_of in (_on_gpu, _on_processor):
        reasons = [(entry, reason_of(entry, machine)) for entry in proposed]
        suiting = [(entry, reason) for entry, reason in reasons if reason]
        if suiting:
            entry, reason = max(suiting, key=lambda pair: pair[0].parameters)
            quantisation, file = next(iter(entry.files.items()))
            return Recommendation(entry, quantisation, file.size, reason)
    return None


def _on_gpu(entry: ModelEntry, machine: Machine) -> str:
    need = need_of(_size(entry))
    if not machine.devices or not need or need > machine.gpu_free * _GPU_SHARE:
        return ""
    return f"all of it fits on {machine.devices[0].name}"


def _on_processor(entry: ModelEntry, machine: Machine) -> str:
    size = _size(entry)
    share = entry.active_parameters / entry.parameters if entry.active_parameters else 1.0
    if not size or need_of(size) > machine.free * _RAM_SHARE or size * share > _PER_TOKEN:
        return ""
    free = machine.free / 1e9
    return f"it fits the {free:.0f} GB of memory that are free, and a processor runs it well"


def _size(entry: ModelEntry) -> int:
    return next(iter(entry.files.values())).size
