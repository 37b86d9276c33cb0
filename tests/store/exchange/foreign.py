"""Files of other programs, written here in the form those programs give them."""

from __future__ import annotations

import base64
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def _node(
    key: str, parent: str | None, role: str = "", at: float | None = None, **rest: Any
) -> Any:
    """A node of a ChatGPT conversation; without a role it holds no message."""
    content = rest.pop("content", None) or {"content_type": "text", "parts": [rest.pop("text", "")]}
    message = {
        "id": key,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "end_turn": None,
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        **rest,
    }
    return {"id": key, "message": message if role else None, "parent": parent, "children": []}


def chatgpt_conversation() -> dict[str, Any]:
    """A branched one, with hidden settings, thoughts, a tool and a picture."""
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Looking", "content": "It is a cat.", "chunks": []}],
        "source_analysis_msg_id": "x",
    }
    picture = {
        "content_type": "multimodal_text",
        "parts": [
            {
                "content_type": "image_asset_pointer",
                "asset_pointer": "file-service://file-Abc123",
                "size_bytes": len(PIXEL),
                "width": 1,
                "height": 1,
            },
            "What is this?",
        ],
    }
    hidden = {"is_visually_hidden_from_conversation": True}
    code = {"content_type": "code", "language": "unknown", "text": "print(1)"}
    output = {"content_type": "execution_output", "text": "1\n"}
    slug = {"model_slug": "gpt-4o"}
    nodes = [
        _node("root", None),
        _node("sys", "root", "system", text="", metadata=hidden),
        _node("u1", "sys", "user", 1700000000.5, content=picture),
        _node("t1", "u1", "assistant", 1700000001.0, content=thoughts),
        _node(
            "r1", "t1", "assistant", content={"content_type": "reasoning_recap", "content": "4s"}
        ),
        _node("a1", "r1", "assistant", 1700000002.0, text="A cat.", metadata=slug),
        _node("a2", "u1", "assistant", 1700000009.0, text="A dog.", metadata=slug),
        _node("u2", "a1", "user", 1700000020.0, text="Count it"),
        _node("c1", "u2", "assistant", 1700000021.0, content=code, recipient="python"),
        _node("o1", "c1", "tool", 1700000022.0, content=output),
        _node("a3", "o1", "assistant", 1700000023.0, text="One", status="in_progress"),
    ]
    return {
        "title": "Cats and dogs",
        "create_time": 1700000000.0,
        "update_time": 1700000023.0,
        "mapping": {node["id"]: node for node in reversed(nodes)},
        "moderation_results": [],
        "current_node": "a3",
        "conversation_id": "11111111-2222-3333-4444-555555555555",
        "is_archived": True,
        "default_model_slug": "gpt-4o",
    }


def chatgpt_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversations.json", json.dumps([chatgpt_conversation()]))
        archive.writestr("file-Abc123-cat.png", PIXEL)
        archive.writestr("user.json", "{}")
        archive.writestr("chat.html", "<html></html>")
    return path


