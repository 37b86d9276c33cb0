"""What an empty chat says: three lines, and no more. What can be pressed or typed stands out."""

from __future__ import annotations

from textual.content import Content

from chatterm.backend import remote_of
from chatterm.engine.machine import machine_with
from chatterm.engine.recommend import recommend
from chatterm.tui.actions import BY_ID, keys_now, shown_keys
from chatterm.tui.desk import Desk, short_name


def welcome(desk: Desk, model: str) -> tuple[Content, Content, Content]:
    def key(id_: str) -> Content:
        return _bright(shown_keys(keys_now(BY_ID[id_], desk.keymap), 1) or BY_ID[id_].label)

    return (
        Content.assemble(
            "Write something and press ", key("send"), ". ", Content(_where(desk, model))
        ),
        _about(desk, model, key("model")),
        Content.assemble(
            *(key("help"), " shows the keys, ", key("palette"), " everything there is, "),
            *(key("chats"), " your chats."),
        ),
    )


def _bright(words: str) -> Content:
    return Content.styled(words, "$foreground bold")


def _where(desk: Desk, model: str) -> str:
    """Whether words leave the machine."""
    remote = remote_of(model, desk.catalog)
    if remote is None:
        return "Everything stays on this machine."
    return f"What you send goes to {remote.url}; your chats are kept here."


def _about(desk: Desk, model: str, key: Content) -> Content:
    """Who answers; the built-in guide is open about what it is, and how to get more."""
    entry = desk.catalog.models.get(model)
    if entry is not None and entry.card:
        # Looking for GPUs takes a process and a second; memory alone is enough for a proposal.
        found = recommend(desk.catalog.models.values(), machine_with(()))
        if found is not None:
            return Content.assemble(
                *(_bright(short_name(model)), " only explains chatterm: ask it how something is"),
                *(" done. A real model that fits this machine: ", key, " or "),
                *(_bright(f"chatterm models pull {found.entry.name}"), "."),
            )
    return Content.assemble(
        _bright(short_name(model)), " answers; ", key, " chooses another model."
    )
