"""Chats as one HTML page that needs nothing else: no script, no file, no server, light and dark.

Everything written by people or models is escaped, Markdown's own HTML included, and the page
forbids itself to load or to run anything. Other branches are folded in where they part.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from chatterm.messages import Message, Role
from chatterm.store.exchange.values import PortableChat, PortableMessage

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}

_STYLE = """
:root { color-scheme: light dark; --line: #d5d8dd; --soft: #f4f5f7; --quiet: #626a76; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3f47; --soft: #22262c; --quiet: #9aa3af; }
  body { background: #16191d; color: #e4e7eb; } a { color: #7fb4ff; }
}
body { font: 16px/1.55 system-ui, sans-serif; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } header p, .by, footer { color: var(--quiet); font-size: .85rem; }
article { border-top: 1px solid var(--line); padding: .6rem 0; overflow-wrap: break-word; }
.user { background: var(--soft); padding: .6rem .9rem; border-radius: .4rem; }
.by { margin: 0 0 .3rem; } .words > :first-child { margin-top: 0; }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; border-radius: .3rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: .2rem .5rem; }
blockquote { border-left: 3px solid var(--line); margin-left: 0; padding-left: 1rem; }
details { border-left: 3px solid var(--line); padding-left: .9rem; margin: .5rem 0; }
summary { cursor: pointer; color: var(--quiet); } img { max-width: 100%; }
""".strip()


def write(chats: Iterable[PortableChat]) -> Iterator[str]:
    """The page, in pieces; chats follow each other."""
    markdown = _markdown()
    title = "Chats"
    started = False
    for chat in chats:
        if not started:
            title = chat.chat.title or title
            yield _head(title)
            started = True
        yield from _chat(chat, markdown)
    if not started:
        yield _head(title)
    yield "<footer><p>Exported from chatterm.</p></footer>\n</body>\n</html>\n"


def _head(title: str) -> str:
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_safe(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
    )


def _chat(given: PortableChat, markdown: Any) -> Iterator[str]:
    chat = given.chat
    about = [_time(chat.created_at), chat.model, *(f"#{tag}" for tag in chat.tags)]
    yield f'<section id="{_safe(chat.id)}">\n<header>\n<h1>{_safe(chat.title)}</h1>\n'
    yield f"<p>{_safe(' · '.join(part for part in about if part))}</p>\n</header>\n"
    below = given.below()
    shown = {one.message.id for one in given.path()}
    for one in given.path():
        yield _article(one, given.files, markdown)
        others = [other for other in below[one.message.parent_id] if other.message.id not in shown]
        yield from _branches(others, below, given.files, markdown)
    yield "</section>\n"


def _branches(
    others: Sequence[PortableMessage],
    below: Mapping[str | None, Sequence[PortableMessage]],
    files: Mapping[str, bytes],
    markdown: Any,
) -> Iterator[str]:
    """What else was said at a place, folded, each with all that follows it."""
    for number, other in enumerate(others, 1):
        name = "another prompt" if other.message.role is Role.USER else "another answer"
        count = f" ({number} of {len(others)})" if len(others) > 1 else ""
        yield f"<details>\n<summary>{name}{count}</summary>\n"
        # Depth first and without recursion; forks inside a folded branch are told by their words.
        waiting = [other]
        while waiting:
            one = waiting.pop()
            yield _article(one, files, markdown)
            waiting += reversed(below.get(one.message.id, []))
        yield "</details>\n"


def _article(one: PortableMessage, files: Mapping[str, bytes], markdown: Any) -> str:
    message = one.message
    by = [message.label.capitalize(), message.model, _time(message.created_at)]
    by += [message.state] * (message.state != "complete")
    by += [f"vote {one.vote:+d}"] * bool(one.vote)
    parts = [
        f'<article class="{message.role}" id="{_safe(message.id)}">\n',
        f'<p class="by">{_safe(" · ".join(part for part in by if part))}</p>\n',
    ]
    if message.reasoning:
        words = _safe(message.reasoning)
        parts.append(f"<details>\n<summary>reasoning</summary>\n<pre>{words}</pre>\n</details>\n")
    # A person's words are shown as typed; a model writes Markdown.
    if message.role is Role.USER:
        words = _safe(message.text).replace("\n", "<br>\n")
    else:
        words = markdown.render(_printable(message.text))
    parts.append(f'<div class="words">{words}</div>\n')
    parts += [_call(call.name, call.arguments, call.result) for call in message.tool_calls]
    parts += list(_attached(message, files))
    return "".join([*parts, "</article>\n"])


def _call(name: str, arguments: str, result: str | None) -> str:
    said = f"{arguments}\n\n{result}" if result is not None else arguments
    return (
        f"<details>\n<summary>tool: {_safe(name)}</summary>\n<pre>{_safe(said)}</pre>\n</details>\n"
    )


def _attached(message: Message, files: Mapping[str, bytes]) -> Iterator[str]:
    for file in message.attachments:
        name = _safe(file.name)
        content = files.get(file.digest)
        if file.media_type in _IMAGES and content is not None:
            data = base64.b64encode(content).decode()
            yield f'<p><img alt="{name}" src="data:{file.media_type};base64,{data}"></p>\n'
        else:
            yield f"<p>Attached: {name} ({file.size:,} bytes)</p>\n"


def _markdown() -> Any:
    from markdown_it import MarkdownIt

    # Raw HTML stays text; a picture would be loaded from somewhere, so it becomes its address.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _printable(text: str) -> str:
    """Without what turns the direction of text around or has no place in HTML."""
    return re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "\ufffd", text
    )


def _safe(text: str) -> str:
    return escape(_printable(text))


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
