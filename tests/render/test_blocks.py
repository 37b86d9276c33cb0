"""What each kind of Markdown looks like."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.cells import cell_len

from chatterm.render.ansi import Colour, written
from chatterm.render.document import render
from chatterm.render.line import ALL, Line
from chatterm.render.theme import ANSI, ATTRIBUTES, BARE


def shown(text: str, width: int = 40) -> list[str]:
    return [line.text.rstrip() for line in render(text, width, BARE)]


def test_headings_are_marked_where_no_style_can_tell_them() -> None:
    assert shown("## A *title*") == ["## A title"]
    (line,) = render("## A title", 40, ATTRIBUTES)
    assert line.text == "A title"
    assert line.segments[0].style is not None and line.segments[0].style.bold


def test_paragraphs_wrap_at_blanks() -> None:
    assert shown("one two three four", 10) == ["one two", "three four"]


def test_soft_breaks_are_blanks_and_hard_breaks_stay() -> None:
    assert shown("a\nb  \nc\\\nd<br>e") == ["a b", "c", "d", "e"]


def test_lists_nest_and_keep_their_numbers() -> None:
    text = "3. three\n4. four\n   - inner\n     1. deep\n\n10. ten\n"
    assert shown(text) == ["3. three", "4. four", "   ◦ inner", "     1. deep", "", "5. ten"]


def test_items_are_apart_where_their_source_is() -> None:
    assert shown("- a\n- b\n\n- c\n") == ["• a", "• b", "", "• c"]


def test_tasks_show_their_boxes() -> None:
    assert shown("- [ ] open\n- [x] done\n") == ["[ ] open", "[x] done"]


def test_quotes_have_a_bar_on_every_row() -> None:
    assert shown("> one two three\n>\n> four", 12) == ["│ one two", "│ three", "│", "│ four"]


def test_tables_align_their_columns() -> None:
    text = "| name | n |\n|:--|--:|\n| a | 1 |\n| bbb | 22 |\n"
    assert shown(text) == ["name │  n", "─────┼───", "a    │  1", "bbb  │ 22"]


def test_wide_tables_wrap_inside_their_cells() -> None:
    text = "| k | value |\n|---|---|\n| a | several words that wrap |\n| b | x |\n"
    assert shown(text, 20) == [
        "k  │ value",
        "───┼────────────────",
        "a  │ several words",
        "   │ that wrap",
        "╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",
        "b  │ x",
    ]


def test_tables_that_do_not_fit_become_one_field_a_row() -> None:
    text = "| name | value | unit | remark |\n|-|-|-|-|\n| length | 12 | metres | measured |\n"
    assert shown(text, 20) == ["name: length", "value: 12", "unit: metres", "remark: measured"]


def test_code_keeps_its_blanks_and_its_long_lines() -> None:
    text = "```python\nif x:\n\ty = 'a long line of code'\n```\n"
    rows = shown(text, 20)
    assert rows[0] == "── python ──────────"
    assert rows[1:-1] == ["if x:", "    y = 'a long line", " of code'"]


def test_code_is_coloured_by_its_language() -> None:
    lines = render("```python\ndef f(): pass\n```", 40, ANSI)
    styles = {segment.text: segment.style for segment in lines[1].segments}
    assert styles["def"] == ANSI.tokens["Keyword"]


@pytest.mark.parametrize("info", ["", "no-such-language", "{.python}", "py:main.py", "C++", "🎉"])
def test_any_info_string_is_code(info: str) -> None:
    assert "x = 1" in shown(f"```{info}\nx = 1\n```")


def test_links_tell_where_they_lead() -> None:
    assert shown("[here](https://example.org)") == ["here (https://example.org)"]
    assert shown("<https://example.org>") == ["https://example.org"]
    assert shown("![cat](cat.png)") == ["[image: cat] (cat.png)"]


def test_only_harmless_addresses_can_be_followed() -> None:
    (line,) = render("[a](file:///etc/passwd) [b](https://b.org) https://c.org.", 80, ANSI)
    links = [segment.style.link for segment in line.segments if segment.style]
    assert [link for link in links if link] == ["https://b.org", "https://c.org"]


def test_html_is_text() -> None:
    assert shown("<div>\n<b>x</b>\n</div>") == ["<div>", "<b>x</b>", "</div>"]
    assert shown("a <u>b</u>") == ["a <u>b</u>"]


def test_formulas_are_readable() -> None:
    assert shown("so $E = mc^2$ and \\(x_i\\)") == ["so E = mc² and xᵢ"]
    assert shown("$$\n\\frac{a}{b}\n$$") == ["  a/b"]
    assert shown("it costs $5 or $10, see $HOME") == ["it costs $5 or $10, see $HOME"]


@pytest.mark.parametrize("width", [1, 8, 20, 37, 80, 200])
def test_no_row_is_wider_than_the_screen(width: int) -> None:
    text = (
        "# 标题 with 🎉\n\n中文字符没有空格也要换行，标点不在行首。 e\u0301e\u0301 👩‍👩‍👧‍👦\n\n"
        "> > > - - 1. deep *nesting* goes on\n\n| 一 | b | c | d | e | f |\n|-|-|-|-|-|-|\n"
        "| 二二二二 | x | supercalifragilistic | | 1 | 2 |\n\n```\n\t漢字 and code\n```\n\n---\n"
    )
    for line in render(text, width, ANSI):
        assert cell_len(line.text) == line.width <= max(width, 8)


@pytest.mark.parametrize("sign", ["> ", "- ", "1. ", "> - "])
def test_nothing_is_lost_in_absurd_nesting(sign: str) -> None:
    text = "".join(sign * depth + f"word{depth}\n\n" for depth in (1, 30, 150))
    words = " ".join(shown(text))
    assert all(f"word{depth}" in words for depth in (1, 30, 150))
    deep = "".join("  " * depth + f"- item{depth}\n" for depth in range(100))
    words = " ".join(shown(deep, 400))
    assert all(f"item{depth}" in words for depth in range(100))


def copied_text(lines: Iterable[Line]) -> str:
    """The text of whole rows, as it was before it was wrapped and decorated."""
    parts: list[str] = []
    for line in lines:
        if line.prefix < ALL:
            parts += [line.copied(), line.join]
    return "".join(parts[:-1]) if parts and parts[-1] == "\n" else "".join(parts)


def test_a_copied_paragraph_has_no_breaks_of_the_screen() -> None:
    text = "> one two three four five six\n\n- an item that is long enough to wrap\n"
    lines = render(text, 16, BARE)
    assert copied_text(lines) == (
        "one two three four five six\n\nan item that is long enough to wrap"
    )


def test_copied_code_has_neither_rules_nor_wraps() -> None:
    lines = render("```py\nx = 'a line that is longer than the screen'\n\ny = 2\n```", 20, ANSI)
    assert copied_text(lines) == "x = 'a line that is longer than the screen'\n\ny = 2"


def test_what_is_written_has_no_sequence_but_styles() -> None:
    text = "a \x1b]0;t\x07 [\x1b[31m](https://x.org) &#27; `\x9b31m` &#8238; \x00"
    bare = written(render(text, 80, BARE), Colour.NONE)
    assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for row in bare for sign in row)
    assert "\u202e" not in "".join(bare)
    styled = "".join(written(render(text, 80, ANSI), Colour.FULL))
    assert "\x1b]" not in styled
    assert all(part.split("m")[0].replace(";", "").isdigit() for part in styled.split("\x1b[")[1:])


def test_muted_is_dim_everywhere() -> None:
    for line in render("# a\n\n`b` **c**\n\n```py\nd = 1\n```", 40, ANSI.muted()):
        assert all(segment.style and segment.style.dim for segment in line.segments)
