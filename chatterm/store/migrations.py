"""The schema, as the steps that build it; the comments inside the statements document it.

Migrations are append-only: one that was released is never edited, and its name is added to
``database.LEDGER``. This is the only module that imports sqlite_utils.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlite_utils
from sqlite_utils import Migrations

from chatterm.store.database import BUSY_SECONDS, Database, pending
from chatterm.store.failures import translated
from chatterm.store.ngrams import ngrams

APPLICATION_ID = 0x43485454
"""``CHTT`` in the file's header, where ``file`` and other tools look for it."""

_MIGRATING_SECONDS = 120.0

MIGRATIONS = Migrations("chatterm")


def migrate(database: Database) -> None:
    """Apply what is missing, all of it or nothing, after keeping a copy of a file in use.

    The write lock is what keeps two processes from migrating at once: the second one waits for
    it and then finds nothing left to do.
    """
    database.run(f"PRAGMA busy_timeout = {int(_MIGRATING_SECONDS * 1000)}")
    with database.atomic():
        applied, missing = pending(database)
        if applied and missing and database.path is not None:
            _keep_copy(database.path, missing[0])
        with translated(database.path):
            MIGRATIONS.apply(
                sqlite_utils.Database(
                    database.connection, recursive_triggers=False, execute_plugins=False
                )
            )
    database.run(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def _keep_copy(path: Path, name: str) -> None:
    copy = path.with_name(f"{path.name}.before-{name}")
    unfinished = copy.with_name(copy.name + ".part")
    with translated(copy):
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    # The migrating connection holds the write lock; this one still reads what was committed.
    with (
        translated(copy),
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(unfinished)) as target,
    ):
        source.backup(target)
    with translated(copy):
        unfinished.replace(copy)


def _execute(db: sqlite_utils.Database, statements: str) -> None:
    """Run statements that are parted by empty lines; a parser needs longer to find their ends."""
    for statement in statements.strip().split("\n\n"):
        db.execute(statement)


