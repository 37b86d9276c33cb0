"""Who may use the server: users with passwords, keys of programs, and logins that expire.

Passwords are hashed with Argon2; keys and tokens are random, so a SHA-256 of them is enough to
find them by and nothing to steal. A refresh token works once: shown again, it was copied, and the
whole login ends.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chatterm.errors import ConfigError, NotFound
from chatterm.server.problems import Problem
from chatterm.server.records import Records
from chatterm.store.database import Row

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LOCAL = "local"
KEY_PREFIX = "ck-"
ACCESS_PREFIX = "ca-"
REFRESH_PREFIX = "cr-"
_NAME = re.compile(r"[\w.@+-]{1,64}")
_SHORTEST_PASSWORD = 8
_DAY = 86400.0
_USED_SECONDS = 60.0
"""When a key was last used is written down this often, not at every request."""


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
class User:
    id: str
    name: str
    display_name: str
    provider: str
    provider_id: str
    is_admin: bool
    created_at: float
    deleted_at: float | None


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


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    user: User
    access: str
    refresh: str
    access_seconds: float


_USER = "id, name, display_name, provider, provider_id, is_admin, created_at, deleted_at"
_KEY = "id, user_id, name, hint, scopes, created_at, expires_at, used_at, revoked_at"


class People:
    """The users, keys and logins of one server."""

    def __init__(
        self, records: Records, *, login_seconds: float = 3600.0, refresh_seconds: float = 7 * _DAY
    ) -> None:
        self._db = records.db
        self._clock = records.clock
        self._new_id = records.new_id
        self._login_seconds = login_seconds
        self._refresh_seconds = refresh_seconds

    # Users

    def add_user(self, name: str, password: str, *, is_admin: bool = False) -> User:
        """A user who logs in with a password."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a user",
                hint="letters, digits and . _ @ + - only, 64 of them at most",
            )
        if len(password) < _SHORTEST_PASSWORD:
            raise ConfigError(
                "this password is too short", hint=f"take {_SHORTEST_PASSWORD} characters or more"
            )
        hashed = hash_password(password)
        with self._db.atomic():
            if self.named(name) is not None:
                raise ConfigError(
                    f"there is a user {name!r} already",
                    hint=f"remove that one first: chatterm users remove {name}",
                )
            return self._insert(name, name, LOCAL, "", hashed, is_admin)

    def vouched(self, provider: str, provider_id: str, display_name: str) -> User:
        """The user that a trusted client speaks for, made where there is none."""
        with self._db.atomic():
            found = self.named(provider_id, provider)
            return found or self._insert(provider_id, display_name, provider, provider_id, "")

    def local_user(self) -> User:
        """Whoever sits at this machine, where nobody has to log in."""
        with self._db.atomic():
            return self.named(LOCAL, "machine") or self._insert(LOCAL, LOCAL, "machine", "", "")

    def user(self, user_id: str) -> User | None:
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

    def users(self) -> list[User]:
        """Those who were added by hand."""
        rows = self._db.rows(
            f"SELECT {_USER} FROM server_users"
            " WHERE provider = ? AND deleted_at IS NULL ORDER BY name",
            (LOCAL,),
        )
        return [_user(row) for row in rows]

    def remove_user(self, user_id: str) -> None:
        """End an account: its name, keys and logins are gone at once, its chats stay."""
        now = self._clock()
        with self._db.atomic():
            touched = self._db.run(
                "UPDATE server_users SET name = ?, display_name = '', password = '',"
                " provider_id = '', deleted_at = ? WHERE id = ? AND deleted_at IS NULL",
                (f"deleted-{user_id}", now, user_id),
            )
            if not touched:
                raise NotFound("User not found")
            self._db.run("DELETE FROM server_keys WHERE user_id = ?", (user_id,))
            self._end_logins("user_id = ?", user_id)

    # Keys

    def add_key(
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
                    _hash(text),
                    text[: len(KEY_PREFIX) + 4],
                    said,
                    self._clock(),
                    expires_at,
                ),
            )
        return self.key(key_id), text

    def key(self, key_id: str) -> Key:
        row = self._db.row(f"SELECT {_KEY} FROM server_keys WHERE id = ?", (key_id,))
        if row is None:
            raise NotFound(f"there is no key {key_id!r}", hint="chatterm keys list shows them")
        return _key(row)

    def all_keys(self) -> list[Key]:
        rows = self._db.rows(f"SELECT {_KEY} FROM server_keys ORDER BY created_at, id")
        return [_key(row) for row in rows]

    def revoke_key(self, key_id: str) -> None:
        with self._db.atomic():
            self.key(key_id)
            self._db.run(
                "UPDATE server_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (self._clock(), key_id),
            )

    def by_key(self, text: str) -> tuple[User, Key] | None:
        """Whose key this is, if it still opens anything."""
        row = self._db.row(f"SELECT {_KEY} FROM server_keys WHERE hash = ?", (_hash(text),))
        if row is None:
            return None
        key, now = _key(row), self._clock()
        over = key.expires_at is not None and key.expires_at <= now
        user = self.user(key.user_id)
        if key.revoked_at is not None or over or user is None:
            return None
        if key.used_at is None or now - key.used_at > _USED_SECONDS:
            with self._db.atomic():
                self._db.run("UPDATE server_keys SET used_at = ? WHERE id = ?", (now, key.id))
        return user, key

    # Logins

    def password_hash(self, name: str) -> str:
        """What a password has to match; for a name that nobody has, what nothing matches."""
        found: str | None = self._db.value(
            "SELECT password FROM server_users"
            " WHERE provider = ? AND name = ? AND deleted_at IS NULL",
            (LOCAL, name),
        )
        return found or _NOBODY

    def log_in(self, user: User) -> Tokens:
        """Tokens for a user who has shown who they are."""
        login_id = self._new_id()
        with self._db.atomic():
            self._sweep()
            self._db.run(
                "INSERT INTO server_logins (id, user_id, created_at) VALUES (?, ?, ?)",
                (login_id, user.id, self._clock()),
            )
            return self._issue(login_id, user)

    def refresh(self, text: str) -> Tokens:
        """New tokens for a refresh token, which is used up by that."""
        now = self._clock()
        stolen = ""
        with self._db.atomic():
            login_id, user = self._owner(text, "refresh")
            used = self._db.value(
                "SELECT used_at FROM server_tokens WHERE hash = ?", (_hash(text),)
            )
            if used is not None:
                stolen = login_id
                self._end_logins("id = ?", login_id)
            else:
                self._db.run(
                    "UPDATE server_tokens SET used_at = ? WHERE hash = ?", (now, _hash(text))
                )
                self._db.run(
                    "DELETE FROM server_tokens WHERE login_id = ? AND kind = 'access'", (login_id,)
                )
                return self._issue(login_id, user)
        raise _refused("Token revoked" if stolen else "Invalid token")

    def by_token(self, text: str) -> User:
        """Whose access token this is."""
        return self._owner(text, "access")[1]

    def log_out(self, text: str) -> None:
        """End the login that a token belongs to."""
        with self._db.atomic():
            login_id: str | None = self._db.value(
                "SELECT login_id FROM server_tokens WHERE hash = ?", (_hash(text),)
            )
            if login_id is not None:
                self._end_logins("id = ?", login_id)

    def end_logins(self, user_id: str) -> None:
        """End every login of a user."""
        with self._db.atomic():
            self._end_logins("user_id = ?", user_id)

    def _owner(self, text: str, kind: str) -> tuple[str, User]:
        row = self._db.row(
            "SELECT t.kind, t.expires_at, l.id, l.user_id, l.revoked_at FROM server_tokens AS t"
            " JOIN server_logins AS l ON l.id = t.login_id WHERE t.hash = ?",
            (_hash(text),),
        )
        if row is None:
            raise _refused("Invalid token")
        found, expires_at, login_id, user_id, revoked_at = row
        if found != kind:
            raise Problem(400, "Invalid token type", kind="login")
        user = self.user(user_id)
        if revoked_at is not None or user is None:
            raise _refused("Token revoked")
        if expires_at <= self._clock():
            raise _refused("Token expired")
        return login_id, user

    def _issue(self, login_id: str, user: User) -> Tokens:
        access = ACCESS_PREFIX + secrets.token_urlsafe(32)
        refresh = REFRESH_PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        for text, kind, seconds in (
            (access, "access", self._login_seconds),
            (refresh, "refresh", self._refresh_seconds),
        ):
            self._db.run(
                "INSERT INTO server_tokens (hash, login_id, kind, expires_at) VALUES (?, ?, ?, ?)",
                (_hash(text), login_id, kind, now + seconds),
            )
        return Tokens(user, access, refresh, self._login_seconds)

    def _end_logins(self, which: str, value: str) -> None:
        self._db.run(
            f"UPDATE server_logins SET revoked_at = ? WHERE {which} AND revoked_at IS NULL",
            (self._clock(), value),
        )

    def _sweep(self) -> None:
        """Forget logins that nobody can use any more."""
        past = self._clock() - self._refresh_seconds
        over = "SELECT login_id FROM server_tokens GROUP BY login_id HAVING max(expires_at) < ?"
        self._db.run(f"DELETE FROM server_tokens WHERE login_id IN ({over})", (past,))
        self._db.run(
            "DELETE FROM server_logins WHERE id NOT IN (SELECT login_id FROM server_tokens)"
        )

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


