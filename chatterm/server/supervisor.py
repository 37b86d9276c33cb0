"""Tells systemd when the server is ready and when it stops, where systemd asked to be told."""

from __future__ import annotations

import os
import socket


def tell_supervisor(state: str) -> None:
    """Send a line such as ``READY=1``; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.connect(address)
            notified.sendall(state.encode())
    except OSError:
        # Whoever asked is gone, which is no reason to serve nobody.
        return
