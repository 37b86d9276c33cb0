"""Statements about answers: begun, written down while they come, finished, and accounted for.

An answer may change only while its state is ``writing``; the table has a trigger that says the
same to every other program.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from chatterm.errors import StoreError
from chatterm.messages import Message, Role, State, Stop, Timings, ToolCall, Usage
from chatterm.params import Params
from chatterm.store import chats, tree
from chatterm.store.database import Database, Row
from chatterm.store.ngrams import ngrams
from chatterm.store.values import Provenance

_PARAMS = frozenset(field.name for field in dataclasses.fields(Params))

_USAGE = "prompt_tokens, cached_tokens, evaluated_tokens, completion_tokens, reasoning_tokens"
_TIMINGS = "queue_ms, load_ms, prompt_ms, first_token_ms, generation_ms"
_ORIGINS = (
    "SELECT m.id, m.model, backend, params, started_at, finished_at, stop,"
    f" {_USAGE}, {_TIMINGS} FROM messages AS m JOIN answers ON answers.message_id = m.id"
)


def start(
    db: Database,
    chat_id: str,
    *,
    message_id: str,
    parent_id: str | None,
    model: str,
    backend: str,
    params: Params,
    text: str,
    summarises: int,
    writer: str,
    now: float,
) -> Message:
    """Make the row of an answer before its first word, as the tip of the chat."""
    row = Message(
        message_id,
        parent_id,
        Role.ASSISTANT,
        text,
        now,
        state=State.WRITING,
        model=model,
        summarises=summarises,
    )
    answer = tree.append(db, chat_id, row)
    db.run(
        "INSERT INTO answers (message_id, backend, params, writer, started_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (message_id, backend, json.dumps(params.as_dict()), writer, now),
    )
    return answer


def checkpoint(db: Database, message_id: str, *, text: str, reasoning: str) -> None:
    """Write down what has come so far."""
    touched = db.run(
        "UPDATE messages SET text = ?, reasoning = ? WHERE id = ? AND state = 'writing'",
        (text, reasoning, message_id),
    )
    if not touched:
        raise _final(db, message_id)


def finish(
    db: Database,
    message_id: str,
    *,
    state: State,
    text: str,
    reasoning: str,
    error: str,
    tool_calls: Sequence[ToolCall],
    stop: Stop | None,
    usage: Usage,
    timings: Timings,
    now: float,
) -> Message:
    """Give an answer its final form; only now does the search find it."""
    if state is State.WRITING:
        raise StoreError("an answer is finished as complete, stopped or failed")
    touched = db.run(
        "UPDATE messages SET state = ?, text = ?, reasoning = ?, error = ?, ngrams = ?"
        " WHERE id = ? AND state = 'writing'",
        (state, text, reasoning, error, ngrams(text), message_id),
    )
    if not touched:
        raise _final(db, message_id)
    db.run(
        f"UPDATE answers SET (stop, finished_at, {_USAGE}, {_TIMINGS})"
        f" = ({', '.join('?' * 12)}) WHERE message_id = ?",
        (stop, now, *_fields(usage), *_fields(timings), message_id),
    )
    chat_id = tree.chat_of(db, message_id)
    tree.insert_extras(db, chat_id, message_id, (), tool_calls)
    chats.touch(db, chat_id, now)
    return tree.get(db, message_id)


def provenance(db: Database, message_id: str) -> Provenance | None:
    """Where an answer came from; None for a message that nobody was asked for."""
    row = db.row(f"{_ORIGINS} WHERE m.id = ?", (message_id,))
    if row is None:
        tree.chat_of(db, message_id)
        return None
    return _provenance(row)


def of_chat(db: Database, chat_id: str) -> dict[str, Provenance]:
    """Where each answer of a chat came from, by its id."""
    rows = db.each(f"{_ORIGINS} WHERE m.chat_id = ?", (chat_id,))
    return {row[0]: _provenance(row) for row in rows}


def keep(db: Database, origin: Provenance) -> None:
    """Note where an answer came from that was written elsewhere."""
    db.run(
        "INSERT INTO answers (message_id, backend, params, writer, started_at, finished_at, stop,"
        f" {_USAGE}, {_TIMINGS}) VALUES ({', '.join('?' * 17)})",
        (
            origin.message_id,
            origin.backend,
            json.dumps(origin.params.as_dict()),
            "",
            origin.started_at,
            origin.finished_at,
            origin.stop,
            *_fields(origin.usage),
            *_fields(origin.timings),
        ),
    )


def copy_provenance(db: Database, message_id: str, copy_id: str) -> None:
    """Say of a copy what is known of its original."""
    rest = f"backend, params, writer, stop, {_USAGE}, {_TIMINGS}, started_at, finished_at"
    db.run(
        f"INSERT INTO answers (message_id, {rest})"
        f" SELECT ?, {rest} FROM answers WHERE message_id = ?",
        (copy_id, message_id),
    )


def _provenance(row: Row) -> Provenance:
    message_id, model, backend, params, started_at, finished_at, stop, *counts = row
    return Provenance(
        message_id=message_id,
        model=model,
        backend=backend,
        params=_params(params),
        started_at=started_at,
        finished_at=finished_at,
        stop=Stop(stop) if stop else None,
        usage=Usage(*counts[:5]),
        timings=Timings(*counts[5:]),
    )


def _params(text: str) -> Params:
    # A parameter that has gone since must not make an old answer unreadable.
    return Params.parse({key: v for key, v in json.loads(text).items() if key in _PARAMS})


def _fields(value: Usage | Timings) -> tuple[object, ...]:
    return tuple(getattr(value, field.name) for field in dataclasses.fields(value))


def _final(db: Database, message_id: str) -> StoreError:
    state = tree.get(db, message_id).state
    return StoreError(
        f"the message {message_id!r} is {state} and can no longer change",
        hint="a correction is a message of its own: edit or regenerate",
    )
