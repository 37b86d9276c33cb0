"""Settings: who wins, where each came from, and what is wrong with a file or a variable."""

from __future__ import annotations

import ast
import inspect
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from chatterm import config as config_module
from chatterm.config import Config, OutputSettings, schema
from chatterm.config_reading import Source, load_config, read_settings
from chatterm.errors import ConfigError
from chatterm.params import Params
from chatterm.paths import Paths
from tests.unit.settings_values import as_typed, settings_values
from tests.unit.toml_texts import toml_bytes


@pytest.fixture
def paths(home: Path) -> Paths:
    made = Paths.from_environment({"CHATTERM_HOME": str(home)})
    made.config.mkdir(parents=True)
    return made


def test_without_a_file_the_defaults_count_and_nothing_is_written(home: Path) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(home)})
    assert load_config(paths, {}) == Config()
    assert not home.exists()


def test_the_file_is_read(paths: Paths) -> None:
    paths.config_file.write_text(
        'version = 1\nmodel = "m"\nsystem = """\nBe\nbrief."""\n'
        '[params]\ntemperature = 1\nstop = ["a", "b"]\nlogit_bias = {42 = -5}\nreasoning = true\n'
        'schema = {type = "object"}\n'
        '[output]\ncolor = "never"\n'
    )
    assert load_config(paths, {}) == Config(
        model="m",
        system="Be\nbrief.",
        params=Params(
            temperature=1.0,
            stop=("a", "b"),
            logit_bias=((42, -5.0),),
            reasoning=True,
            schema='{"type": "object"}',
        ),
        output=OutputSettings(color="never"),
    )


def test_an_option_wins_over_a_variable_and_that_over_the_file(paths: Paths) -> None:
    paths.config_file.write_text('model = "file"\nsystem = "file"\n[output]\ncolor = "never"\n')
    env = {"CHATTERM_MODEL": "variable", "CHATTERM_SYSTEM": "variable"}
    found = read_settings(paths, env, {"model": "typed", "system": None})
    assert found.config == Config("typed", "variable", output=OutputSettings("never"))
    assert found.sources == {
        "model": Source("option"),
        "system": Source("environment", "CHATTERM_SYSTEM"),
        "output.color": Source("file", str(paths.config_file)),
    }


def test_every_value_says_where_it_came_from_and_params_left_to_the_model_are_not_listed(
    paths: Paths,
) -> None:
    found = read_settings(paths, {"CHATTERM_PARAMS_SEED": "7"})
    items = found.items()
    assert items[:4] == [
        ("model", "guide", Source("default")),
        ("system", "", Source("default")),
        ("params.seed", 7, Source("environment", "CHATTERM_PARAMS_SEED")),
        ("output.color", "auto", Source("default")),
    ]
    assert [key for key, _, _ in items if key.startswith("params.")] == ["params.seed"]


def test_an_option_may_be_a_value_or_a_text(paths: Paths) -> None:
    typed = {"params.seed": "7", "params.stop": ["a"], "params.temperature": 0.5}
    assert load_config(paths, {}, typed).params == Params(seed=7, stop=("a",), temperature=0.5)


def test_an_empty_variable_counts_as_unset(paths: Paths) -> None:
    paths.config_file.write_text('model = "file"\n')
    env = {"CHATTERM_MODEL": "", "CHATTERM_PARAMS_SEED": ""}
    assert load_config(paths, env) == Config(model="file")


def test_variables_that_are_no_settings_are_left_alone(paths: Paths) -> None:
    env = {f"CHATTERM_{name}": "x" for name in ("HOME", "CONFIG", "DEBUG", "TERMINAL")}
    assert load_config(paths, env | {"CHATTER": "x", "_CHATTERM_COMPLETE": "x"}) == Config()


def test_a_number_below_its_bound_is_refused_and_named(paths: Paths) -> None:
    paths.config_file.write_text("[engine]\nsequences = 0\n")
    with pytest.raises(ConfigError, match=r"engine\.sequences must be at least 1, not 0"):
        load_config(paths, {})


def test_no_two_settings_share_a_variable() -> None:
    assert len({setting.variable for setting in schema().values()}) == len(schema())


