"""A text that is drawn while it grows ends as if it had been drawn once."""

from __future__ import annotations

import random

import pytest

from chatterm.render import document, sanitise
from chatterm.render.document import StreamDoc, render
from chatterm.render.layout import Layout
from chatterm.render.parser import Env, Node, blocks
from chatterm.render.sanitise import LONGEST_LINE
from chatterm.render.theme import ANSI, BARE
from tests.render.documents import fragments
from tests.render.streaming import check, fuzz, plain

CASES = {
    "hashtag": "para\n#hashtag goes on\n# heading\n#\nlast",
    "setext": "title\n===\n\ntext\nmore\n---\nend",
    "late table": "some words\na | b\n--|--\n1 | 2\n3 | 4\n\nafter",
    "no table": "some words\na | b\n--|--x\n1 | 2",
    "lazy quote": "> quoted\nlazy\n\n> more\n> - item\n  continued\n",
    "loose list": "- a\n- b\n\n- c\n\n  para\n- d\n",
    "numbers": "7. a\n8. b\n1. c\n\n1) other\n2) list\n",
    "nested fence": "- item\n\n  ```python\n  x = '''\n  y\n  '''\n  ```\n- next\n",
    "open fence": "text\n```js\n/* a\nb */ let x = 1\n",
    "fence in quote": "> ```\n> a\n> b\n\nafter\n",
    "html": "<div>\n- not a list\n\n- a list\n</div>\n",
    "comment": "<!-- hidden\n\nstill -->\nseen\n",
    "open comment": "seen\n\n<!-- hidden\n\n\n  \n\tstill\n\n\n   ",
    "comment on a line": "<!-- hidden -->\nseen\n<!-- hidden --> too\n",
    "script": "  <script>\nlet x = '\n\n'\n</SCRIPT> and\nseen\n",
    "declaration": "<!DOCTYPE html\nof words\n>\nseen\n\n<?php\n\n?>\n<![CDATA[ x\n]]>\nend",
    "any tag": "<b>\n*seen*\n  \nafter\n</i>\nend",
    "link, then code": "[a]: https://example.org\n\n```\ncode\n```\n\n[a]\n",
    "link, then html": "[a]: https://example.org\n\n<!-- x\ny -->\n\n[a]\n",
    "link, then table": "[a]: https://example.org\n\n|a|\n|-|\n|1|\n|2|\n|[a]|\n\n[a]\n",
    "long formula": "$$\n" + "x^2 &= y_{1} + \\frac{a}{b} \\\\\n" * 60 + "z $$ rest\nend\n",
    "long open formula": "\\[ a\n" + "  \\begin{x} + \\alpha\n" * 60 + " \nend \\]\n",
    "long formula cut short": "\\[\n" + "+ \\alpha\n" * 200 + "\\bet",
    "display": "so:\n\\[\n- x\n+ y\n\\]\nand\n$$\nunclosed\n\nend\n",
    "html in a list in a quote": "> - <!--\n> x\n> - <b>\n>",
    "task": "- [ ] open\n- [x] done\n- [z] neither\n",
    "empty items": "-\n\n  not inside\n- \n1.\n2. x\n",
    "links": "[a] and [b][a]\n\n[a]: https://example.org\n'title\nends'\n\n[a]\n",
    "carriage": "a\r\nb\r\n\r\n- c\r\n",
    "indented": "    code\n\n    more\n\ttab\nend\n",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("width", [20, 80])
def test_streaming_ends_as_a_clean_drawing(text: str, width: int) -> None:
    check(text, list(text), Layout(width))
    check(text, text.splitlines(keepends=True), Layout(width, sample=1))
    check(text, fragments(random.Random(1), text), Layout(width))


@pytest.mark.parametrize("part", range(6))
def test_random_documents_in_random_fragments(part: int) -> None:
    for seed in range(part * 12, part * 12 + 12):
        fuzz(seed)


def test_what_is_closed_is_drawn_once() -> None:
    """Rows above the open end keep their identity, however long the answer grows."""
    stream = StreamDoc(80, ANSI)
    first = "# Title\n\nA paragraph.\n\n- item\n"
    stream.append(first)
    stream.render()
    kept = stream.lines[0]
    for number in range(200):
        stream.append(f"\nParagraph {number} of the answer.\n")
        dirty, rows = stream.render()
        assert rows - dirty <= 6
    assert stream.lines[0] is kept


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("| a | b |\n|---|---|\n", "| one | two |\n"),
        ("", "- an item of a list\n"),
        ("", "3. an item with a number\n"),
        ("```python\n", "x = [1, 2, 3]  # a comment\n"),
        ("```json\n", '{"a": 1},\n'),
        ("```cpp\n", "int x = 1;\n"),
    ],
    ids=["table", "list", "numbers", "python", "json", "cpp"],
)
def test_a_long_block_redraws_only_its_end(head: str, row: str) -> None:
    stream = StreamDoc(80, ANSI)
    stream.append(head)
    for number in range(300):
        stream.append(row)
        dirty, rows = stream.render()
        if number > 25:
            assert rows - dirty <= 4
            assert rows - stream.settled <= 4
    stream.finish()
    assert stream.lines == render(head + row * 300, 80, ANSI)


