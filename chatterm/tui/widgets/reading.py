"""The transcript of a chat, fed with its messages, and the keys of reading.

What the transcript knows of a message is made here: who spoke and when, which tools were called,
what went wrong and how to go on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import assert_never

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from chatterm.errors import ChattermError, ModelError
from chatterm.events import ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Message, Role, State, ToolCall
from chatterm.render.line import Line
from chatterm.tui.actions import BY_ID, Keymap, Where, bind, keys_now, shown_keys
from chatterm.tui.desk import short_name
from chatterm.tui.widgets.transcript import Transcript
from chatterm.tui.widgets.turns import Body, Card, Step, Turn
from chatterm.tui.writing import Growth

Places = Mapping[str, tuple[int, int]]
"""Message to its place among its siblings and their number."""

_NAMES = {Role.USER: "you", Role.SYSTEM: "system", Role.TOOL: "tool"}
_ARGUMENTS = 60


class Text(Transcript):
    """The transcript; its cursor shows only while it has the keys."""

    def watch_has_focus(self, has_focus: bool) -> None:
        self._strips.clear()
        self.refresh()

    def _with_gutter(self, line: Line, is_current: bool) -> list[Segment]:
        return super()._with_gutter(line, is_current and self.has_focus)


class Reading(Container):
    """A path through a chat."""

    DEFAULT_CSS = """
    Reading { height: 1fr; }
    Reading #welcome { padding: 1 2; color: $muted; height: auto; }
    Reading Transcript { padding: 0 0 0 1; }
    """

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap
        self._messages: dict[str, Message] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._failures: Mapping[str, ChattermError] = {}
        self._votes: Mapping[str, int] = {}
        bind(self, Where.TRANSCRIPT, keymap)

    def compose(self) -> ComposeResult:
        yield Static("", id="welcome", markup=False)
        yield Text()

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    # What is shown

    def welcome(self, lines: Sequence[Content]) -> None:
        self.query_one("#welcome", Static).update(Content("\n\n").join(lines))

    def show(
        self,
        messages: Sequence[Message],
        places: Places,
        failures: Mapping[str, ChattermError],
        votes: Mapping[str, int] | None = None,
    ) -> None:
        """Show a path; where its last message is being written, it can grow at once."""
        self._messages = {message.id: message for message in messages}
        self._places, self._failures, self._votes = dict(places), failures, votes or {}
        self.query_one("#welcome").display = not messages
        growing = messages[-1:] if messages and messages[-1].state is State.WRITING else ()
        whole = messages[: len(messages) - len(growing)]
        self.transcript.show([self._turn(message) for message in whole], self._load)
        for message in growing:
            self.transcript.begin(self._turn(message), self._body(message))

    def ends_with(self, message_id: str | None) -> bool:
        """Whether that message is the last one shown."""
        return next(reversed(self._messages), None) == message_id

    def _load(self, ids: Sequence[str]) -> list[Body]:
        return [self._body(self._messages[id_]) for id_ in ids]

    def began(self, message: Message, place: tuple[int, int] | None) -> None:
        if place is not None:
            self._places[message.id] = place
        self._messages[message.id] = message
        self.query_one("#welcome").display = False
        self.transcript.begin(self._turn(message), self._body(message))

    def grew(self, event: Growth) -> None:
        match event:
            case TextDelta(text=text):
                self.transcript.grow(text)
            case ReasoningDelta(text=text):
                self.transcript.think(text)
            case ToolCalled(call=call):
                self.transcript.step(_step(call))
            case Replaced(text=text):
                self.transcript.put(text)
            case _:
                assert_never(event)

    def ended(self, message: Message, failure: ChattermError | None) -> None:
        if failure is not None:
            self._failures = {**self._failures, message.id: failure}
        self._messages[message.id] = message
        self.transcript.end(self._turn(message), self._body(message))

    def _turn(self, message: Message) -> Turn:
        place, places = self._places.get(message.id, (1, 1))
        more = [file.name for file in message.attachments]
        if message.summarises:
            more += [f"by {short_name(message.model)}", "read in their place from here on"]
        if message.id in self._votes:
            more.append("▲" if self._votes[message.id] > 0 else "▼")
        return Turn(
            message.id,
            message.role,
            _name(message),
            about=" · ".join(more),
            at=message.created_at,
            state=message.state,
            place=place,
            places=places,
            size=len(message.text),
            breaks=message.text.count("\n"),
        )

    def _body(self, message: Message) -> Body:
        return Body(
            message.text,
            message.reasoning,
            tuple(_step(call) for call in message.tool_calls),
            self._cards(message),
        )

    def _cards(self, message: Message) -> tuple[Card, ...]:
        failure = self._failures.get(message.id)
        said = failure.message if failure is not None else message.error
        if not said:
            return ()
        hint = failure.hint.removesuffix(".") if failure is not None else ""
        parts = (hint, self._here(failure), f"{self._key('regenerate')} tries again")
        return (Card(said, "; ".join(part for part in parts if part)),)

    def _here(self, failure: ChattermError | None) -> str:
        """What can be done about a failure in this program, where its hint is a command's."""
        if failure is None:
            return ""
        if "chatterm login" in failure.hint:
            return "or here: /log-in"
        if "context=N" in failure.hint:
            return f"or here: {self._key('parameters')}"
        is_about_the_model = isinstance(failure, ModelError)
        return f"{self._key('model')} takes another model" if is_about_the_model else ""

    def _key(self, id_: str) -> str:
        return shown_keys(keys_now(BY_ID[id_], self._keymap), 1)

    # Where the reader is

    @property
    def reading(self) -> bool:
        return self.transcript.has_focus

    @property
    def current(self) -> Message | None:
        """The message under the cursor."""
        turn = self.transcript.current
        return self._messages.get(turn.id) if turn is not None else None

    def focus_text(self) -> None:
        self.transcript.focus()

    def follow(self) -> None:
        self.transcript.follow()

    def page(self, direction: int) -> None:
        self.transcript.page(direction)

    def scroll_rows(self, rows: int) -> None:
        self.transcript.scroll_rows(rows)

    def move(self, steps: int) -> None:
        self.transcript.move(steps)

    def move_to_end(self, *, first: bool) -> None:
        if first:
            self.transcript.move_to(0)
            self.transcript.go_home()
        else:
            self.transcript.move_to(len(self.transcript.turns) - 1)
            self.transcript.follow()

    def reveal(self, message_id: str, query: str) -> None:
        """Put the cursor on a message, and mark what was searched for."""
        self.transcript.reveal(message_id, query)

    # Code, search, folds

    def choose_code(self) -> int:
        return self.transcript.choose_code()

    @property
    def finding(self) -> bool:
        return self.transcript.finding

    def find(self, text: str) -> int:
        return self.transcript.find(text)

    def find_step(self, step: int) -> bool:
        return self.transcript.find_step(step)

    def fold(self) -> None:
        self.transcript.fold()

    def jump(self) -> None:
        self.transcript.jump()

    def select_rows(self, step: int) -> None:
        self.transcript.select_rows(step)

    def selected_text(self) -> str:
        return self.transcript.selected_text()

    def links(self) -> list[str]:
        return self.transcript.links()


def _name(message: Message) -> str:
    """Who speaks, or what this is."""
    match message.summarises:
        case 0:
            return _NAMES.get(message.role) or short_name(message.model) or "answer"
        case 1:
            return "Summary of the first message"
        case count:
            return f"Summary of the first {count} messages"


def _step(call: ToolCall) -> Step:
    """A tool call in a line, with what it was given and what it gave behind it."""
    short = " ".join(call.arguments.split())
    short = short if len(short) <= _ARGUMENTS else short[: _ARGUMENTS - 1] + "…"
    detail = _pretty(call.arguments)
    if call.result is not None:
        detail += f"\n→ {call.result}"
    return Step(f"{call.name} {short}", detail)


def _pretty(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), indent=2, ensure_ascii=False)
    except ValueError:
        return arguments
