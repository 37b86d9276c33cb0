"""Chats to train models on: JSON Lines of conversations, and of preferences.

A line of the first is ``{"messages": [...]}``, as OpenAI's fine-tuning and most trainers read it, a
line of the second ``{"prompt": [...], "chosen": [...], "rejected": [...]}``, as TRL and others do.
Only complete answers are in them, and no summaries, which nobody has asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chatterm.messages import Message, Role, State
from chatterm.store.exchange.values import PortableChat, PortableMessage


def write_chats(chats: Iterable[PortableChat]) -> Iterator[str]:
    """What each chat shows, up to its last complete answer."""
    for chat in chats:
        path = [one.message for one in chat.path() if not one.message.summarises]
        while path and not _is_answer(path[-1]):
            path.pop()
        if path and all(message.state is not State.FAILED for message in path):
            yield _line({"messages": _messages(path)})


def write_preferences(chats: Iterable[PortableChat]) -> Iterator[str]:
    """Each pair of answers to one prompt of which one has more votes than the other."""
    for chat in chats:
        by_id = {one.message.id: one for one in chat.messages}
        for parent_id, answers in chat.below().items():
            if parent_id is None:
                continue
            rated = [one for one in answers if _is_answer(one.message)]
            for chosen in rated:
                for rejected in rated:
                    if chosen.vote > rejected.vote:
                        yield _line(
                            {
                                "prompt": _messages(_above(parent_id, by_id)),
                                "chosen": _messages([chosen.message]),
                                "rejected": _messages([rejected.message]),
                            }
                        )


def _above(place: str | None, by_id: dict[str, PortableMessage]) -> list[Message]:
    found = []
    while place is not None:
        message = by_id[place].message
        if not message.summarises:
            found.append(message)
        place = message.parent_id
    return found[::-1]


def _is_answer(message: Message) -> bool:
    is_answer = message.role is Role.ASSISTANT and not message.summarises
    return is_answer and message.state is State.COMPLETE


def _messages(path: Sequence[Message]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for message in path:
        turn: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.tool_calls:
            turn["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.tool_calls
            ]
        made.append(turn)
        made += [
            {"role": "tool", "tool_call_id": call.id, "content": call.result}
            for call in message.tool_calls
            if call.result is not None
        ]
    return made


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
