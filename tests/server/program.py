"""The real server, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cli.program import COMMAND


class Program:
    """``chatterm serve``, what it says, and its end."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self.url = self._address()

    @property
    def said(self) -> str:
        return self.log.read_text()

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        return self.process.wait(60)

    def _address(self) -> str:
        """Where it listens, once it says so."""
        # Looks are counted: on a clock, a machine that was stopped meanwhile would be a failure.
        for _ in range(3000):
            found = re.search(r'serving at ([^\s;]+)[;\s]|"serving", "url": "([^"]+)"', self.said)
            if found:
                return found[1] or found[2]
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        raise AssertionError(self.said)


@contextmanager
def served_program(
    folder: Path,
    args: Sequence[str] = (),
    *,
    detached: bool = False,
    env: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[Program]:
    """Serve with these settings of ``[serve]``; detached from every terminal, as a service is."""
    config = folder / "serve.toml"
    lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
    config.write_text("\n".join(["[serve]", *lines, "[engine]", "keep_alive = 0", ""]))
    log = folder / "serve.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *args],
            stderr=stderr,
            env={**_environment(config), **(env or {})},
            start_new_session=detached,
        )
    try:
        yield Program(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _environment(config: Path) -> dict[str, str]:
    return {**os.environ, "CHATTERM_CONFIG": str(config)}


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
