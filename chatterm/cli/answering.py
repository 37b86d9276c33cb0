"""Runs one answer in the foreground: events go to a printer, signals stop it and keep the text."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, assert_never

from chatterm.cli.console import Console
from chatterm.engine.courtesy import let_the_engine_go_first
from chatterm.errors import ChattermError
from chatterm.events import (
    Done,
    Event,
    Linked,
    Notice,
    Progress,
    Queued,
    ReasoningDelta,
    Replaced,
    TextDelta,
    ToolCalled,
)
from chatterm.messages import Message, Role, State, Stop, Timings, Usage

if TYPE_CHECKING:
    from chatterm.session import ChatSession

_ENDING_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Printer(Protocol):
    """How an answer appears on stdout."""

    def started(self, session: ChatSession) -> None: ...

    def event(self, event: Event) -> None: ...

    def ended(self, session: ChatSession) -> None:
        """The answer is complete or stopped."""

    def failed(self) -> None:
        """The answer failed; the error itself is reported by whoever catches it."""


class TextPrinter:
    """The words of the answer, as they come; reasoning, progress and notices go to stderr."""

    def __init__(self, console: Console, *, reasoning: bool = True) -> None:
        self._console = console
        self._shows_reasoning = reasoning
        self._reasoned = False
        self._written: list[str] = []

    def started(self, session: ChatSession) -> None:
        return

    def event(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._begin_words()
                self._written.append(text)
                self.words(text)
            case Replaced(text=text):
                self._replace(text)
            case ReasoningDelta(text=text):
                self._reason(text)
            case Notice(text=text):
                self._console.note(text)
            case Queued(position=position, size=size):
                self._console.status(f"waiting: {position + 1} of {size}", else_note=True)
            case Progress(stage=stage, done=done, total=total):
                self._console.status(_progress(stage, done, total))
            case ToolCalled() | Linked() | Done():
                pass
            case _:
                assert_never(event)

    def words(self, text: str) -> None:
        """Print more of the answer."""
        self._console.write(text)

    def end_words(self) -> None:
        """The answer has ended."""
        self._console.end_line()

    def ended(self, session: ChatSession) -> None:
        self.failed()

    def failed(self) -> None:
        self._begin_words()
        self.end_words()

    def _replace(self, text: str) -> None:
        """What is written cannot be taken back; only a difference one would see is mentioned."""
        before = "".join(self._written)
        self._written = [text]
        if not before:
            self._begin_words()
            self.words(text)
        elif before.strip() != text.strip():
            self._console.note(
                "the server changed its answer afterwards; the stored chat has the final text"
            )

    def _reason(self, text: str) -> None:
        if self._shows_reasoning:
            self._console.clear_status()
            self._reasoned = True
            self._console.aside(text)
        else:
            self._console.status("thinking")

    def _begin_words(self) -> None:
        self._console.clear_status()
        if self._reasoned:
            self._reasoned = False
            self._console.aside("\n")


def _progress(stage: str, done: int, total: int) -> str:
    if stage == "load":
        return f"loading the model: {100 * done // total} %" if total else "loading the model"
    return f"reading the prompt: {done:,} of {total:,} tokens"


def text_printer(
    console: Console,
    env: Mapping[str, str],
    *,
    color: str,
    plain: bool = False,
    reasoning: bool = True,
) -> TextPrinter:
    """The printer for whoever reads stdout: rendered on a terminal, raw in a pipe."""
    console.dims = color != "never"
    redraws = console.is_terminal and env.get("TERM") != "dumb"
    forced = color == "always" or (color == "auto" and _is_on(env, "CLICOLOR_FORCE"))
    if plain or not (redraws or forced):
        return TextPrinter(console, reasoning=reasoning)
    from chatterm.cli.live import LivePrinter
    from chatterm.render.ansi import colour_of

    colour = colour_of(color, env, is_terminal=console.is_terminal)
    return LivePrinter(console, colour, redraws=redraws, reasoning=reasoning)


def _is_on(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "0") not in ("", "0")


Judgement: TypeAlias = "Callable[[ChatSession], Mapping[str, Any]]"
"""What there is to add to the result of an answer that has ended."""


def _nothing_to_say(_: ChatSession) -> Mapping[str, Any]:
    return {}


class JsonPrinter:
    """One object when the answer has ended."""

    def __init__(self, console: Console, judgement: Judgement = _nothing_to_say) -> None:
        self._console = console
        self._judgement = judgement

    def started(self, session: ChatSession) -> None:
        return

    def event(self, event: Event) -> None:
        if isinstance(event, Notice):
            self._console.note(event.text)

    def ended(self, session: ChatSession) -> None:
        self._console.json({**result(session), **self._judgement(session)})

    def failed(self) -> None:
        return


class EventPrinter:
    """One JSON object a line for each event; the last one is the whole result."""

    def __init__(self, console: Console, judgement: Judgement = _nothing_to_say) -> None:
        self._console = console
        self._judgement = judgement

    def started(self, session: ChatSession) -> None:
        self._console.json({"event": "started", "chat_id": session.chat_id, "model": session.model})

    def event(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._console.json({"event": "text", "text": text})
            case Replaced(text=text):
                self._console.json({"event": "replaced", "text": text})
            case ReasoningDelta(text=text):
                self._console.json({"event": "reasoning", "text": text})
            case ToolCalled(call=call):
                self._console.json({"event": "tool_call", **asdict(call)})
            case Notice(kind=kind, text=text):
                self._console.json({"event": "notice", "kind": kind, "text": text})
            case Queued(position=position, size=size):
                self._console.json({"event": "queued", "position": position, "size": size})
            case Progress(stage=stage, done=done, total=total):
                self._console.json(
                    {"event": "progress", "stage": stage, "done": done, "total": total}
                )
            case Linked() | Done():
                pass
            case _:
                assert_never(event)

    def ended(self, session: ChatSession) -> None:
        self._console.json({"event": "done", **result(session), **self._judgement(session)})

    def failed(self) -> None:
        return


def result(session: ChatSession) -> dict[str, Any]:
    """What ``--json`` prints of an answer, whole or not."""
    message = Message("", None, Role.ASSISTANT, "", 0.0, state=State.STOPPED, model=session.model)
    origin = None
    if session.answer_id is not None:
        message = session.store.message(session.answer_id)
        origin = session.store.provenance(message.id)
    return {
        "chat_id": session.chat_id,
        "message_id": session.answer_id,
        "model": message.model,
        "backend": session.backend.name,
        "state": message.state,
        "stop": origin.stop if origin else Stop.CANCELLED,
        "text": message.text,
        "reasoning": message.reasoning,
        "tool_calls": [asdict(call) for call in message.tool_calls],
        "usage": asdict(origin.usage if origin else Usage()),
        "timings": asdict(origin.timings if origin else Timings()),
    }


async def show(session: ChatSession, events: AsyncGenerator[Event, None], printer: Printer) -> None:
    """Print an answer to its end, whichever it is. A failure is printed and raised."""
    printer.started(session)
    try:
        async with aclosing(events):
            async for event in events:
                printer.event(event)
    except ChattermError:
        printer.failed()
        raise
    except asyncio.CancelledError:
        printer.ended(session)
        raise
    printer.ended(session)


class Foreground:
    """An event loop whose work a signal stops; what was begun is put away first."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Foreground:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, None]) -> int:
        """Run to the end, or until a signal; the exit code says which."""
        let_the_engine_go_first()
        ended_by: list[int] = []
        try:
            self._runner.run(_until_told_to_end(work, ended_by))
        except asyncio.CancelledError:
            if not ended_by:
                raise
            return 128 + ended_by[0]
        return 0


async def _until_told_to_end(work: Coroutine[Any, Any, None], ended_by: list[int]) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    for number in _ENDING_SIGNALS:
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end, number)
    try:
        await work
    finally:
        for number in _ENDING_SIGNALS:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
