"""The log of ``llm``: ``logs.db``, of which there are two generations, often in one file.

Older versions have a row a response; newer ones chains of messages, found by their hashes and
shared between threads that begin alike. A conversation that newer versions went on with is in the
new tables as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chatterm.messages import Role, ToolCall
from chatterm.store.exchange.build import About, Source, Turn, build, chain
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.sqlite import Foreign
from chatterm.store.exchange.values import PortableChat


def recognises(db: Foreign) -> bool:
    return bool(db.columns("responses") >= {"prompt", "response"} or db.columns("turns"))


def read(db: Foreign, source: Source) -> Iterator[PortableChat]:
    newer = list(_threads(db, source)) if db.columns("turns") else []
    yield from newer
    known = {row.text("id") for row in db.rows("threads", "id")} if db.columns("threads") else set()
    if db.columns("responses"):
        yield from _conversations(db, source, known)


# A row a response


def _conversations(db: Foreign, source: Source, known: set[str]) -> Iterator[PortableChat]:
    names = {row.text("id"): row.text("name", "") for row in db.rows("conversations", "id")}
    fragments = _fragments(db)
    extras = _Extras(db)
    by_chat: dict[str, list[Item]] = {}
    for row in db.rows("responses", "id"):
        # Logged without a conversation, a response is a chat of its own.
        by_chat.setdefault(row.text("conversation_id", "") or row.text("id"), []).append(row)
    for key, rows in by_chat.items():
        if key in known:
            continue
        turns: list[Turn] = []
        for row in rows:
            turns += _response(row, fragments, extras, with_system=not turns)
        start = rows[0].moment("datetime_utc")
        about = About(key, f"conversation {key}", names.get(key, ""), created_at=start)
        yield build(source, about, chain(turns))


def _response(
    row: Item, fragments: _Fragments, extras: _Extras, *, with_system: bool
) -> Iterator[Turn]:
    key, time = row.text("id"), row.moment("datetime_utc")
    system = "\n\n".join([*fragments.of(key, "system"), row.text("system", "")]).strip()
    if with_system and system:
        yield Turn(f"{key} system", None, Role.SYSTEM, system, time)
    prompt = [*fragments.of(key, "prompt"), row.text("prompt", "")]
    yield Turn(
        f"{key} prompt",
        None,
        Role.USER,
        "\n".join(part for part in prompt if part),
        time,
        files=tuple(extras.files(key)),
    )
    spent = (row.number("duration_ms") or 0) / 1000
    yield Turn(
        f"{key} response",
        None,
        Role.ASSISTANT,
        row.text("response", ""),
        time + spent if time is not None else None,
        model=row.text("model", ""),
        reasoning=row.text("reasoning", ""),
        tool_calls=tuple(extras.calls(key)),
    )


class _Fragments:
    """Texts that prompts share, by the response that was given them."""

    def __init__(self, given: Mapping[tuple[str, str], list[str]]) -> None:
        self._given = given

    def of(self, response_id: str, kind: str) -> list[str]:
        return self._given.get((response_id, kind), [])


def _fragments(db: Foreign) -> _Fragments:
    given: dict[tuple[str, str], list[str]] = {}
    contents = _contents(db)
    for kind in ("prompt", "system"):
        if db.columns(f"{kind}_fragments"):
            for row in db.rows(f"{kind}_fragments", 'response_id, "order"'):
                text = contents.get(row.whole("fragment_id"), "")
                given.setdefault((row.text("response_id"), kind), []).append(text)
    return _Fragments(given)


def _contents(db: Foreign) -> dict[int, str]:
    if not db.columns("fragments"):
        return {}
    return {row.whole("id"): row.text("content", "") for row in db.rows("fragments", "id")}


class _Extras:
    """What was attached to prompts, and the tools that responses called."""

    def __init__(self, db: Foreign) -> None:
        self._files: dict[str, list[tuple[str, str, bytes]]] = {}
        self._calls: dict[str, list[ToolCall]] = {}
        contents = _attachments(db)
        if db.columns("prompt_attachments"):
            for row in db.rows("prompt_attachments", 'response_id, "order"'):
                if row.text("attachment_id") in contents:
                    found = contents[row.text("attachment_id")]
                    self._files.setdefault(row.text("response_id"), []).append(found)
        results: dict[tuple[str, str], str] = {}
        if db.columns("tool_results"):
            for row in db.rows("tool_results", "id"):
                call = (row.text("response_id", ""), row.text("tool_call_id", ""))
                results[call] = row.text("output", "")
        if db.columns("tool_calls"):
            for row in db.rows("tool_calls", "id"):
                response_id, call_id = row.text("response_id"), row.text("tool_call_id", "")
                # A result is logged with the response that it was sent to, so it is looked for
                # by the id of the call alone.
                result = next((text for (_, id_), text in results.items() if id_ == call_id), None)
                self._calls.setdefault(response_id, []).append(
                    ToolCall(call_id, row.text("name", ""), row.text("arguments", "{}"), result)
                )

    def files(self, response_id: str) -> list[tuple[str, str, bytes]]:
        return self._files.get(response_id, [])

    def calls(self, response_id: str) -> list[ToolCall]:
        return self._calls.get(response_id, [])


def _attachments(db: Foreign) -> dict[str, tuple[str, str, bytes]]:
    """Those whose bytes are in the file; of others only a path or an address is known."""
    found = {}
    if db.columns("attachments"):
        for row in db.rows("attachments", "id"):
            content = row.at("content").value
            if isinstance(content, bytes):
                name = (row.text("path", "") or row.text("url", "")).rpartition("/")[2]
                kind = row.text("type", "") or "application/octet-stream"
                found[row.text("id")] = (name or "attachment", kind, content)
    return found


# Chains of messages


def _threads(db: Foreign, source: Source) -> Iterator[PortableChat]:
    messages = {row.text("hash"): row for row in db.rows("messages", "hash")}
    parts: dict[str, list[Item]] = {}
    for row in db.rows("parts", "message_hash, position"):
        parts.setdefault(row.text("message_hash"), []).append(row)
    turns: dict[str, list[Item]] = {}
    for row in db.rows("turns", "id"):
        turns.setdefault(row.text("thread_id", ""), []).append(row)
    contents, files = _contents(db), _attachments(db)
    for thread in db.rows("threads", "id"):
        key = thread.text("id")
        own = turns.get(key, [])
        answers = {turn.text("tip_message_hash", ""): turn for turn in own}
        prompts = {turn.text("parent_message_hash", ""): turn for turn in own}
        chained: list[Turn] = []
        for hash_ in _chain(thread, messages):
            role = messages[hash_].one_of("role", Role)
            said = _said(parts.get(hash_, []), contents, files)
            turn, timed = answers.get(hash_), answers.get(hash_) or prompts.get(hash_)
            chained.append(
                Turn(
                    f"{key} {hash_}",
                    None,
                    role,
                    model=turn.text("model", "") if turn else "",
                    created_at=timed.moment("datetime_utc") if timed else None,
                    **said,
                )
            )
        start = own[0].moment("datetime_utc") if own else thread.moment("datetime_utc")
        about = About(key, thread.place, thread.text("name", ""), created_at=start)
        yield build(source, about, chain(chained))


def _chain(thread: Item, messages: Mapping[str, Item]) -> list[str]:
    found: list[str] = []
    place = thread.maybe("tip_message_hash")
    while place is not None:
        if place not in messages or place in found:
            thread.fail(f"its message {place} is missing, or follows itself")
        found.append(place)
        place = messages[place].maybe("parent_hash")
    return found[::-1]


def _said(
    parts: list[Item],
    contents: Mapping[int, str],
    files: Mapping[str, tuple[str, str, bytes]],
) -> dict[str, Any]:
    text, reasoning, calls, attached = [], [], [], []
    for part in parts:
        payload = _payload(part)
        match part.text("type", ""):
            case "text" | "tool_result":
                text.append(_words(part, payload, contents))
            case "reasoning":
                reasoning.append(_words(part, payload, contents))
            case "tool_call":
                arguments = json.dumps(payload.at("arguments").value, ensure_ascii=False)
                call_id = payload.text("tool_call_id", "")
                calls.append(ToolCall(call_id, payload.text("name", ""), arguments))
            case "attachment":
                reference = payload.at("attachment").value
                wanted = reference.get("id") if isinstance(reference, dict) else reference
                attached += [files[wanted]] if isinstance(wanted, str) and wanted in files else []
    return {
        "text": "\n\n".join(part for part in text if part),
        "reasoning": "\n\n".join(part for part in reasoning if part),
        "tool_calls": tuple(calls),
        "files": tuple(attached),
    }


def _payload(part: Item) -> Item:
    text = part.maybe("payload")
    try:
        return Item(json.loads(text) if text else {}, part.place)
    except ValueError:
        part.at("payload").fail("this is no JSON")


def _words(part: Item, payload: Item, contents: Mapping[int, str]) -> str:
    """The text of a part; some of it may be in fragments."""
    if payload.at("text_ref").value is None:
        return part.text("text", "") or payload.text("text", "") or payload.text("output", "")
    return "".join(
        piece.maybe("literal") or contents.get(piece.whole("fragment"), "")
        for piece in payload.at("text_ref").each()
    )
