"""Owns stdout, stderr and the exit code. Nothing else in the CLI prints.

stdout carries data alone: the answer, a list, JSON. Everything said to the user goes to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from chatterm.errors import ChattermError
from chatterm.render.sanitise import sanitise

INTERRUPTED = 130


class ReaderGone(Exception):
    """Whoever read stdout has had enough."""


class Console:
    """The two streams of one run of the program."""

    def __init__(self, out: TextIO, err: TextIO, env: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._debug = env.get("CHATTERM_DEBUG", "") not in ("", "0")
        self._ends_line = True
        self._status = ""
        self.quiet = False
        self.plain = env.get("TERM") == "dumb"
        """Only ever append: no line is written again, and nothing moves."""
        self.dims = False
        """Whether reasoning is dimmed on stderr."""
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
        import json

        self.line(json.dumps(value, ensure_ascii=not _is_utf8(self._out), indent=indent))

    def draw(self, text: str) -> None:
        """Put rendered text on stdout, the escape sequences of our own included."""
        if not text:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error

    def size(self) -> os.terminal_size:
        """Of the terminal that stdout is."""
        try:
            size = os.get_terminal_size(self._out.fileno())
        except OSError:
            return os.terminal_size((80, 24))
        return size if size.columns and size.lines else os.terminal_size((80, 24))

    def status(self, text: str, *, else_note: bool = False) -> None:
        """Say on one line of stderr what is going on; elsewhere than on a terminal, nothing."""
        if self.quiet:
            return
        if self.plain or not self._err.isatty():
            if else_note:
                self.note(text)
            return
        columns = self.size().columns
        text = sanitise(text)[: columns - 1]
        if text != self._status:
            self._status = text
            self._put(f"\r\x1b[K{text}")

    def clear_status(self) -> None:
        """Take that line away."""
        if self._status:
            self._status = ""
            self._put("\r\x1b[K")

    def note(self, text: str) -> None:
        """Tell the user something that is not data."""
        if not self.quiet:
            self._say(text + "\n")

    def aside(self, text: str) -> None:
        """Stream to stderr, as the model's reasoning is."""
        if self.quiet:
            return
        if self.dims and self._err.isatty() and not self.plain:
            self._put(f"\x1b[2m{sanitise(text)}\x1b[22m")
        else:
            self._say(text)

    def agrees(self, question: str, answers: TextIO | None) -> bool:
        """Ask the person at the terminal; where there is none, nobody agrees."""
        if answers is None or not answers.isatty():
            return False
        self._say(f"{question} [y/N] ")
        return answers.readline().strip().lower() in ("y", "yes")

    @property
    def shows_status(self) -> bool:
        """Whether a line that is replaced over and over makes sense."""
        return self._err.isatty() and not self.quiet and not self.plain

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
            self._say_where()
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
        self._say_where()
        self._say(f"chatterm: a bug: {type(error).__name__}: {error}\n")
        self._say("hint: run it again with CHATTERM_DEBUG=1 and report what it prints\n")
        return 1

    def _say_where(self) -> None:
        """The traceback, for whoever looks for a bug."""
        if self._debug:
            import traceback

            self._say(traceback.format_exc())

    def _say(self, text: str) -> None:
        self.clear_status()
        self._put(sanitise(text) if self._err.isatty() else text)

    def _put(self, text: str) -> None:
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