BAD_FILES = [
    ("model = ", 1, "this is not valid TOML", "text needs quotes"),
    ("model = echo", 1, "this is not valid TOML", "text needs quotes"),
    ('model = "a"\nmodel = "b"', 2, "this is not valid TOML", ""),
    ("\n[params\n", 2, "this is not valid TOML", ""),
    ("model = 'a\n", 1, "this is not valid TOML", ""),
    ('modell = "a"', None, "there is no setting 'modell'", "did you mean model?"),
    ('color = "auto"', None, "there is no setting 'color'", "did you mean output.color?"),
    ("temprature = 1", None, "no setting 'temprature'", "did you mean params.temperature?"),
    ("[outptu]\ncolor = 1", None, "there is no setting 'outptu'", ""),
    ("[output]\ncolour = 1", None, "no setting 'output.colour'", "did you mean output.color?"),
    ("[params]\ntemprature = 1", None, "'params.temprature'", "did you mean params.temperature?"),
    ("[model]\nx = 1", None, "model must be text, not a table", ""),
    ("[xyzzy]", None, "there is no setting 'xyzzy'", "known: model, system, params, output"),
    ("model = 5", None, "model must be text, not 5", ""),
    ("model = ['a']", None, "model must be text, not a list", ""),
    ("system = 2020-01-01", None, "system must be text, not a date or a time", ""),
    ("output = 5", None, "output must be a table, not 5", "begin it [output]"),
    ("[[params]]\nseed = 1", None, "params must be a table, not a list", "begin it [params]"),
    ("output.color = 'alwais'", None, "output.color must be auto, always or never", "always?"),
    ("output.color = true", None, "output.color must be auto, always or never, not true", ""),
    ("params.temperature = 9", None, "params.temperature must be a number from 0 to 5, not 9", ""),
    ("params.temperature = '1'", None, "params.temperature must not be in quotes", "ature = 1.0"),
    ("params.reasoning = 'yes'", None, "params.reasoning must not be in quotes", "ing = true"),
    ("params.seed = nan", None, "params.seed must be a whole number", ""),
    ("params.seed = 0x" + "f" * 5000, None, "params.seed must be a whole number", ""),
    ("params.seed = " + "9" * 5000, None, "holds a value that is too large to read", ""),
    ("params.stop = " + "[" * 3000, None, "too large", ""),
    ("params.stop = [1]", None, "params.stop must be text or a list of texts", ""),
    ("params.schema = []", None, "params.schema must be a JSON object", ""),
    ("params.schema = {since = 07:32:00}", None, "params.schema is not JSON", ""),
    ("params.logit_bias = 1", None, "params.logit_bias must pair token ids", ""),
    ("params.grammar = 1", None, "params.grammar must be text, not 1", ""),
    ("version = 0", None, "version must be a whole number of at least 1, not 0", "version = 1"),
    ("version = '1'", None, "version must be a whole number of at least 1, not '1'", ""),
    ("version = true", None, "version must be a whole number of at least 1, not true", ""),
    ("version = 2", None, "is of version 2, and this chatterm knows only up to 1", "update"),
]


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"), BAD_FILES, ids=[text[:40] for text, *_ in BAD_FILES]
)
def test_what_is_wrong_with_a_file_is_said_with_the_place_and_the_nearest_name(
    paths: Paths, text: str, line: int | None, said: str, hint: str
) -> None:
    paths.config_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(paths, {})
    place = f"{paths.config_file}, line {line}: " if line else f"{paths.config_file}"
    assert caught.value.message.startswith(place)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
    assert paths.config_file.read_text() == text


@pytest.mark.parametrize(
    ("name", "text", "said", "hint"),
    [
        ("CHATTERM_MODLE", "x", "no setting for the variable CHATTERM_MODLE", "CHATTERM_MODEL?"),
        ("CHATTERM_HOM", "x", "no setting for the variable CHATTERM_HOM", "CHATTERM_HOME?"),
        ("CHATTERM_TEMPERATURE", "1", "variable CHATTERM_TEMPERATURE", "PARAMS_TEMPERATURE?"),
        ("CHATTERM_", "", "no setting for the variable CHATTERM_", ""),
        ("CHATTERM_OUTPUT_COLOR", "red", "CHATTERM_OUTPUT_COLOR: output.color must be", ""),
        ("CHATTERM_PARAMS_SEED", "x", "CHATTERM_PARAMS_SEED: params.seed must be", ""),
        ("CHATTERM_SYSTEM", "\udcff", "CHATTERM_SYSTEM: system must be text", ""),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    paths: Paths, name: str, text: str, said: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(paths, {name: text})
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_an_option_that_cannot_be_used_is_named(paths: Paths) -> None:
    with pytest.raises(ConfigError, match=r"^output\.color must be auto, always or never"):
        load_config(paths, {}, {"output.color": "red"})
    with pytest.raises(ConfigError, match="there is no setting 'colour'"):
        load_config(paths, {}, {"colour": "red"})


def test_a_file_that_was_named_and_does_not_exist_is_an_error(home: Path) -> None:
    env = {"CHATTERM_HOME": str(home), "CHATTERM_CONFIG": str(home / "typo.toml")}
    with pytest.raises(ConfigError, match="CHATTERM_CONFIG names a file that does not exist"):
        load_config(Paths.from_environment(env), env)


def test_a_file_that_is_not_utf8_is_told_with_its_line(paths: Paths) -> None:
    paths.config_file.write_bytes(b'model = "echo"\nsystem = "caf\xe9"\n')
    with pytest.raises(ConfigError, match="line 2: this is not UTF-8 text"):
        load_config(paths, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_config_error(paths: Paths) -> None:
    paths.config_file.touch(mode=0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load_config(paths, {})


def test_a_folder_in_place_of_the_file_is_a_config_error(paths: Paths) -> None:
    paths.config_file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(paths, {})


@settings(max_examples=150, deadline=None)
@given(toml_bytes)
def test_any_file_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path_factory.getbasetemp())})
    paths.config.mkdir(exist_ok=True)
    paths.config_file.write_bytes(data)
    try:
        load_config(paths, {})
    except ConfigError as error:
        assert str(paths.config_file) in error.message
        error.message.encode()


@settings(max_examples=60, deadline=None)
@given(settings_values())
def test_a_variable_means_the_value_it_spells(values: dict[str, Any]) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": "/nowhere"})
    single = {key: typed[0] for key, value in values.items() if len(typed := as_typed(value)) == 1}
    env = {schema()[key].variable: text for key, text in single.items()}
    said = {key: values[key] for key, text in single.items() if text}
    assert load_config(paths, env) == load_config(paths, {}, said)


def test_every_setting_is_explained_below_its_field() -> None:
    for cls in ast.parse(inspect.getsource(config_module)).body:
        if isinstance(cls, ast.ClassDef) and cls.name in ("Config", "OutputSettings"):
            body = cls.body[1:]
            assert [type(node) for node in body[::2]] == [ast.AnnAssign] * (len(body) // 2)
            assert [type(node) for node in body[1::2]] == [ast.Expr] * (len(body) // 2)
