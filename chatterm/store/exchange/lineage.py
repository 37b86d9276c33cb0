"""Keys for chats whose source only numbers its rows, or does not name them at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from chatterm.messages import Role
from chatterm.store.exchange.build import About, Turn


def lineage(about: About, turns: Sequence[Turn]) -> tuple[About, list[Turn]]:
    """The same with keys made of what was said up to each message, parents before children.

    Two files that number alike stay apart, and one that has grown keeps the keys it had.
    """
    # The first prompt tells chats apart; the last one would give a chat that grew another id.
    prompts = [turn.text for turn in turns if turn.role is Role.USER]
    chat_key = _hashed(about.key, *prompts[:1])
    keys: dict[str | None, str] = {None: chat_key}
    for turn in turns:
        keys[turn.key] = _hashed(keys[turn.parent_key], turn.key, turn.role, turn.text)
    made = [
        replace(
            turn,
            key=keys[turn.key],
            parent_key=None if turn.parent_key is None else keys[turn.parent_key],
        )
        for turn in turns
    ]
    tip_key = keys[about.tip_key] if about.tip_key in keys and about.tip_key else None
    return replace(about, key=chat_key, tip_key=tip_key), made


def _hashed(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()
