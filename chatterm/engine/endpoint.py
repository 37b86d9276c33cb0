"""Where a host listens, so that nobody but its user can talk to it.

A Unix socket in a private folder; on Windows, loopback with a random token in a private file.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from chatterm.paths import private_dir

_BACKLOG = 64


def listen(path: Path) -> tuple[socket.socket, str]:
    """Listen at ``path``; the token is what a caller must name, empty where rights protect it."""
    private_dir(path.parent)
    if sys.platform == "win32":
        return _listen_on_loopback(path)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener, ""


def _listen_on_loopback(path: Path) -> tuple[socket.socket, str]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    token = secrets.token_hex(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"port": listener.getsockname()[1], "token": token}, file)
    return listener, token


def is_ours(connection: socket.socket) -> bool:
    """Whether the other end is the same user; the folder's rights say so too."""
    peer_credentials = getattr(socket, "SO_PEERCRED", None)
    if peer_credentials is None:
        return True
    size = struct.calcsize("3i")
    said = connection.getsockopt(socket.SOL_SOCKET, peer_credentials, size)
    _, user, _ = struct.unpack("3i", said)
    return bool(user == os.getuid())


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Reach the host at ``path``; OSError when there is none."""
    if sys.platform == "win32":
        try:
            about = json.loads(path.read_text())  # noqa: ASYNC240  (a hundred bytes)
        except ValueError as error:
            raise ConnectionRefusedError(str(path)) from error
        reader, writer = await asyncio.open_connection("127.0.0.1", about["port"])
        return reader, writer, about["token"]
    reader, writer = await asyncio.open_unix_connection(str(path))
    return reader, writer, ""


async def close(writer: asyncio.StreamWriter) -> None:
    """Hang up, whatever state the connection is in."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
