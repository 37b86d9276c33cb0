"""Where files live, and that nobody else can read them."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import platformdirs
import pytest

from chatterm.errors import ConfigError
from chatterm.paths import SOCKET_NAME_BYTES, Paths, private_dir, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_chatterm_home_moves_every_folder(tmp_path: Path) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path)})
    assert paths == Paths(
        config=tmp_path / "config",
        data=tmp_path / "data",
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        runtime=tmp_path / "runtime",
    )
    assert list(tmp_path.iterdir()) == []


def test_files_have_their_names_below_the_folders(tmp_path: Path) -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": str(tmp_path)})
    assert paths.config_file == tmp_path / "config/config.toml"
    assert paths.user_models_file == tmp_path / "config/models.toml"
    assert paths.database == tmp_path / "data/chatterm.db"
    assert paths.models_dir == tmp_path / "data/models"
    assert paths.log_dir == tmp_path / "state"
    assert paths.snapshots == tmp_path / "cache/snapshots"


def test_chatterm_config_moves_the_config_file_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    env = {"CHATTERM_HOME": str(tmp_path), "CHATTERM_CONFIG": str(mine)}
    paths = Paths.from_environment(env)
    assert paths.config_file == mine
    assert paths.user_models_file == tmp_path / "config/models.toml"


def test_without_a_home_the_folders_are_those_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    paths = Paths.from_environment({})
    assert paths.config == Path(platformdirs.user_config_dir("chatterm", appauthor=False))
    assert paths.data == Path(platformdirs.user_data_dir("chatterm", appauthor=False))
    assert paths.state == Path(platformdirs.user_state_dir("chatterm", appauthor=False))
    assert paths.cache == Path(platformdirs.user_cache_dir("chatterm", appauthor=False))


def test_a_missing_runtime_folder_is_no_reason_to_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("platformdirs.unix._WARNED", set(), raising=False)
    assert "chatterm" in str(Paths.from_environment({}).runtime)


def test_a_runtime_folder_that_somebody_else_took_is_left_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def taken(_: object) -> str:
        raise PermissionError("runtime directory is owned by another user")

    monkeypatch.setattr(platformdirs.PlatformDirs, "user_runtime_dir", property(taken))
    paths = Paths.from_environment({})
    assert paths.runtime == paths.state / "runtime"


@pytest.mark.parametrize("variable", ["CHATTERM_HOME", "CHATTERM_CONFIG"])
def test_an_empty_variable_counts_as_unset(variable: str) -> None:
    assert Paths.from_environment({variable: ""}) == Paths.from_environment({})


def test_a_relative_home_is_the_same_place_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = Paths.from_environment({"CHATTERM_HOME": "here", "CHATTERM_CONFIG": "c.toml"})
    assert paths.data == tmp_path / "here/data"
    assert paths.config_file == tmp_path / "c.toml"


def test_a_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Paths.from_environment({"CHATTERM_HOME": "~/c"}).data == tmp_path / "c/data"


def test_the_home_of_nobody_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="CHATTERM_HOME names a home folder that does not exist"):
        Paths.from_environment({"CHATTERM_HOME": "~nobody-of-that-name/c"})


def test_sockets_lie_in_the_runtime_folder_where_its_name_is_short_enough() -> None:
    paths = Paths.from_environment({"CHATTERM_HOME": "/srv/chat"})
    assert paths.sockets == Path("/srv/chat/runtime")


def test_a_runtime_folder_with_a_long_name_has_a_short_stand_in_that_holds_sockets(
    tmp_path: Path,
) -> None:
    long = Paths.from_environment({"CHATTERM_HOME": str(tmp_path / ("d" * 90))})
    other = Paths.from_environment({"CHATTERM_HOME": str(tmp_path / ("e" * 90))})
    assert long.sockets != other.sockets
    folder = private_dir(long.sockets)
    try:
        address = folder / ("s" * SOCKET_NAME_BYTES)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(address))
        address.unlink()
        assert mode(folder) == 0o700
    finally:
        folder.rmdir()


def test_a_private_folder_and_those_made_above_it_are_closed_to_others(tmp_path: Path) -> None:
    assert private_dir(tmp_path / "a/b/c") == tmp_path / "a/b/c"
    assert [mode(tmp_path / part) for part in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_an_open_folder_is_closed_and_its_parent_left_as_it_is(tmp_path: Path) -> None:
    parent, folder = tmp_path / "p", tmp_path / "p/f"
    folder.mkdir(parents=True)
    parent.chmod(0o755)
    folder.chmod(0o755)
    private_dir(folder)
    assert (mode(parent), mode(folder)) == (0o755, 0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such links for everybody")
def test_in_a_folder_open_to_all_a_link_that_lies_in_wait_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "trap").mkdir()
    (shared / "chatterm").symlink_to(tmp_path / "trap")
    with pytest.raises(PermissionError):
        private_dir(shared / "chatterm")


def test_in_a_folder_open_to_all_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    (shared / "chatterm").mkdir(parents=True)
    shared.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError):
        private_dir(shared / "chatterm")


def test_elsewhere_a_folder_of_another_owner_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "volume").mkdir(mode=0o755)
    (tmp_path / "volume").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    private_dir(tmp_path / "volume")
    assert mode(tmp_path / "volume") == 0o755


def test_a_private_file_is_replaced_whole_and_readable_by_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "new/secret.toml"
    write_private(file, "one\r\nzwölf\n")
    assert file.read_bytes() == "one\r\nzwölf\n".encode()
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    file.chmod(0o644)
    write_private(file, "two")
    assert (file.read_text(), mode(file)) == ("two", 0o600)
    assert list(file.parent.iterdir()) == [file]


def test_a_link_keeps_its_place_and_what_it_points_to_changes(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles/config.toml", tmp_path / "config.toml"
    real.write_text("old")
    link.symlink_to(real)
    write_private(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        write_private(pipe, "text")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "\udcff")
    assert list(tmp_path.glob("*f*")) == [file]
    assert file.read_text() == "old"
