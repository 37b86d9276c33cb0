"""Text from the command line, made fit to be stored."""

from __future__ import annotations


def readable(argument: str) -> str:
    """An argument whose bytes are no UTF-8 arrives as half characters that nothing can store."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
