"""How a model is opened on this machine, part by part, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatterm.catalog import Catalog, ModelEntry
from chatterm.cli.sizes import bytes_text
from chatterm.cli.table import columns
from chatterm.engine.fit import Plan, plan, what_changes_it, wish_of
from chatterm.engine.library import Library, header_of
from chatterm.engine.machine import Machine, this_machine
from chatterm.engine.memory_need import Need
from chatterm.engine.recommend import need_of, verdict

if TYPE_CHECKING:
    from chatterm.config import EngineOptions


@dataclass(frozen=True, slots=True)
class FitPage:
    """A plan, what it is made of, and what would change it."""

    name: str
    plan: Plan
    need: Need
    changes: list[tuple[str, Plan]]

    def to_json(self) -> dict[str, Any]:
        machine = self.plan.machine
        return {
            "name": self.name,
            **_plan_json(self.plan),
            "parts": dict(self._parts()),
            "machine": {
                "free": machine.free,
                "total": machine.total,
                "devices": [
                    {"name": one.name, "free": one.free, "total": one.total}
                    for one in machine.devices
                ],
            },
            "changes": [{"setting": name, **_plan_json(other)} for name, other in self.changes],
        }

    def lines(self) -> Iterator[str]:
        yield f"{self.name}: {self.plan.line()}"
        if self.plan.warning:
            yield self.plan.warning
        yield ""
        rows = [(name, bytes_text(size)) for name, size in self._parts() if size]
        yield from columns(("PART", "SIZE"), rows, "<>")
        yield ""
        yield from _machine_lines(self.plan.machine)
        if self.changes:
            yield ""
            changed = [(name, other.line(), other.verdict) for name, other in self.changes]
            yield from columns(("WITH", "IT WOULD BE", "FITS"), changed)

    def _computing(self) -> int:
        chosen = self.plan
        measure = self.need.compute if chosen.gpu_layers else self.need.touched
        return measure(chosen.context)

    def _parts(self) -> list[tuple[str, int]]:
        chosen, need = self.plan, self.need
        return [
            ("weights", need.header.weights.total),
            (
                "weights in another order",
                need.repacked(chosen.machine.processor, chosen.gpu_layers),
            ),
            ("cache of the context", need.cache(chosen.context, chosen.cache_type)),
            ("state of recurrent layers", need.state()),
            ("computing", self._computing()),
            ("output", need.output()),
            ("the engine itself", need.process()),
        ]


@dataclass(frozen=True, slots=True)
class RoughPage:
    """What can be said of a model of the catalogue before its file is here."""

    entry: ModelEntry
    machine: Machine

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.entry.name,
            "state": "catalogue",
            "quantisations": {
                quantisation: {"need_bytes": need, "fits": fits}
                for quantisation, need, fits in self._rows()
            },
        }

    def lines(self) -> Iterator[str]:
        yield f"{self.entry.name} is not on this machine; by the size of its files:"
        yield ""
        rows = [(name, bytes_text(need), fits) for name, need, fits in self._rows()]
        yield from columns(("QUANT", "NEEDS ABOUT", "FITS"), rows, "<><")
        yield ""
        yield from _machine_lines(self.machine)

    def _rows(self) -> list[tuple[str, int, str]]:
        return [
            (quantisation, need_of(file.size), verdict(file.size, self.machine))
            for quantisation, file in self.entry.files.items()
            if file.size
        ]


def fit_page(
    name: str, catalog: Catalog, library: Library, options: EngineOptions
) -> FitPage | RoughPage:
    """The page of a model on this machine, under these settings."""
    entry = catalog.models.get(name)
    if entry is not None and entry.files and name not in library:
        return RoughPage(entry, this_machine())
    model = library.named(name)
    header = header_of(model)
    machine, wish = this_machine(), wish_of(options)
    chosen = plan(header, machine, wish)
    need = Need(header, wish.sequences, wish.chunk)
    return FitPage(model.name, chosen, need, what_changes_it(header, machine, wish, chosen))


def _machine_lines(machine: Machine) -> Iterator[str]:
    if machine.total:
        yield f"memory: {bytes_text(machine.free)} of {bytes_text(machine.total)} free"
    for device in machine.devices:
        yield f"GPU: {device.name}, {bytes_text(device.free)} of {bytes_text(device.total)} free"
    if not machine.devices:
        yield "GPU: none that this llama.cpp can use"


def _plan_json(chosen: Plan) -> dict[str, Any]:
    return {
        "line": chosen.line(),
        "fits": chosen.fits,
        "gpu_layers": chosen.gpu_layers,
        "layers": chosen.layers,
        "context": chosen.context,
        "trained_context": chosen.trained_context,
        "cache_type": chosen.cache_type,
        "gpu_bytes": chosen.gpu_bytes,
        "ram_bytes": chosen.ram_bytes,
    }
