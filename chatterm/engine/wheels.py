"""Which build of llama-cpp-python suits a machine, and why.

The indexes and their conditions are those that llama-cpp-python's README documents (0.3.35).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chatterm.engine.gpus import Gpu, Graphics

INDEX: Final = "https://abetlen.github.io/llama-cpp-python/whl/"
_CUDA_WHEELS: Final = (
    *((13, 2), (13, 0), (12, 5), (12, 4), (12, 3), (12, 2), (12, 1)),
    (11, 8),
)
"""The versions of CUDA there are wheels for, the newest first."""
_X86: Final = ("x86_64", "amd64")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A build to install."""

    name: str
    """What the index calls it; empty where it must be built."""
    accelerator: str
    """What it computes with: CUDA, Metal, ROCm, Vulkan or CPU."""
    why: str
    build_flags: str = ""
    """For CMAKE_ARGS, where there is no wheel."""

    def command(self, python: str) -> str:
        """What installs it, into the Python that runs chatterm."""
        pip = f"{python} -m pip install --force-reinstall --no-deps"
        if self.name:
            # Without --only-binary pip prefers a newer source from elsewhere, and builds it.
            return (
                f"{pip} --only-binary llama-cpp-python llama-cpp-python"
                f" --extra-index-url {INDEX}{self.name}"
            )
        return f'CMAKE_ARGS="{self.build_flags}" {pip} --no-cache-dir llama-cpp-python'


def wheel_for(platform: str, processor: str, found: Graphics) -> Wheel:
    """The build that makes the most of a machine."""
    x86 = processor.casefold() in _X86
    if (apple := found.of("apple")) is not None:
        return Wheel("metal", "Metal", f"{apple.name or 'Apple silicon'} computes with Metal")
    if (nvidia := found.of("nvidia")) is not None:
        return _cuda(nvidia, found.cuda, x86=x86)
    if (amd := found.of("amd")) is not None and (wheel := _amd(amd, platform, found, x86=x86)):
        return wheel
    other = found.of("amd") or found.of("intel")
    if other is not None and found.vulkan:
        return _vulkan(other, x86=x86)
    if other is not None:
        why = f"{_called(other)} needs Vulkan, whose library is not installed"
        return Wheel("cpu", "CPU", why)
    return Wheel("cpu", "CPU", "there is no GPU that llama.cpp can use")


def _cuda(gpu: Gpu, cuda: tuple[int, int], *, x86: bool) -> Wheel:
    known = f"{_called(gpu)}, driver for CUDA {cuda[0]}.{cuda[1]}"
    if cuda == (0, 0):
        return Wheel("cpu", "CPU", f"{_called(gpu)} has no working NVIDIA driver")
    if not x86:
        why = f"{known}; for this processor there is no wheel, so it is built"
        return Wheel("", "CUDA", why, "-DGGML_CUDA=on")
    for version in _CUDA_WHEELS:
        if version <= cuda and _runs_on(gpu.compute, version):
            why = f"{known}; the newest wheel for both is of CUDA {version[0]}.{version[1]}"
            return Wheel(f"cu{version[0]}{version[1]}", "CUDA", why)
    why = f"{known}; no wheel is old enough, so it is built"
    return Wheel("", "CUDA", why, "-DGGML_CUDA=on")


def _runs_on(compute: tuple[int, int], cuda: tuple[int, int]) -> bool:
    """Whether wheels of that CUDA have code for a GPU; one of unknown age is taken to be recent."""
    if compute == (0, 0):
        return True
    if cuda[0] >= 13:
        return compute >= (7, 5)
    if cuda[0] == 12:
        return compute >= (6, 0)
    return (6, 0) <= compute <= (8, 9)


def _amd(gpu: Gpu, platform: str, found: Graphics, *, x86: bool) -> Wheel | None:
    if not x86:
        return None
    if platform == "linux" and found.rocm:
        if found.rocm.startswith("7."):
            return Wheel("rocm72", "ROCm", f"{_called(gpu)} with ROCm {found.rocm}")
        why = f"{_called(gpu)} with ROCm {found.rocm}, for which there is no wheel, so it is built"
        return None if found.vulkan else Wheel("", "ROCm", why, "-DGGML_HIP=on")
    if platform == "win32":
        return Wheel("hip-radeon", "ROCm", f"{_called(gpu)} on Windows")
    return None


def _vulkan(gpu: Gpu, *, x86: bool) -> Wheel:
    if x86:
        return Wheel("vulkan", "Vulkan", f"{_called(gpu)} computes with Vulkan")
    why = f"{_called(gpu)} computes with Vulkan; for this processor there is no wheel"
    return Wheel("", "Vulkan", why, "-DGGML_VULKAN=on")


def _called(gpu: Gpu) -> str:
    makers = {"nvidia": "an NVIDIA GPU", "amd": "an AMD GPU", "intel": "an Intel GPU"}
    return gpu.name or makers.get(gpu.maker, "the GPU")
