"""The transcript: what is in sight, where the reader is, and what can be done with it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.scrollbar import ScrollTo
from textual.widgets import TextArea

from chatterm.messages import Role, State
from chatterm.render.document import render
from chatterm.tui.widgets.heights import Heights
from chatterm.tui.widgets.transcript import Transcript
from chatterm.tui.widgets.turn_view import GUTTER
from chatterm.tui.widgets.turns import Body, Card, Step, Turn, estimate

WORDS = "the answer comes word by word and some of it is **bold** or `code`".split()
MIXED = "# Title\n\nProse with **bold**.\n\n- one\n- two\n\n```python\nx = 1\n```\n\nSee <https://a.org>.\n"


class Harness(App[None]):
    """A transcript above a composer, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.transcript
        yield TextArea()

    def on_mount(self) -> None:
        self.query_one(TextArea).styles.height = 3

    def on_transcript_copied(self, message: Transcript.Copied) -> None:
        self.heard.append((message.text, message.what))

    def on_transcript_link_chosen(self, message: Transcript.LinkChosen) -> None:
        self.heard.append(message.address)

    def on_transcript_card_chosen(self, message: Transcript.CardChosen) -> None:
        self.heard.append(("card", message.turn_id))


class Chat:
    """Turns and their bodies, and which of them were read."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.bodies = {str(at): Body(text) for at, text in enumerate(texts)}
        self.turns = [turn_of(str(at), text) for at, text in enumerate(texts)]
        self.read: list[str] = []

    def load(self, ids: Sequence[str]) -> list[Body]:
        self.read += ids
        return [self.bodies[id_] for id_ in ids]


def turn_of(id_: str, text: str, state: State = State.COMPLETE) -> Turn:
    role = Role.USER if int(id_) % 2 == 0 else Role.ASSISTANT
    name = "you" if role is Role.USER else "model"
    return Turn(id_, role, name, state=state, size=len(text), breaks=text.count("\n"))


def long_chat(count: int = 200) -> Chat:
    rng = random.Random(4)
    return Chat([" ".join(rng.choices(WORDS, k=rng.randint(3, 120))) for _ in range(count)])


@asynccontextmanager
async def showing(
    chat: Chat, size: tuple[int, int] = (60, 24)
) -> AsyncIterator[tuple[Harness, Pilot[None]]]:
    app = Harness()
    async with app.run_test(size=size) as pilot:
        app.transcript.show(chat.turns, chat.load)
        await pilot.pause()
        yield app, pilot


def rows(transcript: Transcript) -> list[str]:
    """What stands on the screen, without the gutter."""
    return [transcript.render_line(y).text[GUTTER:].rstrip() for y in range(transcript.size.height)]


async def paint(app: Harness, pilot: Pilot[None]) -> None:
    app.transcript.paint()
    await pilot.pause()


async def test_a_chat_opens_at_its_end_and_reads_only_what_is_in_sight() -> None:
    chat = long_chat(5_000)
    async with showing(chat) as (app, _):
        assert len(chat.read) < 50
        assert "4999" in chat.read
        last = render(chat.bodies["4999"].text, 57, app.transcript.look.theme)
        assert rows(app.transcript)[-2] == last[-1].text


async def test_scrolling_by_rows_overlaps_exactly() -> None:
    async with showing(long_chat()) as (app, _):
        transcript = app.transcript
        place = transcript._top
        before = rows(transcript)
        for _ in range(60):
            transcript.scroll_rows(-5)
            now = rows(transcript)
            assert now[5:] == before[:-5]
            before = now
        for _ in range(60):
            transcript.scroll_rows(5)
        assert transcript._top == place
        assert transcript.following


async def test_streaming_moves_nothing_for_a_reader_who_scrolled_up() -> None:
    async with showing(long_chat()) as (app, pilot):
        transcript = app.transcript
        transcript.page(-1)
        before = rows(transcript)
        transcript.begin(turn_of("201", "", State.WRITING))
        for _ in range(50):
            transcript.grow("more words\n\n")
            await paint(app, pilot)
            assert rows(transcript) == before
        assert not transcript.following
        transcript.follow()
        assert "more words" in rows(transcript)


async def test_a_followed_answer_ends_as_a_clean_drawing() -> None:
    async with showing(long_chat(20)) as (app, pilot):
        transcript = app.transcript
        turn = turn_of("21", "", State.WRITING)
        transcript.begin(turn)
        text = MIXED * 5
        for at in range(0, len(text), 7):
            transcript.grow(text[at : at + 7])
            await paint(app, pilot)
            assert transcript.following
        done = replace(turn, state=State.COMPLETE, size=len(text))
        streamed = [line.text for line in transcript.drawn(20).text]
        transcript.end(done, Body(text))
        clean = render(text, 57, transcript.look.theme)
        assert [line.text for line in transcript.drawn(20).text] == [line.text for line in clean]
        assert streamed == [line.text for line in clean]
        transcript.follow()
        assert rows(transcript)[-2] == clean[-1].text


async def test_only_the_open_end_is_refreshed() -> None:
    async with showing(Chat(["question"]), size=(80, 40)) as (app, pilot):
        transcript = app.transcript
        transcript.begin(turn_of("1", "", State.WRITING))
        transcript.grow("first\n\nsecond\n\nthird\n\n")
        await paint(app, pilot)
        regions: list[Region] = []
        transcript.refresh = lambda *a, **_: regions.extend(a)  # type: ignore[assignment]
        transcript.grow("fourth")
        transcript.paint()
        assert [region.y for region in regions] == [9]


async def test_only_the_open_end_of_reasoning_is_refreshed() -> None:
    async with showing(Chat(["question"]), size=(80, 40)) as (app, pilot):
        transcript = app.transcript
        transcript.begin(turn_of("1", "", State.WRITING))
        transcript.think("first\n\nsecond\n\nthird thought of")
        transcript.fold()
        await paint(app, pilot)
        summary, thought = (
            next(y for y, row in enumerate(rows(transcript)) if words in row)
            for words in ("Thinking: 5 words", "third")
        )
        regions: list[Region] = []
        transcript.refresh = lambda *a, **_: regions.extend(a)  # type: ignore[assignment]
        transcript.think("ten words")
        transcript.paint()
        assert "▾ Thinking: 6 words" in rows(transcript)
        assert [(region.y, region.height) for region in regions][:2] == [(summary, 1), (thought, 1)]
        assert regions[2].y == thought + 2


async def test_reasoning_is_folded_and_unfolds() -> None:
    async with showing(Chat(["question"])) as (app, pilot):
        transcript = app.transcript
        turn = turn_of("1", "", State.WRITING)
        transcript.begin(turn)
        transcript.think("I must **think** of it. ")
        await paint(app, pilot)
        assert "▸ Thinking: 5 words" in rows(transcript)
        transcript.think("And more.")
        transcript.grow("Answer")
        await paint(app, pilot)
        assert "▸ Thought: 7 words" in rows(transcript)
        transcript.fold()
        assert "┊ I must think of it. And more." in rows(transcript)
        transcript.end(replace(turn, state=State.COMPLETE), Body("Answer", "I must think."))
        assert "Answer" in rows(transcript)
        transcript.fold()
        assert "▸ Thought: 3 words" in rows(transcript)


async def test_cards_steps_siblings_and_states_are_shown() -> None:
    chat = Chat(["question", "answer"])
    chat.turns[1] = replace(chat.turns[1], place=2, places=3, state=State.FAILED, about="14:03")
    chat.bodies["1"] = Body(
        "answer",
        steps=(Step("Ran python", "print(1)\n1"),),
        cards=(Card("the server is gone\x1b[2J", "r tries again"),),
    )
    async with showing(chat) as (app, pilot):
        shown = rows(app.transcript)
        assert "model  14:03 · 2/3 · failed" in shown
        assert "▸ Ran python" in shown
        assert "▌ the server is gone␛[2J" in shown
        assert "▌ r tries again" in shown
        y = shown.index("▌ r tries again")
        await pilot.click(Transcript, offset=(5, y))
        assert app.heard == [("card", "1")]
        await pilot.click(Transcript, offset=(4, shown.index("▸ Ran python")))
        assert "┊ print(1)" in rows(app.transcript)


async def test_the_cursor_moves_by_turns_and_stays_in_sight() -> None:
    async with showing(long_chat()) as (app, _):
        transcript = app.transcript
        for _ in range(40):
            transcript.move(-1)
            current = transcript.current
            assert current is not None
            assert any(seen and transcript.turns[seen[0]] == current for seen in transcript._view)
        transcript.move(40)
        assert transcript.following


async def test_the_cursor_goes_along_with_who_scrolls() -> None:
    async with showing(long_chat(100)) as (app, _):
        transcript = app.transcript
        transcript.page(-1)
        transcript.page(-1)
        seen = sorted({place[0] for place in transcript._view if place})
        assert transcript._at == seen[-1] < 98
        transcript.move(-1)
        assert transcript._at == seen[-2]
        transcript.go_home()
        transcript.page(1)
        assert transcript._at in {place[0] for place in transcript._view if place}
        transcript.follow()
        assert transcript._at == 99


async def test_search_marks_and_steps() -> None:
    texts = [f"message {number} of the chat" for number in range(60)]
    texts[7] = "here is the Needle, a needle\n\nand one more needle"
    texts[50] = "needle again"
    async with showing(Chat(texts)) as (app, _):
        transcript = app.transcript
        assert transcript.find("needle") == 2
        current = transcript.current
        assert current is not None and current.id == "50"
        transcript.find_step(-1)
        current = transcript.current
        assert current is not None and current.id == "7"
        assert any("and one more needle" in row for row in rows(transcript))
        y = next(y for y, row in enumerate(rows(transcript)) if "one more" in row)
        marked = [s.text for s in transcript.render_line(y) if s.style and s.style.bgcolor]
        assert "needle" in marked
        transcript.find_step(-1)
        grounds = [row_grounds(transcript, words, "eedle") for words in ("one more", "here is")]
        assert len(set(grounds[1])) == 1, "all of the row that was gone to"
        assert set(grounds[0]).isdisjoint(grounds[1]), "the others look otherwise"
        assert transcript.find("nowhere") == 0
        assert transcript.find("") == 0
        assert not transcript.finding


def row_grounds(transcript: Transcript, row: str, words: str) -> list[object]:
    y = next(y for y, shown in enumerate(rows(transcript)) if row in shown)
    return [s.style.bgcolor for s in transcript.render_line(y) if s.style and words in s.text]


async def test_jumping_copies_code_and_opens_links() -> None:
    async with showing(Chat(["question", MIXED])) as (app, pilot):
        transcript = app.transcript
        transcript.focus()
        transcript.jump()
        kinds = {target.kind: letter for letter, target in transcript._labels.items()}
        await pilot.press(kinds["code"])
        transcript.jump()
        await pilot.press(kinds["link"])
        await pilot.pause()
        assert app.heard == [("x = 1\n", "code block"), "https://a.org"]
        transcript.jump()
        await pilot.press(kinds["turn"])
        assert transcript.current is not None


async def test_code_links_and_selection_can_be_copied() -> None:
    chat = Chat(
        ["question", MIXED + "\n> a quote that is long enough to be wrapped at this width, twice"]
    )
    async with showing(chat, size=(40, 40)) as (app, pilot):
        transcript = app.transcript
        assert transcript.choose_code() == 1
        await pilot.pause()
        assert app.heard.pop() == ("x = 1\n", "code block")
        assert transcript.links() == ["https://a.org"]
        shown = rows(transcript)
        first = next(y for y, row in enumerate(shown) if row.startswith("│ a quote"))
        await pilot.mouse_down(Transcript, offset=(GUTTER + 4, first))
        await pilot.hover(Transcript, offset=(GUTTER + 8, first + 1))
        await pilot.mouse_up(Transcript, offset=(GUTTER + 8, first + 1))
        await pilot.pause()
        assert transcript.selected_text().startswith("quote that is long enough to be")
        assert "\n" not in transcript.selected_text()
        assert "│" not in transcript.selected_text()


@pytest.mark.parametrize(
    ("x", "word"),
    [
        (0, ""),  # the bullet
        (2, "日本"),
        (5, "日本"),
        (6, ""),
        (8, "Don't"),
        (14, "/etc/x-y.conf"),
        (31, "https://a.org/b?c=1"),
        (54, ""),
    ],
)
async def test_a_double_click_selects_a_word(x: int, word: str) -> None:
    text = "- 日本 (Don't /etc/x-y.conf). https://a.org/b?c=1."
    async with showing(Chat(["question", text])) as (app, pilot):
        transcript = app.transcript
        y = next(at for at, row in enumerate(rows(transcript)) if "日本" in row)
        await pilot.double_click(Transcript, offset=(GUTTER + x, y))
        await pilot.pause()
        assert transcript.selected_text() == word


async def test_a_triple_click_selects_one_turn() -> None:
    async with showing(Chat(["question", "first\n\nsecond", "other", "last"])) as (app, pilot):
        transcript = app.transcript
        y = rows(transcript).index("second")
        await pilot.triple_click(Transcript, offset=(5, y))
        await pilot.pause()
        assert transcript.selected_text() == "first\n\nsecond"


async def test_a_drag_beyond_the_transcript_selects_what_is_in_sight() -> None:
    async with showing(long_chat(100)) as (app, pilot):
        transcript = app.transcript
        transcript.go_home()
        transcript.page(1)
        await pilot.pause()
        shown = [row for row in rows(transcript) if row]
        await pilot.mouse_down(Transcript, offset=(GUTTER, 2))
        await pilot.hover(TextArea, offset=(2, 1))
        await pilot.mouse_up(TextArea, offset=(2, 1))
        await pilot.pause()
        selected = transcript.selected_text()
        assert selected and len(selected.splitlines()) <= transcript.size.height
        assert selected.splitlines()[-1].rstrip() in shown[-3:]


async def test_rows_are_selected_by_keys() -> None:
    async with showing(Chat(["question", "first\n\nsecond\n\nthird"])) as (app, pilot):
        transcript = app.transcript
        transcript.select_rows(1)
        transcript.select_rows(1)
        await pilot.pause()
        assert transcript.selected_text() == "first"
        transcript.select_rows(2)
        assert transcript.selected_text() == "first\n\nsecond"


async def test_resizing_keeps_the_turn_at_the_top() -> None:
    async with showing(long_chat(), size=(100, 24)) as (app, pilot):
        transcript = app.transcript
        transcript.scroll_rows(-200)
        top = transcript._top[0]
        for width in (60, 100, 40):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            assert transcript._top[0] == top
            assert all(len(row) <= width for row in rows(transcript))


async def test_resizing_keeps_the_reader_in_a_long_turn() -> None:
    code = "```python\n" + "x = 1\n" * 30 + "```\n\n"
    prose = "\n\n".join(f"Paragraph {number} " + "goes on and on " * 30 for number in range(20))
    async with showing(Chat(["question", code + prose])) as (app, pilot):
        transcript = app.transcript
        transcript.scroll_rows(-40)
        before = rows(transcript)[0]
        for width in (100, 30, 60):
            await pilot.resize_terminal(width, 20)
            await pilot.pause()
            assert before.split()[:2] == rows(transcript)[0].split()[:2], width


async def test_dragging_the_scroll_bar_jumps_by_the_estimates() -> None:
    chat = long_chat(3_000)
    async with showing(chat) as (app, pilot):
        transcript = app.transcript
        transcript.scroll_to(y=transcript.virtual_size.height // 2, animate=False)
        await pilot.pause()
        assert 1_000 < transcript._top[0] < 2_000
        assert len(chat.read) < 100
        transcript.scroll_to(y=0, animate=False)
        await pilot.pause()
        assert transcript._top == (0, 0)


async def test_a_click_beside_the_scroll_bar_goes_a_page_at_once() -> None:
    async with showing(long_chat(300)) as (app, pilot):
        transcript = app.transcript
        bottom = transcript._top
        await pilot.click(transcript.vertical_scrollbar, offset=(0, 2))
        await pilot.pause()
        paged = transcript._top
        transcript.follow()
        transcript.page(-1)
        assert paged == transcript._top < bottom
        transcript.vertical_scrollbar.post_message(ScrollTo(y=0.0, animate=True))
        await pilot.pause()
        assert transcript._top == (0, 0)
        transcript.follow()
        await pilot.pause(0.3)
        assert transcript._top == bottom


async def test_bodies_may_come_later() -> None:
    chat = Chat(["question", "the answer"])

    async def load(ids: Sequence[str]) -> list[Body]:
        return chat.load(ids)

    app = Harness()
    async with app.run_test(size=(40, 20)) as pilot:
        app.transcript.show(chat.turns, load)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "the answer" in rows(app.transcript)


async def test_what_was_streamed_may_be_replaced() -> None:
    async with showing(Chat(["question"])) as (app, pilot):
        transcript = app.transcript
        turn = turn_of("1", "", State.WRITING)
        transcript.begin(turn)
        transcript.grow("wrong words")
        await paint(app, pilot)
        transcript.put("right")
        transcript.grow(" words")
        await paint(app, pilot)
        assert "right words" in rows(transcript)
        transcript.end(replace(turn, state=State.COMPLETE), Body("final words"))
        assert "final words" in rows(transcript)


async def test_hostile_text_is_harmless() -> None:
    hostile = (
        "a \x1b]0;x\x07 [bold red]markup[/] \x9b31m \u202e [@click=quit]x[/]\n\n" + "z" * 50_000
    )
    async with showing(Chat([hostile, hostile])) as (app, _):
        transcript = app.transcript
        transcript.go_home()
        for row in rows(transcript):
            assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in row)
        assert any("[bold red]markup[/]" in row for row in rows(transcript))


async def test_a_text_beyond_measure_is_shown_in_part() -> None:
    async with showing(Chat(["question", "word " * 2_000_000])) as (app, _):
        assert "▌ 9,800,000 more characters are not shown" in rows(app.transcript)


async def test_typing_goes_on_while_an_answer_grows() -> None:
    async with showing(long_chat()) as (app, pilot):
        app.query_one(TextArea).focus()
        app.transcript.begin(turn_of("201", "", State.WRITING))
        for letter in "hello":
            app.transcript.grow("word " * 20)
            await pilot.press(letter)
        assert app.query_one(TextArea).text == "hello"


@pytest.mark.parametrize("seed", range(5))
def test_heights_add_up(seed: int) -> None:
    rng = random.Random(seed)
    plain = [rng.randint(1, 9) for _ in range(rng.randint(1, 60))]
    heights = Heights(plain)
    for _ in range(100):
        at = rng.randrange(len(plain))
        plain[at] = rng.randint(1, 9)
        heights.set(at, plain[at])
        if rng.random() < 0.2:
            plain.append(rng.randint(1, 9))
            heights.append(plain[-1])
        assert heights.total == sum(plain)
        turn = rng.randrange(len(plain) + 1)
        assert heights.before(turn) == sum(plain[:turn])
        row = rng.randrange(sum(plain))
        turn, inside = heights.at(row)
        assert sum(plain[:turn]) + inside == row
        assert 0 <= inside < plain[turn]


def test_estimates_grow_with_the_text() -> None:
    short, long = turn_of("1", "word " * 10), turn_of("1", "word " * 1_000)
    assert estimate(short, 80, 1.0) < estimate(long, 80, 1.0) < estimate(long, 40, 1.0)
