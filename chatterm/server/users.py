"""Users: people with passwords, those that trusted clients speak for, and whoever sits here."""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import re
from dataclasses import dataclass

from chatterm.errors import ConfigError, NotFound
from chatterm.server.hashing import NOBODY, hash_password
from chatterm.server.records import Records
from chatterm.store.database import Row

LOCAL = "local"
_NAME = re.compile(r"[\w.@+-]{1,64}")
_SHORTEST_PASSWORD = 8
_USER = "id, name, display_name, provider, provider_id, is_admin, created_at, deleted_at"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    display_name: str
    provider: str
    provider_id: str
    is_admin: bool
    created_at: float
    deleted_at: float | None


class Users:
    """Everybody who has, or had, an account."""

    def __init__(self, records: Records) -> None:
        self._db = records.db
        self._clock = records.clock
        self._new_id = records.new_id

    def add(self, name: str, password: str, *, is_admin: bool = False) -> User:
        """A user who logs in with a password."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a user",
                hint="letters, digits and . _ @ + - only, 64 of them at most",
            )
        hashed = _hashed(password)
        with self._db.atomic():
            if self.named(name) is not None:
                raise ConfigError(
                    f"there is a user {name!r} already",
                    hint=f"chatterm users password {name} gives them another password",
                )
            return self._insert(name, name, LOCAL, "", hashed, is_admin)

    def set_password(self, user: User, password: str) -> None:
        """Another password for an account."""
        hashed = _hashed(password)
        with self._db.atomic():
            self._db.run("UPDATE server_users SET password = ? WHERE id = ?", (hashed, user.id))

    def vouched(self, provider: str, provider_id: str, display_name: str) -> User:
        """The user that a trusted client speaks for, made where there is none."""
        with self._db.atomic():
            found = self.named(provider_id, provider)
            return found or self._insert(provider_id, display_name, provider, provider_id, "")

    def local_user(self) -> User:
        """Whoever sits at this machine, where nobody has to log in."""
        with self._db.atomic():
            return self.named(LOCAL, "machine") or self._insert(LOCAL, LOCAL, "machine", "", "")

    def get(self, user_id: str) -> User | None:
        """A user who has not been removed."""
        row = self._db.row(
            f"SELECT {_USER} FROM server_users WHERE id = ? AND deleted_at IS NULL", (user_id,)
        )
        return _user(row) if row else None

    def named(self, name: str, provider: str = LOCAL) -> User | None:
        row = self._db.row(
            f"SELECT {_USER} FROM server_users"
            " WHERE provider = ? AND name = ? AND deleted_at IS NULL",
            (provider, name),
        )
        return _user(row) if row else None

    def all(self) -> list[User]:
        """Those who were added by hand."""
        rows = self._db.rows(
            f"SELECT {_USER} FROM server_users"
            " WHERE provider = ? AND deleted_at IS NULL ORDER BY name",
            (LOCAL,),
        )
        return [_user(row) for row in rows]

    def password_hash(self, name: str) -> str:
        """What a password has to match; for a name that nobody has, what nothing matches."""
        found: str | None = self._db.value(
            "SELECT password FROM server_users"
            " WHERE provider = ? AND name = ? AND deleted_at IS NULL",
            (LOCAL, name),
        )
        return found or NOBODY

    def remove(self, user_id: str) -> None:
        """End an account; its name is free again. The row stays, for what it still owns."""
        touched = self._db.run(
            "UPDATE server_users SET name = ?, display_name = '', password = '',"
            " provider_id = '', deleted_at = ? WHERE id = ? AND deleted_at IS NULL",
            (f"deleted-{user_id}", self._clock(), user_id),
        )
        if not touched:
            raise NotFound("User not found")

    def _insert(
        self,
        name: str,
        display_name: str,
        provider: str,
        provider_id: str,
        password: str,
        is_admin: bool = False,
    ) -> User:
        user = User(
            self._new_id(),
            name,
            display_name,
            provider,
            provider_id,
            is_admin,
            self._clock(),
            None,
        )
        self._db.run(
            "INSERT INTO server_users"
            " (id, name, display_name, provider, provider_id, is_admin, created_at, password)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                user.id,
                name,
                display_name,
                provider,
                provider_id,
                is_admin,
                user.created_at,
                password,
            ),
        )
        return user


def _hashed(password: str) -> str:
    if len(password) < _SHORTEST_PASSWORD:
        raise ConfigError(
            "this password is too short", hint=f"take {_SHORTEST_PASSWORD} characters or more"
        )
    return hash_password(password)


def _user(row: Row) -> User:
    user_id, name, display_name, provider, provider_id, is_admin, created_at, deleted_at = row
    return User(
        user_id, name, display_name, provider, provider_id, bool(is_admin), created_at, deleted_at
    )