@pytest.mark.parametrize("head", ["```\n", "<!--\n", "<script>\n", "<div>\n", "$$\n", "\\[ a\n"])
def test_an_open_block_is_read_once(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it stays open: the parser sees its beginning only."""
    read: list[str] = []

    def counted(source: str, env: Env) -> list[Node]:
        read.append(source)
        return blocks(source, env)

    monkeypatch.setattr(document, "blocks", counted)
    stream = StreamDoc(80, ANSI)
    stream.append(head)
    made = 0
    for _ in range(600):
        stream.append("x = y + z, and more of it\n")
        dirty, rows = stream.render()
        made += rows - dirty
    assert made < 3 * 600 + 60
    assert sum(map(len, read)) < 40_000
    stream.finish()
    assert stream.lines == render(head + "x = y + z, and more of it\n" * 600, 80, ANSI)


def test_a_paragraph_taller_than_a_screen_settles_while_it_grows() -> None:
    stream = StreamDoc(40, BARE, Layout(40, piece=200))
    for _ in range(400):
        stream.append("word after word ")
        stream.render()
    assert len(stream.lines) - stream.settled < 15
    stream.finish()
    assert plain(stream.lines) == plain(render("word after word " * 400, 40, BARE))


def test_links_defined_late_are_settled_at_the_end() -> None:
    stream = StreamDoc(80, BARE)
    stream.append("See [the page].\n\nMore words.\n\n")
    stream.render()
    assert stream.lines[0].text == "See [the page]."
    stream.append("[the page]: https://example.org/page\n")
    stream.render()
    dirty, _ = stream.finish()
    assert stream.lines[0].text == "See the page (https://example.org/page)."
    assert dirty == 0


def test_what_was_printed_may_stay_as_it_was() -> None:
    stream = StreamDoc(80, BARE)
    stream.append("See [the page].\n\nMore words.\n\n")
    stream.render()
    stream.append("[the page]: https://example.org/page\n")
    stream.finish(relink=False)
    assert stream.lines[0].text == "See [the page]."


def test_a_line_beyond_measure_is_cut_and_complete() -> None:
    text = "word " * 40_000 + "x" * 50_000
    lines = render(text, 80, BARE)
    assert max(line.width for line in lines) <= 80
    shown = "".join(line.text for line in lines).replace(" ", "")
    assert shown == text.replace(" ", "")
    assert len(text) > LONGEST_LINE


@pytest.mark.parametrize("opening", ["", "```\n", "- ", "> ", "| a |\n|---|\n", "<!--\n", "$$\n"])
def test_a_block_beyond_measure_stays_quick_and_complete(opening: str) -> None:
    stream = StreamDoc(80, BARE)
    stream.append(opening)
    for number in range(100):
        stream.append(f"line {number} " + "of many words " * 70 + "\n")
        stream.render()
    stream.finish()
    shown = " ".join(line.text for line in stream.lines)
    assert all(f"line {number} " in " ".join(shown.split()) + " " for number in (0, 50, 99))


_AMONG = [
    "---",
    "===",
    "1. one",
    "2. two",
    "    four blanks",
    "| a | b |",
    "|---|---|",
    "a | b",
    "-|-",
]
_AMONG += [
    "[a]: /b",
    "[a]",
    "$$",
    "\\[ x",
    "```",
    "> quoted",
    "lazy",
    "- - -",
    "- item",
    "# head",
    "#tag",
]
_AMONG += [
    "<div>",
    "<b>",
    "**",
    "`",
    "\t",
    "  ",
    "hard  ",
    "back\\",
    "日本語",
    "",
    "<!--",
    "***",
    "+",
    "12)",
]


def long_paragraphs(rng: random.Random) -> str:
    """Paragraphs of many lines of any length, with what may end one between them."""
    lines = []
    for _ in range(rng.randint(4, 30)):
        if rng.random() < 0.3:
            lines.append(rng.choice(_AMONG))
        else:
            count = rng.choice([1, 3, 12, 60])
            words = [
                rng.choice(["a", "whale", "sea,", "**b**", "`c`", "[d]"]) for _ in range(count)
            ]
            lines.append(" " * rng.choice([0, 0, 0, 2, 5]) + " ".join(words))
    return "\n".join(lines)


@pytest.mark.parametrize("part", range(10))
def test_a_paragraph_is_frozen_where_nothing_can_change_it(part: int) -> None:
    for seed in range(part * 30, part * 30 + 30):
        rng = random.Random(seed)
        text = long_paragraphs(rng)
        layout = Layout(rng.choice([20, 60, 100]), piece=rng.choice([20, 60]))
        try:
            check(text, fragments(rng, text), layout)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


_BEGINNINGS = ["", "", "", "- ", "> ", "1. ", "# ", "[a", "[a]: b ", "<b ", "<div ", "$$ ", "\\[ "]
_BEGINNINGS += ["| a |\n|-|\n", "| a | ", "- -", "```", "`", "&", "    ", "words\n", "* * ", "~~~ "]
_ENDINGS = ["", "", ">", "$$", "\\]", "\\] and", "`", "```", " |", "\n===", "\n---", "\n|-|", "#"]


def long_lines(rng: random.Random) -> str:
    """Lines longer than a piece of a paragraph, some longer than any line may be."""
    lines = []
    for _ in range(rng.randint(1, 6)):
        words = rng.choices(["a", "whale", "sea,", "**b**", "`c`", "x=1"], k=rng.randint(1, 150))
        lines.append(rng.choice(_BEGINNINGS) + " ".join(words) + rng.choice(_ENDINGS))
    return rng.choice(["\n", "\n\n"]).join(lines)


@pytest.mark.parametrize("part", range(10))
def test_a_line_without_end_is_frozen_where_nothing_can_change_it(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sanitise, "LONGEST_LINE", 200)
    for seed in range(part * 30, part * 30 + 30):
        rng = random.Random(seed)
        text = long_lines(rng)
        layout = Layout(rng.choice([20, 60, 100]), piece=rng.choice([20, 60]))
        try:
            check(text, fragments(rng, text), layout)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("gap", [3, 10_000], ids=["lines", "one line"])
def test_a_long_paragraph_is_not_read_again_from_its_beginning(
    gap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sanitise, "LONGEST_LINE", 2_000)
    stream = StreamDoc(80, ANSI, Layout(80, piece=200))
    for number in range(1, 500):
        stream.append(f"word {number} and more of it" + ("\n" if number % gap == 0 else " "))
        stream.render()
        assert len(stream._tail) < 1_000
