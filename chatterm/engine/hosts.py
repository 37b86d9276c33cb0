"""Finds the host of a model, or starts one; lists and stops those that run.

Two processes that want the same model at the same moment end up with one host: starting is done
under a file lock, and whoever waited for the lock looks for the host again first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatterm import __version__
from chatterm.engine import endpoint, wire
from chatterm.engine.locks import try_lock
from chatterm.engine.settings import EngineSettings
from chatterm.errors import EngineError
from chatterm.paths import private_dir

_START_SECONDS = 20.0
"""From starting the process until it listens; loading the model comes after that."""
_HELLO_SECONDS = 30.0
"""A host that reads a long prompt answers only between two of its chunks."""
_STOP_SECONDS = 30.0
_LOG_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class EngineHome:
    """Where hosts listen and what they leave behind."""

    sockets: Path
    logs: Path
    isolated: bool = True
    """Whether hosts are processes; otherwise they are threads of this one."""

    def socket(self, key: str) -> Path:
        return self.sockets / f"{key}.sock"

    def log(self, key: str) -> Path:
        return self.logs / f"engine-{key}.log"


class Channel:
    """One connection to a host: one request and what comes back."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Path
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = wire.FrameReader()
        self._received: deque[dict[str, Any]] = deque()
        self.is_new = False
        """Whether the host was started for this channel."""
        self._log = log
        self._log_from = _size(log)

    async def hello(self, token: str) -> dict[str, Any] | None:
        """Who answers; None when the host is on its way out."""
        self.send({"op": "hello", "token": token, "version": __version__})
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                said = await self.receive()
        except OSError:
            return None
        except TimeoutError as error:
            raise EngineError(
                "the engine does not answer", hint="end it with chatterm engine stop"
            ) from error
        about = said.get("hello") if said is not None else None
        return about if isinstance(about, dict) else None

    def send(self, value: dict[str, Any]) -> None:
        self._writer.write(wire.frame(value))

    async def receive(self) -> dict[str, Any] | None:
        """The next thing the host says; None when it has hung up. Its errors are raised."""
        while not self._received:
            data = await self._reader.read(1 << 16)
            if not data:
                return None
            try:
                self._received += self._frames.feed(data)
            except wire.BadFrame as error:
                raise EngineError("the engine said something that cannot be read") from error
        said = self._received.popleft()
        if "error" in said:
            raise wire.error_from_json(said["error"])
        return said

    async def hung_up(self) -> None:
        """Wait until the host has nothing more to say."""
        with contextlib.suppress(OSError, EngineError):
            while await self.receive() is not None:
                pass

    def death(self) -> EngineError:
        """The error for a host that hung up in the middle of an answer."""
        last = last_line(self._log, self._log_from)
        why = "" if last else "; if memory ran out, take a smaller model or less context"
        return EngineError(
            f"the engine died: {last}" if last else "the engine died without a word",
            hint=f"send it again to start a new one{why}; its log is {self._log}",
        )

    async def close(self) -> None:
        await endpoint.close(self._writer)


async def open_channel(home: EngineHome, settings: EngineSettings) -> Channel:
    """A channel to the host of this model, which is started if there is none."""
    key = settings.key()
    channel = await _find(home, key)
    if channel is not None:
        return channel
    async with _start_lock(home, key):
        channel = await _find(home, key)
        if channel is not None:
            return channel
        if not home.isolated:
            return await _open_in_this_process(home, key, settings)
        log_from = _size(home.log(key))
        channel = await _wait_for(home, key, _spawn(home, key, settings), log_from)
        channel.is_new = True
        return channel


async def _open_in_this_process(home: EngineHome, key: str, settings: EngineSettings) -> Channel:
    """The same loop in a thread, where a debugger reaches it."""
    from chatterm.engine.host import prepare

    host = prepare(settings, home.socket(key))
    threading.Thread(target=host.run, name=f"engine-{key}", daemon=True).start()
    channel = await _find(home, key)
    if channel is None:
        raise EngineError("the engine's thread ended at once", hint="see what it printed")
    return channel


