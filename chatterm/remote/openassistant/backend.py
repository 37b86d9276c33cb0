"""The models of one Open-Assistant server, as a backend."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from chatterm.errors import ModelError, Refused
from chatterm.events import Done, Event, Notice
from chatterm.messages import ModelInfo, Request, Stop, Usage
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.following import Following, Watch
from chatterm.remote.openassistant.sending import FINISHING, Sending, unknown_model, unsent


class OpenAssistantBackend:
    """Sends a prompt, then follows the answer."""

    def __init__(
        self, api: Api, *, watch: Watch | None = None, finishing: Sequence[float] = FINISHING
    ) -> None:
        """``finishing`` are the pauses while an answer that was stopped here is finished there."""
        self.api = api
        self.name = api.name
        self._finishing = finishing
        self._watch = watch or Watch()
        self._presets: dict[str, Mapping[str, Any]] | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        model = request.model.removeprefix(f"{self.name}/")
        self._check(request)
        generation = await self.api.access.generation()
        presets = await self._known_presets()
        if presets and model not in presets:
            raise unknown_model(self.name, model, list(presets))
        ignored = unsent(request.params, generation)
        if request.tools:
            ignored.append("tools")
        if ignored:
            yield Notice("remote", f"{self.name} cannot set {', '.join(ignored)}")
        sending = Sending(self.api, request, model, presets, finishing=self._finishing)
        async with aclosing(sending.events()) as events:
            async for event in events:
                yield event
        assert sending.answer is not None
        following = Following(self.api, sending.chat_id, sending.answer, self._watch)
        async with aclosing(following.events()) as events:
            async for event in events:
                yield event
        yield Done(Stop.END, Usage(completion_tokens=following.tokens))

    async def models(self) -> Sequence[ModelInfo]:
        presets = await self._known_presets()
        return [ModelInfo(f"{self.name}/{model}", self.name) for model in presets]

    async def aclose(self) -> None:
        await self.api.aclose()

    def _check(self, request: Request) -> None:
        if request.prefill:
            raise Refused(
                f"{self.name} cannot go on with an answer", hint="regenerate it, or ask it to go on"
            )
        if request.raw:
            raise ModelError(f"{self.name} continues chats only", hint="send it as a chat")
        if request.images:
            raise ModelError(
                f"{self.name} takes no pictures", hint="choose a model that can see them"
            )

    async def _known_presets(self) -> dict[str, Mapping[str, Any]]:
        if self._presets is None:
            self._presets = await self.api.model_configs()
        return self._presets
