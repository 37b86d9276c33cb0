"""What an empty chat says: three lines, and no more."""

from __future__ import annotations

from chatterm.tui.actions import BY_ID, keys_now, shown_keys
from chatterm.tui.desk import Desk, short_name


def welcome(desk: Desk, model: str) -> tuple[str, str, str]:
    def key(id_: str) -> str:
        return shown_keys(keys_now(BY_ID[id_], desk.keymap), 1) or BY_ID[id_].label

    return (
        f"Write something and press {key('send')}. Everything stays on this machine.",
        f"{short_name(model)} answers; {key('model')} chooses another model.",
        f"{key('help')} shows the keys, {key('palette')} everything there is,"
        f" {key('chats')} your chats.",
    )
