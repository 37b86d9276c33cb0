"""Owns stdout, stderr and the exit code. Nothing else in the CLI prints.

stdout carries data alone: the answer, a list, JSON. Everything said to the user goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from chatterm.errors import ChattermError
from chatterm.render.sanitise import sanitise

INTERRUPTED = 130
_USUAL_WIDTH = 80
"""Of a terminal that does not know its own."""


class ReaderGone(Exception):
    """Whoever read stdout has had enough."""


class Console:
    """The two streams of one run of the program."""

    def __init__(self, out: TextIO, err: TextIO, env: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._debug = env.get("CHATTERM_DEBUG", "") not in ("", "0")
        self._ends_line = True
        self._progress = ""
        """What stands on the last line of stderr and will be replaced."""
        self.quiet = False
        self.json_errors = False
        """Also report an error as an object on stdout, for programs that read it."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout."""
        return self._out.isatty()

    def write(self, text: str) -> None:
        """Put data on stdout as it is, and at once; on a terminal, made harmless."""
        if not text:
            return
        if self.is_terminal:
            text = sanitise(text)
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error
        self._ends_line = text.endswith("\n")

    def line(self, text: str = "") -> None:
        self.write(text + "\n")

    def end_line(self) -> None:
        """Make sure that what follows begins on a line of its own."""
        if not self._ends_line:
            self.write("\n")

    def json(self, value: Any, *, indent: int | None = None) -> None:
        """Put one JSON value on stdout; every character survives any encoding of the pipe."""
        self.line(json.dumps(value, ensure_ascii=not _is_utf8(self._out), indent=indent))

    def note(self, text: str) -> None:
        """Tell the user something that is not data."""
        if not self.quiet:
            self._say(text + "\n")

    def aside(self, text: str) -> None:
        """Stream to stderr, as the model's reasoning is."""
        if not self.quiet:
            self._say(text)

    @property
    def shows_progress(self) -> bool:
        """Whether a line that is replaced over and over makes sense."""
        return self._err.isatty() and not self.quiet

    def progress(self, text: str) -> None:
        """Put a line in the place of the one before; an empty one takes it away."""
        if not self.shows_progress:
            return
        width = os.get_terminal_size(self._err.fileno()).columns or _USUAL_WIDTH
        text = sanitise(text).replace("\n", " ")[: max(1, width - 1)]
        blanks = " " * (len(self._progress) - len(text))
        self._progress = text
        self._write_err(f"\r{text}{blanks}" if text else f"\r{blanks}\r")

    def error(self, error: ChattermError) -> None:
        """Say what happened and what to do; also when quiet."""
        if self.json_errors:
            self.json({"error": error.as_dict()})
        self._say(f"chatterm: {error.message}\n")
        if error.hint:
            self._say(f"hint: {error.hint}\n")
        if self._debug and error.detail:
            self._say(error.detail.rstrip("\n") + "\n")

    def run(self, body: Callable[[], int]) -> int:
        """Run the program; every way it can end becomes an exit code."""
        try:
            code = body()
            self._out.flush()
        except ChattermError as error:
            if self._debug:
                self._say(traceback.format_exc())
            self.error(error)
            return error.exit_code
        except (ReaderGone, BrokenPipeError):
            self._abandon_stdout()
            return 0
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001  (the CLI's last resort)
            return self._bug(error)
        return code

    def _bug(self, error: Exception) -> int:
        if self._debug:
            self._say(traceback.format_exc())
        self._say(f"chatterm: a bug: {type(error).__name__}: {error}\n")
        self._say("hint: run it again with CHATTERM_DEBUG=1 and report what it prints\n")
        return 1

    def _say(self, text: str) -> None:
        if self._progress:
            self.progress("")
        if self._err.isatty():
            text = sanitise(text)
        self._write_err(text)

    def _write_err(self, text: str) -> None:
        try:
            self._err.write(text)
            self._err.flush()
        except BrokenPipeError:
            # Nobody listens on stderr; the answer on stdout is worth finishing.
            return

    def _abandon_stdout(self) -> None:
        """Point stdout at nothing, or the interpreter complains when it flushes at exit."""
        try:
            descriptor = self._out.fileno()
        except OSError:
            return
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


def standard_console(env: Mapping[str, str]) -> Console:
    """The console of a real process: UTF-8 that never fails on an odd character."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return Console(sys.stdout, sys.stderr, env)


def _is_utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