def chats_of(records: Records, user: User) -> list[str]:
    """The ids of all chats of a user, of whatever dialect."""
    rows = records.db.rows("SELECT chat_id FROM server_chats WHERE user_id = ?", (user.id,))
    return [chat_id for (chat_id,) in rows]


def remove_with_chats(records: Records, people: People, user: User) -> None:
    """End an account and remove everything that was said in it, for good."""
    chat_ids = chats_of(records, user)
    people.remove_user(user.id)
    records.store.delete_forever(*chat_ids)
    records.forget(user.id)


def hash_password(password: str) -> str:
    """Slow on purpose."""
    return _hasher().hash(password)


def password_matches(hashed: str, password: str) -> bool:
    """Slow on purpose, and as slow for a name that nobody has; to be called in a thread."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _hasher() -> PasswordHasher:
    """RFC 9106's second choice, 64 MiB. What it costs for nobody has to cost the same."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)


_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5bm9ib2R5bm9ibw$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash that no password has."""


def _refused(message: str) -> Problem:
    return Problem(401, message, kind="login", headers={"WWW-Authenticate": "Bearer"})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _user(row: Row) -> User:
    user_id, name, display_name, provider, provider_id, is_admin, created_at, deleted_at = row
    return User(
        user_id, name, display_name, provider, provider_id, bool(is_admin), created_at, deleted_at
    )


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
