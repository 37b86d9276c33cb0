"""``chatterm chats export`` and ``import``: chats to files and from files, of many programs."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from chatterm.cli.choosing import each_chat, make_sure
from chatterm.cli.completing import chat_ids, tag_names
from chatterm.cli.context import Context, context_of
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from chatterm.store import Store
    from chatterm.store.exchange.values import ImportReport, PortableChat

_PAGE = 500

Written = Literal["markdown", "json", "html", "jsonl", "preferences", "oasst"]
Read = Literal["json", "markdown", "chatgpt", "claude", "llm", "oterm", "elia", "aichat", "oasst"]


def export(
    ctx: typer.Context,
    chats: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...", help="Ids, or unique parts of them.", autocompletion=chat_ids
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All chats.")] = False,
    tag: Annotated[
        str | None,
        typer.Option("--tag", help="All chats with that tag.", autocompletion=tag_names),
    ] = None,
    trash: Annotated[bool, typer.Option("--trash", help="With --all: those in it, too.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Else stdout.")
    ] = None,
    form: Annotated[
        Written | None, typer.Option("--format", help="Else as FILE ends, or markdown.")
    ] = None,
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Replace names, mails, numbers, paths, keys.")
    ] = False,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="With --anonymize: a name to replace.")
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Replace FILE without asking.")] = False,
) -> None:
    """Write chats to a file: to read, to keep, to move, to train on.

    Example: chatterm chats export --all -o chats.json
    """
    from chatterm.store.exchange import formats

    context = context_of(ctx)
    if bool(chats) + everything + (tag is not None) != 1:
        raise ConfigError("which chats?", hint="name their ids, or say --all or --tag TAG")
    ending = formats.ENDINGS.get(output.suffix.lower()) if output is not None else "markdown"
    chosen = form or ending
    if chosen is None:
        raise ConfigError(
            f"{output} does not say which format is meant",
            hint=f"add --format with one of {', '.join(formats.WRITTEN)}",
        )
    with context.store() as store:
        ids = [chat.id for chat in each_chat(store, chats)] if chats else None
        ids = ids if ids is not None else list(_all(store, tag, trash))
        given: Iterable[PortableChat] = map(store.portable, ids)
        if anonymize or name:
            from chatterm.store.exchange.anonymise import Anonymiser

            given = Anonymiser(secrets.token_hex(16), name or ()).anonymous(given)
        pieces = formats.writer(chosen)(given)
        if output is None:
            for piece in pieces:
                context.console.write(piece)
        else:
            _make_sure_of_file(context, output, yes)
            _write(output, pieces)
            context.console.note(f"{len(ids)} chat{'s' * (len(ids) != 1)} written to {output}")


def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What to read.")],
    form: Annotated[
        Read | None, typer.Option("--format", help="Else the files' contents tell.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Add the chats of files: all of them, or none where one is damaged.

    Reads what chatterm exports, ChatGPT and Claude exports, and the files of llm, oterm, elia,
    aichat and Open-Assistant. What is there already is not added again.

    Example: chatterm chats import conversations.json
    """
    from chatterm.store.exchange import formats

    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        now = time.time()
        report = store.import_chats(
            chat for file in files for chat in formats.read(file, now, form)
        )
    if as_json:
        from dataclasses import asdict

        context.console.json(asdict(report))
    else:
        context.console.note(_said(report))


def _all(store: Store, tag: str | None, trash: bool) -> Iterator[str]:
    for deleted in (False, True)[: 1 + trash]:
        before = None
        while page := store.chats(limit=_PAGE, before=before, tag=tag, deleted=deleted):
            yield from (chat.id for chat in page)
            before = page[-1]


def _make_sure_of_file(context: Context, path: Path, yes: bool) -> None:
    if path.is_file():
        make_sure(context.console, f"replace {path}", yes)


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write a file only its owner can read, which is there as a whole or not at all."""
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device can only be written to as it is.
            with path.open("w", encoding="utf-8", newline="") as special:
                special.writelines(pieces)
            return
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            Path(unfinished).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(unfinished).unlink()
            raise
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}", hint="choose another file"
        ) from error


def _said(report: ImportReport) -> str:
    parts = [
        f"{report.new_chats} new",
        *([f"{report.grown_chats} grown"] if report.grown_chats else []),
        *([f"{report.known_chats} known already"] if report.known_chats else []),
    ]
    return f"chats: {', '.join(parts)}; {report.messages} messages added"
