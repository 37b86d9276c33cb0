"""The user's own keys, ``keys.toml`` beside ``config.toml``: an action's id, then a key or several.

new-chat = "ctrl+t"
send = ["ctrl+enter", "ctrl+s"]
stop = []                        # no key at all
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.tables import read_toml
from chatterm.tui.actions import ACTIONS, BY_ID, Keymap, keys_now, shown_key

_NAMES = {
    "?": "question_mark",
    "/": "slash",
    ".": "full_stop",
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
}


def load_keymap(file: Path) -> Keymap:
    """Read the user's keys; a file that is not there changes nothing."""
    table = read_toml(file) or {}
    keymap = {id_: ",".join(_keys(file, id_, value)) for id_, value in table.items()}
    _refuse_clashes(file, keymap)
    return keymap


def _keys(file: Path, id_: str, value: object) -> list[str]:
    if id_ not in BY_ID:
        raise ConfigError(f"{file}: there is no action {shown(id_)}", hint=nearest(id_, BY_ID))
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ConfigError(
            f"{file}: {id_} must be a key or a list of keys, not {shown(value)}",
            hint=f'as in {id_} = "ctrl+t"',
        )
    return [_key(file, id_, key) for key in keys if key.strip()]


def _key(file: Path, id_: str, text: str) -> str:
    *modifiers, last = text.strip().replace(" ", "").rsplit("+", 1)
    words = modifiers[0].lower().split("+") if modifiers else []
    if not last or any(word not in ("ctrl", "alt", "shift", "super") for word in words):
        raise ConfigError(
            f"{file}: {id_}: {shown(text)} is not a key",
            hint="write it as ctrl+t, alt+enter, f5 or x",
        )
    last = last if len(last) == 1 else last.lower()
    return "+".join([*words, _NAMES.get(last, last)])


def _refuse_clashes(file: Path, keymap: Mapping[str, str]) -> None:
    """One key cannot do two things in one place."""
    taken: dict[tuple[str, str], str] = {}
    for action in sorted(ACTIONS, key=lambda action: action.id not in keymap):
        for key in filter(None, keys_now(action, keymap).split(",")):
            other = taken.setdefault((action.where, key), action.id)
            if other != action.id:
                raise ConfigError(
                    f"{file}: {shown_key(key)} is the key of both {other} and {action.id}",
                    hint=f"give {action.id} another key, or none: {action.id} = []",
                )
