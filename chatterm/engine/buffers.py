"""What a model takes, as the library tells it in its log: every buffer, and on which device."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(?:: +(\S+) .*)?buffer size = +([\d.]+) MiB")
_MIB = 1.048576


class Buffers:
    """Adds up the buffers of weights, cache and computing, in MB."""

    def __init__(self) -> None:
        self.all_mb = 0.0
        self.gpu_mb = 0.0

    def take(self, line: str) -> None:
        """A line of the log, whatever it says."""
        found = _SIZE.search(line)
        if found is None:
            return
        size = float(found[2]) * _MIB
        self.all_mb += size
        if _is_gpu(found[1] or "CPU"):
            self.gpu_mb += size


def _is_gpu(device: str) -> bool:
    """``CUDA0`` and ``Metal`` are; ``CPU_Mapped`` and ``CUDA_Host`` lie in the usual memory."""
    return not (device.startswith(("CPU", "BLAS", "RPC")) or device.endswith("_Host"))
