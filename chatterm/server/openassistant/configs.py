"""What can be asked for: the models, each with its ways of sampling."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chatterm.server.access import Public
from chatterm.server.core import Server

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
    presets = server.settings.presets

    @router.get("/configs/model_configs")
    async def model_configs(_: Public) -> list[dict[str, Any]]:
        return [
            {
                "name": info.name,
                "description": info.summary,
                "parameter_configs": [
                    {
                        "name": preset.name,
                        "description": "",
                        "sampling_parameters": {**_NOTHING, **_LENGTH, **preset.sampling},
                    }
                    for preset in presets
                ],
            }
            for info in await server.models.infos()
        ]

    @router.get("/configs/models")
    async def models(_: Public) -> list[dict[str, Any]]:
        """The same as the third generation knew it."""
        return [
            {
                "name": info.name,
                "description": info.summary,
                "parameter_configs": [
                    {
                        "name": preset.name,
                        "description": "",
                        "work_parameters": {
                            "model_name": info.name,
                            **_NOTHING,
                            **{key: v for key, v in preset.sampling.items() if key in _NOTHING},
                        },
                    }
                    for preset in presets
                ],
            }
            for info in await server.models.infos()
        ]

    return router
