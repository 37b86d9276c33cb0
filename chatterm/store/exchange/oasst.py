"""Message trees of Open-Assistant: JSON Lines, a tree or a message a line, gzipped or not.

They know prompters and assistants only: system prompts are left out of an export, summaries, and
what tools said. A vote is the emoji ``+1`` or ``-1``; where a file has ranks instead, the first of
several answers counts as voted up and the last as voted down.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatterm.messages import Role, State
from chatterm.store.exchange.build import About, Source, Turn, build
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.values import PortableChat, PortableMessage

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ROLES = {"prompter": Role.USER, "assistant": Role.ASSISTANT}
_NAMES = {role: name for name, role in _ROLES.items()}


# Writing


def write(chats: Iterable[PortableChat]) -> Iterator[str]:
    """A tree for each first prompt of each chat."""
    for chat in chats:
        below = _kept_below(chat)
        for root in below.get(None, []):
            if root.message.role is Role.USER:
                tree = {
                    "message_tree_id": _uuid(root.message.id),
                    "tree_state": "ready_for_export",
                }
                yield json.dumps(tree)[:-1] + ', "prompt": '
                yield from _nested(root, below)
                yield "}\n"


def _kept_below(chat: PortableChat) -> dict[str | None, list[PortableMessage]]:
    """What follows each message once those without a role there are taken out."""
    nearest: dict[str | None, str | None] = {None: None}
    below: dict[str | None, list[PortableMessage]] = {}
    for one in chat.messages:
        message = one.message
        above = nearest[message.parent_id]
        is_said = message.role in _NAMES and not message.summarises
        if is_said and message.state is not State.FAILED:
            below.setdefault(above, []).append(one)
            nearest[message.id] = message.id
        else:
            nearest[message.id] = above
    return below


def _nested(
    root: PortableMessage, below: Mapping[str | None, list[PortableMessage]]
) -> Iterator[str]:
    """A message with its replies inside. By hand, as json cannot nest a thousand of them."""
    waiting: list[PortableMessage | str] = [root]
    while waiting:
        step = waiting.pop()
        if isinstance(step, str):
            yield step
            continue
        replies = below.get(step.message.id, [])
        yield json.dumps(_fields(step), ensure_ascii=False)[:-1] + ', "replies": ['
        waiting.append("]}")
        for number, reply in enumerate(reversed(replies)):
            if number:
                waiting.append(", ")
            waiting.append(reply)


def _fields(one: PortableMessage) -> dict[str, Any]:
    message = one.message
    fields: dict[str, Any] = {
        "message_id": _uuid(message.id),
        "parent_id": _uuid(message.parent_id) if message.parent_id else None,
        "text": message.text,
        "role": _NAMES[message.role],
        "lang": None,
        "created_date": _date(message.created_at),
        "synthetic": message.role is Role.ASSISTANT,
        "model_name": message.model or None,
    }
    if one.vote:
        fields["emojis"] = {"+1" if one.vote > 0 else "-1": 1}
    return fields


def _date(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).isoformat()


def _uuid(ulid: str) -> str:
    """The same 128 bits as they are written there."""
    if len(ulid) != 26 or not set(ulid) <= set(_ALPHABET):
        return str(uuid.uuid5(uuid.NAMESPACE_OID, ulid))
    value = 0
    for letter in ulid:
        value = value * 32 + _ALPHABET.index(letter)
    return str(uuid.UUID(int=value % (1 << 128)))


# Reading


def recognises(line: Any) -> bool:
    return isinstance(line, dict) and bool(
        {"message_tree_id", "thread_id", "message_id"} & set(line)
    )


def read(lines: Sequence[Item], source: Source) -> Iterator[PortableChat]:
    """Trees as they come, then trees of the messages that stood alone."""
    alone: list[Turn] = []
    for line in lines:
        if line.at("prompt").value is not None:
            turns = list(_turns(line.at("prompt")))
            yield _chat(turns, line.place, source)
        elif line.at("thread").value is not None:
            turns = [_turn(message, None) for message in line.at("thread").each()]
            keys = [None, *(turn.key for turn in turns)]
            alone += [_below(turn, key) for turn, key in zip(turns, keys, strict=False)]
        else:
            alone.append(_turn(line, line.maybe("parent_id")))
    yield from _trees(list({turn.key: turn for turn in alone}.values()), source)


def _trees(turns: list[Turn], source: Source) -> Iterator[PortableChat]:
    """Put messages that stood alone together; what follows none of them begins a tree."""
    by_key = {turn.key: turn for turn in turns}
    roots: dict[str, str] = {}
    for turn in turns:
        passed: list[str] = []
        place = turn
        while place.key not in roots and place.parent_key in by_key and len(passed) < len(turns):
            passed.append(place.key)
            place = by_key[place.parent_key]
        root = roots.get(place.key, place.key)
        roots |= dict.fromkeys([*passed, place.key], root)
    trees: dict[str, list[Turn]] = {}
    for turn in turns:
        is_root = turn.parent_key not in by_key
        trees.setdefault(roots[turn.key], []).append(_below(turn, None) if is_root else turn)
    for key, members in trees.items():
        yield _chat(members, f"the tree {key}", source)


def _chat(turns: list[Turn], place: str, source: Source) -> PortableChat:
    root = next((turn for turn in turns if turn.parent_key is None), turns[0])
    about = About(root.key, place, created_at=root.created_at, tip_key=_main_tip(turns))
    return build(source, about, turns)


def _main_tip(turns: list[Turn]) -> str | None:
    """The end of the branch of first replies, which are the best ranked ones."""
    first: dict[str | None, str] = {}
    for turn in turns:
        first.setdefault(turn.parent_key, turn.key)
    tip: str | None = None
    for _ in turns:
        if tip not in first:
            break
        tip = first[tip]
    return tip


def _turns(root: Item) -> Iterator[Turn]:
    waiting: list[tuple[Item, str | None, int]] = [(root, None, 0)]
    while waiting:
        item, parent_key, vote = waiting.pop()
        turn = _turn(item, parent_key, vote)
        yield turn
        replies = list(item.at("replies").each())
        votes = _ranked(replies)
        waiting += [
            (reply, turn.key, vote)
            for reply, vote in reversed(list(zip(replies, votes, strict=True)))
        ]


def _turn(item: Item, parent_key: str | None, ranked: int = 0) -> Turn:
    name = item.text("role")
    if name not in _ROLES:
        item.at("role").fail("this must be prompter or assistant")
    emojis = item.at("emojis")
    counts = {} if emojis.value is None else {key: emojis.whole(key) for key in ("+1", "-1")}
    balance = counts.get("+1", 0) - counts.get("-1", 0)
    return Turn(
        key=item.text("message_id"),
        parent_key=parent_key,
        role=_ROLES[name],
        text=item.text("text"),
        created_at=item.moment("created_date"),
        model=item.text("model_name", ""),
        vote=(balance > 0) - (balance < 0) or ranked,
    )


def _ranked(replies: Sequence[Item]) -> list[int]:
    """Votes for ranks: up for the best of several answers, down for the worst."""
    ranks = [reply.at("rank").value for reply in replies]
    known = [rank for rank in ranks if isinstance(rank, int)]
    if len(known) < 2:
        return [0] * len(replies)
    votes = {min(known): 1, max(known): -1}
    return [votes.get(rank, 0) if isinstance(rank, int) else 0 for rank in ranks]


def _below(turn: Turn, parent_key: str | None) -> Turn:
    return replace(turn, parent_key=parent_key)
