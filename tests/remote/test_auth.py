"""Where secrets are kept, and that they stay there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from chatterm.errors import ConfigError
from chatterm.remote.auth import Credentials, CredentialStore

SECRET = "sk-secret-1234"
GIVEN = Credentials("https://x.org", SECRET, "refresh-5678", "ann", "debug")


class Keyring:
    """A keyring in memory that can be locked."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _check(self) -> None:
        if self.locked:
            raise RuntimeError("locked")

    def get_password(self, service: str, name: str) -> str | None:
        self._check()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self._check()
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        self._check()
        del self.kept[service, name]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "credentials.json"


def test_without_a_keyring_a_private_file_keeps_them_and_says_so(file: Path) -> None:
    store = CredentialStore(file)
    assert store.put("lab", GIVEN) == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert CredentialStore(file).get("lab", "https://x.org") == GIVEN
    assert store.place("lab") == str(file)


def test_a_key_is_given_out_for_its_own_server_only(file: Path) -> None:
    store = CredentialStore(file)
    store.put("lab", GIVEN)
    for other in ("https://y.org", "http://x.org", "https://x.org:8443"):
        assert store.get("lab", other) is None


def test_a_keyring_is_preferred_and_leaves_nothing_in_the_file(file: Path) -> None:
    CredentialStore(file).put("lab", GIVEN)
    keyring = Keyring()
    store = CredentialStore(file, keyring)
    assert store.put("lab", GIVEN) == "the keyring"
    assert SECRET not in file.read_text()
    assert store.get("lab", "https://x.org") == GIVEN
    assert store.place("lab") == "the keyring"
    assert store.forget("lab")
    assert keyring.kept == {}


def test_a_locked_keyring_is_as_good_as_none(file: Path) -> None:
    keyring = Keyring()
    keyring.locked = True
    store = CredentialStore(file, keyring)
    assert store.put("lab", GIVEN) == str(file)
    assert store.get("lab", "https://x.org") == GIVEN


def test_forgetting_removes_it_and_only_it(file: Path) -> None:
    store = CredentialStore(file)
    store.put("lab", GIVEN)
    store.put("home", GIVEN)
    assert store.forget("lab")
    assert not store.forget("lab")
    assert store.find("lab") is None
    assert store.find("home") == GIVEN


def test_a_file_that_others_can_read_is_made_private(file: Path) -> None:
    store = CredentialStore(file)
    store.put("lab", GIVEN)
    file.chmod(0o644)
    store.find("lab")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_damaged_file_is_an_error_with_a_way_out(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_bytes(os.fsencode(text))
    with pytest.raises(ConfigError, match=r"damaged|cannot be read"):
        CredentialStore(file).find("lab")


@pytest.mark.parametrize("kept", ["7", '{"origin": 5}', "{}", '{"origin": "x", "access": 5}'])
def test_an_entry_that_makes_no_sense_counts_as_none(file: Path, kept: str) -> None:
    file.parent.mkdir()
    file.write_text(f'{{"lab": {kept}}}')
    assert CredentialStore(file).find("lab") is None


def test_no_secret_stands_in_a_repr() -> None:
    assert SECRET not in repr(GIVEN)
    assert "refresh-5678" not in repr(GIVEN)
