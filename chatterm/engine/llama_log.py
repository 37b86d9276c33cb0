"""What llama.cpp says while it works: its last words, and the buffers it has taken."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import llama_cpp as llama

from chatterm.engine.buffers import Buffers

_WARNING = 3


class LlamaLog:
    """Keeps the library's last words; everything goes to stderr, which is the host's log."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=200)
        self.buffers = Buffers()
        self._callback = llama.llama_log_callback(self._take)
        llama.llama_log_set(self._callback, None)

    def _take(self, level: int, text: bytes, _: Any) -> None:
        line = text.decode("utf-8", "replace")
        self._lines.append((level, line))
        self.buffers.take(line)
        if level >= _WARNING:
            os.write(2, text)

    def last_error(self) -> str:
        """The reason the library gave, in its own words."""
        errors = [text.strip() for level, text in self._lines if level >= _WARNING + 1]
        reasons = [line for line in errors if "error" in line.lower()] or errors
        if not reasons:
            return "the library gave no reason"
        return reasons[0].rpartition(": error loading model: ")[2] or reasons[0]

    def text(self) -> str:
        return "".join(text for _, text in self._lines)

    def close(self) -> None:
        llama.llama_log_set(llama.llama_log_callback(), None)
