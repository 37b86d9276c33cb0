"""Vim's keys, by what vim itself does with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from chatterm.config import Config, TuiSettings
from chatterm.store import Store
from chatterm.tui.vim.change import Change
from chatterm.tui.vim.keys import ENTER, ESCAPE, REDO, Vim
from tests.scripted import says
from tests.tui.driving import program


class Fingers:
    """Types keys one after the other; Esc, Enter and Ctrl+R are written ␛, ␍ and ␇."""

    def __init__(self, text: str, at: int = 0, clipboard: str = "") -> None:
        self.vim = Vim(lambda: clipboard)
        self.vim.leave_insert(text, 0)
        self.text, self.at = text, at
        self.last = Change(text, at)

    def press(self, keys: str) -> Change:
        for letter in keys.replace("␛", ESCAPE).replace("␍", ENTER).replace("␇", REDO):
            if self.vim.mode == "insert" and letter != ESCAPE:
                self.text = self.text[: self.at] + letter + self.text[self.at :]
                self.at += 1
                continue
            if self.vim.mode == "insert":
                self.last = self.vim.leave_insert(self.text, self.at)
            else:
                self.last = self.vim.key(letter, self.text, self.at)
            self.text, self.at = self.last.text, self.last.at
        return self.last


def run(keys: str, text: str, at: int = 0) -> tuple[str, int, str]:
    fingers = Fingers(text, at)
    fingers.press(keys)
    return fingers.text, fingers.at, fingers.vim.mode


@pytest.mark.parametrize(
    ("keys", "text", "at", "after", "cursor"),
    [
        ("w", "one two", 0, "one two", 4),
        ("2w", "one two three", 0, "one two three", 8),
        ("w", "foo.bar", 0, "foo.bar", 3),
        ("W", "foo.bar baz", 0, "foo.bar baz", 8),
        ("e", "one two", 0, "one two", 2),
        ("b", "one two", 5, "one two", 4),
        ("$", "one\ntwo", 0, "one\ntwo", 2),
        ("0", "  one", 4, "  one", 0),
        ("^", "  one", 4, "  one", 2),
        ("j", "one\ntwo", 1, "one\ntwo", 5),
        ("k", "one\ntwo", 6, "one\ntwo", 2),
        ("G", "a\nb\nc", 0, "a\nb\nc", 4),
        ("gg", "a\nb\nc", 4, "a\nb\nc", 0),
        ("fo", "hello world", 0, "hello world", 4),
        ("2fo", "hello world", 0, "hello world", 7),
        ("to", "hello", 0, "hello", 3),
        ("Fh", "hello", 4, "hello", 0),
        ("dw", "one two", 0, "two", 0),
        ("d2w", "one two three", 0, "three", 0),
        ("de", "one two", 0, " two", 0),
        ("db", "one two", 4, "two", 0),
        ("dd", "a\nb\nc", 2, "a\nc", 2),
        ("dd", "a\nb", 2, "a", 0),
        ("2dd", "a\nb\nc", 0, "c", 0),
        ("dG", "a\nb\nc", 2, "a", 0),
        ("D", "one two", 3, "one", 2),
        ("x", "abc", 1, "ac", 1),
        ("3x", "abcd", 1, "a", 0),
        ("X", "abc", 1, "bc", 0),
        ("rz", "abc", 1, "azc", 1),
        ("~", "abc", 0, "Abc", 1),
        ("J", "one\n  two", 0, "one two", 3),
        ("yyp", "one\ntwo", 0, "one\none\ntwo", 4),
        ("yyP", "one", 1, "one\none", 0),
        ("ddp", "one\ntwo", 0, "two\none", 4),
        ("xp", "ab", 0, "ba", 1),
        ("dfo", "hello", 0, "", 0),
        ("yw$p", "one two", 0, "one twoone ", 10),
        ("dq", "abc", 1, "abc", 1),
        ("dw", "one\ntwo", 0, "\ntwo", 0),
        ("2d2w", "a b c d e", 0, "e", 0),
        ("dj", "a\nb", 2, "a\nb", 2),
        ("w", "日本語です", 0, "日本語です", 3),
        ("jj", "abc\nd\nefg", 2, "abc\nd\nefg", 8),
        ("ge", "one two", 4, "one two", 2),
        ("g_", "one  ", 0, "one  ", 2),
        ("2G", "a\nb\nc", 0, "a\nb\nc", 2),
        ("fo;", "foo o", 0, "foo o", 2),
        ("fo;,", "foo o", 0, "foo o", 1),
        ("to;", "hello you", 0, "hello you", 6),
        ("%", "f(a, (b))", 1, "f(a, (b))", 8),
        ("%", "f(a, (b))", 8, "f(a, (b))", 1),
        ("}", "a\nb\n\nc", 0, "a\nb\n\nc", 4),
        ("d}", "a\nb\n\nc", 0, "\nc", 0),
        ("d%", "f(a) b", 1, "f b", 1),
        ("gUiw", "one two", 5, "one TWO", 4),
        ("guu", "ONE", 1, "one", 0),
        ("g~w", "One two", 0, "oNE two", 0),
        (">>", "a\nb", 2, "a\n  b", 4),
        ("<<", "    a", 4, "  a", 2),
        ("3J", "a\nb\nc", 0, "a b c", 3),
        ("gJ", "a\nb", 0, "ab", 1),
        ("diw", "one two six", 5, "one  six", 4),
        ("daw", "one two six", 5, "one six", 4),
        ("daw", "one two", 5, "one", 2),
        ('di"', 'say "this" now', 6, 'say "" now', 5),
        ('da"', 'say "this" now', 6, "say  now", 4),
        ("di(", "f(a, (b), c)", 3, "f()", 2),
        ("d2i(", "f(a, (b), c)", 6, "f()", 2),
        ("dab", "f(a) b", 2, "f b", 1),
        ("di{", "f {a}", 0, "f {}", 3),
        ("dip", "a\nb\n\nc", 0, "\nc", 0),
        ("dap", "a\nb\n\nc", 0, "c", 0),
        ("das", "One. Two. Three.", 6, "One. Three.", 5),
        ("vld", "abcd", 1, "ad", 1),
        ("vwhd", "one two", 0, "two", 0),
        ("vbd", "one two", 4, "wo", 0),
        ("viwd", "one two", 5, "one ", 3),
        ("Vd", "a\nb\nc", 2, "a\nc", 2),
        ("Vjd", "a\nb\nc", 0, "c", 0),
        ("vlyP", "abc", 0, "ababc", 1),
        ("vlohd", "abcd", 1, "d", 0),
        ("vlU", "abc", 0, "ABc", 0),
        ("vlrx", "abc", 0, "xxc", 0),
        ("Vj>", "a\nb", 0, "  a\n  b", 2),
        ("VjJ", "a\nb", 0, "a b", 1),
        ("yiwwviwp", "one two", 0, "one one", 6),
        ("viw␛gvd", "one two", 0, " two", 0),
        ('"adw"bdw"ap', "one two", 0, "one ", 3),
        ('ywdd"0p', "one", 0, "one", 2),
        ('yw"_dwP', "one two", 0, "one two", 3),
        ("max'add", "a\nb", 2, "a", 0),
        ("maggd`a", "a\nb", 2, "b", 0),
        ("xx..", "abcde", 0, "e", 0),
        ("dwj0.", "a b\nc d", 0, "b\nd", 2),
        ("cwX␛w.", "one two", 0, "X X", 2),
        ("A!␛0.", "one", 0, "one!!", 4),
        ("3ia␛", "", 0, "aaa", 2),
        ("ox␛u", "a", 0, "a", 0),
        ("cwnew words␛u", "one two", 0, "one two", 0),
        ("xxuu", "abc", 0, "abc", 0),
        ("xxuu␇", "abc", 0, "bc", 0),
        ("xu.", "abc", 0, "bc", 0),
        ("Rxy␛", "abc", 0, "xyc", 1),
        ("/tw␍", "one two", 0, "one two", 4),
        ("d/two␍", "one two", 0, "two", 0),
        ("/o␍n", "a o b o", 0, "a o b o", 6),
        ("/o␍nN", "a o b o", 0, "a o b o", 2),
        ("?o␍", "a o b o", 4, "a o b o", 2),
        ("*", "one two one", 0, "one two one", 8),
        (":2␍", "a\nb\nc", 0, "a\nb\nc", 2),
        (":s/a/b/␍", "a a", 2, "b a", 0),
        (":%s/a/[&]/g␍", "a a\na", 0, "[a] [a]\n[a]", 0),
        ("Vj:s/a/b/␍", "a\na\na", 0, "b\nb\na", 0),
        (":%d␍", "a\nb", 0, "", 0),
        (":wq␛x", "abc", 0, "bc", 0),
        ("d␛x", "abc", 0, "bc", 0),
        ("zzqq@q]]x", "abc", 0, "bc", 0),
    ],
)
def test_normal_mode(keys: str, text: str, at: int, after: str, cursor: int) -> None:
    assert run(keys, text, at) == (after, cursor, "normal")


@pytest.mark.parametrize(
    ("keys", "text", "at", "after"),
    [
        ("iX", "abc", 1, "aXbc"),
        ("aX", "abc", 1, "abXc"),
        ("IX", "  abc", 4, "  Xabc"),
        ("AX", "abc", 0, "abcX"),
        ("oX", "a\nb", 0, "a\nX\nb"),
        ("OX", "a\nb", 2, "a\nX\nb"),
        ("cwX", "one two", 0, "X two"),
        ("ccX", "a\nb\nc", 2, "a\nX\nc"),
        ("CX", "one two", 4, "one X"),
        ("sX", "abc", 1, "aXc"),
        ("SX", "abc", 1, "X"),
        ("ctoX", "hello", 0, "Xo"),
    ],
)
def test_what_begins_inserting(keys: str, text: str, at: int, after: str) -> None:
    assert run(keys, text, at)[0] == after
    assert run(keys, text, at)[2] == "insert"


def test_escape_leaves_insert_one_to_the_left() -> None:
    vim = Vim()
    assert vim.leave_insert("abc", 3).at == 2
    assert vim.leave_insert("a\nbc", 2).at == 2


@pytest.mark.parametrize(
    ("keys", "wish", "words"),
    [
        (":w␍", "send", ""),
        (":wq␍", "send", ""),
        ("ZZ", "send", ""),
        (":q!␍", "leave", ""),
        (":title New name␍", "command", "title New name"),
        (":h␍", "command", "help"),
        ('"+yiw', "copy", "one"),
        (":s/x/y/␍", "say", "there is no x here"),
        (":s/(/y/␍", "say", "(: missing ), unterminated subpattern at position 0"),
        ("gj", "row down", ""),
    ],
)
def test_what_vim_leaves_to_others(keys: str, wish: str, words: str) -> None:
    change = Fingers("one two").press(keys)
    assert (change.wish, change.words, change.text) == (wish, words, "one two")


def test_the_clipboard_is_a_register() -> None:
    fingers = Fingers("one", clipboard="from elsewhere ")
    fingers.press('"+P')
    assert fingers.text == "from elsewhere one"


def test_what_others_write_is_a_step_of_its_own() -> None:
    fingers = Fingers("one two")
    fingers.press("x")
    fingers.text += " pasted"
    fingers.press("xu")
    assert fingers.text == "ne two pasted"
    fingers.press("u")
    assert fingers.text == "ne two"


async def test_the_composer_has_vims_modes_where_wanted(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, says("fine"), config=config) as ran:
        await ran.type("one two")
        await ran.press("escape")
        assert "NORMAL" in ran.status
        await ran.type("bcw2 words")
        assert ran.composer.text == "one 2 words"
        await ran.press("escape", "u")
        assert ran.composer.text != "one 2 words"
        await ran.press("enter")
        await ran.answered()
        assert ran.texts()[1] == "fine"
        assert "INSERT" in ran.status


async def test_what_is_selected_is_seen_and_copied_whole(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, config=config) as ran:
        await ran.type("one two")
        await ran.press("escape", "0", "v", "right", "e")
        assert ran.composer.selected_text == "one"
        assert "VISUAL" in ran.status
        await ran.press("ctrl+c")
        assert ran.app.clipboard == "one"
        await ran.press("escape", "d", "2")
        assert "NORMAL d2" in ran.status
        await ran.press("escape", "ctrl+w", "backspace")
        assert ran.composer.text == "one two"


async def test_commands_after_a_colon_leave_what_is_written(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, says("fine"), config=config) as ran:
        await ran.say("first")
        await ran.type("a thought")
        await ran.press("escape")
        await ran.press(*":title")
        await ran.press("space", *"Named")
        assert ":title Named" in ran.status
        await ran.press("enter")
        await ran.until(lambda: store.chat(ran.talk.chat_id or "").title == "Named")
        assert ran.composer.text == "a thought"
        await ran.press(*":nothing", "enter")
        assert ran.complaints
        await ran.press(*":w", "enter")
        await ran.answered()
        assert ran.texts()[2] == "a thought"
        assert "INSERT" in ran.status


async def test_a_line_after_a_colon_keeps_its_keys_and_what_is_pasted(
    store: Store, home: Path
) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, says("fine"), config=config) as ran:
        await ran.say("first")
        await ran.press("escape", *":tag", "space")
        ran.app.post_message(events.Paste("work\nmore"))
        await ran.until(lambda: ":tag work" in ran.status)
        await ran.press("tab", "down", "enter")
        chat_id = ran.talk.chat_id or ""
        await ran.until(lambda: list(store.chat(chat_id).tags) == ["work"])
        await ran.press("colon", "up")
        assert ":tag work" in ran.status
        await ran.press("ctrl+c")
        assert ran.composer.text == ""
        assert "NORMAL" in ran.status


async def test_in_an_empty_line_k_brings_prompts_back(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, says("a"), says("b"), config=config) as ran:
        await ran.say("first")
        await ran.say("second")
        await ran.press("escape", "k", "k")
        assert ran.composer.text == "first"
        await ran.press("j")
        assert ran.composer.text == "second"
        await ran.press("x")
        assert ran.composer.text == "econd"
        await ran.press("ctrl+r")
        assert ran.composer.text == "econd"
        await ran.press("u", "ctrl+r")
        assert ran.composer.text == "econd"


async def test_the_mouse_selects_for_vim(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, config=config) as ran:
        await ran.type("one two")
        await ran.press("escape")
        await ran.pilot.mouse_down("Composer", offset=(2, 1))
        await ran.pilot.hover("Composer", offset=(6, 1))
        await ran.pilot.mouse_up("Composer", offset=(6, 1))
        await ran.press("d")
        assert ran.composer.text == "two"
