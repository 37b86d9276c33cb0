"""Templates: what a file may say, and how places are filled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.errors import ConfigError
from chatterm.params import Params
from chatterm.templates import (
    SHIPPED,
    Template,
    Templates,
    begin,
    fill,
    place_after,
    template_text,
    values_in,
)


def test_values_go_before_defaults_and_input_has_its_place() -> None:
    template = Template("t", prompt="{{a}} {{ b }}: {{input}}!", defaults={"a": "A", "b": "B"})
    assert fill(template, {"b": "mine"}, "words").prompt == "A mine: words!"


def test_without_a_place_the_words_follow_the_prompt() -> None:
    assert fill(Template("t", prompt="Do it."), {}, "words").prompt == "Do it.\n\nwords"
    assert fill(Template("t", system="Be brief."), {}, "words").prompt == "words"


def test_the_system_prompt_has_places_too() -> None:
    filled = fill(Template("t", system="Speak {{tongue}}."), {"tongue": "Dutch"}, "hi")
    assert (filled.system, filled.prompt) == ("Speak Dutch.", "hi")


@pytest.mark.parametrize("value", ["{{input}}", "{{b}}", "{0}", "$a", "{% x %}", "\\1", "`id`"])
def test_what_is_filled_in_is_not_looked_at_again(value: str) -> None:
    template = Template("t", prompt="{{a}}", defaults={"b": "no"})
    assert fill(template, {"a": value}, "").prompt == value


def test_braces_that_are_no_place_stay() -> None:
    prompt = '{"a": {{}}, {{1}}, {{a b}}, {x}}'
    assert fill(Template("t", prompt=prompt), {}).prompt == prompt


def test_all_missing_values_are_named_at_once() -> None:
    template = Template("t", prompt="{{a}} {{b}} {{c}}", defaults={"b": ""})
    with pytest.raises(ConfigError, match="needs a and c") as caught:
        fill(template, {})
    assert caught.value.hint == "add -p a=... -p c=..."
    with pytest.raises(ConfigError, match="no place 'cc'") as caught:
        fill(template, {"cc": ""})
    assert caught.value.hint == "did you mean c?"


def write(folder: Path, name: str, text: str) -> Templates:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text)
    return Templates(folder)


def test_a_file_says_everything(tmp_path: Path) -> None:
    templates = write(
        tmp_path / "t",
        "all",
        'prompt = "p"\nsystem = "s"\nmodel = "echo"\nsummary = "one line"\n'
        'schema = {type = "object"}\n[params]\nseed = 7\nstop = ["x"]\n[defaults]\na = "b"\n',
    )
    assert templates.get("all") == Template(
        "all",
        summary="one line",
        prompt="p",
        system="s",
        model="echo",
        schema='{"type": "object"}',
        params=Params(seed=7, stop=("x",)),
        defaults={"a": "b"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt = 1", "prompt must be text"),
        ("promt = 'x'", "no key 'promt'"),
        ("params = 1", "params must be a table"),
        ("[params]\nseed = -1", "params.seed"),
        ("[params]\nsed = 1", "params.there is no parameter"),
        ("[defaults]\na = 1", "defaults.a must be text"),
        ("schema = {a = 1979-05-27}", "schema is not JSON"),
        ("prompt", "line 1"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    templates = write(tmp_path / "t", "bad", text)
    with pytest.raises(ConfigError) as caught:
        templates.get("bad")
    assert said in caught.value.message
    assert str(tmp_path / "t" / "bad.toml") in caught.value.message


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "a b"])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        Templates(tmp_path).get(name)


def test_names_are_those_that_can_be_typed(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", ".hidden.toml", "notes.txt", "bad name.toml"):
        (tmp_path / name).write_text("")
    assert Templates(tmp_path).names() == ["a", "b", *SHIPPED]
    assert Templates(tmp_path / "nowhere").names() == [*SHIPPED]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30)


@given(TEXTS, TEXTS, st.dictionaries(st.sampled_from(["a", "b-c"]), TEXTS))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, system: str, defaults: dict[str, str]
) -> None:
    template = Template("t", prompt=prompt, system=system, defaults=defaults)
    folder = tmp_path_factory.mktemp("t")
    (folder / "t.toml").write_text(template_text(template), encoding="utf-8", newline="")
    assert Templates(folder).get("t") == template


def test_a_shipped_template_gives_way_to_a_file_of_its_name(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    assert templates.get("precise").params.temperature == 0
    with pytest.raises(ConfigError, match="comes with chatterm"):
        templates.remove("precise")
    templates.write(Template("precise", system="Be precise."))
    assert templates.get("precise") == Template("precise", system="Be precise.")
    templates.remove("precise")
    assert templates.get("precise") == SHIPPED["precise"]


def test_a_prompt_that_is_written_on_keeps_its_open_places() -> None:
    template = Template("t", prompt="{{greeting}} {{name}}: {{input}}", defaults={"greeting": "Hi"})
    assert begin(template, {}).prompt == "Hi {{name}}: {{input}}"
    assert begin(template, {"name": "Ada"}, "words").prompt == "Hi Ada: words"
    with pytest.raises(ConfigError, match="needs who"):
        begin(Template("t", system="You are {{who}}."), {})


def test_values_stand_before_the_words_of_a_line() -> None:
    template = Template("t", prompt="{{to}} {{tone}} {{input}}")
    line = "to=German tone='very kind' a=b Good morning"
    assert values_in(template, line) == (
        {"to": "German", "tone": "very kind"},
        "a=b Good morning",
    )
    assert values_in(template, "just words") == ({}, "just words")


def test_the_next_place_is_found_from_anywhere() -> None:
    text = "{{a}} and {{ b }}"
    assert place_after(text, 0) == (0, 5)
    assert place_after(text, 5) == (10, 17)
    assert place_after(text, 17) == (0, 5)
    assert place_after("none {here}", 0) is None
