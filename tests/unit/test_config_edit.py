"""Changing one setting: it is read back equal, and everything else stays as it was."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatterm.config import Config, schema
from chatterm.config_edit import begin_file, set_value, unset_value
from chatterm.config_reading import load_config
from chatterm.errors import ConfigError
from chatterm.params import Params
from chatterm.paths import Paths
from tests.unit.settings_values import as_typed, settings_values
from tests.unit.toml_texts import toml_bytes

COMMENTED = """\
# mine
version = 1  # do not touch

model = 'echo'  # the best

[params]  # sampling
# warm
temperature = 0.5  # not too warm
stop = [
    "a",  # first
    "b",
]

# how it looks
[output]
color = "never"
"""


@pytest.fixture
def paths(home: Path) -> Paths:
    return Paths.from_environment({"CHATTERM_HOME": str(home)})


def begin(paths: Paths, text: str) -> None:
    paths.config.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_bytes(text.encode())


def test_the_first_setting_makes_the_file_private_and_of_the_current_version(paths: Paths) -> None:
    set_value(paths, "params.temperature", ["0.7"])
    assert tomllib.loads(paths.config_file.read_text()) == {
        "version": 1,
        "params": {"temperature": 0.7},
    }
    assert stat.S_IMODE(paths.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.config.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("key", "typed", "old", "new"),
    [
        ("model", ["guide"], "model = 'echo'", 'model = "guide"'),
        ("params.temperature", ["1"], "temperature = 0.5", "temperature = 1.0"),
        ("output.color", ["always"], 'color = "never"', 'color = "always"'),
    ],
)
def test_a_change_touches_its_value_and_no_comment(
    paths: Paths, key: str, typed: list[str], old: str, new: str
) -> None:
    begin(paths, COMMENTED)
    set_value(paths, key, typed)
    assert paths.config_file.read_text() == COMMENTED.replace(old, new)


def test_a_new_setting_comes_into_its_table_and_the_rest_stays(paths: Paths) -> None:
    begin(paths, COMMENTED)
    set_value(paths, "params.seed", ["7"])
    set_value(paths, "system", ["Be brief."])
    lines = paths.config_file.read_text().splitlines()
    assert [line for line in lines if line not in ("seed = 7", 'system = "Be brief."')] == (
        COMMENTED.splitlines()
    )
    assert load_config(paths, {}).system == "Be brief."
    assert load_config(paths, {}).params.seed == 7


def test_a_setting_that_is_taken_out_leaves_the_rest(paths: Paths) -> None:
    begin(paths, COMMENTED)
    assert unset_value(paths, "params.temperature") is True
    expected = COMMENTED.replace("temperature = 0.5  # not too warm\n", "")
    assert paths.config_file.read_text() == expected
    assert unset_value(paths, "params.temperature") is False


def test_set_and_unset_again_leave_the_file_as_it_was(paths: Paths) -> None:
    begin(paths, COMMENTED)
    set_value(paths, "params.seed", ["7"])
    unset_value(paths, "params.seed")
    assert paths.config_file.read_text() == COMMENTED


def test_windows_line_ends_stay(paths: Paths) -> None:
    begin(paths, 'model = "a"  # one\r\n')
    set_value(paths, "model", ["b"])
    assert paths.config_file.read_bytes() == b'model = "b"  # one\r\n'


@pytest.mark.parametrize(
    "text",
    [
        "output.color = 'auto'  # dotted\n",
        "output = { color = 'auto' }  # inline\n",
        "[output]\ncolor = 'auto'",
        "[output]\n[params]\nseed = 1\n",
        "params.seed = 1\n",
        "\n\n# nothing\n\n",
        "# no line end",
        "",
    ],
)
def test_every_way_to_write_a_table_can_be_changed(paths: Paths, text: str) -> None:
    begin(paths, text)
    before = load_config(paths, {})
    set_value(paths, "output.color", ["never"])
    after = load_config(paths, {})
    assert after.output.color == "never"
    assert after.params == before.params


def test_several_values_are_a_list_and_only_where_a_list_belongs(paths: Paths) -> None:
    set_value(paths, "params.stop", ["a", "b"])
    assert load_config(paths, {}).params.stop == ("a", "b")
    for key in ("model", "output.color", "params.seed", "params.grammar"):
        with pytest.raises(ConfigError, match=f"{key} must be .*, not a list"):
            set_value(paths, key, ["1", "2"])


@pytest.mark.parametrize(
    ("key", "value", "said", "hint"),
    [
        ("params.temprature", "1", "no setting 'params.temprature'", "params.temperature?"),
        ("temperature", "1", "there is no setting 'temperature'", "params.temperature?"),
        ("params", "1", "there is no setting 'params'", ""),
        ("version", "2", "there is no setting 'version'", ""),
        ("", "1", "there is no setting ''", "known: model, system, params, output"),
        ("params.temperature", "9", "params.temperature must be a number from 0 to 5", ""),
        ("output.color", "nevr", "output.color must be auto, always or never", "never?"),
        ("system", "\udcff", "system must be text", ""),
    ],
)
def test_a_bad_change_is_refused_and_the_file_left_alone(
    paths: Paths, key: str, value: str, said: str, hint: str
) -> None:
    begin(paths, COMMENTED)
    with pytest.raises(ConfigError) as caught:
        set_value(paths, key, [value])
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert paths.config_file.read_text() == COMMENTED


def test_a_file_with_another_mistake_is_left_alone_and_the_mistake_named(paths: Paths) -> None:
    broken = 'modell = "x"\n'
    begin(paths, broken)
    with pytest.raises(ConfigError, match="there is no setting 'modell'"):
        set_value(paths, "model", ["y"])
    assert paths.config_file.read_text() == broken


def test_a_mistake_can_be_mended_by_setting_or_taking_it_out(paths: Paths) -> None:
    begin(paths, "output.color = 'purple'\n")
    set_value(paths, "output.color", ["never"])
    assert load_config(paths, {}).output.color == "never"
    begin(paths, "modell = 'x'\nmodel = 'y'\n")
    assert unset_value(paths, "modell") is True
    assert load_config(paths, {}) == Config(model="y")


def test_a_value_where_a_table_belongs_is_named(paths: Paths) -> None:
    begin(paths, "output = 5\n")
    with pytest.raises(ConfigError, match="output must be a table"):
        set_value(paths, "output.color", ["never"])


def test_a_broken_file_is_refused_with_its_line(paths: Paths) -> None:
    begin(paths, "model = 'a'\nmodel\n")
    for change in (lambda: set_value(paths, "model", ["b"]), lambda: unset_value(paths, "model")):
        with pytest.raises(ConfigError, match="line 2: this is not valid TOML"):
            change()
    assert paths.config_file.read_text() == "model = 'a'\nmodel\n"


def test_a_file_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder belongs")
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"config\.toml cannot be"):
        set_value(paths, "model", ["b"])


def test_a_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    env = {"CHATTERM_HOME": str(tmp_path), "CHATTERM_CONFIG": "/dev/null"}
    paths = Paths.from_environment(env)
    assert load_config(paths, {}) == Config()
    with pytest.raises(ConfigError, match="/dev/null cannot be written: not a regular file"):
        set_value(paths, "model", ["b"])
    assert Path("/dev/null").is_char_device()


def test_beginning_a_file_leaves_one_that_exists_alone(paths: Paths) -> None:
    begin_file(paths)
    assert load_config(paths, {}) == Config()
    begin(paths, COMMENTED)
    begin_file(paths)
    assert paths.config_file.read_text() == COMMENTED


@settings(max_examples=60, deadline=None)
@given(settings_values())
def test_any_valid_settings_are_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path_factory.mktemp("set"))})
    begin(paths, COMMENTED)
    for key, value in values.items():
        set_value(paths, key, as_typed(value))
    begin_with = {
        "model": "echo",
        "params.temperature": 0.5,
        "params.stop": ["a", "b"],
        "output.color": "never",
    }
    assert load_config(paths, {}) == load_config(
        Paths.from_environment({"CHATTERM_HOME": "/nowhere"}), {}, begin_with | values
    )
    text = paths.config_file.read_text()
    assert all(comment in text for comment in ("# mine", "# do not touch", "# sampling", "# how"))
    for key in values:
        unset_value(paths, key)
    untouched = {key: value for key, value in begin_with.items() if key not in values}
    assert load_config(paths, {}) == load_config(
        Paths.from_environment({"CHATTERM_HOME": "/nowhere"}), {}, untouched
    )


@settings(max_examples=150, deadline=None)
@given(toml_bytes, st.sampled_from(["model", "output.color", "params.seed", "params.stop"]))
def test_any_file_is_changed_and_works_or_is_refused_and_stays(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, key: str
) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path_factory.getbasetemp())})
    paths.config.mkdir(exist_ok=True)
    paths.config_file.write_bytes(data)
    value = {"output.color": "never", "params.seed": "7"}.get(key, "x")
    try:
        set_value(paths, key, [value])
    except ConfigError as error:
        assert str(paths.config_file) in error.message
        assert paths.config_file.read_bytes() == data
    else:
        found = load_config(paths, {})
        assert found == load_config(paths, {}, {key: value})
    try:
        unset_value(paths, key)
    except ConfigError as error:
        assert str(paths.config_file) in error.message


def test_params_of_the_schema_are_all_settings() -> None:
    params = {key.removeprefix("params.") for key in schema() if key.startswith("params.")}
    assert params == set(Params.__dataclass_fields__)


def test_a_file_that_the_editor_would_harm_is_left_to_its_user(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(paths, COMMENTED)
    monkeypatch.setattr("tomlkit.dumps", lambda document: "model = 'b'\n")
    with pytest.raises(ConfigError, match="cannot be changed without harm") as caught:
        set_value(paths, "model", ["b"])
    assert "chatterm config edit" in caught.value.hint
    assert paths.config_file.read_text() == COMMENTED
