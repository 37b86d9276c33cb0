"""Routes of one's own account, and of whoever owns the server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from chatterm.server.access import AdminCaller, UseCaller
from chatterm.server.core import Server
from chatterm.server.openassistant.archive import Archive
from chatterm.server.openassistant.wire import JsonObject, PluginAddress, user_json
from chatterm.server.problems import Problem
from chatterm.server.users import User


def routes(server: Server, archive: Archive) -> APIRouter:
    router = APIRouter(tags=["account"])

    @router.delete("/account/")
    @router.delete("/account", include_in_schema=False)
    async def delete(caller: UseCaller) -> Response:
        if caller.by == "local":
            raise Problem(400, "The user of this machine has no account that could be deleted")
        await archive.remove_account(caller.user)
        return Response(status_code=200)

    @router.get("/admin/users")
    async def users(caller: AdminCaller) -> list[JsonObject]:
        return [user_json(user) for user in server.people.users.all()]

    @router.delete("/admin/users/{user_id}")
    async def delete_user(caller: AdminCaller, user_id: str) -> Response:
        await archive.remove_account(_known(server, user_id))
        return Response(status_code=200)

    @router.delete("/admin/refresh_tokens/{user_id}")
    async def end_logins(caller: AdminCaller, user_id: str) -> Response:
        server.people.logins.end_all(_known(server, user_id).id)
        return Response(status_code=200)

    @router.get("/workers/sessions")
    async def sessions(caller: UseCaller) -> list[Any]:
        """This server has no workers on other machines: nothing is to be waited for."""
        return []

    @router.get("/configs/builtin_plugins")
    async def plugins(caller: UseCaller) -> list[Any]:
        return []

    @router.post("/configs/plugin_config")
    async def plugin_config(caller: UseCaller, body: PluginAddress) -> None:
        """This server fetches no address that somebody gives it."""
        raise Problem(404, "Plugin not found", kind="not_found")

    return router


def _known(server: Server, user_id: str) -> User:
    user = server.people.users.get(user_id) or server.people.users.named(user_id)
    if user is None:
        raise Problem(404, "User not found", kind="not_found")
    return user
