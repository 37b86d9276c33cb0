"""``/v1/models``: what is served, by the names to ask for it; who may, deletes one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from chatterm.messages import ModelInfo
from chatterm.server.access import ModelsCaller, UseCaller
from chatterm.server.core import Server
from chatterm.server.openai_common.answer import check_model
from chatterm.server.openai_common.errors import REFUSALS, ApiRoute
from chatterm.server.removing import remove_model


class Model(BaseModel):
    """A model."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    context_length: int | None = None
    """Tokens it can read; null where nobody knows."""
    capabilities: list[str] = []


class ModelList(BaseModel):
    object: str = "list"
    data: list[Model]


class Deleted(BaseModel):
    """A model that is gone."""

    id: str
    object: str = "model"
    deleted: bool = True


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=ApiRoute, responses=REFUSALS)
    since = int(server.clock())

    @router.get("/models", summary="List the models")
    async def models(_: UseCaller) -> ModelList:
        return ModelList(data=[_model(info, since) for info in await server.models.infos()])

    @router.get("/models/{model:path}", summary="Show a model")
    async def model(model: str, _: UseCaller) -> Model:
        check_model(server, model)
        return _model(await server.models.info(model), since)

    @router.delete("/models/{model:path}", summary="Delete a model")
    async def delete(model: str, _: ModelsCaller) -> Deleted:
        check_model(server, model)
        await remove_model(server, model)
        return Deleted(id=model)

    return router


def _model(info: ModelInfo, since: int) -> Model:
    """OpenAI wants to know when a model was made; a file does not say, so it is since when it
    is served."""
    said: dict[str, Any] = {"id": info.name, "created": since, "owned_by": info.backend}
    return Model(
        **said, context_length=info.context or None, capabilities=sorted(info.capabilities)
    )
