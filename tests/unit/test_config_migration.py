"""A config of an older version is brought up to date; one of a newer is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatterm.config import Config, OutputSettings
from chatterm.config_edit import new_file_text, set_value, unset_value
from chatterm.config_migration import Migration
from chatterm.config_reading import load_config
from chatterm.errors import ConfigError
from chatterm.params import Params
from chatterm.paths import Paths

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

OLD = """\
# mine
version = 1  # old

default_model = "m"  # good
temperature = 0.5  # warm
colour = "never"
"""

NEW = """\
# mine
version = 3  # old

model = "m"

[params]
temperature = 0.5

[output]
color = "never"
"""


def rename_model(document: TOMLDocument) -> None:
    if "default_model" in document:
        document["model"] = document.pop("default_model")


def make_tables(document: TOMLDocument) -> None:
    import tomlkit

    for old, table, new in (
        ("temperature", "params", "temperature"),
        ("colour", "output", "color"),
    ):
        if old in document:
            made = tomlkit.table()
            made[new] = document.pop(old)
            document[table] = made


STEPS: tuple[Migration, ...] = (rename_model, make_tables)


@pytest.fixture
def paths(home: Path) -> Paths:
    made = Paths.from_environment({"CHATTERM_HOME": str(home)})
    made.config.mkdir(parents=True)
    return made


def files(paths: Paths) -> dict[str, str]:
    return {file.name: file.read_text() for file in paths.config.iterdir()}


def test_an_old_file_goes_through_every_step_and_is_kept(paths: Paths) -> None:
    paths.config_file.write_text(OLD)
    found = load_config(paths, {}, migrations=STEPS)
    assert found == Config("m", params=Params(temperature=0.5), output=OutputSettings("never"))
    after = files(paths)
    assert after["config.toml.v1.bak"] == OLD
    assert "# mine\nversion = 3  # old\n" in after["config.toml"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in paths.config.iterdir())


def test_the_second_time_there_is_nothing_to_do(paths: Paths) -> None:
    paths.config_file.write_text(OLD)
    first = load_config(paths, {}, migrations=STEPS)
    before = files(paths)
    assert load_config(paths, {}, migrations=STEPS) == first
    assert files(paths) == before


def test_a_file_of_the_middle_takes_only_the_steps_it_lacks(paths: Paths) -> None:
    paths.config_file.write_text('version = 2\ndefault_model = "x"\ncolour = "never"\n')
    with pytest.raises(ConfigError, match="there is no setting 'default_model'"):
        load_config(paths, {}, migrations=STEPS)
    paths.config_file.write_text('version = 2\nmodel = "x"\ncolour = "never"\n')
    found = load_config(paths, {}, migrations=STEPS)
    assert found == Config("x", output=OutputSettings("never"))


def test_comments_of_their_own_line_survive(paths: Paths) -> None:
    paths.config_file.write_text(
        "# top\nversion = 1\n# about the model\ndefault_model = 'm'\n# end\n"
    )
    load_config(paths, {}, migrations=STEPS)
    text = paths.config_file.read_text()
    assert all(comment in text for comment in ("# top", "# about the model", "# end"))


def test_a_file_without_a_version_is_of_the_current_one(paths: Paths) -> None:
    paths.config_file.write_text('model = "m"\n')
    assert load_config(paths, {}, migrations=STEPS) == Config("m")
    assert files(paths) == {"config.toml": 'model = "m"\n'}


def test_a_new_file_says_the_version_it_was_made_for(paths: Paths) -> None:
    assert "version = 3\n" in new_file_text(STEPS)
    set_value(paths, "model", ["m"], migrations=STEPS)
    assert load_config(paths, {}, migrations=STEPS) == Config("m")
    assert list(files(paths)) == ["config.toml"]


def test_a_newer_file_is_refused_and_untouched(paths: Paths) -> None:
    text = 'version = 4\nfuture = "x"\n'
    paths.config_file.write_text(text)
    attempts = (
        lambda: load_config(paths, {}, migrations=STEPS),
        lambda: set_value(paths, "model", ["m"], migrations=STEPS),
        lambda: unset_value(paths, "future", migrations=STEPS),
    )
    for attempt in attempts:
        with pytest.raises(ConfigError, match=r"is of version 4, .* knows only up to 3") as caught:
            attempt()
        assert caught.value.exit_code == 2
        assert str(paths.config_file) in caught.value.message
    assert files(paths) == {"config.toml": text}


def test_setting_a_value_in_an_old_file_brings_it_up_to_date_first(paths: Paths) -> None:
    paths.config_file.write_text(OLD)
    set_value(paths, "model", ["other"], migrations=STEPS)
    found = load_config(paths, {}, migrations=STEPS)
    assert found == Config("other", params=Params(temperature=0.5), output=OutputSettings("never"))
    assert files(paths)["config.toml.v1.bak"] == OLD


def test_what_was_kept_before_is_not_overwritten(paths: Paths) -> None:
    for text in (OLD, OLD + "# again\n", OLD):
        paths.config_file.write_text(text)
        load_config(paths, {}, migrations=STEPS)
    kept = {name: text for name, text in files(paths).items() if name.endswith(".bak")}
    assert kept == {"config.toml.v1.bak": OLD, "config.toml.v1.2.bak": OLD + "# again\n"}


def test_a_file_that_cannot_be_replaced_counts_all_the_same(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    paths.config_file.write_text(OLD)
    monkeypatch.setattr("chatterm.config_migration.write_private", refuse)
    assert load_config(paths, {}, migrations=STEPS).model == "m"
    assert files(paths) == {"config.toml": OLD}


def test_a_mistake_in_an_old_file_is_named_as_the_new_one_has_it(paths: Paths) -> None:
    paths.config_file.write_text(OLD.replace("never", "purple"))
    with pytest.raises(ConfigError, match=r"output\.color must be auto, always or never"):
        load_config(paths, {}, migrations=STEPS)
    assert "purple" in files(paths)["config.toml.v1.bak"]


def test_a_link_to_the_old_file_keeps_its_place(paths: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(OLD)
    paths.config_file.symlink_to(real)
    load_config(paths, {}, migrations=STEPS)
    assert paths.config_file.is_symlink()
    assert os.path.samefile(paths.config_file, real)  # noqa: PTH121
    assert "version = 3" in real.read_text()


def test_a_step_that_cannot_cope_leaves_the_file_and_says_so(paths: Paths) -> None:
    from tomlkit.exceptions import TOMLKitError

    def stumble(document: TOMLDocument) -> None:
        raise TOMLKitError("out of order")

    paths.config_file.write_text(OLD)
    with pytest.raises(ConfigError, match="is of version 1 and could not be brought up to date"):
        load_config(paths, {}, migrations=(stumble,))
    assert files(paths) == {"config.toml": OLD}
