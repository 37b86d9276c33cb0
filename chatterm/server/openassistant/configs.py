"""What can be asked for: the models, each with its ways of sampling."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chatterm.server.access import Public
from chatterm.server.core import Server

PRESETS: tuple[tuple[str, dict[str, float | int]], ...] = (
    ("own", {}),
    ("k50", {"top_k": 50, "top_p": 0.95, "temperature": 0.75, "repetition_penalty": 1.2}),
    ("k50-Creative", {"top_k": 50, "top_p": 0.95, "temperature": 0.85, "repetition_penalty": 1.2}),
    ("k50-Precise", {"top_k": 50, "top_p": 0.95, "temperature": 0.1, "repetition_penalty": 1.2}),
    ("k50-Original", {"top_k": 50, "top_p": 0.95, "temperature": 0.9, "repetition_penalty": 1.2}),
    ("nucleus9", {"top_p": 0.9, "temperature": 0.8, "repetition_penalty": 1.2}),
    ("typical2", {"typical_p": 0.2, "temperature": 0.8, "repetition_penalty": 1.2}),
    ("typical3", {"typical_p": 0.3, "temperature": 0.8, "repetition_penalty": 1.2}),
)
"""The first is what the model itself prefers: clients take the first where nobody chose."""
_NOTHING: dict[str, float | int | None] = {
    "top_k": None,
    "top_p": None,
    "typical_p": None,
    "temperature": None,
    "repetition_penalty": None,
}


def routes(server: Server) -> APIRouter:
    router = APIRouter(tags=["configs"])

    @router.get("/configs/model_configs")
    async def model_configs(_: Public) -> list[dict[str, Any]]:
        return [
            {
                "name": info.name,
                "description": info.summary,
                "parameter_configs": [
                    {
                        "name": name,
                        "description": "",
                        "sampling_parameters": {**_NOTHING, **values, "max_new_tokens": 1024},
                    }
                    for name, values in PRESETS
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
                        "name": name,
                        "description": "",
                        "work_parameters": {"model_name": info.name, **_NOTHING, **values},
                    }
                    for name, values in PRESETS
                ],
            }
            for info in await server.models.infos()
        ]

    return router
