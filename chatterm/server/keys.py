"""Keys of programs: shown once, kept as a hash, each with what it may do and until when."""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chatterm.errors import ConfigError, NotFound
from chatterm.server.hashing import digest
from chatterm.server.records import Records
from chatterm.server.users import User, Users
from chatterm.store.database import Row

KEY_PREFIX = "ck-"
_USED_SECONDS = 60.0
"""When a key was last used is written down this often, not at every request."""
_KEY = "id, user_id, name, hint, scopes, created_at, expires_at, used_at, revoked_at"


class Scope(StrEnum):
    """What a key may do."""

    USE = "use"
    """Everything a user does: chats, answers, models, their own account."""
    MODELS = "models"
    """Change which models the server has: pull, copy, delete."""
    ADMIN = "admin"
    """See and remove users, end their logins, read what the server counts."""
    METRICS = "metrics"
    """Read what the server counts, and nothing else; who has the scope admin may too."""
    TRUSTED = "trusted"
    """Speak for users of its own, as a website or a bot does."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it may be shown: without itself."""

    id: str
    user_id: str
    name: str
    hint: str
    scopes: frozenset[Scope]
    created_at: float
    expires_at: float | None
    used_at: float | None
    revoked_at: float | None


class Keys:
    """The keys of all users."""

    def __init__(self, records: Records, users: Users) -> None:
        self._db = records.db
        self._clock = records.clock
        self._new_id = records.new_id
        self._users = users

    def add(
        self,
        user: User,
        *,
        name: str = "",
        scopes: Iterable[Scope] = (Scope.USE,),
        expires_at: float | None = None,
    ) -> tuple[Key, str]:
        """A new key, and its text: it is never seen again."""
        text = KEY_PREFIX + secrets.token_urlsafe(32)
        said = " ".join(sorted(scopes))
        if not said:
            raise ConfigError("a key without a scope opens nothing", hint="as in --scope use")
        key_id = self._new_id()
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_keys"
                " (id, user_id, name, hash, hint, scopes, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key_id,
                    user.id,
                    name,
                    digest(text),
                    text[: len(KEY_PREFIX) + 4],
                    said,
                    self._clock(),
                    expires_at,
                ),
            )
        return self.get(key_id), text

    def get(self, key_id: str) -> Key:
        row = self._db.row(f"SELECT {_KEY} FROM server_keys WHERE id = ?", (key_id,))
        if row is None:
            raise NotFound(f"there is no key {key_id!r}", hint="chatterm keys list shows them")
        return _key(row)

    def all(self) -> list[Key]:
        rows = self._db.rows(f"SELECT {_KEY} FROM server_keys ORDER BY created_at, id")
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> None:
        with self._db.atomic():
            self.get(key_id)
            self._db.run(
                "UPDATE server_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (self._clock(), key_id),
            )

    def by_text(self, text: str) -> tuple[User, Key] | None:
        """Whose key this is, if it still opens anything."""
        row = self._db.row(f"SELECT {_KEY} FROM server_keys WHERE hash = ?", (digest(text),))
        if row is None:
            return None
        key, now = _key(row), self._clock()
        over = key.expires_at is not None and key.expires_at <= now
        user = self._users.get(key.user_id)
        if key.revoked_at is not None or over or user is None:
            return None
        if key.used_at is None or now - key.used_at > _USED_SECONDS:
            with self._db.atomic():
                self._db.run("UPDATE server_keys SET used_at = ? WHERE id = ?", (now, key.id))
        return user, key

    def delete_all(self, user_id: str) -> None:
        """Of a user who goes."""
        self._db.run("DELETE FROM server_keys WHERE user_id = ?", (user_id,))


def _key(row: Row) -> Key:
    key_id, user_id, name, hint, scopes, created_at, expires_at, used_at, revoked_at = row
    return Key(
        key_id,
        user_id,
        name,
        hint,
        frozenset(Scope(word) for word in scopes.split()),
        created_at,
        expires_at,
        used_at,
        revoked_at,
    )
