"""Logins: tokens that expire, are refreshed, and end together.

A refresh token works once: shown again, it was copied, and the whole login ends.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import secrets
from dataclasses import dataclass

from chatterm.server.hashing import digest
from chatterm.server.problems import Problem
from chatterm.server.records import Records
from chatterm.server.users import User, Users

ACCESS_PREFIX = "ca-"
REFRESH_PREFIX = "cr-"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    user: User
    access: str
    refresh: str


class Logins:
    """The logins of all users."""

    def __init__(
        self, records: Records, users: Users, *, login_seconds: float, refresh_seconds: float
    ) -> None:
        self._db = records.db
        self._clock = records.clock
        self._new_id = records.new_id
        self._users = users
        self._login_seconds = login_seconds
        self._refresh_seconds = refresh_seconds

    def begin(self, user: User) -> Tokens:
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
        with self._db.atomic():
            login_id, user = self._owner(text, "refresh")
            is_first = self._db.run(
                "UPDATE server_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL",
                (self._clock(), digest(text)),
            )
            if is_first:
                self._db.run(
                    "DELETE FROM server_tokens WHERE login_id = ? AND kind = 'access'", (login_id,)
                )
                return self._issue(login_id, user)
            self._end("id = ?", login_id)
        raise _refused("Token revoked")

    def by_token(self, text: str) -> User:
        """Whose access token this is."""
        return self._owner(text, "access")[1]

    def end(self, text: str) -> None:
        """End the login that a token belongs to."""
        with self._db.atomic():
            login_id: str | None = self._db.value(
                "SELECT login_id FROM server_tokens WHERE hash = ?", (digest(text),)
            )
            if login_id is not None:
                self._end("id = ?", login_id)

    def end_all(self, user_id: str) -> None:
        """End every login of a user."""
        with self._db.atomic():
            self._end("user_id = ?", user_id)

    def _owner(self, text: str, kind: str) -> tuple[str, User]:
        row = self._db.row(
            "SELECT t.kind, t.expires_at, l.id, l.user_id, l.revoked_at FROM server_tokens AS t"
            " JOIN server_logins AS l ON l.id = t.login_id WHERE t.hash = ?",
            (digest(text),),
        )
        if row is None:
            raise _refused("Invalid token")
        found, expires_at, login_id, user_id, revoked_at = row
        if found != kind:
            raise Problem(400, "Invalid token type", kind="login")
        user = self._users.get(user_id)
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
                (digest(text), login_id, kind, now + seconds),
            )
        return Tokens(user, access, refresh)

    def _end(self, which: str, value: str) -> None:
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


def _refused(message: str) -> Problem:
    return Problem(401, message, kind="login", headers={"WWW-Authenticate": "Bearer"})
