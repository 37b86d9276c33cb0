"""What can be asked for: the models, each with its ways of sampling."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from chatterm.server.access import Public
from chatterm.server.core import Server
from chatterm.server.openassistant.wire import JsonObject
from chatterm.server.presets import Preset

_NOTHING: dict[str, float | int | None] = {
    "top_k": None,
    "top_p": None,
    "typical_p": None,
    "temperature": None,
    "repetition_penalty": None,
}
_LENGTH = {"max_new_tokens": 1024}


def routes(server: Server) -> APIRouter:
    router = APIRouter(tags=["configs"])

    async def listed(said: Callable[[str, Preset], JsonObject]) -> list[JsonObject]:
        """Every model with every preset, and what is said of the two together."""
        return [
            {
                "name": info.name,
                "description": info.summary,
                "parameter_configs": [
                    {"name": preset.name, "description": "", **said(info.name, preset)}
                    for preset in server.settings.presets
                ],
            }
            for info in await server.models.infos()
        ]

    @router.get("/configs/model_configs")
    async def model_configs(_: Public) -> list[JsonObject]:
        return await listed(
            lambda _, preset: {"sampling_parameters": {**_NOTHING, **_LENGTH, **preset.sampling}}
        )

    @router.get("/configs/models")
    async def models(_: Public) -> list[JsonObject]:
        """The same as the third generation knew it."""
        return await listed(
            lambda model, preset: {
                "work_parameters": {
                    "model_name": model,
                    **_NOTHING,
                    **{key: v for key, v in preset.sampling.items() if key in _NOTHING},
                }
            }
        )

    return router
