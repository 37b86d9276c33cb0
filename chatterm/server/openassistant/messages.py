"""Routes of messages: prompts, answers, both at once, and what is thought of them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from chatterm.messages import Role
from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openassistant.archive import Archive
from chatterm.server.openassistant.asking import Asking, Wish
from chatterm.server.openassistant.judging import Judging
from chatterm.server.openassistant.wire import (
    Body,
    Evaluation,
    JsonObject,
    NewAnswer,
    NewBoth,
    NewPrompt,
    OldSampling,
    Sampling,
    Vote,
)
from chatterm.server.problems import Problem


class Report(Body):
    report_type: Literal["spam", "offensive", "feedback"]
    reason: str


def routes(server: Server, archive: Archive) -> APIRouter:
    router = APIRouter(tags=["messages"])
    asking, judging = Asking(server, archive), Judging(server, archive)

    @router.post("/chats/{chat_id}/prompter_message")
    async def prompt(caller: UseCaller, chat_id: str, body: NewPrompt) -> JsonObject:
        added = asking.add_prompt(caller.user, chat_id, body.parent_id, body.content)
        return archive.message_json(caller.user, chat_id, added.id)

    @router.post("/chats/{chat_id}/assistant_message")
    async def answer(caller: UseCaller, chat_id: str, body: NewAnswer) -> JsonObject:
        if any(plugin.enabled for plugin in body.plugins):
            raise Problem(400, "This server runs no plugins", param="plugins")
        parent = archive.message(caller.user, chat_id, body.parent_id)
        if parent.role is not Role.USER:
            raise Problem(400, "Parent message is not a prompter message")
        fit = await asking.fit(caller.user, Wish.of(body))
        answer_id = await asking.answer(caller.user, chat_id, parent.id, fit)
        return archive.message_json(caller.user, chat_id, answer_id)

    @router.post("/chats/{chat_id}/messages")
    async def both(caller: UseCaller, chat_id: str, body: NewBoth) -> JsonObject:
        """A prompt and its answer at once, as clients from before 26 March 2023 ask."""
        wish = _wish(body, server.models.default)
        archive.listed(caller.user, chat_id)
        fit = await asking.fit(caller.user, wish)
        prompt_id, answer_id = await asking.ask(
            caller.user, chat_id, body.parent_id, body.content, fit
        )
        return {
            "prompter_message": archive.message_json(caller.user, chat_id, prompt_id),
            "assistant_message": archive.message_json(caller.user, chat_id, answer_id),
        }

    @router.get("/chats/{chat_id}/messages/{message_id}")
    async def read(caller: UseCaller, chat_id: str, message_id: str) -> JsonObject:
        return archive.message_json(caller.user, chat_id, message_id)

    @router.post("/chats/{chat_id}/messages/{message_id}/votes")
    async def vote(caller: UseCaller, chat_id: str, message_id: str, body: Vote) -> Response:
        judging.vote(caller.user, chat_id, message_id, body.score)
        return Response(status_code=200)

    @router.post("/chats/{chat_id}/messages/{message_id}/reports")
    async def report(caller: UseCaller, chat_id: str, message_id: str, body: Report) -> Response:
        judging.report(caller.user, chat_id, message_id, body.report_type, body.reason)
        return Response(status_code=200)

    @router.post("/chats/{chat_id}/messages/{message_id}/message_evals")
    async def evaluate(
        caller: UseCaller, chat_id: str, message_id: str, body: Evaluation
    ) -> Response:
        judging.evaluate(caller.user, chat_id, message_id, body.inferior_message_ids)
        return Response(status_code=200)

    return router


def _wish(body: NewBoth, default: str) -> Wish:
    if body.model_config_name is not None:
        return Wish(body.model_config_name, body.sampling_parameters or Sampling())
    old = body.work_parameters or OldSampling()
    return Wish(old.model_name or default, old)
