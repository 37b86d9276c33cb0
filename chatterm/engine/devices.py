"""The GPUs that llama.cpp can use: asked where it is loaded, or through ``machine.probe``.

The wrapper does not declare these functions of ggml, so they are declared here.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

# Read by ggml at its first abort: without it a debugger is started for the backtrace.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

import llama_cpp as llama
from llama_cpp._ctypes_extensions import load_shared_library
from llama_cpp._ggml import libggml, libggml_base_path

from chatterm.engine.machine import Device

_GPU: Final = 1
_INTEGRATED_GPU: Final = 2
_DECLARED: Final[Mapping[str, tuple[Any, list[Any]]]] = {
    "ggml_backend_dev_count": (ctypes.c_size_t, []),
    "ggml_backend_dev_get": (ctypes.c_void_p, [ctypes.c_size_t]),
    "ggml_backend_dev_type": (ctypes.c_int, [ctypes.c_void_p]),
    "ggml_backend_dev_description": (ctypes.c_char_p, [ctypes.c_void_p]),
    "ggml_backend_dev_memory": (None, [ctypes.c_void_p] * 3),
}


def devices(libraries: Sequence[Any] | None = None) -> list[Device]:
    """Each GPU with its memory; ``libraries`` are those of ggml, loaded."""
    llama.llama_backend_init()
    ggml = _Ggml(libraries or _libraries())
    found = []
    for index in range(ggml.call("ggml_backend_dev_count")):
        device = ggml.call("ggml_backend_dev_get", index)
        kind = ggml.call("ggml_backend_dev_type", device)
        if kind not in (_GPU, _INTEGRATED_GPU):
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.call("ggml_backend_dev_memory", device, ctypes.byref(free), ctypes.byref(total))
        name = ggml.call("ggml_backend_dev_description", device) or b"GPU"
        # Metal says of Apple's processors that they have a GPU of their own.
        shared = kind == _INTEGRATED_GPU or name.startswith(b"Apple")
        found.append(Device(name.decode("utf-8", "replace"), free.value, total.value, shared))
    return found


class _Ggml:
    """The functions of ggml, whichever of its libraries has them."""

    def __init__(self, libraries: Sequence[Any]) -> None:
        self._libraries = libraries

    def call(self, name: str, *arguments: Any) -> Any:
        function = next(getattr(one, name) for one in self._libraries if hasattr(one, name))
        function.restype, function.argtypes = _DECLARED[name]
        return function(*arguments)


def _libraries() -> list[Any]:
    """On Windows a library's own dependencies are not searched, so both are named."""
    return [libggml, load_shared_library("ggml-base", libggml_base_path)]


def about() -> dict[str, Any]:
    """What the library says of itself."""
    info = llama.llama_print_system_info()
    return {
        "version": llama.__version__,
        "system": info.decode("utf-8", "replace").strip(),
        "gpu_offload": bool(llama.llama_supports_gpu_offload()),
        "devices": [
            {
                "name": device.name,
                "free": device.free,
                "total": device.total,
                "integrated": device.integrated,
            }
            for device in devices()
        ],
    }


if __name__ == "__main__":
    print(json.dumps(about()))
