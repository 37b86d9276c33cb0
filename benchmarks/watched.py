"""`python -m benchmarks.watched ARGS`: our program as it is, with a watch on how late its loop is.

Every few milliseconds it looks; what it saw goes to the file in ``BENCHMARK_RESULT`` at the end.
The start, before anything can be typed, does not count.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from benchmarks.transcript_app import Stalls
from chatterm.start import main
from chatterm.tui import app, launch
from chatterm.tui.app import ChattermApp

_SKIPPED = 1.0


class Watched(ChattermApp):
    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))

    def on_ready(self) -> None:
        self._stalls = Stalls()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        await asyncio.sleep(_SKIPPED)
        await self._stalls.watch()

    def action_leave(self) -> None:
        Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(self._stalls.late))
        super().action_leave()


if __name__ == "__main__":
    setattr(launch, "ChattermApp", Watched)  # noqa: B010
    sys.argv[0] = "chatterm"
    main()
