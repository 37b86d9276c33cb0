"""How a model is to be opened: plain values that travel to the host process and name it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

SNAPSHOT_CAP_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One loaded model is one host; two different settings are two hosts."""

    model_path: str
    context: int = 0
    """Tokens all sequences share; 0 is as many as fit well."""
    sequences: int = 8
    """How many chats are kept warm, or answered, at once."""
    gpu_layers: int = -1
    """Layers on the GPU; -1 is as many as fit."""
    threads: int = 0
    """0 is one for each physical core."""
    cache_type: str = "auto"
    """How the attention cache is kept: f16, q8_0 or q4_0; auto is f16 where that fits."""
    chunk: int = 512
    """Prompt tokens evaluated at one go."""
    projector: str = ""
    """The file with the model's eyes; empty where it has none."""
    snapshots: str = ""
    """Folder of snapshots; empty keeps none."""
    snapshot_cap_bytes: int = SNAPSHOT_CAP_BYTES

    def key(self) -> str:
        """A short name for the host of this model under these settings."""
        said = {**asdict(self), "model_path": str(Path(self.model_path).resolve())}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def state_key(self, build: str) -> str:
        """Names everything that a saved state depends on; another size of context is not in it."""
        return f"{fingerprint(self.model_path)}-{self.cache_type}-{build}"


def fingerprint(model_path: str) -> str:
    """Changes when the file does; a snapshot of another file is never used."""
    status = Path(model_path).stat()
    said = f"{Path(model_path).resolve()}:{status.st_size}:{status.st_mtime_ns}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