def claude_conversations() -> list[dict[str, Any]]:
    """One of today with a branch, and one of the time before messages named their parents."""
    zone = "2026-06-12T10:0"

    def message(uuid: str, sender: str, minute: int, parent: str | None, *blocks: Any) -> Any:
        said = " ".join(block.get("text", "") for block in blocks)
        return {
            "uuid": uuid,
            "text": said,
            "content": list(blocks),
            "sender": sender,
            "created_at": f"{zone}{minute}:00.123456Z",
            "updated_at": f"{zone}{minute}:00.123456Z",
            "attachments": [],
            "files": [],
            **({"parent_message_uuid": parent} if parent else {}),
        }

    root = "00000000-0000-4000-8000-000000000000"
    words = {"type": "text", "text": "Read it", "citations": []}
    first = message("m1", "human", 0, root, words)
    first["attachments"] = [
        {
            "file_name": "notes.txt",
            "file_size": 5,
            "file_type": "txt",
            "extracted_content": "notes",
        }
    ]
    second = message(
        "m2",
        "assistant",
        1,
        "m1",
        {"type": "thinking", "thinking": "Hm.", "summaries": []},
        {"type": "tool_use", "id": "toolu_1", "name": "view", "input": {"path": "notes.txt"}},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "name": "view",
            "content": [{"type": "text", "text": "notes"}],
            "is_error": False,
        },
        {"type": "text", "text": "It says notes."},
    )
    again = message("m3", "assistant", 2, "m1", {"type": "text", "text": "Done."})
    old = [
        {
            "uuid": uuid,
            "text": text,
            "sender": sender,
            "created_at": f"2023-08-01T09:00:0{second}.000000+00:00",
            "attachments": [],
        }
        for second, (uuid, text, sender) in enumerate(
            [("o1", "Hello", "human"), ("o2", "Good day", "assistant")]
        )
    ]
    about = {"account": {"uuid": "acct"}, "summary": ""}
    return [
        {
            "uuid": "c1",
            "name": "Notes",
            "created_at": f"{zone}0:00.000000Z",
            "updated_at": f"{zone}2:00.000000Z",
            **about,
            "chat_messages": [first, second, again],
        },
        {
            "uuid": "c2",
            "name": "",
            "created_at": "2023-08-01T09:00:00.000000+00:00",
            "updated_at": "2023-08-01T09:00:01.000000+00:00",
            **about,
            "chat_messages": old,
        },
    ]


def database(path: Path, script: str, rows: dict[str, list[tuple[Any, ...]]]) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
        for table, values in rows.items():
            marks = ", ".join("?" * len(values[0]))
            db.executemany(f'INSERT INTO "{table}" VALUES ({marks})', values)
        db.commit()
    return path


_LLM_OLD = """
CREATE TABLE "conversations" ("id" TEXT PRIMARY KEY, "name" TEXT, "model" TEXT);
CREATE TABLE "responses" (
  "id" TEXT PRIMARY KEY, "model" TEXT, "prompt" TEXT, "system" TEXT, "prompt_json" TEXT,
  "options_json" TEXT, "response" TEXT, "response_json" TEXT,
  "conversation_id" TEXT REFERENCES "conversations"("id"), "duration_ms" INTEGER,
  "datetime_utc" TEXT, "input_tokens" INTEGER, "output_tokens" INTEGER, "token_details" TEXT,
  "schema_id" TEXT, "resolved_model" TEXT, "reasoning" TEXT);
CREATE TABLE "attachments" (
  "id" TEXT PRIMARY KEY, "type" TEXT, "path" TEXT, "url" TEXT, "content" BLOB);
CREATE TABLE "prompt_attachments" ("response_id" TEXT, "attachment_id" TEXT, "order" INTEGER);
CREATE TABLE "fragments" (
  "id" INTEGER PRIMARY KEY, "hash" TEXT, "content" TEXT, "datetime_utc" TEXT, "source" TEXT);
CREATE TABLE "prompt_fragments" ("response_id" TEXT, "fragment_id" INTEGER, "order" INTEGER);
CREATE TABLE "system_fragments" ("response_id" TEXT, "fragment_id" INTEGER, "order" INTEGER);
CREATE TABLE "tool_calls" (
  "id" INTEGER PRIMARY KEY, "response_id" TEXT, "tool_id" INTEGER, "name" TEXT,
  "arguments" TEXT, "tool_call_id" TEXT);
CREATE TABLE "tool_results" (
  "id" INTEGER PRIMARY KEY, "response_id" TEXT, "tool_id" INTEGER, "name" TEXT, "output" TEXT,
  "tool_call_id" TEXT, "instance_id" INTEGER, "exception" TEXT);
"""

_LLM_NEW = """
CREATE TABLE "messages" (
  "hash" TEXT PRIMARY KEY, "parent_hash" TEXT, "role" TEXT, "provider_metadata" TEXT);
CREATE TABLE "parts" (
  "id" INTEGER PRIMARY KEY, "message_hash" TEXT, "position" INTEGER, "type" TEXT,
  "tool_name" TEXT, "text" TEXT, "payload" TEXT);
CREATE TABLE "threads" (
  "id" TEXT PRIMARY KEY, "name" TEXT, "tip_message_hash" TEXT, "forked_from" TEXT,
  "datetime_utc" TEXT);
CREATE TABLE "turns" (
  "id" TEXT PRIMARY KEY, "thread_id" TEXT, "parent_message_hash" TEXT, "tip_message_hash" TEXT,
  "model" TEXT, "resolved_model" TEXT, "options_json" TEXT, "schema_id" TEXT,
  "input_tokens" INTEGER, "output_tokens" INTEGER, "token_details" TEXT, "duration_ms" INTEGER,
  "datetime_utc" TEXT, "response_json" TEXT);
"""


