"""Keys and tokens of remotes: in the keyring of the operating system, or in a private file.

A secret is kept together with the origin it was given for and is handed out for no other. Nothing
of it is ever part of a message, a ``repr`` or the database.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chatterm.errors import ConfigError
from chatterm.paths import write_private

_SERVICE = "chatterm"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens one remote."""

    origin: str
    """Scheme, host and port of the server they were given for."""
    access: str = field(default="", repr=False)
    """A key, or a token that may expire."""
    refresh: str = field(default="", repr=False)
    """A token that fetches a new one."""
    user: str = ""
    """Who is logged in, where the server knows people by name."""
    provider: str = ""
    """How that was proved: ``debug`` can be repeated without asking."""


class Keyring(Protocol):
    """What is needed of the package keyring."""

    def get_password(self, service: str, name: str) -> str | None: ...

    def set_password(self, service: str, name: str, secret: str) -> None: ...

    def delete_password(self, service: str, name: str) -> None: ...


class CredentialStore:
    """The credentials of all remotes, by the remote's name."""

    def __init__(self, file: Path, keyring: Keyring | None = None) -> None:
        self._file = file
        self._keyring = keyring

    def get(self, name: str, origin: str) -> Credentials | None:
        """What was given for that remote at that origin, and nothing else."""
        found = self.find(name)
        return found if found is not None and found.origin == origin else None

    def find(self, name: str) -> Credentials | None:
        """What is kept under a name, whatever server it is for; not to be sent."""
        kept = self._in_keyring(name)
        if kept is None:
            kept = self._in_file().get(name)
        return _credentials(kept)

    def place(self, name: str) -> str:
        """Where the credentials of a remote are, in words."""
        return "the keyring" if self._in_keyring(name) is not None else str(self._file)

    def put(self, name: str, credentials: Credentials) -> str:
        """Keep them and say where."""
        said = asdict(credentials)
        if self._keyring is not None:
            with suppress(Exception):  # each system's keyring fails in a way of its own
                self._keyring.set_password(_SERVICE, name, json.dumps(said))
                self._forget_in_file(name)
                return "the keyring"
        self._forget_in_keyring(name)
        self._write({**self._in_file(), name: said})
        return str(self._file)

    def forget(self, name: str) -> bool:
        """Remove them from everywhere; False if there were none."""
        in_keyring = self._forget_in_keyring(name)
        return self._forget_in_file(name) or in_keyring

    def _in_keyring(self, name: str) -> dict[str, Any] | None:
        if self._keyring is None:
            return None
        try:
            return _object(self._keyring.get_password(_SERVICE, name))
        except Exception:  # noqa: BLE001  (a locked keyring is as good as none)
            return None

    def _forget_in_keyring(self, name: str) -> bool:
        if self._keyring is None or self._in_keyring(name) is None:
            return False
        try:
            self._keyring.delete_password(_SERVICE, name)
        except Exception as error:
            raise ConfigError(
                f"the keyring does not give up the key of {name}",
                hint="remove it with the keyring's own program",
            ) from error
        return True

    def _in_file(self) -> dict[str, Any]:
        try:
            text = self._file.read_text("utf-8")
            if self._file.stat().st_mode & 0o077:
                self._file.chmod(0o600)
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{self._file} cannot be read", hint="mend its permissions, or log in again"
            ) from error
        found = _object(text)
        if found is None:
            raise ConfigError(
                f"{self._file} is damaged", hint="delete it and log in again: chatterm login NAME"
            )
        return found

    def _forget_in_file(self, name: str) -> bool:
        kept = self._in_file()
        if name not in kept:
            return False
        del kept[name]
        self._write(kept)
        return True

    def _write(self, kept: dict[str, Any]) -> None:
        try:
            write_private(self._file, json.dumps(kept, indent=1))
        except OSError as error:
            raise ConfigError(
                f"{self._file} cannot be written: {error.strerror or error}"
            ) from error


def system_keyring() -> Keyring | None:
    """The keyring of this system, if the package is installed and finds a real one."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    found = keyring.get_keyring()
    unusable = isinstance(found, fail.Keyring | null.Keyring) or found.priority <= 0
    return None if unusable else found


def _object(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _credentials(kept: object) -> Credentials | None:
    if not isinstance(kept, dict):
        return None
    known = {name: kept.get(name, "") for name in Credentials.__slots__}
    if not known["origin"] or not all(isinstance(value, str) for value in known.values()):
        return None
    return Credentials(**known)
