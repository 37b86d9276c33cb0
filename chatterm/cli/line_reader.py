"""Reads messages at a plain prompt: with the terminal's own line editing, history and completion.

Nothing is drawn but the prompt, so that a screen reader has only words to read.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatterm.cli.console import Console

_PROMPT, _FURTHER = "> ", ". "


class LineReader:
    """Ctrl-C asks once and then leaves, as Ctrl-D does at once."""

    def __init__(self, console: Console, names: Callable[[], Iterable[str]]) -> None:
        """``names`` are the commands that Tab completes."""
        self._console = console
        self._names = names
        self._leaving = False
        self._readline: Any = None
        with suppress(ImportError):
            self._readline = importlib.import_module("readline")
        if self._readline is not None:
            self._readline.set_completer(self._complete)
            self._readline.set_completer_delims(" \t\n")
            self._readline.parse_and_bind("tab: complete")
            # What is pasted is one message, whatever its lines.
            self._readline.parse_and_bind("set enable-bracketed-paste on")
        # Only here is an interrupt an exception: it ends the line that is being typed.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def remember(self, prompts: Sequence[str]) -> None:
        """Prompts of before, for Up and Ctrl-R; the last one comes first."""
        if self._readline is not None:
            for prompt in prompts:
                if "\n" not in prompt:
                    self._readline.add_history(prompt)

    def message(self) -> str | None:
        """A message; a line that ends with a backslash goes on. None leaves."""
        lines: list[str] = []
        while True:
            try:
                line = input(_FURTHER if lines else _PROMPT)
            except EOFError:
                self._console.line()
                return None
            except KeyboardInterrupt:
                self._console.line()
                if self._leaving:
                    return None
                self._leaving = True
                lines = []
                self._console.note("press Ctrl-C again, or Ctrl-D, to leave")
                continue
            self._leaving = False
            lines.append(line.removesuffix("\\"))
            if not line.endswith("\\"):
                return "\n".join(lines)

    def ask(self, name: str) -> str | None:
        """One value; None where the user thinks better of it."""
        try:
            return input(f"{name}: ")
        except (EOFError, KeyboardInterrupt):
            self._console.line()
            return None

    def _complete(self, word: str, number: int) -> str | None:
        found: list[str] = []
        if word.startswith("/"):
            found = [f"/{name} " for name in sorted(self._names()) if name.startswith(word[1:])]
        elif word.startswith("@"):
            found = [f"@{name}" for name in _files(word[1:])]
        return found[number] if number < len(found) else None


def _files(beginning: str) -> list[str]:
    head, slash, last = beginning.rpartition("/")
    with suppress(OSError):
        names = sorted(entry.name for entry in os.scandir(f"{head}{slash}" or "."))
        return [f"{head}{slash}{name}" for name in names if name.startswith(last)]
    return []
