"""Who may use the server: users with passwords, keys of programs, and logins that expire."""

from __future__ import annotations

from dataclasses import dataclass

from chatterm.server.keys import Keys
from chatterm.server.logins import Logins
from chatterm.server.records import Records
from chatterm.server.users import User, Users

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class People:
    """The users, keys and logins of one server."""

    users: Users
    keys: Keys
    logins: Logins

    def remove(self, user: User) -> None:
        """End an account: its name, keys and logins are gone at once. In a transaction."""
        self.users.remove(user.id)
        self.keys.delete_all(user.id)
        self.logins.end_all(user.id)


def people_in(
    records: Records, *, login_seconds: float = 3600.0, refresh_seconds: float = 7 * _DAY
) -> People:
    """Those of a server's file."""
    users = Users(records)
    logins = Logins(records, users, login_seconds=login_seconds, refresh_seconds=refresh_seconds)
    return People(users, Keys(records, users), logins)