_TREE = """
CREATE TABLE chats (
  id TEXT NOT NULL PRIMARY KEY,      -- ULID
  title TEXT NOT NULL DEFAULT '',
  title_key TEXT NOT NULL DEFAULT '', -- the title without case and accents, for "contains"
  title_by_user INTEGER NOT NULL DEFAULT 0, -- 1: no automatic title may replace it
  tip_id TEXT,                       -- the message the chat stands at: the only pointer that moves
  model TEXT NOT NULL DEFAULT '',    -- the model that was asked last
  forked_from TEXT,                  -- the chat it was copied from; that one may be gone
  pinned INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,          -- seconds since the epoch, as every time here
  updated_at REAL NOT NULL,          -- when a message was last begun or finished
  deleted_at REAL,                   -- when it went to the trash; NULL: not there
  FOREIGN KEY (id, tip_id) REFERENCES messages (chat_id, id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX chats_newest ON chats (updated_at, id, title_key) WHERE deleted_at IS NULL;

CREATE INDEX chats_of_model ON chats (model, updated_at, id) WHERE deleted_at IS NULL;

CREATE INDEX chats_pinned ON chats (updated_at, id) WHERE deleted_at IS NULL AND pinned;

CREATE INDEX chats_trash ON chats (deleted_at, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE messages (              -- long columns last: what lies behind them is slow to reach
  n INTEGER PRIMARY KEY,             -- created_at in milliseconds, moved up to the next free one:
                                     -- the order of all messages, and their key in the search index
  id TEXT NOT NULL UNIQUE,           -- ULID
  chat_id TEXT NOT NULL REFERENCES chats (id),
  parent_id TEXT,                    -- the message it follows; NULL begins the chat
  role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  state TEXT NOT NULL CHECK (state IN ('writing', 'complete', 'stopped', 'failed')),
  model TEXT NOT NULL DEFAULT '',    -- who wrote it; empty for people and tools
  created_at REAL NOT NULL,
  visited_at REAL NOT NULL,          -- when it was last the tip of its chat
  copied_from TEXT,                  -- made by a fork: the message first written, which may be gone
  deleted_by INTEGER,                -- hidden by this row of changes; NULL: not deleted
  error TEXT NOT NULL DEFAULT '',    -- why it failed or was cut off
  text TEXT NOT NULL,
  reasoning TEXT NOT NULL DEFAULT '', -- what the model thought before it answered
  UNIQUE (chat_id, id),
  FOREIGN KEY (chat_id, parent_id) REFERENCES messages (chat_id, id)
);

CREATE INDEX messages_below ON messages (chat_id, parent_id, deleted_by);

CREATE INDEX messages_writing ON messages (n) WHERE state = 'writing';

CREATE INDEX messages_copies ON messages (copied_from) WHERE copied_from IS NOT NULL;

CREATE TRIGGER messages_stay BEFORE UPDATE OF text, reasoning, state, error ON messages
WHEN old.state <> 'writing' BEGIN
  SELECT RAISE(ABORT, 'a message in a final state never changes');
END;

CREATE TRIGGER messages_keep_their_place BEFORE UPDATE OF
  n, id, chat_id, parent_id, role, model, created_at, copied_from ON messages BEGIN
  SELECT RAISE(ABORT, 'a message never moves in its tree');
END;

CREATE TABLE answers (               -- where an answer came from and what it cost
  message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  backend TEXT NOT NULL,             -- 'engine', or the name of a remote
  params TEXT NOT NULL,              -- JSON: the parameters that were given
  writer TEXT NOT NULL,              -- the lock file of the process that writes it
  stop TEXT,                         -- why it ended: end, length, stop, tool, cancelled
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  cached_tokens INTEGER NOT NULL DEFAULT 0,
  evaluated_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  queue_ms REAL,
  load_ms REAL,
  prompt_ms REAL,
  first_token_ms REAL,               -- from the request to the first token
  generation_ms REAL,                -- from the first token to the last
  started_at REAL NOT NULL,
  finished_at REAL
);

CREATE TABLE tool_calls (            -- functions an answer asked for
  chat_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  call_id TEXT NOT NULL,             -- the id the model gave it
  name TEXT NOT NULL,
  arguments TEXT NOT NULL,           -- a JSON object, as the model wrote it
  result TEXT,
  PRIMARY KEY (chat_id, message_id, position),
  FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE attachments (           -- bytes of attached files, each once
  digest TEXT NOT NULL PRIMARY KEY,  -- SHA-256 in hexadecimal
  attached_at REAL NOT NULL,
  content BLOB NOT NULL
);

CREATE TABLE message_attachments (
  chat_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  digest TEXT NOT NULL REFERENCES attachments (digest),
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,             -- bytes
  PRIMARY KEY (chat_id, message_id, position),
  FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX message_attachments_by_digest ON message_attachments (digest);

CREATE TABLE chat_tags (
  tag TEXT NOT NULL,
  chat_id TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  PRIMARY KEY (tag, chat_id)
) WITHOUT ROWID;

CREATE INDEX chat_tags_of_chat ON chat_tags (chat_id);

CREATE TABLE changes (               -- what undo can take back, in order
  n INTEGER PRIMARY KEY,
  chat_id TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,                -- add, answer, select, delete_message, rename, delete_chat
  message_id TEXT,                   -- the message added, chosen or deleted
  tip_before TEXT,
  title_before TEXT,
  title_by_user_before INTEGER,
  made_at REAL NOT NULL,
  undone_at REAL
);

CREATE INDEX changes_of_chat ON changes (chat_id);

CREATE TABLE drafts (                -- what was typed and not sent
  place TEXT NOT NULL PRIMARY KEY,   -- a chat's id, or '' for a chat that does not exist yet
  chat_id TEXT REFERENCES chats (id) ON DELETE CASCADE,
  text TEXT NOT NULL
);

CREATE INDEX drafts_of_chat ON drafts (chat_id);

CREATE TABLE links (                 -- the ids that remotes gave to chats and messages
  local_id TEXT NOT NULL,
  remote TEXT NOT NULL,
  remote_id TEXT NOT NULL,
  PRIMARY KEY (local_id, remote)
) WITHOUT ROWID;

CREATE TABLE terminals (             -- the last chat of each terminal
  terminal_id TEXT NOT NULL PRIMARY KEY,
  chat_id TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  seen_at REAL NOT NULL
);

CREATE INDEX terminals_of_chat ON terminals (chat_id);

CREATE VIEW chat_path AS             -- what each chat shows: its messages from the root to the tip
WITH RECURSIVE up (chat_id, title, n, parent_id, height) AS (
  SELECT chats.id, chats.title, messages.n, messages.parent_id, 0
  FROM chats JOIN messages ON messages.id = chats.tip_id
  WHERE chats.deleted_at IS NULL
  UNION ALL
  SELECT up.chat_id, up.title, messages.n, messages.parent_id, up.height + 1
  FROM up JOIN messages ON messages.id = up.parent_id
)
SELECT up.chat_id, up.title,
  row_number() OVER (PARTITION BY up.chat_id ORDER BY up.height DESC) AS position,
  messages.id AS message_id, messages.role, messages.text, messages.model, messages.state,
  messages.created_at
FROM up JOIN messages ON messages.n = up.n
ORDER BY up.chat_id, position;
"""


