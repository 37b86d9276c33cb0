"""``/api/pull``, ``/api/copy`` and ``/api/delete``: what changes which models this machine has.

Only names that chatterm itself knows are pulled, those of its catalogue and of the hub: a server
that fetches whatever address a client gives would reach what the client cannot. A copy is another
name for the same file, an entry in the owner's ``models.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from chatterm.backend import remote_of
from chatterm.catalog import Catalog
from chatterm.catalog_edit import set_entry
from chatterm.engine.library import open_library
from chatterm.errors import ConfigError
from chatterm.server.access import ModelsCaller
from chatterm.server.core import Server
from chatterm.server.ollama.about import local_model
from chatterm.server.ollama.bodies import CopyBody, Named, PullBody
from chatterm.server.ollama.names import LATEST, resolved
from chatterm.server.ollama.reading import bad
from chatterm.server.ollama.replies import Reply, last
from chatterm.server.ollama.route import JsonRoute
from chatterm.server.problems import Problem
from chatterm.server.removing import remove_model
from chatterm.tables import read_toml

_ABROAD = ("http:", "https:", "ftp:", "file:")


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=JsonRoute, tags=["ollama"])

    @router.post("/api/pull", summary="Bring a model to this machine", response_model=None)
    async def pull_model(body: PullBody, _: ModelsCaller) -> Response:
        name = _pullable(server, body.said)
        from chatterm.server.ollama.pulling import pulled

        return Reply(pulled(server, name), stream=body.stream is not False, fold=last)

    @router.post("/api/copy", summary="Give a model another name", response_model=None)
    async def copy(body: CopyBody, _: ModelsCaller) -> Response:
        source = resolved(server, body.source)
        _may_offer(server, body.destination)
        _copy(server, source, body.destination.removesuffix(LATEST))
        return JSONResponse({"status": "success"})

    @router.delete("/api/delete", summary="Delete a model", response_model=None)
    async def delete(body: Named, _: ModelsCaller) -> Response:
        name = resolved(server, body.said)
        await remove_model(server, name)
        return JSONResponse({"status": "success"})

    return router


def refusals() -> APIRouter:
    """What these clients may ask and no model here is made by; nothing that they send is read."""
    router = APIRouter(tags=["ollama"])

    @router.post("/api/create", summary="Refused: no model is made here")
    async def create(_: ModelsCaller) -> None:
        raise bad("no model is made here; pull one, or add a file: chatterm models add FILE")

    @router.post("/api/push", summary="Refused: no model is sent away")
    async def push(_: ModelsCaller) -> None:
        raise bad("this server sends no model away; the one who needs it can pull it")

    @router.post("/api/blobs/{digest}", summary="Refused: no files are taken")
    @router.head("/api/blobs/{digest}", include_in_schema=False)
    async def blob(digest: str, _: ModelsCaller) -> None:
        raise bad("no files are taken here; on the server: chatterm models add FILE")

    return router


def _may_offer(server: Server, name: str) -> None:
    chosen = server.config.serve.models
    if chosen and name.removesuffix(LATEST) not in chosen:
        raise Problem(403, "This server offers certain models only", kind="forbidden")


# -- pull ------------------------------------------------------------------------------------


def _pullable(server: Server, said: str) -> str:
    """What is to be pulled; an address anywhere else is refused."""
    if not said:
        raise bad("model is required", "model")
    if said.casefold().startswith(_ABROAD):
        raise bad(
            "only models of the catalogue and the hub are pulled: NAME, hf.co/OWNER/REPO:QUANT",
            "model",
        )
    name = said.removesuffix(LATEST)
    _may_offer(server, name)
    return name


# -- copy ------------------------------------------------------------------------------------


def _copy(server: Server, source: str, destination: str) -> None:
    catalog, file = server.models.catalog, server.paths.user_models_file
    own = (read_toml(file) or {}).get("models", {})
    if destination in server.models.names and destination not in own:
        raise bad(f"there is a model {destination!r} already", "destination")
    if destination in catalog.models and destination not in own:
        raise bad(f"{destination!r} is a name of the catalogue", "destination")
    if destination == source:
        raise bad("a copy needs another name", "destination")
    entry = _entry(server, catalog, source)
    try:
        changed = set_entry(file, "models", destination, entry)
    except ConfigError as error:
        # The words of the reason have a path of this machine in them.
        if isinstance(error.__cause__, OSError):
            raise Problem(500, "the list of models cannot be written", kind="store") from error
        raise bad(f"{destination!r} cannot be the name of a model here", "destination") from error
    server.models.refresh(changed)


def _entry(server: Server, catalog: Catalog, source: str) -> Mapping[str, Any]:
    """What ``models.toml`` is to say of a copy."""
    if remote_of(source, catalog) is not None:
        raise bad(f"{source} is not on this machine, so it cannot be copied", "source")
    entry = catalog.models.get(source)
    model = local_model(source, catalog, open_library(server.paths, catalog))
    said: dict[str, Any] = {"backend": "engine" if model else "echo"}
    if model is not None:
        said["path"] = str(model.path)
    if entry is not None:
        for key in ("card", "parameters", "context", "licence", "doubt_below", "words_per_second"):
            if value := getattr(entry, key):
                said[key] = value
        if entry.capabilities:
            said["capabilities"] = list(entry.capabilities)
    return said
