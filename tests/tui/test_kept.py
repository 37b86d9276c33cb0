"""Templates and presets in the chat: inserted, filled in, kept, changed, removed."""

from __future__ import annotations

from pathlib import Path

from chatterm.handover import Beginning
from chatterm.messages import Role
from chatterm.params import Params
from chatterm.store import Store
from chatterm.templates import Template
from chatterm.tui.screens.asking import Asking
from chatterm.tui.widgets.rows import Rows
from chatterm.tui.widgets.suggestions import Suggestions
from tests.scripted import says
from tests.tui.driving import Program, program

TRANSLATE = Template("translate", prompt="Into {{to}}: {{input}}")


async def paste(run: Program, text: str) -> None:
    run.composer.insert(text)
    await run.pilot.pause()


async def test_a_template_is_inserted_and_its_places_are_filled_in(
    store: Store, home: Path
) -> None:
    async with program(store, home, says("Guten Morgen")) as run:
        run.desk.templates.write(TRANSLATE)
        await run.type("/transl")
        assert "Into {{to}}" in "\n".join(run.lines())
        await run.press("enter")
        assert run.composer.text == "Into {{to}}: {{input}}"
        assert run.composer.selected_text == "{{to}}"
        await run.type("German")
        await run.press("tab")
        assert run.composer.selected_text == "{{input}}"
        await run.say("good morning")
        assert run.texts() == ["Into German: good morning", "Guten Morgen"]


async def test_a_place_that_is_left_open_is_asked_about_once(store: Store, home: Path) -> None:
    async with program(store, home, says("as you like")) as run:
        run.desk.templates.write(TRANSLATE)
        await run.type("/translate")
        await run.press("enter", "enter")
        assert run.composer.selected_text == "{{to}}"
        assert "fill this in" in run.status
        await run.press("enter")
        await run.answered()
        assert run.texts()[0] == "Into {{to}}: {{input}}"


async def test_words_behind_the_name_fill_it_in_and_send_it(store: Store, home: Path) -> None:
    async with program(store, home, says("Bonne nuit")) as run:
        run.desk.templates.write(TRANSLATE)
        await paste(run, "/translate to=French Good night,\nall of you")
        await run.press("enter")
        await run.answered()
        assert run.texts()[0] == "Into French: Good night,\nall of you"


async def test_a_preset_counts_from_now_on_and_its_system_prompt_in_a_new_chat(
    store: Store, home: Path
) -> None:
    async with program(store, home, says("Yes."), says("No.")) as run:
        run.desk.templates.write(
            Template("brief", system="One word.", model="other", params=Params(seed=7))
        )
        await run.type("/brief")
        await run.press("enter")
        await run.say("is water wet")
        assert run.path()[0].role is Role.SYSTEM
        assert (run.talk.session.model, run.talk.session.params) == ("other", Params(seed=7))
        await run.type("/brief")
        await run.press("enter")
        assert "keeps its own system prompt" in run.status


async def test_what_is_written_becomes_a_template(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await paste(run, "Explain {{what}}")
        await run.press("ctrl+p")
        await run.type("keep what")
        await run.press("enter")
        assert isinstance(run.app.screen, Asking)
        await run.type("explain")
        await run.press("enter")
        assert run.desk.templates.get("explain").prompt == "Explain {{what}}"
        assert "/explain inserts it" in run.status


async def test_the_list_of_templates_removes_only_when_it_is_sure(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        run.desk.templates.write(TRANSLATE)
        await run.press("f5", "ctrl+x", "enter")
        assert "translate" in run.desk.templates.names()
        await run.press("f5", "ctrl+x", "down", "enter")
        assert "translate" not in run.desk.templates.names()
        await run.press("f5", "ctrl+x")
        assert "lively" in run.desk.templates.names()
        assert "comes with chatterm" in run.complaints[-1]


async def test_a_broken_template_is_complained_of_and_does_not_hide_the_others(
    store: Store, home: Path
) -> None:
    async with program(store, home) as run:
        run.desk.templates.write(TRANSLATE)
        run.desk.templates.file("bad").write_text("prompt = 7")
        await run.press("f5")
        assert "translate" in [row.key for row in run.app.screen.query_one(Rows).rows]
        assert "must be text" in run.complaints[-1]


async def test_parameters_are_kept_as_a_template_without_a_prompt(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("/set seed 7")
        await run.press("enter", "f2", "ctrl+s")
        await run.type("mine")
        await run.press("enter")
        assert run.desk.templates.get("mine").params == Params(seed=7)
        assert "preset/mine" in [row.key for row in run.app.screen.query_one(Rows).rows]


async def test_a_chat_begins_with_a_template_and_keeps_the_draft(store: Store, home: Path) -> None:
    store.set_draft(None, "half a thought")
    first = Beginning(params=Params(seed=3), system="Be brief.", text="Explain {{what}}")
    async with program(store, home, says("Well."), first=first) as run:
        assert run.composer.text == "Explain {{what}}\n\nhalf a thought"
        assert run.composer.selected_text == "{{what}}"
        await run.say("moss")
        assert [message.role for message in run.path()][:1] == [Role.SYSTEM]
        assert run.talk.session.params == Params(seed=3)


async def test_a_mistyped_command_is_not_sent(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("/modle")
        await run.press("escape", "enter")
        assert run.talk.chat_id is None
        assert "did you mean model" in run.complaints[-1]
        assert run.composer.text == "/modle"


async def test_a_command_without_words_is_done_by_one_enter(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("/help")
        await run.press("enter")
        assert run.app.screen is not run.screen
        await run.press("escape")
        await run.type("/titl")
        await run.press("enter")
        assert run.composer.text == "/title "
        assert not run.screen.query_one(Suggestions).display