@MIGRATIONS()
def m001_tree(db: sqlite_utils.Database) -> None:
    """Chats, their messages, and everything that belongs to one of them."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    _execute(db, _TREE)


_SEARCH = """
CREATE VIEW messages_indexed AS      -- what the search index holds: finished messages
SELECT n, text, ngrams, role, model, chat_id FROM messages WHERE state <> 'writing';

CREATE VIRTUAL TABLE messages_fts USING fts5 (
  text,
  ngrams,                            -- see messages.ngrams
  role,                              -- role, model and chat_id are indexed so that a filter is
  model,                             -- part of the match: a common word and a rare filter would
  chat_id,                           -- otherwise mean to look at every message with that word
  content = 'messages_indexed', content_rowid = 'n',
  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

CREATE TRIGGER messages_fts_added AFTER INSERT ON messages WHEN new.state <> 'writing' BEGIN
  INSERT INTO messages_fts (rowid, text, ngrams, role, model, chat_id)
  VALUES (new.n, new.text, new.ngrams, new.role, new.model, new.chat_id);
END;

-- An answer changes every second while it is written; it is indexed once, when it is final.
CREATE TRIGGER messages_fts_finished AFTER UPDATE OF state ON messages
WHEN old.state = 'writing' AND new.state <> 'writing' BEGIN
  INSERT INTO messages_fts (rowid, text, ngrams, role, model, chat_id)
  VALUES (new.n, new.text, new.ngrams, new.role, new.model, new.chat_id);
END;

CREATE TRIGGER messages_fts_removed AFTER DELETE ON messages WHEN old.state <> 'writing' BEGIN
  INSERT INTO messages_fts (messages_fts, rowid, text, ngrams, role, model, chat_id)
  VALUES ('delete', old.n, old.text, old.ngrams, old.role, old.model, old.chat_id);
END;
"""


@MIGRATIONS()
def m002_search(db: sqlite_utils.Database) -> None:
    """The full-text index and the triggers that keep it in step."""
    # ngrams: the text of scripts without spaces, cut into overlapping pairs; empty for others.
    db.execute("ALTER TABLE messages ADD COLUMN ngrams TEXT NOT NULL DEFAULT ''")
    cut = [
        (pairs, n)
        for n, text in db.execute("SELECT n, text FROM messages").fetchall()
        if (pairs := ngrams(text))
    ]
    db.conn.executemany("UPDATE messages SET ngrams = ? WHERE n = ?", cut)
    _execute(db, _SEARCH)
    db.execute("INSERT INTO messages_fts (messages_fts) VALUES ('rebuild')")


_VOTES = """
CREATE TABLE votes (                 -- what the user thinks of an answer
  message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  score INTEGER NOT NULL CHECK (score IN (-1, 1)),
  voted_at REAL NOT NULL
) WITHOUT ROWID;
"""


@MIGRATIONS()
def m003_votes(db: sqlite_utils.Database) -> None:
    """Thumbs up and down, which preference pairs are made of."""
    _execute(db, _VOTES)


_SUMMARIES = """
CREATE TABLE summaries (             -- messages that take the place of those a chat begins with
  chat_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  covers INTEGER NOT NULL CHECK (covers > 0), -- so many messages from the beginning of its path,
                                     -- system messages and other summaries not counted
  PRIMARY KEY (chat_id, message_id),
  FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
"""


@MIGRATIONS()
def m004_summaries(db: sqlite_utils.Database) -> None:
    """What stands for messages that no longer fit a model's context."""
    _execute(db, _SUMMARIES)


@MIGRATIONS()
def m005_reasoning_tokens(db: sqlite_utils.Database) -> None:
    """How many tokens of an answer were thought and not said."""
    db.execute("ALTER TABLE answers ADD COLUMN reasoning_tokens INTEGER NOT NULL DEFAULT 0")
