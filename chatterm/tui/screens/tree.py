"""The branches of a chat as a tree; choosing a message shows the branch it is on."""

from __future__ import annotations

from collections.abc import Sequence

from chatterm.messages import Message, Role, State
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.fuzzy import ranked
from chatterm.tui.moments import ago
from chatterm.tui.screens.picker import Picker
from chatterm.tui.widgets.rows import Row, one_line

_LABEL = 120
_SIGNS = {Role.USER: "you", Role.ASSISTANT: "", Role.SYSTEM: "system", Role.TOOL: "tool"}


def tree_picker(desk: Desk, chat_id: str) -> Picker:
    """All branches; typing narrows to the messages that have those words."""
    messages = desk.store.tree(chat_id)
    shown = [message.id for message in desk.store.path(chat_id)]
    now = desk.clock()
    whole = tree_rows(messages, set(shown), now)

    def rows(query: str) -> Sequence[Row]:
        if not query.strip():
            return whole
        return [row for row, _ in ranked(query, whole, lambda row: row.title)]

    return Picker(
        "Branches",
        rows,
        placeholder="Words of a message",
        start=shown[-1] if shown else "",
        wide=True,
    )


def tree_rows(messages: Sequence[Message], shown: set[str], now: float) -> list[Row]:
    """A line a message; only where a chat branches does it move to the right."""
    children: dict[str | None, list[Message]] = {}
    for message in messages:
        children.setdefault(message.parent_id, []).append(message)
    rows: list[Row] = []
    # Explicit, as a chat may be deeper than Python's stack.
    waiting = [(message, "", "") for message in reversed(children.get(None, []))]
    if len(waiting) > 1:
        waiting = [
            (message, *_branch("", number == 0)) for number, (message, _, _) in enumerate(waiting)
        ]
    while waiting:
        message, lead, below = waiting.pop()
        rows.append(_row(message, lead, message.id in shown, now))
        following = children.get(message.id, [])
        if len(following) == 1:
            waiting.append((following[0], below, below))
        else:
            waiting += [
                (child, *_branch(below, number == len(following) - 1))
                for number, child in reversed(list(enumerate(following)))
            ]
    return rows


def _branch(lead: str, last: bool) -> tuple[str, str]:
    return (f"{lead}└─ ", f"{lead}   ") if last else (f"{lead}├─ ", f"{lead}│  ")


def _row(message: Message, lead: str, shown: bool, now: float) -> Row:
    who = (
        "summary"
        if message.summarises
        else _SIGNS[message.role] or short_name(message.model) or "answer"
    )
    words = one_line(message.text[:_LABEL]).strip() or f"({message.state})"
    state = "" if message.state is State.COMPLETE else f" [{message.state}]"
    return Row(
        message.id,
        f"{lead}{who}: {words}{state}",
        right=ago(message.created_at, now),
        sign="●" if shown else "",
        dim=not shown,
    )
