"""Which model is proposed for a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.catalog import ModelEntry, ModelFile, load_catalog
from chatterm.engine.machine import Device, Machine
from chatterm.engine.recommend import recommend, verdict

GB = 10**9


def entry(name: str, size: int, active: float = 1.0, *, proposed: bool = True) -> ModelEntry:
    file = ModelFile(f"{name}.gguf", size)
    return ModelEntry(
        name,
        "engine",
        files={"Q4_K_M": file},
        parameters=2 * size,
        active_parameters=int(2 * size * active) if active < 1 else 0,
        proposed=proposed,
    )


SMALL = entry("small", 2 * GB)
DENSE = entry("dense", 8 * GB)
SPARSE = entry("sparse", 16 * GB, 0.1)
ALL = [SMALL, entry("hidden", 3 * GB, proposed=False), DENSE, SPARSE]


def machine(ram: int, *gpus: int) -> Machine:
    return Machine(ram * GB, ram * GB, tuple(Device("Card", n * GB, n * GB) for n in gpus))


@pytest.mark.parametrize(
    ("ram", "gpus", "name", "why"),
    [
        (2, [], None, ""),
        (8, [], "small", "8 GB of memory"),
        (24, [], "small", "a processor"),
        (32, [], "sparse", "a processor"),
        (8, [12], "dense", "fits on Card"),
        (8, [12, 12], "sparse", "fits on Card"),
        (32, [4], "small", "fits on Card"),
        (8, [1], "small", "a processor"),
    ],
)
def test_the_most_capable_that_runs_well_is_proposed(
    ram: int, gpus: list[int], name: str | None, why: str
) -> None:
    found = recommend(ALL, machine(ram, *gpus))
    assert (found.entry.name if found else None) == name
    assert found is None or why in found.reason


def test_every_usual_machine_gets_a_proposal_from_the_shipped_catalogue(tmp_path: Path) -> None:
    models = load_catalog(tmp_path / "none.toml").models.values()
    names = []
    for ram in (4, 8, 16, 32, 64, 128):
        found = recommend(models, machine(ram))
        assert found is not None
        assert found.size < ram * 0.75 * GB
        names.append(found.entry.parameters)
    assert names == sorted(names)


def test_an_unread_file_is_judged_by_its_size() -> None:
    assert verdict(2 * GB, machine(8)) == "yes"
    assert verdict(20 * GB, machine(8)) == "no"
    assert verdict(6 * GB, machine(16, 4)) == "partly"
    assert verdict(6 * GB, machine(16, 12)) == "yes"
    assert verdict(0, machine(16)) == ""
