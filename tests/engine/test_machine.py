"""What memory a machine has, as each platform says it; which GPUs the library sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chatterm.engine import machine
from chatterm.engine.devices import about, devices
from chatterm.engine.machine import Device, Machine, devices_of, linux_memory, mac_memory
from tests.model_folders import put

KB = 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    said = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\n"
    put(tmp_path / "proc/meminfo", said.encode())
    return tmp_path


def test_what_is_available_counts_not_what_is_untouched(root: Path) -> None:
    assert linux_memory(root) == (9000 * KB, 16_000 * KB)
    assert linux_memory(root / "nothing") == (0, 0)


def test_the_limit_of_a_control_group_counts(root: Path) -> None:
    put(root / "proc/self/cgroup", b"0::/user/one\n")
    group = root / "sys/fs/cgroup"
    put(group / "user/memory.max", b"max\n")
    put(group / "user/memory.current", b"999999999\n")
    put(group / "user/one/memory.max", str(8000 * KB).encode())
    put(group / "user/one/memory.current", str(7000 * KB).encode())
    put(group / "user/one/memory.stat", f"anon 5\ninactive_file {3000 * KB}\n".encode())
    assert linux_memory(root) == (4000 * KB, 8000 * KB)


def test_a_group_above_counts_too_and_a_container_sees_its_own_as_the_root(root: Path) -> None:
    put(root / "proc/self/cgroup", b"0::/docker/abc\n")
    put(root / "sys/fs/cgroup/memory.max", str(4000 * KB).encode())
    put(root / "sys/fs/cgroup/memory.current", str(5000 * KB).encode())
    assert linux_memory(root) == (0, 4000 * KB)


def test_the_older_control_groups_count_as_well(root: Path) -> None:
    put(root / "proc/self/cgroup", b"5:cpu:/x\n4:hugetlb,memory:/x\n")
    group = root / "sys/fs/cgroup/memory/x"
    put(group / "memory.limit_in_bytes", str(6000 * KB).encode())
    put(group / "memory.usage_in_bytes", str(5000 * KB).encode())
    put(group / "memory.stat", f"total_inactive_file {1000 * KB}\n".encode())
    assert linux_memory(root) == (2000 * KB, 6000 * KB)
    put(group / "memory.limit_in_bytes", b"9223372036854771712")
    assert linux_memory(root) == (9000 * KB, 16_000 * KB)


VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               1000.
Pages active:                           500000.
Pages inactive:                           2000.
Pages speculative:                         300.
Pages purgeable:                            40.
"""


def test_a_mac_says_it_in_pages() -> None:
    def run(command: Sequence[str]) -> str:
        return VM_STAT if command[0] == "vm_stat" else "17179869184\n"

    assert mac_memory(run) == (3340 * 16_384, 17_179_869_184)
    assert mac_memory(lambda _: "") == (0, 0)


def test_this_machine_has_memory() -> None:
    free, total = machine.memory()
    assert 0 < free <= total


class FakeGgml:
    """The functions of ggml on a machine with a processor and some GPUs."""

    def __init__(self, gpus: Sequence[tuple[int, bytes | None, int, int]]) -> None:
        self._all = [(0, b"CPU", 1, 2), *gpus]

    def __getattr__(self, name: str) -> Any:
        short = name.removeprefix("ggml_backend_dev_")
        if short not in ("count", "get", "type", "description", "memory"):
            raise AttributeError(name)
        functions: dict[str, Any] = {
            "count": lambda: len(self._all),
            "get": lambda index: index,
            "type": lambda index: self._all[index][0],
            "description": lambda index: self._all[index][1],
            "memory": self._memory,
        }
        function = functions[short]
        return lambda *arguments: function(*arguments)

    def _memory(self, index: int, free: Any, total: Any) -> None:
        free._obj.value, total._obj.value = self._all[index][2:]


def test_gpus_are_listed_with_their_memory() -> None:
    ggml = FakeGgml([(1, b"Big Card", 5, 8), (2, None, 3, 4), (1, b"Apple M4", 6, 9)])
    assert devices([SimpleNamespace(), ggml]) == [
        Device("Big Card", 5, 8),
        Device("GPU", 3, 4, integrated=True),
        Device("Apple M4", 6, 9, integrated=True),
    ]


def test_the_library_tells_what_it_is() -> None:
    said = about()
    assert said["version"]
    assert "CPU" in said["system"]
    assert devices_of(said) == tuple(devices())


def test_a_probe_asks_in_a_process_of_its_own() -> None:
    assert machine.probe()["version"] == about()["version"]


def test_a_library_that_can_not_be_loaded_is_a_machine_without_gpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert machine.probe() == {}
    assert machine.this_machine().devices == ()


def test_gpus_share_memory_only_if_all_do() -> None:
    own, shared = Device("a", 1, 2), Device("b", 3, 4, integrated=True)
    assert Machine(1, 2, (shared,)).shared
    assert not Machine(1, 2, (own, shared)).shared
    assert not Machine(1, 2).shared
    assert Machine(1, 2, (own, shared)).gpu_free == 4
    assert Machine(1, 2, (own, shared)).gpu_total == 6
