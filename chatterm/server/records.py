"""What the server keeps in ``server.db``, beside the trees of the Store in the same file.

The steps that build its tables are append-only, as the Store's are. This module also opens the
file; statements about people and jobs live with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chatterm.errors import StoreError
from chatterm.ids import Clock, NewId
from chatterm.store import Store
from chatterm.store.database import Database, open_database

_STEPS: tuple[tuple[str, str], ...] = (
    (
        "s001_people_and_jobs",
        """
CREATE TABLE server_users (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,                -- how they log in; freed when the account is deleted
  display_name TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL DEFAULT '', -- Argon2id; empty: no login by password
  provider TEXT NOT NULL DEFAULT 'local', -- who vouches for them: local, or a trusted client
  provider_id TEXT NOT NULL DEFAULT '',
  is_admin INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,          -- seconds since the epoch, as every time here
  deleted_at REAL
)

CREATE UNIQUE INDEX server_users_by_name ON server_users (provider, name) WHERE deleted_at IS NULL

CREATE TABLE server_keys (           -- of programs: shown once, kept as a hash
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  name TEXT NOT NULL DEFAULT '',
  hash TEXT NOT NULL UNIQUE,         -- SHA-256; a key is random, so it needs no slow hash
  hint TEXT NOT NULL,                -- how it begins, to tell it from others
  scopes TEXT NOT NULL,              -- with spaces between
  created_at REAL NOT NULL,
  expires_at REAL,
  used_at REAL,
  revoked_at REAL
)

CREATE TABLE server_logins (         -- one row a login; refreshing it makes new tokens
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  created_at REAL NOT NULL,
  revoked_at REAL
)

CREATE TABLE server_tokens (
  hash TEXT NOT NULL PRIMARY KEY,
  login_id TEXT NOT NULL REFERENCES server_logins (id),
  kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
  expires_at REAL NOT NULL,
  used_at REAL                       -- when a refresh token was exchanged: it works once
) WITHOUT ROWID

CREATE INDEX server_tokens_of_login ON server_tokens (login_id)

CREATE TABLE server_chats (          -- whose a chat is; everything said in it is in the Store
  chat_id TEXT NOT NULL PRIMARY KEY REFERENCES chats (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  dialect TEXT NOT NULL,             -- who shows it: openassistant, responses
  hidden INTEGER NOT NULL DEFAULT 0,
  allow_data_use INTEGER NOT NULL DEFAULT 1,
  tail_id TEXT                       -- the branch a client shows
) WITHOUT ROWID

CREATE INDEX server_chats_of_user ON server_chats (user_id, dialect, chat_id)

CREATE TABLE server_jobs (           -- kept jobs: one an answer
  id TEXT NOT NULL PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  state TEXT NOT NULL,               -- pending, in_progress, complete, stopped, failed, timeout
  error TEXT NOT NULL DEFAULT '',
  error_kind TEXT NOT NULL DEFAULT '',
  created_at REAL NOT NULL,
  started_at REAL,
  finished_at REAL
)

CREATE INDEX server_jobs_open ON server_jobs (state) WHERE state IN ('pending', 'in_progress')

CREATE TABLE server_notes (          -- what a dialect has to give back of a message
  message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  note TEXT NOT NULL                 -- JSON
) WITHOUT ROWID

CREATE TABLE server_reports (
  id TEXT NOT NULL PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  report_type TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at REAL NOT NULL
)

CREATE INDEX server_reports_of_message ON server_reports (message_id)

CREATE TABLE server_evaluations (    -- an answer that was preferred to others
  id TEXT NOT NULL PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  inferior_ids TEXT NOT NULL,        -- a JSON array
  created_at REAL NOT NULL
)

CREATE INDEX server_evaluations_of_message ON server_evaluations (message_id)

CREATE TABLE server_usage (          -- tokens by user and day
  user_id TEXT NOT NULL,
  day INTEGER NOT NULL,              -- days since the epoch, UTC
  tokens INTEGER NOT NULL,
  PRIMARY KEY (user_id, day)
) WITHOUT ROWID
""",
    ),
    (
        "s002_responses",
        """
CREATE TABLE server_completions (    -- OpenAI chat completions that were asked to be kept
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  model TEXT NOT NULL,
  created_at REAL NOT NULL,
  body TEXT NOT NULL,                -- JSON, as a client reads it
  messages TEXT NOT NULL             -- a JSON array: what was asked
)

CREATE INDEX server_completions_of_user ON server_completions (user_id, created_at)

CREATE TABLE server_responses (      -- OpenAI Responses
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  created_at REAL NOT NULL,
  status TEXT NOT NULL,              -- as a client reads it: queued, in_progress, completed ...
  previous_id TEXT,                  -- the response it goes on from; that one may be deleted
  conversation_id TEXT,
  body TEXT NOT NULL,                -- JSON, as a client reads it
  input TEXT NOT NULL                -- a JSON array: its own items, without what it goes on from
)

CREATE INDEX server_responses_open ON server_responses (status)
  WHERE status IN ('queued', 'in_progress')

CREATE TABLE server_conversations (  -- OpenAI Conversations
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES server_users (id),
  created_at REAL NOT NULL,
  metadata TEXT NOT NULL             -- a JSON object
)

CREATE TABLE server_items (          -- what a conversation holds
  conversation_id TEXT NOT NULL REFERENCES server_conversations (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  item TEXT NOT NULL,                -- JSON, as a client reads it
  PRIMARY KEY (conversation_id, position)
) WITHOUT ROWID

CREATE UNIQUE INDEX server_items_by_id ON server_items (conversation_id, id)
""",
    ),
    (
        "s003_what_is_old",
        """
CREATE INDEX server_responses_after ON server_responses (previous_id)

CREATE INDEX server_responses_old ON server_responses (created_at)

CREATE INDEX server_completions_old ON server_completions (created_at)
""",
    ),
)


@dataclass(frozen=True, slots=True)
class Records:
    """The open file."""

    db: Database
    store: Store
    clock: Clock
    new_id: NewId

    def close(self) -> None:
        self.store.close()


def open_records(path: Path | None, *, clock: Clock, new_id: NewId) -> Records:
    """Open or create the file; None keeps everything in memory."""
    db = open_database(path)
    try:
        _migrate(db)
    except BaseException:
        db.connection.close()
        raise
    return Records(db, Store.over(db, clock=clock, new_id=new_id), clock, new_id)


def _migrate(db: Database) -> None:
    with db.atomic():
        db.run("CREATE TABLE IF NOT EXISTS server_steps (name TEXT NOT NULL PRIMARY KEY)")
        done = {name for (name,) in db.rows("SELECT name FROM server_steps")}
        unknown = done - {name for name, _ in _STEPS}
        if unknown:
            raise StoreError(
                f"{db.path} was written by a newer chatterm",
                hint="upgrade chatterm, or set CHATTERM_HOME to another folder",
                detail=f"unknown steps: {', '.join(sorted(unknown))}",
            )
        for name, statements in _STEPS:
            if name not in done:
                for statement in statements.strip().split("\n\n"):
                    db.run(statement)
                db.run("INSERT INTO server_steps (name) VALUES (?)", (name,))
