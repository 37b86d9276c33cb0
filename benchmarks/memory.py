"""What the full-screen program keeps of its answers: memory after many in one run."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.screen import SOURCE
from benchmarks.window import line
from chatterm.backend import open_backend
from chatterm.catalog import load_catalog
from chatterm.config import Config
from chatterm.ids import ulid_factory
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.app import ChattermApp
from chatterm.tui.desk import Desk
from chatterm.tui.launch import look_for_garbage_seldom
from chatterm.tui.talk import Prompt

ANSWERS = 500


def main(scale: float = 1.0) -> None:
    look_for_garbage_seldom()  # as the program does once it has imported everything
    asyncio.run(_report(int(ANSWERS * scale)))


async def _report(answers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as home:
        paths = Paths.from_environment({"CHATTERM_HOME": home})
        with Store.open(paths.database, clock=time.time, new_id=ulid_factory()) as store:
            app = ChattermApp(desk_of(store, paths))
            async with app.run_test(size=(120, 40)) as pilot:
                talk = app.chat_screen.talk
                early = 0.0
                for number in range(answers):
                    talk.send(Prompt(f"{number}\n\n{SOURCE}"))
                    while talk.busy:
                        await pilot.pause(0.001)
                    if number == answers // 10 - 1:
                        early = _resident()
                late = _resident()
                await app.talks.aclose()
                app.searcher.close()
    line(f"memory after {answers // 10} streamed answers, MB", early)
    line(f"memory after {answers} streamed answers, MB", late, f"<= {early * 1.2:.0f}")


def desk_of(store: Store, paths: Paths) -> Desk:
    """A desk as the program has it, whose model is the echo."""
    config, catalog = Config(model="echo"), load_catalog(paths.user_models_file)
    return Desk(
        store=store,
        config=config,
        catalog=catalog,
        paths=paths,
        database=paths.database,
        terminal_id="bench",
        open_backend=lambda model: open_backend(model, config=config, catalog=catalog, paths=paths),
        clock=time.time,
        monotonic=time.monotonic,
    )


def _resident() -> float:
    status = Path("/proc/self/statm")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