def _response(key: str, prompt: str, response: str, second: int, **rest: Any) -> tuple[Any, ...]:
    return (
        key,
        "gpt-4o-mini",
        prompt,
        rest.get("system"),
        None,
        "{}",
        response,
        None,
        rest.get("conversation"),
        1500,
        f"2025-03-01T12:00:0{second}.000000+00:00",
        5,
        7,
        None,
        None,
        None,
        rest.get("reasoning"),
    )


def llm_log(path: Path, *, newer: bool = True) -> Path:
    """Both generations: one conversation that stayed old, one that newer versions went on with."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        "conversations": [("conv1", "Pelicans", "gpt-4o-mini"), ("conv2", "Walruses", "x")],
        "responses": [
            _response("01r1", "a name", "Percy", 0, conversation="conv1", system="Be brief"),
            _response("01r2", "why", "It suits", 2, conversation="conv1", reasoning="Well"),
            _response("01r3", "a walrus", "Wally", 4, conversation="conv2"),
            _response("01r4", "alone", "indeed", 6),
        ],
        "attachments": [("att1", "image/png", "/tmp/p.png", None, PIXEL)],
        "prompt_attachments": [("01r1", "att1", 0)],
        "fragments": [(1, "h", "A LONG TEXT", "2025", None)],
        "prompt_fragments": [("01r2", 1, 0)],
        "tool_calls": [(1, "01r3", 1, "look", '{"a": 1}', "call_1")],
        "tool_results": [(1, "01r4", 1, "look", "seen", "call_1", None, None)],
    }
    if newer:
        reference = json.dumps({"text_ref": [{"literal": "see "}, {"fragment": 1}]})
        call = json.dumps({"name": "look", "arguments": {"a": 1}, "tool_call_id": "call_1"})
        rows |= {
            "messages": [
                ("b2:1", None, "user", None),
                ("b2:2", "b2:1", "assistant", None),
                ("b2:3", "b2:2", "user", None),
                ("b2:4", "b2:3", "assistant", None),
                ("b2:5", "b2:2", "user", None),
            ],
            "parts": [
                (1, "b2:1", 0, "text", None, "a walrus", None),
                (2, "b2:2", 0, "reasoning", None, "hm", None),
                (3, "b2:2", 1, "text", None, "Wally", None),
                (4, "b2:2", 2, "tool_call", "look", None, call),
                (5, "b2:3", 0, "text", None, None, reference),
                (6, "b2:4", 0, "text", None, "I see", None),
                (7, "b2:5", 0, "text", None, "another thread", None),
            ],
            "threads": [
                ("conv2", "Walruses", "b2:4", None, "2026-01-01T00:00:00+00:00"),
                ("conv3", None, "b2:5", "conv2", "2026-01-02T00:00:00+00:00"),
            ],
            "turns": [
                ("t1", "conv2", "b2:1", "b2:2", "m1", None, None, None, 1, 1, None, 5,
                 "2026-01-01T00:00:01+00:00", None),
                ("t2", "conv2", "b2:3", "b2:4", "m2", None, None, None, 1, 1, None, 5,
                 "2026-01-01T00:00:09+00:00", None),
            ],
        }  # fmt: skip
    return database(path, _LLM_OLD + (_LLM_NEW if newer else ""), rows)


def oterm_store(path: Path, *texts: str) -> Path:
    script = """
    CREATE TABLE "chat" ("id" INTEGER, "name" TEXT, "model" TEXT NOT NULL, "system" TEXT,
      "provider" TEXT DEFAULT "ollama", "parameters" TEXT DEFAULT "{}", "tools" TEXT DEFAULT "[]",
      "thinking" BOOLEAN DEFAULT 0, PRIMARY KEY("id" AUTOINCREMENT));
    CREATE TABLE "message" ("id" INTEGER, "chat_id" INTEGER NOT NULL, "author" TEXT NOT NULL,
      "text" TEXT NOT NULL, "images" TEXT DEFAULT "[]", PRIMARY KEY("id" AUTOINCREMENT));
    PRAGMA user_version = 6657;
    """
    image = json.dumps([base64.b64encode(PIXEL).decode()])
    said = [
        (number, 1, "user" if number % 2 else "assistant", text, image if number == 1 else "[]")
        for number, text in enumerate(texts, 1)
    ]
    chats = [
        (1, "chat #1", "llama3.2:latest", "Be kind", "ollama", "{}", "[]", 0),
        (2, "empty", "llama3.2:latest", "", "ollama", "{}", "[]", 0),
    ]
    return database(path, script, {"chat": chats, "message": said})


def elia_database(path: Path) -> Path:
    script = """
    CREATE TABLE chat (started_at DATETIME DEFAULT (CURRENT_TIMESTAMP), id INTEGER NOT NULL,
      model VARCHAR NOT NULL, title VARCHAR, archived BOOLEAN NOT NULL, PRIMARY KEY (id));
    CREATE TABLE message (timestamp DATETIME DEFAULT (CURRENT_TIMESTAMP), meta JSON,
      id INTEGER NOT NULL, chat_id INTEGER, role VARCHAR NOT NULL, content VARCHAR NOT NULL,
      parent_id INTEGER, model VARCHAR, PRIMARY KEY (id));
    CREATE TABLE system_prompt (created_at DATETIME, id INTEGER NOT NULL, title VARCHAR NOT NULL,
      prompt VARCHAR NOT NULL, PRIMARY KEY (id));
    """
    said = [
        ("2024-10-10 12:00:00", "{}", 1, 7, "system", "Be kind", None, None),
        ("2024-10-10 12:00:01", "{}", 2, 7, "user", "Hello", None, None),
        ("2024-10-10 12:00:05", "{}", 3, 7, "assistant", "Hi", None, "gpt-4o"),
    ]
    chats = [("2024-10-10 12:00:00", 7, "gpt-4o", "Greetings", 1)]
    return database(path, script, {"chat": chats, "message": said})


AICHAT_SESSION = """\
model: openai:gpt-4o
temperature: 0.5
compressed_messages:
- role: user
  content: |
    An old
    question
