"""Python, the platform, the llama.cpp build, and the GPUs it uses or should use."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from chatterm.cli.checkup.check import Check, advice, failed, ok
from chatterm.cli.sizes import bytes_text
from chatterm.engine.gpus import Graphics, graphics
from chatterm.engine.wheels import Wheel, wheel_for
from chatterm.errors import ConfigError, EngineError

_LEAST_PYTHON: Final = (3, 11)
_TOOL_SECONDS: Final = 5.0
_ACCELERATORS: Final = ("CUDA", "ROCm", "HIP", "Metal", "MTL", "Vulkan", "SYCL", "BLAS")


def machine_checks(said: Mapping[str, Any]) -> Iterator[Check]:
    """All of them for this machine; ``said`` is what llama.cpp says of itself."""
    yield python_check(sys.version_info[:3], sys.executable)
    yield ok("platform", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield engine_check(said, sys.executable)
    found = graphics(sys.platform, platform.machine(), run_tool)
    if said:
        yield gpu_check(said, found, wheel_for(sys.platform, platform.machine(), found))
        yield from cpu_checks(said, _cpu_flags())


def python_check(version: tuple[int, ...], executable: str) -> Check:
    words = ".".join(map(str, version))
    if version[:2] < _LEAST_PYTHON:
        return failed("python", f"Python {words} is too old", "install 3.11 or newer", ConfigError)
    return ok("python", f"Python {words} at {executable}")


def engine_check(said: Mapping[str, Any], python: str) -> Check:
    """Whether llama.cpp can be loaded, and what it was built for."""
    if not said:
        return failed(
            "engine",
            "llama.cpp cannot be loaded",
            f"see why: {python} -c 'import llama_cpp'; install it anew:"
            f" {python} -m pip install --force-reinstall --no-cache-dir llama-cpp-python",
            EngineError,
        )
    return ok("engine", f"llama-cpp-python {said['version']}, built for {_built_for(said)}")


def gpu_check(said: Mapping[str, Any], found: Graphics, wheel: Wheel) -> Check:
    """Whether the GPU that is here is the one that is used."""
    devices = said["devices"]
    if devices:
        used = ", ".join(
            f"{device['name']} ({bytes_text(device['free'])} of {bytes_text(device['total'])} free)"
            for device in devices
        )
        if wheel.accelerator == "CUDA" and "CUDA" not in said["system"]:
            return _better(f"{used} is used, but not through CUDA, which is fastest", wheel)
        return ok("gpu", f"{used} is used")
    if wheel.accelerator != "CPU":
        return _better(
            f"a GPU is not used, since llama.cpp was not built for it: {wheel.why}", wheel
        )
    if found.gpus:
        return ok("gpu", f"models run on the processor: {wheel.why}")
    return ok("gpu", "there is none that llama.cpp can use; models run on the processor")


def cpu_checks(said: Mapping[str, Any], flags: frozenset[str]) -> Iterator[Check]:
    """A build that leaves out what the processor is best at is several times slower."""
    wanted = {"avx2": "AVX2", "fma": "FMA", "f16c": "F16C"}
    missing = [
        name
        for flag, name in wanted.items()
        if flag in flags and f"{name} = 1" not in said["system"]
    ]
    if missing:
        yield advice(
            "processor",
            f"llama.cpp was built without {', '.join(missing)}, which this processor has",
            f"build it here: {sys.executable} -m pip install --force-reinstall --no-deps"
            " --no-binary llama-cpp-python --no-cache-dir llama-cpp-python",
        )


def run_tool(command: Sequence[str]) -> str:
    """What a small tool of the system prints; nothing where it is missing or fails."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_SECONDS,
            check=True,
        ).stdout
    return ""


def _better(text: str, wheel: Wheel) -> Check:
    return advice(
        "gpu", text, f"install the {wheel.accelerator} build: {wheel.command(sys.executable)}"
    )


def _built_for(said: Mapping[str, Any]) -> str:
    parts = re.findall(r"(\w+) : ", str(said["system"]))
    known = [name for name in _ACCELERATORS if name in parts]
    features = re.findall(r"\b(AVX512|AVX2|AVX|NEON|SVE) = 1", str(said["system"]))
    processor = f"the processor ({features[-1]})" if features else "the processor"
    return " and ".join([*known, processor])


def _cpu_flags() -> frozenset[str]:
    """What the processor can do, where the system says so in a file."""
    try:
        said = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return frozenset()
    found = re.search(r"^flags\s*: (.*)$", said, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()
