"""What a pull costs: processor time and memory beside the shortest download with a digest.

Both fetch the same file over loopback, in processes of their own, in turn. The speed is mostly that
of the stand-in for the hub, which is written in Python too; the processor time is ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.hub import Hub, gguf_bytes, running_hub
from tests.memory import peak_memory

SIZE = 400_000_000
PAIRS = 5
NAME = "them/large/large-Q4_K_M.gguf"
BARE = """
import hashlib, sys, httpx
found = hashlib.sha256()
file = open(sys.argv[2], "wb")
with httpx.stream("GET", sys.argv[1], follow_redirects=True) as reply:
    for chunk in reply.iter_raw():
        found.update(chunk)
        file.write(chunk)
print(found.hexdigest())
"""


@dataclass(frozen=True)
class Run:
    """One download."""

    seconds: float
    cpu: float
    peak: int


def main() -> None:
    runs: dict[str, list[Run]] = {"bare loop": [], "one connection": [], "four connections": []}
    with tempfile.TemporaryDirectory() as folder, running_hub(Path(folder) / "hub") as hub:
        hub.add(NAME, gguf_bytes(SIZE))
        for number in range(PAIRS):
            runs["bare loop"].append(_bare(hub, Path(folder) / "bare"))
            runs["one connection"].append(_pull(hub, Path(folder) / f"one{number}", 1))
            runs["four connections"].append(_pull(hub, Path(folder) / f"four{number}", 4))
    print(f"{'400 MB over loopback':22}{'MB/s':>6}{'CPU s':>8}{'ratio':>8}{'MB peak':>9}  bar")
    for name, found in runs.items():
        speed = SIZE / 1e6 / statistics.median(run.seconds for run in found)
        cpu = statistics.median(run.cpu for run in found)
        pairs = zip(found, runs["bare loop"], strict=True)
        ratio = statistics.median(run.cpu / bare.cpu for run, bare in pairs)
        peak = max(run.peak for run in found) / 1e6
        bar = (
            ""
            if name == "bare loop"
            else "CPU < 3.2 s (a gigabit line on one core), memory < 100 MB"
        )
        print(f"{name:22}{speed:6.0f}{cpu:8.2f}{ratio:8.2f}{peak:9.0f}  {bar}", flush=True)


def _bare(hub: Hub, target: Path) -> Run:
    url = f"{hub.address}/{NAME.replace('large/large', 'large/resolve/main/large')}"
    return _timed([sys.executable, "-c", BARE, url, str(target)], dict(os.environ))


def _pull(hub: Hub, home: Path, connections: int) -> Run:
    env = {**os.environ, "HF_ENDPOINT": hub.address, "CHATTERM_HOME": str(home)}
    command = [sys.executable, "-m", "chatterm", "models", "pull", f"hf:{NAME}", "-q"]
    return _timed([*command, "--connections", str(connections)], env)


def _timed(command: list[str], env: dict[str, str]) -> Run:
    """Run it; what its start costs counts as well."""
    before = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        peak = max(peak, peak_memory(process.pid))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Run(time.monotonic() - before, usage.ru_utime + usage.ru_stime, peak)


if __name__ == "__main__":
    main()