async def _find(home: EngineHome, key: str) -> Channel | None:
    """A channel to a running host of this version; one of another version is sent away."""
    try:
        reader, writer, token = await endpoint.connect(home.socket(key))
    except OSError:
        return None
    channel = Channel(reader, writer, home.log(key))
    is_ours = False
    try:
        about = await channel.hello(token)
        is_ours = about is not None and about.get("version") == __version__
        if is_ours:
            return channel
        if about is not None:
            channel.send({"op": "stop"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await channel.hung_up()
    finally:
        if not is_ours:
            await channel.close()
    return None


@contextlib.asynccontextmanager
async def _start_lock(home: EngineHome, key: str) -> AsyncGenerator[None, None]:
    private_dir(home.sockets)
    with (home.sockets / f"{key}.lock").open("w") as file:
        while not try_lock(file.fileno()):  # noqa: ASYNC110  (the lock is another process's)
            await asyncio.sleep(0.02)
        yield


def _spawn(home: EngineHome, key: str, settings: EngineSettings) -> subprocess.Popen[bytes]:
    """Start a host that outlives this process and never touches its terminal."""
    private_dir(home.logs)
    log = home.log(key)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    order = {"settings": asdict(settings), "socket": str(home.socket(key))}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(log, flags, 0o600), "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatterm.engine.host"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(json.dumps(order).encode() + b"\n")
    # Nobody waits for its end, and a server that has seen many of them must not keep the dead.
    threading.Thread(target=process.wait, name=f"end-of-{key}", daemon=True).start()
    return process


async def _wait_for(
    home: EngineHome, key: str, process: subprocess.Popen[bytes], log_from: int
) -> Channel:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_SECONDS
    while loop.time() < deadline:
        channel = await _find(home, key)
        if channel is not None:
            return channel
        if process.poll() is not None:
            last = last_line(home.log(key), log_from)
            raise EngineError(
                f"the engine could not start: {last or 'it gave no reason'}",
                hint=f"its log is {home.log(key)}",
            )
        await asyncio.sleep(0.005)
    process.kill()
    process.wait()
    raise EngineError(
        f"the engine did not start within {_START_SECONDS:g} s",
        hint=f"its log is {home.log(key)}",
    )


async def running(home: EngineHome) -> list[dict[str, Any]]:
    """What every host says of itself; addresses that nobody answers at are cleaned away."""
    found = []
    for path in sorted(home.sockets.glob("*.sock")):
        about = await tell(home, path.stem, {"op": "status"})
        if about is None:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        else:
            found.append({"key": path.stem, **about})
    return found


async def stop(home: EngineHome, key: str) -> bool:
    """Tell a host to end, and wait until it has put its snapshots away and is gone."""
    return await tell(home, key, {"op": "stop"}, to_the_end=True) is not None


async def tell(
    home: EngineHome, key: str, question: dict[str, Any], *, to_the_end: bool = False
) -> dict[str, Any] | None:
    """What the host of that key replies; None where there is none."""
    try:
        reader, writer, token = await endpoint.connect(home.socket(key))
    except OSError:
        return None
    channel = Channel(reader, writer, home.log(key))
    try:
        if await channel.hello(token) is None:
            return None
        channel.send(question)
        with contextlib.suppress(OSError):
            said = await channel.receive()
            if to_the_end:
                await channel.hung_up()
            return dict(said["reply"]) if said is not None else None
    finally:
        await channel.close()
    return None


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def last_line(log: Path, since: int) -> str:
    """The last thing a host wrote, which says why it ended when it ended badly.

    What stood there before, up to ``since``, is why another ended; a log may be begun anew.
    """
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            file.seek(max(since if since <= size else 0, size - 4096))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return next(_meaningful(text), "")


def _meaningful(text: str) -> Iterator[str]:
    for line in reversed(text.splitlines()):
        if line.strip():
            yield line.strip()
