"""From a name to the files it means: those of the catalogue, or what an address names."""

from __future__ import annotations

from pathlib import Path

from chatterm.catalog import Catalog, ModelEntry
from chatterm.engine.library import Library
from chatterm.engine.pull.sources import Choice, choose, files_in, is_address, sources_of
from chatterm.engine.pull.web import Web
from chatterm.errors import ModelError
from chatterm.hints import nearest


async def choice_of(web: Web, catalog: Catalog, name: str) -> Choice:
    """The files that a name or an address means."""
    if is_address(name):
        return await sources_of(web, name)
    entry, wanted = entry_of(catalog, name)
    quantisation = choose(entry.files, wanted) if wanted else next(iter(entry.files))
    file = entry.files[quantisation].file
    return Choice(files_in(web.hub, entry.repository, file))


def entry_of(catalog: Catalog, name: str) -> tuple[ModelEntry, str]:
    """The entry of the catalogue, and the quantisation that was named with it."""
    models = catalog.models
    base, _, quantisation = name.partition(":")
    entry = models.get(name)
    if entry is None:
        entry = models.get(base)
    else:
        quantisation = ""
    if entry is None:
        known = [other.name for other in models.values() if other.files]
        raise ModelError(
            f"the catalogue has no model {name!r}",
            hint=nearest(name, known, otherwise="name a repository instead: hf:OWNER/REPO"),
        )
    if not entry.files:
        raise ModelError(f"{name} needs no file", hint=f"use it: chatterm ask -m {name} ...")
    return entry, quantisation


def already_here(library: Library, catalog: Catalog, name: str) -> list[Path]:
    """The files of a model of the catalogue that another program keeps here: used in place."""
    if is_address(name):
        return []
    entry, wanted = entry_of(catalog, name)
    quantisation = wanted or next(iter(entry.files))
    for model in library.of_entry(entry):
        usable = not model.file.problem and model.file.place != "chatterm"
        if usable and model.quantisation.casefold() == quantisation.casefold():
            return list(model.file.parts)
    return []
