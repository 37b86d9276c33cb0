"""What a host does for its clients, once the model is loaded: answer, count, embed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatterm.engine import wire
from chatterm.engine.answers import AnswerStream
from chatterm.engine.constraints import grammar_of
from chatterm.engine.defaults import recommended
from chatterm.engine.devices import devices
from chatterm.engine.embedding import Embedder, Texts
from chatterm.engine.fit import Plan, Wish, plan, refuse_context
from chatterm.engine.gguf import read_model
from chatterm.engine.kvcache import PrefixCache, Room
from chatterm.engine.machine import machine_with
from chatterm.engine.pace import Pace
from chatterm.engine.places import found_file
from chatterm.engine.prompts import AnswerMemory, PromptMaker
from chatterm.engine.runtime import LlamaRuntime
from chatterm.engine.sampling import Sampler, grammar_of_schema
from chatterm.engine.scheduler import Job, Scheduler
from chatterm.engine.settings import EngineSettings
from chatterm.engine.snapshots import Snapshots
from chatterm.engine.templates import ChatTemplate
from chatterm.errors import ChattermError, ModelError
from chatterm.events import Notice
from chatterm.ids import ulid_factory
from chatterm.messages import Request
from chatterm.parsing import RAW, AnswerFormat, AnswerParser, StopStrings

_PARKED_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class _Voice:
    """How to speak to the model, and how it answers then."""

    format: AnswerFormat
    prompts: PromptMaker


class Service:
    """One model at work."""

    def __init__(self, runtime: LlamaRuntime, snapshots: Snapshots | None, fit: Plan) -> None:
        self._runtime = runtime
        self._fit = fit
        self._warning = fit.warning
        self._new_id = ulid_factory()
        self._memory = AnswerMemory(runtime)
        self._plain = self._voice(runtime.chat_template())
        with_tools = runtime.chat_template("tool_use")
        self._with_tools = self._voice(with_tools) if with_tools else self._plain
        self._defaults = recommended(runtime.metadata)
        room = Room(runtime.sequences, runtime.idle_tokens, _PARKED_BYTES)
        self._cache = PrefixCache(runtime, room, snapshots, time.monotonic)
        pace = Pace(runtime.threads, time.monotonic)
        self._scheduler = Scheduler(runtime, self._cache, pace, time.monotonic)
        self._embedder: Embedder | None = None
        self._reading: deque[Texts] = deque()
        for tokens in snapshots.answers if snapshots else ():
            self._memory.remember(tokens)

    @property
    def busy(self) -> bool:
        return self._scheduler.busy or bool(self._reading)

    @property
    def is_reading(self) -> bool:
        return self._scheduler.is_reading or bool(self._reading)

    def step(self) -> None:
        """One evaluation of what is being answered, and one text of those to be embedded."""
        if self._scheduler.busy:
            self._scheduler.step()
        if self._reading:
            self._read_text(self._reading.popleft())

    def answer(
        self,
        request: Request,
        *,
        send: Callable[[dict[str, Any]], None],
        end: Callable[[], None],
        is_gone: Callable[[], bool],
    ) -> Job:
        """Begin an answer; its events go to ``send`` and ``end`` is called after the last."""
        voice = self._voice_for(request)
        ready = voice.prompts.ready(request)
        if self._warning:
            send(wire.event_to_json(Notice("memory", self._warning)))
            self._warning = ""
        if ready.left_out:
            text = (
                f"the chat no longer fits the context of {self._runtime.context} tokens:"
                f" its first {ready.left_out} messages are left out of this answer"
            )
            send(wire.event_to_json(Notice("context", text)))
        grammar = grammar_of(request, voice.format, ready.prompt.start, grammar_of_schema)
        sampler = Sampler(self._runtime, request.params, self._defaults, grammar)
        parser = AnswerParser(
            RAW if request.raw else voice.format,
            start=ready.prompt.start,
            tools=request.tools,
            new_id=self._new_id,
        )
        stops = StopStrings((*request.params.stop, *ready.prompt.stops))
        stream = AnswerStream(
            parser, stops, self._runtime.piece, self._memory, send=send, end=end, is_gone=is_gone
        )
        return self._scheduler.submit(
            ready.tokens, request.params, stream, sampler, pictures=ready.pictures
        )

    def cancel(self, job: Job | Texts) -> None:
        if isinstance(job, Job):
            self._scheduler.cancel(job)
        elif job in self._reading:
            self._reading.remove(job)

    def fail_all(self, error: ChattermError) -> None:
        self._scheduler.fail_all(error)
        while self._reading:
            self._reading.popleft().failed(error)

    def count(self, request: Request) -> dict[str, Any]:
        """The prompt as it would be evaluated."""
        ready = self._voice_for(request).prompts.ready(request)
        return {
            "prompt": ready.prompt.text,
            "tokens": len(ready.tokens),
            "context": self._runtime.context,
            "left_out": ready.left_out,
            "whole": ready.whole or len(ready.tokens),
        }

    def embed(
        self,
        texts: Sequence[str],
        *,
        cut: bool,
        send: Callable[[dict[str, Any]], None],
        end: Callable[[], None],
    ) -> Texts:
        """Begin to embed texts, one a step; the reply goes to ``send`` after the last."""
        if self._embedder is None:
            self._embedder = self._runtime.embedder()
        tokens = (self._embedder.tokens(text, cut=cut) for text in texts)
        job = Texts(deque(tokens), send, end)
        self._reading.append(job)
        return job

    def _read_text(self, job: Texts) -> None:
        assert self._embedder is not None
        try:
            done = job.step(self._embedder)
        except ChattermError as error:
            job.failed(error)
            return
        if not done:
            self._reading.append(job)

    def _voice(self, template_source: str) -> _Voice:
        vocabulary = self._runtime.vocabulary
        template = ChatTemplate(
            template_source,
            bos=vocabulary.bos_text,
            eos=vocabulary.eos_text,
            special_tokens=vocabulary.special_texts,
            added_tokens=vocabulary.added_texts,
            clock=time.time,
        )
        see = self._runtime.see if self._runtime.settings.projector else None
        return _Voice(template.format, PromptMaker(self._runtime, template, self._memory, see))

    def _voice_for(self, request: Request) -> _Voice:
        if not self._runtime.writes:
            raise ModelError(
                f"{self._runtime.name} is a model for embeddings: it reads texts and writes none",
                hint="choose a chat model; chatterm models list shows them",
            )
        return self._with_tools if request.tools else self._plain

    def save(self) -> None:
        self._cache.save_all()

    def status(self) -> dict[str, Any]:
        running, waiting = self._scheduler.counts
        return {
            "description": self._runtime.description,
            "context": self._runtime.context,
            "plan": self._fit.line(),
            "estimated_mb": self._fit.bytes / 1e6,
            "buffers_mb": self._runtime.buffers_mb,
            "gpu_mb": self._runtime.gpu_mb,
            "parked_mb": self._cache.parked_bytes / 1e6,
            "running": running,
            "waiting": waiting,
            "embedding": len(self._reading),
        }

    def close(self) -> None:
        self.save()
        if self._embedder is not None:
            self._embedder.close()
        self._runtime.close()


def open_service(settings: EngineSettings, progress: Callable[[float], bool]) -> Service:
    """Load the model in the way that fits, and find its snapshots."""
    fit = _fit(settings)
    settings = replace(
        settings, context=fit.context, gpu_layers=fit.gpu_layers, cache_type=fit.cache_type
    )
    runtime = LlamaRuntime(settings, progress)
    snapshots = None
    if settings.snapshots and settings.snapshot_cap_bytes > 0:
        folder, key = Path(settings.snapshots), settings.state_key(runtime.build)
        snapshots = Snapshots(folder, key, settings.snapshot_cap_bytes)
    return Service(runtime, snapshots, fit)


def _fit(settings: EngineSettings) -> Plan:
    header = read_model(found_file("added", Path(settings.model_path)).parts)
    wish = Wish(
        settings.context,
        settings.gpu_layers,
        settings.cache_type,
        settings.sequences,
        settings.chunk,
    )
    machine = machine_with(devices())
    chosen = plan(header, machine, wish)
    refuse_context(header, machine, wish, chosen)
    return chosen