- role: assistant
  content: An old answer
messages:
- role: system
  content: 'Summary: it was about "things"'
- role: user
  content:
  - type: text
    text: What is in it?
  - type: image_url
    image_url:
      url: data:image/png;base64,AAAA
- role: tool
  content:
    tool_results:
    - call:
        name: look
        arguments:
          path: a.txt
        id: call_1
      output: seen
    text: ''
    sequence: false
- role: assistant
  content: |-
    A list:
    - one
"""

AICHAT_LOG = """\
# CHAT: how to list files [2025-02-03T10:11:12+01:00] (%shell%)
how to list
files
--------
Use:

```
ls
--------
```
--------

# CHAT: hello [2025-02-04T10:11:12+01:00]
hello
--------
Hi
--------

"""

OASST_TREE = {
    "message_tree_id": "14fbb664-a620-45ce-bee4-7c519b16a793",
    "tree_state": "ready_for_export",
    "prompt": {
        "message_id": "14fbb664-a620-45ce-bee4-7c519b16a793",
        "user_id": "u1",
        "created_date": "2023-02-05T14:23:50.983374+00:00",
        "text": "Why can't we divide by 0?",
        "role": "prompter",
        "lang": "en",
        "review_count": 3,
        "emojis": {"+1": 9, "_skip_reply": 2},
        "replies": [
            {
                "message_id": f"894d30b6-56b4-4605-a504-89dd15d4d1c{rank}",
                "parent_id": "14fbb664-a620-45ce-bee4-7c519b16a793",
                "text": f"Answer of rank {rank}",
                "role": "assistant",
                "lang": "en",
                "rank": rank,
                "synthetic": False,
                "model_name": None,
                "labels": {"quality": {"value": 0.5, "count": 3}},
                "replies": [],
            }
            for rank in (0, 1, 2)
        ],
    },
    "origin": "web",
}
