"""Which GPUs a machine has, and which build of llama.cpp suits them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chatterm.engine.gpus import Gpu, Graphics, Run, cuda_version, graphics, nvidia_gpus
from chatterm.engine.wheels import INDEX, wheel_for

H100 = Gpu("nvidia", "NVIDIA H100", (9, 0), "550.54")
T4 = Gpu("nvidia", "Tesla T4", (7, 5), "470.1")
P100 = Gpu("nvidia", "Tesla P100", (6, 0), "580.1")
K80 = Gpu("nvidia", "Tesla K80", (3, 7), "470.1")
RADEON = Gpu("amd", "Radeon RX 7900")
ARC = Gpu("intel", "Arc A770")
M3 = Gpu("apple", "Apple M3")


@pytest.mark.parametrize(
    ("platform", "processor", "found", "name", "accelerator"),
    [
        ("linux", "x86_64", Graphics((H100,), cuda=(12, 4)), "cu124", "CUDA"),
        ("linux", "x86_64", Graphics((H100,), cuda=(12, 8)), "cu125", "CUDA"),
        ("linux", "x86_64", Graphics((H100,), cuda=(13, 1)), "cu130", "CUDA"),
        ("win32", "AMD64", Graphics((H100,), cuda=(13, 5)), "cu132", "CUDA"),
        ("linux", "x86_64", Graphics((T4,), cuda=(11, 8)), "cu118", "CUDA"),
        ("linux", "x86_64", Graphics((P100,), cuda=(13, 0)), "cu125", "CUDA"),
        ("linux", "x86_64", Graphics((H100,), cuda=(11, 8)), "", "CUDA"),
        ("linux", "x86_64", Graphics((K80,), cuda=(11, 4)), "", "CUDA"),
        ("linux", "aarch64", Graphics((H100,), cuda=(12, 4)), "", "CUDA"),
        ("linux", "x86_64", Graphics((Gpu("nvidia"),)), "cpu", "CPU"),
        ("linux", "x86_64", Graphics((RADEON,), rocm="7.2.0", vulkan=True), "rocm72", "ROCm"),
        ("linux", "x86_64", Graphics((RADEON,), rocm="6.1.0", vulkan=True), "vulkan", "Vulkan"),
        ("linux", "x86_64", Graphics((RADEON,), rocm="6.1.0"), "", "ROCm"),
        ("linux", "x86_64", Graphics((RADEON,), vulkan=True), "vulkan", "Vulkan"),
        ("win32", "AMD64", Graphics((RADEON,), vulkan=True), "hip-radeon", "ROCm"),
        ("linux", "x86_64", Graphics((ARC,), vulkan=True), "vulkan", "Vulkan"),
        ("linux", "aarch64", Graphics((RADEON,), vulkan=True), "", "Vulkan"),
        ("linux", "x86_64", Graphics((ARC,)), "cpu", "CPU"),
        ("darwin", "arm64", Graphics((M3,)), "metal", "Metal"),
        ("darwin", "x86_64", Graphics(), "cpu", "CPU"),
    ],
)
def test_each_machine_gets_the_build_that_suits_it(
    platform: str, processor: str, found: Graphics, name: str, accelerator: str
) -> None:
    wheel = wheel_for(platform, processor, found)
    assert (wheel.name, wheel.accelerator) == (name, accelerator)
    assert wheel.why
    command = wheel.command("python3")
    if name:
        assert command.endswith(f"llama-cpp-python --extra-index-url {INDEX}{name}")
    else:
        assert command.startswith('CMAKE_ARGS="-DGGML_')


def printing(said: dict[str, str]) -> Run:
    """Tools that print this, by their first words."""

    def run(command: Sequence[str]) -> str:
        return next(
            (text for start, text in said.items() if " ".join(command).startswith(start)), ""
        )

    return run


def card(root: Path, number: int, vendor: str, product: str = "") -> None:
    folder = root / "sys" / "class" / "drm" / f"card{number}" / "device"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (root / "sys" / "class" / "drm" / f"card{number}-HDMI-A-1").mkdir()
    if product:
        (folder / "product_name").write_text(product + "\n")


def test_a_linux_machine_with_two_makers(tmp_path: Path) -> None:
    card(tmp_path, 0, "0x10de")
    card(tmp_path, 1, "0x8086")
    (tmp_path / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "usr" / "lib" / "x86_64-linux-gnu" / "libvulkan.so.1").touch()
    tools = printing(
        {
            "nvidia-smi --query": "NVIDIA H100 80GB HBM3, 9.0, 550.54.15\n",
            "nvidia-smi": "| NVIDIA-SMI 550.54  Driver Version: 550.54   CUDA Version: 12.4  |",
        }
    )
    found = graphics("linux", "x86_64", tools, tmp_path)
    assert found == Graphics(
        (Gpu("nvidia", "NVIDIA H100 80GB HBM3", (9, 0), "550.54.15"), Gpu("intel")),
        cuda=(12, 4),
        vulkan=True,
    )


def test_a_card_without_its_driver_is_still_seen(tmp_path: Path) -> None:
    card(tmp_path, 0, "0x10de")
    card(tmp_path, 1, "0x1002", "Radeon RX 7900")
    card(tmp_path, 2, "0x1a03")  # what servers have for their screens
    (tmp_path / "opt" / "rocm" / ".info").mkdir(parents=True)
    (tmp_path / "opt" / "rocm" / ".info" / "version").write_text("7.2.0-1\n")
    found = graphics("linux", "x86_64", printing({}), tmp_path)
    assert found.gpus == (Gpu("nvidia"), Gpu("amd", "Radeon RX 7900"))
    assert found.rocm == "7.2.0-1"
    assert not found.vulkan


def test_a_machine_without_any(tmp_path: Path) -> None:
    assert graphics("linux", "x86_64", printing({}), tmp_path) == Graphics()


def test_macs(tmp_path: Path) -> None:
    tools = printing({"sysctl": "Apple M3\n"})
    assert graphics("darwin", "arm64", tools, tmp_path).of("apple") == M3
    assert graphics("darwin", "x86_64", tools, tmp_path) == Graphics()


def test_windows(tmp_path: Path) -> None:
    (tmp_path / "Windows" / "System32").mkdir(parents=True)
    (tmp_path / "Windows" / "System32" / "vulkan-1.dll").touch()
    tools = printing({"powershell": "AMD Radeon RX 7900\r\nMicrosoft Basic Display\r\n"})
    found = graphics("win32", "AMD64", tools, tmp_path)
    assert found.gpus == (Gpu("amd", "AMD Radeon RX 7900"),)
    assert found.vulkan


def test_what_nvidias_tool_says_is_read_with_care() -> None:
    assert nvidia_gpus("NVIDIA-SMI has failed because ...\n") == []
    assert nvidia_gpus("Old, [N/A], 390.1\n") == [Gpu("nvidia", "Old", (0, 0), "390.1")]
    assert cuda_version("| CUDA Version: 12.4 |") == (12, 4)
    assert cuda_version("| CUDA UMD Version: 13.1 |") == (13, 1)
    assert cuda_version("nothing") == (0, 0)
