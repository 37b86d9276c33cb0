"""How a model is opened on this machine: GPU layers, context and cache, chosen so that it fits.

What the user set stays; what the settings leave open is chosen here, from the header and the
memory that is free. The choice is made by the process that loads the model, at that moment, so it
is not part of the model's address: two chats find the same engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from chatterm.engine.gguf import GgufHeader
from chatterm.engine.machine import Machine
from chatterm.engine.memory_need import Need
from chatterm.errors import EngineError

if TYPE_CHECKING:
    from chatterm.config import EngineOptions

_SPARE: Final = 512 << 20
"""RAM that is left to others and to parked chats."""
_GPU_SPARE: Final = 256 << 20
"""For each GPU: its driver's own, and what the screen takes meanwhile."""
_SHARE: Final = 0.9
"""Of what is free; the figures are a moment old when they are used."""
_USUAL: Final = 8192
"""Tokens of context that are worth more than layers on the GPU."""
_CONTEXTS: Final = (32_768, 16_384, 8192, 4096, 2048)
_CPU_MOST: Final = 16_384
"""A processor reads a longer prompt for minutes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the settings say; zero, -1 and ``auto`` leave it open."""

    context: int = 0
    gpu_layers: int = -1
    cache_type: str = "auto"
    sequences: int = 8
    chunk: int = 512


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to open a model, and what it takes."""

    gpu_layers: int
    layers: int
    """As llama.cpp counts: the blocks, and the output."""
    context: int
    trained_context: int
    cache_type: str
    gpu_bytes: int
    ram_bytes: int
    machine: Machine
    fits: bool

    @property
    def bytes(self) -> int:
        return self.gpu_bytes + self.ram_bytes

    def line(self) -> str:
        """The plan in one line: ``33/33 layers on GPU, 16k context, 7.1 of 8 GB``."""
        context = _tokens(self.context)
        cache = "" if self.cache_type == "f16" else f" in {self.cache_type}"
        if self.gpu_layers:
            where = f"{self.gpu_layers}/{self.layers} layers on GPU"
            need, there = self.gpu_bytes, self.machine.gpu_total
            if self.machine.shared:
                need, there = self.bytes, self.machine.total
        else:
            where, need, there = "on the processor", self.ram_bytes, self.machine.total
        return f"{where}, {context} context{cache}, {_gigabytes(need)} of {_gigabytes(there)} GB"

    @property
    def verdict(self) -> str:
        """``yes``, ``partly`` on the GPU, or ``no``."""
        if not self.fits:
            return "no"
        return "partly" if 0 < self.gpu_layers < self.layers else "yes"

    @property
    def warning(self) -> str:
        """What a user should hear before waiting for it; empty where all is well."""
        if not self.fits:
            free = self.machine.free + (0 if self.machine.shared else self.machine.gpu_free)
            return (
                f"this model needs about {_gigabytes(self.bytes)} GB and {_gigabytes(free)} GB"
                " are free: expect it to be very slow, or to fail"
            )
        if self.verdict == "partly":
            return f"only {self.gpu_layers} of {self.layers} layers fit on the GPU: this is slower"
        return ""


def wish_of(options: EngineOptions) -> Wish:
    """What the settings leave open, and what not."""
    return Wish(options.context, options.gpu_layers, options.cache_type, options.sequences)


def plan(header: GgufHeader, machine: Machine, wish: Wish | None = None) -> Plan:
    """The best way that fits, or else the smallest, which then says that it does not."""
    wish = wish or Wish()
    need = Need(header, wish.sequences, wish.chunk)
    last = None
    for candidate in _candidates(need, machine, wish):
        last = candidate
        if candidate.fits:
            return candidate
    assert last is not None
    return last


def refuse_context(header: GgufHeader, machine: Machine, wish: Wish, chosen: Plan) -> None:
    """Raise an error for a context that this machine could never hold, whatever else it gave up.

    Weights that are too many are read from the disk again and again; a cache that is too large is
    taken from all other programs first, and then the system ends one of them.
    """
    need = Need(header, wish.sequences, wish.chunk)
    bytes_ = need.cache(chosen.context, chosen.cache_type) + need.touched(chosen.context)
    there = machine.total + (0 if machine.shared else machine.gpu_total)
    if not wish.context or not machine.total or bytes_ <= there:
        return
    usual = plan(header, machine, replace(wish, context=0))
    raise EngineError(
        f"a context of {wish.context:,} tokens needs about {_gigabytes(bytes_)} GB, and this"
        f" machine has {_gigabytes(there)}",
        hint=f"ask for less with -o context=N; {usual.context:,} is what it would choose",
    )


def what_changes_it(
    header: GgufHeader, machine: Machine, wish: Wish, chosen: Plan
) -> list[tuple[str, Plan]]:
    """The plan under each setting that would change it, named as one sets it."""
    changes: list[tuple[str, Wish]] = []
    longer, shorter = min(chosen.context * 2, chosen.trained_context), chosen.context // 2
    if longer > chosen.context:
        changes.append((f"engine.context={longer}", replace(wish, context=longer)))
    if shorter >= _CONTEXTS[-1]:
        changes.append((f"engine.context={shorter}", replace(wish, context=shorter)))
    kinds = [kind for kind in ("f16", "q8_0", "q4_0") if kind != chosen.cache_type]
    fixed = replace(wish, context=chosen.context)
    changes += [(f"engine.cache_type={kind}", replace(fixed, cache_type=kind)) for kind in kinds]
    if machine.devices and chosen.gpu_layers:
        changes.append(("engine.gpu_layers=0", replace(wish, gpu_layers=0)))
    if chosen.gpu_layers < chosen.layers and machine.devices:
        every = replace(wish, gpu_layers=chosen.layers)
        changes.append((f"engine.gpu_layers={chosen.layers}", every))
    planned = [(name, plan(header, machine, changed)) for name, changed in changes]
    return [(name, other) for name, other in planned if other != chosen]


def _candidates(need: Need, machine: Machine, wish: Wish) -> Iterator[Plan]:
    """Ways to open the model, the best first; only what is left open varies."""
    trained = need.header.context_length or _USUAL
    if not machine.devices or wish.gpu_layers == 0:
        contexts = [context for context in _contexts(trained, wish) if context <= _CPU_MOST]
        for context in contexts or _contexts(trained, wish)[:1]:
            for kind in _kinds(wish, context == _least(trained, wish)):
                yield _measured(need, machine, 0, context, kind)
        return
    if wish.gpu_layers > 0:
        for context in _contexts(trained, wish):
            for kind in _kinds(wish, context <= _USUAL):
                yield _measured(need, machine, min(wish.gpu_layers, need.layers), context, kind)
        return
    yield from _everywhere(need, machine, wish, trained)


def _everywhere(need: Need, machine: Machine, wish: Wish, trained: int) -> Iterator[Plan]:
    """All of it on the GPU with much context, then with less, then as many layers as go."""
    contexts = _contexts(trained, wish)
    usual = [context for context in contexts if context >= min(_USUAL, trained)] or contexts
    for context in usual:
        yield _measured(need, machine, need.layers, context, _kinds(wish, False)[0])
    for kind in _kinds(wish, True):
        yield _measured(need, machine, need.layers, usual[-1], kind)
    for context in contexts[contexts.index(usual[-1]) :]:
        for layers in range(need.layers - 1, -1, -1):
            yield _measured(need, machine, layers, context, _kinds(wish, False)[0])


def _contexts(trained: int, wish: Wish) -> list[int]:
    if wish.context:
        return [wish.context]
    own = {trained} if trained <= _CPU_MOST else set()
    return sorted(own.union(one for one in _CONTEXTS if one <= trained), reverse=True)


def _least(trained: int, wish: Wish) -> int:
    return _contexts(trained, wish)[-1]


def _kinds(wish: Wish, small: bool) -> Sequence[str]:
    """Ways to keep the cache; a smaller one than usual only where the model would not fit else."""
    if wish.cache_type != "auto":
        return (wish.cache_type,)
    return ("f16", "q8_0") if small else ("f16",)


def _measured(need: Need, machine: Machine, gpu_layers: int, context: int, kind: str) -> Plan:
    weights = need.header.weights.total - need.gpu_file_bytes(gpu_layers)
    cache = need.cache(context, kind) + need.state()
    on_gpu = computing = 0
    if gpu_layers:
        there = need.cache(context, kind, gpu_layers) + need.state(gpu_layers)
        on_gpu = need.gpu_weights(gpu_layers) + there + need.compute(context)
        cache -= there
        computing = need.host_compute(context, gpu_layers < need.layers)
    else:
        computing = need.touched(context)
    on_cpu = weights + cache + computing + need.output() + need.process()
    # The pages of the file behind a repacked copy are shown as used, and given up when wanted.
    copied = need.repacked(machine.processor, gpu_layers)
    return Plan(
        gpu_layers,
        need.layers,
        context,
        need.header.context_length,
        kind,
        on_gpu,
        on_cpu + copied,
        machine,
        _fits(on_gpu, on_cpu, machine),
    )


def _fits(on_gpu: int, on_cpu: int, machine: Machine) -> bool:
    gpu = machine.gpu_free * _SHARE - _GPU_SPARE * len(machine.devices)
    ram = machine.free * _SHARE - _SPARE
    if machine.shared:
        on_cpu += on_gpu
    return (on_gpu <= gpu or not on_gpu) and (on_cpu <= ram or not machine.free)


def _tokens(count: int) -> str:
    return f"{count // 1024}k" if count >= 1024 and count % 1024 == 0 else str(count)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}".removesuffix(".0")
