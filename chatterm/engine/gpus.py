"""The GPUs this machine has, whether or not the installed llama.cpp can use them.

Nothing heavy is loaded: files of the system are read, and the makers' own small tools are run.
What llama.cpp itself can use is asked of ``machine.probe``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

Maker: TypeAlias = Literal["nvidia", "amd", "intel", "apple"]
Run: TypeAlias = Callable[[Sequence[str]], str]
"""Runs a program and returns what it printed; nothing where that failed."""

_PCI_MAKERS: Final[dict[str, Maker]] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
_NVIDIA_QUERY: Final = (
    "nvidia-smi",
    "--query-gpu=name,compute_cap,driver_version",
    "--format=csv,noheader",
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, and what its driver says that matters for the choice of a build."""

    maker: Maker
    name: str = ""
    compute: tuple[int, int] = (0, 0)
    """NVIDIA's compute capability; zeros where it is not known."""
    driver: str = ""


@dataclass(frozen=True, slots=True)
class Graphics:
    """All GPUs, and what there is to use them with."""

    gpus: tuple[Gpu, ...] = ()
    cuda: tuple[int, int] = (0, 0)
    """The newest CUDA the NVIDIA driver can run; zeros without one."""
    rocm: str = ""
    """The installed version of AMD's ROCm."""
    vulkan: bool = False
    """Whether the library that programs use Vulkan with is here."""

    def of(self, maker: Maker) -> Gpu | None:
        return next((gpu for gpu in self.gpus if gpu.maker == maker), None)


def graphics(platform: str, processor: str, run: Run, root: Path = Path("/")) -> Graphics:
    """Look at this machine; ``platform`` and ``processor`` as Python names them."""
    if platform == "darwin":
        # Intel Macs have Metal too, but llama.cpp is slower with it than without.
        apple = (Gpu("apple", _apple_name(run)),) if processor == "arm64" else ()
        return Graphics(apple)
    nvidia = nvidia_gpus(run(_NVIDIA_QUERY))
    found = list(nvidia)
    if platform == "win32":
        found += _windows_gpus(run, skip_nvidia=bool(nvidia))
    else:
        found += _pci_gpus(root, skip_nvidia=bool(nvidia))
    return Graphics(
        tuple(found),
        cuda=cuda_version(run(("nvidia-smi",))) if nvidia else (0, 0),
        rocm=_first_line(root / "opt/rocm/.info/version"),
        vulkan=_has_vulkan(platform, root),
    )


def nvidia_gpus(said: str) -> list[Gpu]:
    """What ``nvidia-smi`` lists, one a line: name, compute capability, driver."""
    found = []
    for line in said.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3:
            found.append(Gpu("nvidia", fields[0], _version(fields[1]), fields[2]))
    return found


def cuda_version(said: str) -> tuple[int, int]:
    """The version in the head of ``nvidia-smi``; newer tools call it UMD."""
    found = re.search(r"CUDA(?: UMD)? Version\s*:\s*(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _pci_gpus(root: Path, *, skip_nvidia: bool) -> list[Gpu]:
    """What Linux lists as graphics cards, by the numbers of their makers."""
    found = []
    for card in sorted((root / "sys/class/drm").glob("card*")):
        if not re.fullmatch(r"card\d+", card.name):
            continue
        maker = _PCI_MAKERS.get(_first_line(card / "device/vendor"))
        if maker is not None and not (maker == "nvidia" and skip_nvidia):
            found.append(Gpu(maker, _first_line(card / "device/product_name")))
    return found


def _windows_gpus(run: Run, *, skip_nvidia: bool) -> list[Gpu]:
    command = "(Get-CimInstance Win32_VideoController).Name"
    found = []
    for line in run(("powershell", "-NoProfile", "-Command", command)).splitlines():
        name = line.strip()
        maker = _maker_of(name)
        if maker is not None and not (maker == "nvidia" and skip_nvidia):
            found.append(Gpu(maker, name))
    return found


def _maker_of(name: str) -> Maker | None:
    folded = name.casefold()
    words: dict[str, Maker] = {"nvidia": "nvidia", "amd": "amd", "radeon": "amd", "intel": "intel"}
    return next((maker for word, maker in words.items() if word in folded), None)


def _apple_name(run: Run) -> str:
    return run(("sysctl", "-n", "machdep.cpu.brand_string")).strip()


def _has_vulkan(platform: str, root: Path) -> bool:
    if platform == "win32":
        return (root / "Windows/System32/vulkan-1.dll").exists()
    folders = ("usr/lib", "usr/lib64", "usr/local/lib", "lib", "lib64")
    patterns = ("libvulkan.so*", "*-linux-gnu/libvulkan.so*")
    return any(
        next((root / folder).glob(pattern), None) for folder in folders for pattern in patterns
    )


def _version(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
