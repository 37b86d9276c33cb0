"""The registry of actions: every action can be run, found, shown, and moved to another key."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from chatterm.errors import ConfigError
from chatterm.store import Store
from chatterm.tui.actions import ACTIONS, BY_ID, Action, Where, actions_of, shown_key, shown_keys
from chatterm.tui.app import ChattermApp
from chatterm.tui.commands import command_rows
from chatterm.tui.keymap import load_keymap
from chatterm.tui.screens.chat import ChatScreen
from chatterm.tui.screens.help import help_rows
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.composer import Composer
from tests.scripted import says
from tests.tui.driving import program

OWNERS = {
    Where.EVERYWHERE: ChattermApp,
    Where.CHAT: ChatScreen,
    Where.TRANSCRIPT: ChatScreen,
    Where.COMPOSER: Composer,
    Where.CHATS: ChatList,
}


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_leads_to_a_method(action: Action) -> None:
    _, _, name = action.run.rpartition(".")
    method = getattr(OWNERS[action.where], f"action_{name}")
    assert inspect.getdoc(method) is not None or method.__name__


@pytest.mark.parametrize("where", Where)
def test_no_key_means_two_things_in_one_place(where: Where) -> None:
    keys = [key for action in actions_of(where) for key in action.keys.split(",") if key]
    assert len(keys) == len(set(keys))


def test_keys_that_readline_owns_stay_with_the_composer() -> None:
    readline = {"ctrl+a", "ctrl+e", "ctrl+w", "ctrl+u", "ctrl+k", "ctrl+f", "alt+b", "alt+f"}
    taken = {key for action in ACTIONS for key in action.keys.split(",")}
    assert not readline & taken


def test_help_shows_every_action() -> None:
    assert {row.key for row in help_rows({}) if row.key} == {*BY_ID, "@", "/"}


def test_keys_are_shown_as_a_keyboard_has_them() -> None:
    assert shown_key("ctrl+o") == "Ctrl+O"
    assert shown_key("f1") == "F1"
    assert shown_key("slash") == "/"
    assert shown_keys("j,down") == "j  ↓"


def test_slash_commands_are_found_by_a_few_letters() -> None:
    assert command_rows("newc")[0].key == "/new-chat"
    assert command_rows("title")[0].key == "/title"


async def test_the_palette_has_every_action_that_makes_sense_there(
    store: Store, home: Path
) -> None:
    async with program(store, home, says("hi")) as run:
        await run.press("ctrl+p")
        from chatterm.tui.widgets.rows import Rows

        rows = run.app.screen.query_one(Rows).rows
        assert {row.key for row in rows} == {a.id for a in ACTIONS if a.in_palette}
        await run.type("rename")
        await run.press("enter")
        assert "begins with its first message" in run.status


async def test_a_users_key_takes_the_place_of_the_default(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), keymap={"new-chat": "ctrl+t"}) as run:
        await run.say("hello")
        await run.press("ctrl+n")
        assert run.talk.chat_id is not None, "the default key does nothing now"
        await run.press("ctrl+t")
        assert run.talk.chat_id is None


async def test_an_action_without_a_key_can_be_given_one(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), keymap={"pin-chat": "f9"}) as run:
        await run.say("hello")
        await run.press("f9")
        assert run.talk.chat_id is not None
        assert store.chat(run.talk.chat_id).pinned


async def test_a_base_key_works_again_where_ours_was_moved_away(store: Store, home: Path) -> None:
    async with program(store, home, keymap={"history-previous": "ctrl+up"}) as run:
        await run.type("one\ntwo")
        await run.press("up")
        assert run.composer.cursor_location == (0, 3)


@pytest.mark.parametrize(
    ("text", "says_what"),
    [
        ('new-chta = "ctrl+t"', "no action 'new-chta'"),
        ("new-chat = 5", "must be a key or a list of keys"),
        ('new-chat = "ctrl+"', "is not a key"),
        ('new-chat = "hyper+x"', "is not a key"),
        ('new-chat = "ctrl+b"', "is the key of both new-chat and chats"),
    ],
)
def test_a_wrong_keymap_is_refused_with_the_way_out(
    tmp_path: Path, text: str, says_what: str
) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_keymap(file)
    assert says_what in raised.value.message
    assert str(file) in raised.value.message
    assert raised.value.hint


def test_a_keymap_may_name_several_keys_or_none(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('send = ["ctrl+enter", "ctrl+s"]\nstop = []\nfind = "?"\nkeys = "f12"\n')
    assert load_keymap(file) == {
        "send": "ctrl+enter,ctrl+s",
        "stop": "",
        "find": "question_mark",
        "keys": "f12",
    }


KEYED = [
    (action, key)
    for action in ACTIONS
    if action.where in (Where.CHAT, Where.EVERYWHERE, Where.TRANSCRIPT)
    for key in action.keys.split(",")
    if key
]


@pytest.mark.parametrize("where", [Where.COMPOSER, Where.TRANSCRIPT], ids=str)
async def test_every_key_reaches_its_action(
    store: Store, home: Path, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Widgets that have the keys must not take one that the help screen promises to something."""
    reached: list[str] = []

    def recorder(id_: str) -> Callable[[object], None]:
        return lambda _: reached.append(id_)

    for action in {action for action, _ in KEYED}:
        name = f"action_{action.run.rpartition('.')[2]}"
        monkeypatch.setattr(OWNERS[action.where], name, recorder(action.id))
    async with program(store, home, says("hi")) as run:
        await run.say("hello")
        if where is Where.TRANSCRIPT:
            await run.press("tab")
        for action, key in KEYED:
            if action.where is Where.TRANSCRIPT and where is Where.COMPOSER:
                continue
            reached.clear()
            await run.press(key)
            assert reached == [action.id], f"{key} in {where}"
