"""EngineBackend: the embedded engine as a backend. llama.cpp itself runs in the host process."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatterm.engine import wire
from chatterm.engine.doubt import NO_DOUBT, Doubt
from chatterm.engine.gguf import read_header
from chatterm.engine.hosts import Channel, EngineHome, open_channel, tell
from chatterm.engine.settings import EngineSettings
from chatterm.errors import EngineError, ModelError
from chatterm.events import Done, Event, Progress
from chatterm.messages import CountedPrompt, Embedded, LoadedModel, ModelInfo, Request


class EngineBackend:
    """Answers with GGUF models on this machine."""

    name = "engine"

    def __init__(
        self,
        home: EngineHome,
        models: Mapping[str, EngineSettings],
        keep_alive: float,
        monotonic: Callable[[], float] = time.monotonic,
        doubt: Doubt = NO_DOUBT,
    ) -> None:
        """``models`` maps the names that may be asked for to how each is opened."""
        self._home = home
        self._models = dict(models)
        self._keep_alive = keep_alive
        self._monotonic = monotonic
        self._doubt = doubt

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        answering = self._stream(self._doubt.asking(request))
        async with aclosing(self._doubt.noticed(request, answering)) as events:
            async for event in events:
                yield event

    async def _stream(self, request: Request) -> AsyncGenerator[Event, None]:
        settings = self._settings(request)
        waiting = _Waiting(self._monotonic)
        channel = await open_channel(self._home, settings)
        waiting.loaded = channel.is_new
        try:
            channel.send(
                {
                    "op": "answer",
                    "request": wire.request_to_json(request),
                    "keep_alive": self._keep_alive,
                }
            )
            async with aclosing(_events(channel)) as events:
                async for event in events:
                    yield waiting.counted(event)
        finally:
            await channel.close()

    async def embed(self, model: str, texts: Sequence[str], *, cut: bool = False) -> Embedded:
        """One normalised vector for each text; a ModelError of a model that is not for that."""
        question = {"op": "embed", "texts": list(texts), "cut": cut}
        reply = await self._ask(self._opening(model), question)
        return Embedded(tuple(map(tuple, reply["vectors"])), reply["tokens"])

    async def count(self, request: Request) -> CountedPrompt:
        question = {"op": "count", "request": wire.request_to_json(request)}
        said = await self._ask(self._settings(request), question)
        numbers = (said[name] for name in ("tokens", "context", "left_out", "whole"))
        return CountedPrompt(said["prompt"], *numbers)

    async def load(self, model: str) -> None:
        await self._ask(self._opening(model), {"op": "load"})

    async def warm(self, request: Request) -> AsyncGenerator[Progress, None]:
        """Bring the model of a request into memory, as the request will want it."""
        channel = await open_channel(self._home, self._settings(request))
        try:
            channel.send({"op": "warm", "keep_alive": self._keep_alive})
            while (said := await channel.receive()) is not None:
                if "reply" in said:
                    return
                event = wire.event_from_json(said)
                if isinstance(event, Progress):
                    yield event
        except OSError as error:
            raise channel.death() from error
        finally:
            await channel.close()
        raise channel.death()

    async def keep(self, model: str, seconds: float) -> None:
        key = self._opening(model).key()
        await tell(self._home, key, {"op": "keep", "keep_alive": seconds})

    async def loaded(self) -> Sequence[LoadedModel]:
        found = []
        for name, settings in self._models.items():
            said = await tell(self._home, settings.key(), {"op": "status"})
            if said is not None:
                found.append(_loaded(name, said))
        return found

    async def models(self) -> Sequence[ModelInfo]:
        infos = []
        for name, settings in self._models.items():
            header = read_header(Path(settings.model_path))
            can = frozenset(["vision"] if settings.projector else [])
            context = header.context_length or 0
            infos.append(ModelInfo(name, self.name, context=context, capabilities=can))
        return infos

    async def aclose(self) -> None:
        return

    def _opening(self, model: str) -> EngineSettings:
        settings = self._models.get(model)
        if settings is None:
            raise ModelError(f"the engine knows no model {model!r}")
        # Reading the header is cheap, and says at once what is wrong with the file.
        read_header(Path(settings.model_path))
        return settings

    def _settings(self, request: Request) -> EngineSettings:
        settings = self._opening(request.model)
        wanted = request.params.context
        return settings if wanted is None else replace(settings, context=wanted)

    async def _ask(self, settings: EngineSettings, question: dict[str, Any]) -> Any:
        channel = await open_channel(self._home, settings)
        try:
            channel.send({**question, "keep_alive": self._keep_alive})
            said = await channel.receive()
        except OSError as error:
            raise channel.death() from error
        finally:
            await channel.close()
        if said is None:
            raise channel.death()
        return said["reply"]


def _loaded(name: str, said: Mapping[str, Any]) -> LoadedModel:
    left = max(0.0, said["keep_alive"] - said["idle_seconds"])
    return LoadedModel(
        name,
        size_bytes=int((said.get("buffers_mb") or said["memory_mb"]) * 1e6),
        context=said.get("context", 0),
        seconds_left=left if said["keep_alive"] >= 0 else None,
        gpu_bytes=int(said.get("gpu_mb", 0.0) * 1e6),
    )


class _Waiting:
    """Adds the time until the host took the request to what the host itself measured."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self.loaded = False
        """Whether the model was not there yet."""
        self._waited: float | None = None

    def counted(self, event: Event) -> Event:
        if isinstance(event, Progress) and event.stage == "load":
            self.loaded = True
        elif self._waited is None:
            self._waited = (self._monotonic() - self._began) * 1000
        if not isinstance(event, Done) or self._waited is None:
            return event
        first = event.timings.first_token_ms
        timings = replace(
            event.timings,
            load_ms=self._waited if self.loaded else None,
            first_token_ms=None if first is None else first + self._waited,
        )
        return replace(event, timings=timings)


async def _events(channel: Channel) -> AsyncGenerator[Event, None]:
    """The events of one answer; a host that hangs up before the end has died."""
    try:
        while (said := await channel.receive()) is not None:
            event = wire.event_from_json(said)
            yield event
            if isinstance(event, Done):
                return
    except OSError as error:
        raise channel.death() from error
    except wire.BadFrame as error:
        raise EngineError("the engine said something that cannot be read") from error
    raise channel.death()
