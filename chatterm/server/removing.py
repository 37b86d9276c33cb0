"""Deleting a model for a client: a name that was given here, or a file that chatterm pulled.

Every dialect that lets a client delete does it through here.
"""

from __future__ import annotations

from chatterm.catalog import Catalog, load_catalog
from chatterm.catalog_edit import remove_entry
from chatterm.engine.library import LocalModel, open_library
from chatterm.engine.removal import delete_files
from chatterm.errors import ChattermError
from chatterm.server.core import Server
from chatterm.server.problems import Problem
from chatterm.tables import read_toml


async def remove_model(server: Server, name: str) -> None:
    """Delete a model that is served; a Problem where it is not this server's to delete."""
    catalog, file = server.models.catalog, server.paths.user_models_file
    library = open_library(server.paths, catalog)
    own, entry = (read_toml(file) or {}).get("models", {}), catalog.models.get(name)
    if name in own and entry is not None and not entry.files:
        await _let_go(server, name)
        remove_entry(file, "models", name)
        server.models.refresh(load_catalog(file))
        return
    model = library.look(name) if name in library else None
    if model is None or model.file.place != "chatterm":
        raise Problem(400, f"{name} is not this server's to delete", param="model")
    _no_copies(catalog, model)
    await _let_go(server, name)
    delete_files(model, server.paths.models_dir)
    server.models.refresh()


def _no_copies(catalog: Catalog, model: LocalModel) -> None:
    """A copy is only a name: with the file it would lose everything."""
    copies = [name for name, entry in catalog.models.items() if entry.path == str(model.path)]
    if copies:
        raise Problem(409, f"{copies[0]} is a copy of {model.name}: delete that one first")


async def _let_go(server: Server, name: str) -> None:
    """Its engine leaves the memory when its last answer is written."""
    try:
        await server.models.keep(name, 0)
    except ChattermError:
        return
