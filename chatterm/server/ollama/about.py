"""What lies behind a name: its file, and what that says of itself.

Files are read once, and again when they have changed; on a thread, since a list may have many.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatterm.backend import is_file_name, remote_of
from chatterm.catalog import Catalog
from chatterm.engine.defaults import recommended
from chatterm.engine.described import Described, describe
from chatterm.engine.gguf import GgufHeader, read_array
from chatterm.engine.gguf_values import Scalar, Skipped
from chatterm.engine.library import Library, LocalModel, open_library
from chatterm.engine.places import found_file
from chatterm.engine.projectors import projector_beside
from chatterm.engine.settings import fingerprint
from chatterm.messages import ModelInfo
from chatterm.paths import Paths
from chatterm.server.core import Server
from chatterm.server.ollama.names import tagged
from chatterm.server.ollama.writing import Line, when

_CAPABILITIES = {"tools": "tools", "reasoning": "thinking", "vision": "vision"}
_FILL_IN = "tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"


@dataclass(frozen=True, slots=True)
class About:
    """One model; those without a file have neither ``described`` nor ``header``."""

    name: str
    described: Described | None = None
    header: GgufHeader | None = None
    modified: float = 0.0
    digest: str = ""
    projector: str = ""
    """The file of its eyes."""


class Shelf:
    """Looks models up, and remembers what their files said."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[tuple[str, str], About] = {}

    async def all(self, names: Iterable[str]) -> list[About]:
        """What is known of these models, in their order."""
        catalog, paths = self._server.models.catalog, self._server.paths
        return await asyncio.to_thread(self._read, list(names), catalog, paths)

    async def one(self, name: str) -> About:
        return (await self.all([name]))[0]

    def _read(self, names: list[str], catalog: Catalog, paths: Paths) -> list[About]:
        library = open_library(paths, catalog)
        return [self._about(name, local_model(name, catalog, library)) for name in names]

    def _about(self, name: str, model: LocalModel | None) -> About:
        if model is None:
            return About(name, digest=_digest(name))
        try:
            modified = model.path.stat().st_mtime
            key = name, fingerprint(str(model.path))
        except OSError:
            return About(name, digest=_digest(name))
        known = self._known.get(key)
        if known is None:
            described, header = describe(model)
            digest = _digest(key[1])
            eyes = projector_beside(model.path)
            known = self._known[key] = About(name, described, header, modified, digest, eyes)
        return known


def local_model(name: str, catalog: Catalog, library: Library) -> LocalModel | None:
    """The file of a model; None for one that has none here."""
    if remote_of(name, catalog) is not None:
        return None
    entry = catalog.models.get(name)
    if is_file_name(name):
        return LocalModel(name, found_file("added", Path(name)))
    if entry is not None and entry.path:
        return LocalModel(name, found_file("added", Path(entry.path)), entry)
    return library.find(name) if name in library else None


def entry_of(about: About, info: ModelInfo | None) -> Line:
    """A model as lists have it."""
    name = tagged(about.name)
    described = about.described
    return {
        "name": name,
        "model": name,
        "modified_at": when(about.modified),
        "size": described.size if described else (info.size_bytes if info else 0),
        "digest": about.digest,
        "details": details_of(about),
        "capabilities": capabilities_of(about, info),
    }


def details_of(about: About) -> Line:
    described = about.described
    if described is None:
        return {
            "parent_model": "",
            "format": "",
            "family": "",
            "families": None,
            "parameter_size": "",
            "quantization_level": "",
        }
    return {
        "parent_model": "",
        "format": "gguf",
        "family": described.architecture,
        "families": [described.architecture],
        "parameter_size": _parameters(described.parameters),
        "quantization_level": described.quantisation,
    }


def capabilities_of(about: About, info: ModelInfo | None) -> list[str]:
    """In the words of this dialect."""
    known = set(about.described.capabilities if about.described else ())
    known |= info.capabilities if info else frozenset()
    if "embeddings" in known:
        return ["embedding"]
    found = ["completion", *(theirs for ours, theirs in _CAPABILITIES.items() if ours in known)]
    if about.header is not None and any(key in about.header.metadata for key in _FILL_IN):
        found.append("insert")
    return found


def model_info(header: GgufHeader, *, verbose: bool) -> Mapping[str, Any]:
    """The metadata of a file; lists are null unless they are asked for, as these clients expect."""
    found: dict[str, Any] = {"general.parameter_count": header.weights.parameters}
    for key, value in header.metadata.items():
        if key == "tokenizer.chat_template":
            continue
        if isinstance(value, tuple | Skipped):
            is_text = isinstance(value, Skipped) and value.kind == "text"
            wanted = verbose and not is_text
            found[key] = [_plain(item) for item in read_array(header, key)] if wanted else None
        else:
            found[key] = _plain(value)
    return found


def parameters_of(header: GgufHeader) -> str:
    """How the model answers where nobody asks for anything else: a name and a value each line."""
    said = recommended(header.metadata.get)
    names = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty")
    lines = [(name, getattr(said, name)) for name in names]
    return "\n".join(f"{name:<30} {value:g}" for name, value in lines if value is not None)


def _plain(value: Scalar) -> Scalar | None:
    """A value that JSON has."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parameters(count: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count) if count else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
