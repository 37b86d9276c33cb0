"""What the user sends: words from the command line, piped text, and attachments, read just once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from chatterm.cli.text import readable
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from chatterm.attachments.content import Content
    from chatterm.cli.context import Context

STDIN_LIMIT = 10_000_000
"""Bytes; more than this is a mistake, and no model reads it."""
_STDIN = "-"
_NAMES_SHOWN = 5


def joined_prompt(words: Sequence[str], piped: str) -> str:
    """The words and the piped text as one prompt; ``-`` says where the piped text goes."""
    if _STDIN in words:
        return " ".join(piped if word == _STDIN else readable(word) for word in words)
    typed = readable(" ".join(words))
    return "\n\n".join(part for part in (typed, piped) if part.strip())


def piped_text(
    context: Context, words: Sequence[str], files: Sequence[str], stdin: TextIO | None
) -> str:
    """The text on stdin, unless it is a terminal or an attachment."""
    wanted = _STDIN in words
    if _STDIN in files:
        if wanted:
            raise ConfigError(
                "stdin is asked for twice", hint="write - in the prompt, or -f -, not both"
            )
        return ""
    if stdin is None or (stdin.isatty() and not wanted):
        return ""
    data = _stdin_bytes(stdin)
    if not data:
        return ""
    from chatterm.attachments.content import content_of, text_of

    content = content_of("stdin", data)
    if content.is_image:
        raise ConfigError("stdin is a picture", hint="attach it with -f -")
    _say_what_is_unreadable(context, content)
    return (text_of(data) or "").rstrip("\n")


def attachments(context: Context, names: Sequence[str], stdin: TextIO | None) -> list[Content]:
    """What ``-f`` names: files, folders, addresses, and ``-`` for stdin."""
    contents: list[Content] = []
    for name in names:
        contents += _attachment(context, name, stdin)
    for content in contents:
        _say_what_is_unreadable(context, content)
    return contents


def _attachment(context: Context, name: str, stdin: TextIO | None) -> list[Content]:
    from chatterm.attachments.content import content_of
    from chatterm.attachments.files import read_file, read_folder

    if name == _STDIN:
        return [content_of("stdin", _stdin_bytes(stdin))] if stdin is not None else []
    if name.lower().startswith(("http://", "https://")):
        from chatterm.attachments.pages import read_url

        return [read_url(name, context.env)]
    path = Path(name).expanduser()
    if not path.is_dir():
        return [read_file(path, readable(name))]
    folder = read_folder(path)
    if folder.left_out:
        shown = ", ".join(folder.left_out[:_NAMES_SHOWN])
        more = len(folder.left_out) - _NAMES_SHOWN
        context.console.note(
            f"left out of {readable(name)}, for they are no text or too long: {readable(shown)}"
            + (f" and {more} more" if more > 0 else "")
        )
    return folder.contents


def _say_what_is_unreadable(context: Context, content: Content) -> None:
    if content.unreadable:
        context.console.note(
            f"{content.name} is not UTF-8: {content.unreadable} characters are shown as \ufffd"
        )


def _stdin_bytes(stdin: TextIO) -> bytes:
    try:
        data = stdin.buffer.read(STDIN_LIMIT + 1)
    except OSError as error:
        raise ConfigError(
            f"stdin cannot be read: {error.strerror}", hint="for a file write -f FILE"
        ) from error
    if len(data) > STDIN_LIMIT:
        raise ConfigError(
            f"stdin is longer than {STDIN_LIMIT // 1_000_000} MB",
            hint="pipe in the part that matters",
        )
    return data
