"""Printers of an answer for programs: one object at its end, or one a line for each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from chatterm.cli.console import Console
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
