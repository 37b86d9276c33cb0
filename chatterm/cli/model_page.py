"""Everything that is known of one model, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatterm.catalog import Catalog, ModelEntry
from chatterm.cli.sizes import bytes_text, count_text, tokens_text
from chatterm.engine.described import Described, describe
from chatterm.engine.gguf_values import Skipped, Value
from chatterm.engine.library import Library
from chatterm.errors import ModelError

if TYPE_CHECKING:
    from chatterm.engine.gguf import GgufHeader

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A model of the catalogue, on this machine, or both."""

    name: str
    entry: ModelEntry | None
    described: Described | None
    header: GgufHeader | None

    def to_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"name": self.name, "state": "catalogue"}
        if self.entry is not None:
            said |= _entry_json(self.entry)
        if self.described is not None:
            said |= {"state": "here", **self.described.to_json()}
        if self.header is not None:
            metadata = self.header.metadata
            said["header"] = {key: _value_json(value) for key, value in metadata.items()}
            said["tensors"] = len(self.header.tensors)
            said["layers"] = self.header.block_count
        return said

    def lines(self) -> Iterator[str]:
        facts = [(key, text) for key, text in self._facts() if text]
        width = max(len(key) for key, _ in facts) + 2
        for key, text in facts:
            yield f"{key:<{width}}{text}"
        if self.header is not None:
            yield ""
            for key, value in self.header.metadata.items():
                yield f"{key} = {_value_text(value)}"
        if self.entry is not None and self.entry.card:
            yield ""
            yield from _card(self.entry).splitlines()

    def _facts(self) -> Iterator[tuple[str, str]]:
        entry, here, header = self.entry, self.described, self.header
        yield "name", self.name
        if entry is not None:
            yield "summary", entry.summary
            yield "repository", entry.repository
            yield "to pull", ", ".join(_file_text(*item) for item in entry.files.items())
        if here is None and entry is not None:
            yield "parameters", count_text(entry.parameters)
            yield "context", tokens_text(entry.context)
            yield "licence", entry.licence
            yield "can", ", ".join(entry.capabilities)
        if here is not None:
            yield "problem", here.problem
            yield "file", here.path
            yield "found in", here.place
            yield "size", bytes_text(here.size)
            yield "quantisation", here.quantisation
            yield "parameters", count_text(here.parameters)
            yield "context", tokens_text(here.context)
            yield "architecture", here.architecture
            yield "licence", here.licence
            yield "can", ", ".join(here.capabilities)
        if header is not None:
            yield "layers", str(header.block_count)
            yield "parts", str(header.split_count) if header.split_count > 1 else ""


def page_of(name: str, catalog: Catalog, library: Library) -> Page:
    """The page of a model by its name or its file."""
    entry = catalog.models.get(name)
    if entry is not None and name not in library:
        return Page(name, entry, None, None)
    model = library.named(name)
    described, header = describe(model)
    if header is None and model.entry is None:
        raise ModelError(f"{name} cannot be used: {described.problem}")
    return Page(model.name, model.entry, described, header)


def _entry_json(entry: ModelEntry) -> dict[str, Any]:
    return {
        "summary": entry.summary,
        "backend": entry.backend,
        "repository": entry.repository,
        "licence": entry.licence,
        "parameters": entry.parameters,
        "context": entry.context,
        "capabilities": list(entry.capabilities),
        "files": {
            quantisation: {"file": file.file, "size": file.size, "sha256": file.sha256}
            for quantisation, file in entry.files.items()
        },
        "card": _card(entry) if entry.card else "",
    }


def _card(entry: ModelEntry) -> str:
    path = Path(entry.card)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"the card of {entry.name} cannot be read: {path}") from error


def _file_text(quantisation: str, file: Any) -> str:
    return f"{quantisation} ({bytes_text(file.size)})" if file.size else quantisation


def _value_json(value: Value) -> Any:
    if isinstance(value, Skipped):
        return {"type": value.kind, "count": value.count}
    return list(value) if isinstance(value, tuple) else value


def _value_text(value: Value) -> str:
    if isinstance(value, Skipped):
        return f"({value.count:,} of {value.kind})"
    text = repr(list(value)) if isinstance(value, tuple) else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
