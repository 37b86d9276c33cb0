"""What ``aichat`` keeps: sessions as YAML, and ``messages.md`` for what was asked outside of one.

Neither names its messages. A session is told by its first words and its file's name, an entry of
``messages.md`` by its time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from chatterm.messages import Role, ToolCall
from chatterm.store.exchange.build import About, Source, Turn, build, chain
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.lineage import lineage
from chatterm.store.exchange.values import PortableChat

_ENTRY = re.compile(r"^# CHAT: (?P<title>.*) \[(?P<time>\d{4}-\d\d-\d\dT[^\]]+)\](?P<role>.*)$")
_RULE = "--------"


def recognises_session(data: Any) -> bool:
    return isinstance(data, dict) and "model" in data and isinstance(data.get("messages"), list)


def recognises_log(text: str) -> bool:
    return bool(_ENTRY.match(text.lstrip().partition("\n")[0].rstrip("\r")))


def read_session(data: Any, source: Source) -> Iterator[PortableChat]:
    item = Item(data)
    model = item.text("model")
    turns = [
        _turn(message, f"{number}", model)
        for number, message in enumerate(
            [*item.at("compressed_messages").each(), *item.at("messages").each()]
        )
    ]
    if turns:
        name = PurePath(source.name).stem
        about = About(f"session {name}", "the session", name, model=model)
        yield build(source, *lineage(about, chain(turns)))


def read_log(text: str, source: Source) -> Iterator[PortableChat]:
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _ENTRY.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _entry(lines[start:end], start + 1, source)


def _turn(item: Item, key: str, model: str) -> Turn:
    role = item.one_of("role", Role)
    content = item.at("content")
    calls: tuple[ToolCall, ...] = ()
    if isinstance(content.value, list):
        parts = [part.text("text", "") for part in content.each()]
        text = "\n\n".join(part for part in parts if part)
    elif isinstance(content.value, dict):
        # Calls are kept as a message of their own, made by the model and not by a tool.
        role, text = Role.ASSISTANT, content.text("text", "")
        calls = tuple(_calls(content))
    else:
        text = item.text("content")
    model = model if role is Role.ASSISTANT else ""
    return Turn(key, None, role, text, model=model, tool_calls=calls)


def _calls(content: Item) -> Iterator[ToolCall]:
    for result in content.at("tool_results").each():
        call, output = result.at("call"), result.at("output").value
        yield ToolCall(
            call.text("id", ""),
            call.text("name", ""),
            json.dumps(call.at("arguments").value, ensure_ascii=False),
            output if isinstance(output, str) else json.dumps(output, ensure_ascii=False),
        )


def _entry(lines: list[str], number: int, source: Source) -> PortableChat:
    """A prompt, a rule, an answer, a rule."""
    place = Item(None, f"line {number}")
    head = _ENTRY.match(lines[0])
    assert head is not None
    rules = [at for at, line in enumerate(lines) if line == _RULE]
    if len(rules) < 2:
        place.fail("this entry ends before its answer does")
    prompt = "\n".join(lines[1 : rules[0]])
    answer = "\n".join(lines[rules[0] + 1 : rules[-1]])
    time = Item({"time": head["time"]}, place.place).moment("time")
    key = f"{head['time']} {prompt}"
    turns = [
        Turn(f"{key} prompt", None, Role.USER, prompt, time),
        Turn(f"{key} answer", None, Role.ASSISTANT, answer, time),
    ]
    role = re.fullmatch(r"\(([\w.%#-]+)\)", head["role"].strip())
    tags = (role[1],) if role else ()
    about = About(key, place.place, head["title"], created_at=time, tags=tags)
    return build(source, about, chain(turns))
