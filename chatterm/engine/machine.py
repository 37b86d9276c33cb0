"""What this machine has for a model: RAM that is free, the GPUs llama.cpp can use, and cores.

A container's limit counts as much as the machine's own memory. The GPUs are asked of a process of
its own, since only there llama.cpp is loaded.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

_PROBE_SECONDS: Final = 30.0
_TOOL_SECONDS: Final = 5.0
Run: TypeAlias = Callable[[Sequence[str]], str]
"""Runs a program and returns what it printed; nothing where that failed."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU as llama.cpp sees it."""

    name: str
    free: int
    total: int
    integrated: bool = False
    """Whether its memory is the machine's own."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes; zero is unknown."""

    free: int
    """RAM that can be had without swapping."""
    total: int
    devices: tuple[Device, ...] = ()
    processor: str = ""
    """As ``platform.machine()`` calls it."""

    @property
    def shared(self) -> bool:
        """Whether GPU and processor share one memory."""
        return bool(self.devices) and all(device.integrated for device in self.devices)

    @property
    def gpu_free(self) -> int:
        return sum(device.free for device in self.devices)

    @property
    def gpu_total(self) -> int:
        return sum(device.total for device in self.devices)


def this_machine() -> Machine:
    """Its memory now. Asking for the GPUs takes about half a second."""
    return machine_with(devices_of(probe()))


def machine_with(devices: Sequence[Device]) -> Machine:
    free, total = memory()
    return Machine(free, total, tuple(devices), platform.machine())


def devices_of(said: Mapping[str, Any]) -> tuple[Device, ...]:
    """The GPUs that a probe found."""
    return tuple(Device(**device) for device in said.get("devices", ()))


def probe() -> Mapping[str, Any]:
    """What the library says of itself and of this machine; nothing where it cannot be loaded."""
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "chatterm.engine.devices"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        said = json.loads(ran.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return {}
    return said if isinstance(said, Mapping) else {}


def memory() -> tuple[int, int]:
    """Bytes of RAM that are free, and that there are."""
    if sys.platform == "win32":
        return _windows_memory()
    if sys.platform == "darwin":
        return mac_memory(_printed)
    return linux_memory(Path("/"))


def resident_bytes() -> int:
    """Memory of this process that is in use now, or at most so far where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        with suppress(ImportError):
            import resource

            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return 0


def physical_cores() -> int:
    """Cores this process may use, hyper-threads counted once."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return max(1, (os.cpu_count() or 2) // 2)
    cores = set()
    for cpu in allowed:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))


# -- Linux -----------------------------------------------------------------------------------


def linux_memory(root: Path) -> tuple[int, int]:
    """The machine's memory, or less where a control group above this process has less."""
    said = _text(root / "proc/meminfo")
    kilobytes = {key: int(n) for key, n in re.findall(r"^(\w+):\s+(\d+) kB$", said, re.MULTILINE)}
    total = kilobytes.get("MemTotal", 0) * 1024
    free = kilobytes.get("MemAvailable", kilobytes.get("MemFree", 0)) * 1024
    for limit, used in _group_limits(root):
        total = min(total, limit) if total else limit
        free = min(free, max(0, limit - used)) if free else max(0, limit - used)
    return free, total


def _group_limits(root: Path) -> list[tuple[int, int]]:
    """Limit and use of every control group this process is in, of both versions."""
    limits = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        # In a container the path may be that of the outside; the group itself is then the root.
        folders = [base.joinpath(*path.strip("/").split("/")[:depth]) for depth in range(8, -1, -1)]
        for folder in dict.fromkeys(folders):
            limit, used = (_text(folder / name).strip() for name in names)
            if limit.isdigit() and used.isdigit() and int(limit) < 1 << 60:
                limits.append((int(limit), int(used) - _reclaimable(folder)))
    return limits


def _reclaimable(folder: Path) -> int:
    """Pages of files: they count as used, and are given up when something else is wanted."""
    pages = re.findall(r"^(?:total_)?inactive_file (\d+)$", _text(folder / "memory.stat"), re.M)
    return int(pages[-1]) if pages else 0


# -- macOS and Windows -----------------------------------------------------------------------


def mac_memory(run: Run) -> tuple[int, int]:
    """``vm_stat`` counts pages: those that are free, and those that hold nothing needed now."""
    said = run(["vm_stat"])
    size = re.search(r"page size of (\d+) bytes", said)
    pages = dict(re.findall(r"^Pages (free|inactive|speculative|purgeable): +(\d+)\.", said, re.M))
    total = run(["sysctl", "-n", "hw.memsize"]).strip()
    free = sum(map(int, pages.values())) * int(size[1]) if size else 0
    return free, int(total) if total.isdigit() else 0


def _windows_memory() -> tuple[int, int]:
    if sys.platform == "win32":
        import ctypes

        # MEMORYSTATUSEX: two numbers of 32 bits, then seven of 64.
        status = (ctypes.c_uint64 * 8)()
        status[0] = ctypes.sizeof(status)
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            return int(status[2]), int(status[1])
    return 0, 0


def _printed(command: Sequence[str]) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_TOOL_SECONDS, check=True
        ).stdout
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
