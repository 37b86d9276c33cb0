"""All formats: how a file is told to be of one of them, and what reads and writes it."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from chatterm.errors import ConfigError
from chatterm.store.exchange import sqlite
from chatterm.store.exchange.build import Source
from chatterm.store.exchange.fields import Damaged, Item
from chatterm.store.exchange.values import PortableChat

Writer = Callable[[Iterable[PortableChat]], Iterator[str]]

_WRITERS = {
    "markdown": ("markdown", "write"),
    "json": ("native", "write"),
    "html": ("html", "write"),
    "jsonl": ("finetune", "write_chats"),
    "preferences": ("finetune", "write_preferences"),
    "oasst": ("oasst", "write"),
}
WRITTEN = tuple(_WRITERS)
"""The formats that chats are exported in."""

READ = ("json", "markdown", "chatgpt", "claude", "llm", "oterm", "elia", "aichat", "oasst")
"""The formats that chats are imported from."""

ENDINGS = {".md": "markdown", ".json": "json", ".html": "html", ".htm": "html", ".jsonl": "jsonl"}
"""What a file's name says of the format that is wanted."""

_MODEL = re.compile(r"^model:", re.MULTILINE)
_HEAD = 4096
"""Where a session of aichat names its model; YAML takes too long to be read on suspicion."""

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_MOST_BYTES = 2_000_000_000
"""What an archive may unpack to: more than anybody ever said, less than a machine's memory."""


def writer(name: str) -> Writer:
    module, function = _WRITERS[name]
    found: Writer = getattr(_module(module), function)
    return found


def read(path: Path, now: float, wanted: str | None = None) -> Iterator[PortableChat]:
    """The chats of a file, whose format its content tells unless it is given.

    What is wrong with a file is said with the place; by then chats may have been given already.
    """
    source = Source("", path.name, now)
    try:
        with path.open("rb") as file:
            begins = file.read(64)
            if begins.startswith(sqlite.MAGIC):
                yield from _from_database(path, now, wanted)
            elif begins.startswith(_ZIP):
                yield from _from_archive(path, source, wanted)
            else:
                yield from _from_bytes(begins + file.read(), source, wanted)
    except Damaged as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error
    except RecursionError as error:
        raise ConfigError(
            f"{path}: this is nested too deeply to be read",
            hint="nothing was imported; chatterm's own JSON has no such limit",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name"
        ) from error


def _from_database(path: Path, now: float, wanted: str | None) -> Iterator[PortableChat]:
    with sqlite.opened(path) as db:
        for name in ("llm", "oterm", "elia"):
            module = _module(name)
            if wanted in (None, name) and module.recognises(db):
                yield from module.read(db, Source(name, path.name, now))
                return
        ours = bool(db.columns("message_attachments"))
    raise Damaged(
        "",
        "this is a database of chatterm; export it there with chatterm chats export --all"
        if ours
        else _unlike(wanted, "a database of llm, oterm or elia"),
    )


def _from_bytes(data: bytes, source: Source, wanted: str | None) -> Iterator[PortableChat]:
    if data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(_MOST_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise Damaged("", f"this cannot be unpacked: {error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged(
            f"byte {error.start}", "this is no UTF-8 text, and no known archive"
        ) from error
    yield from _from_text(text, source, wanted)


def _from_archive(path: Path, source: Source, wanted: str | None) -> Iterator[PortableChat]:
    """The conversations of an archive, with what else lies in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _Entries(archive)
            names = [name for name in sorted(entries) if _holds_chats(name)]
            if not names:
                raise Damaged("", "there is no conversations.json in this archive")
            for name in names:
                yield from _from_bytes(entries[name], replace(source, files=entries), wanted)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        if isinstance(error, RecursionError):
            raise
        raise Damaged("", f"this archive cannot be unpacked: {error}") from error


class _Entries(Mapping[str, bytes]):
    """What lies in an archive; read when it is asked for, as there may be many pictures."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._sizes = {entry.filename: entry.file_size for entry in archive.infolist()}

    def __getitem__(self, name: str) -> bytes:
        if self._sizes[name] > _MOST_BYTES:
            raise Damaged(name, "this is too large")
        return self._archive.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)


def _holds_chats(name: str) -> bool:
    file = PurePosixPath(name).name
    return file.startswith("conversations") and file.endswith(".json")


def _from_text(text: str, source: Source, wanted: str | None) -> Iterator[PortableChat]:
    begins = text.lstrip()[:1]
    if begins in ("{", "["):
        yield from _from_json(text, source, wanted)
        return
    markdown, aichat = _module("markdown"), _module("aichat")
    if wanted in (None, "markdown") and markdown.recognises(text):
        yield from markdown.read(text)
    elif wanted in (None, "aichat") and aichat.recognises_log(text):
        yield from aichat.read_log(text, replace(source, format="aichat"))
    elif wanted in (None, "aichat") and _MODEL.search(text[:_HEAD]):
        data = _yaml(text)
        if not aichat.recognises_session(data):
            raise Damaged("", _unlike(wanted, "any format"))
        yield from aichat.read_session(data, replace(source, format="aichat"))
    else:
        raise Damaged("", _unlike(wanted, "any format"))


def _from_json(text: str, source: Source, wanted: str | None) -> Iterator[PortableChat]:
    try:
        data = json.loads(text)
    except ValueError as error:
        if "\n" in text.strip():
            yield from _from_lines(text, source, wanted, error)
            return
        raise Damaged("", f"this is no JSON: {error}") from error
    oasst = _module("oasst")
    if isinstance(data, dict) and isinstance(data.get("conversations"), list):
        data = data["conversations"]
    if isinstance(data, dict) and data.get("format") == "chatterm" and wanted in (None, "json"):
        yield from _module("native").read(data)
        return
    for name in ("chatgpt", "claude"):
        module = _module(name)
        if wanted in (None, name) and module.recognises(data):
            yield from module.read(data, replace(source, format=name))
            return
    if wanted in (None, "oasst") and oasst.recognises(data):
        yield from oasst.read([Item(data, "line 1")], replace(source, format="oasst"))
    elif data != []:
        raise Damaged("", _unlike(wanted, "any format"))


def _from_lines(
    text: str, source: Source, wanted: str | None, error: ValueError
) -> Iterator[PortableChat]:
    lines: list[Item] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as wrong:
            # A first line that is whole says that it is JSON Lines, and which line is damaged.
            raise Damaged(
                f"line {number}" if lines else "", f"this is no JSON: {wrong if lines else error}"
            ) from wrong
        lines.append(Item(data, f"line {number}"))
    oasst = _module("oasst")
    if wanted not in (None, "oasst") or not oasst.recognises(lines[0].value):
        raise Damaged("", _unlike(wanted, "message trees of Open-Assistant"))
    yield from oasst.read(lines, replace(source, format="oasst"))


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None


def _unlike(wanted: str | None, what: str) -> str:
    if wanted is not None:
        return f"this is not of the format {wanted}"
    return f"this is not like {what} that is known here: {', '.join(READ)}"


def _module(name: str) -> Any:
    return import_module(f"chatterm.store.exchange.{name}")
