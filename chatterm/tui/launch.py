"""Opens the full-screen program: the one thing that other rooms know of the TUI."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence

from chatterm.backend import open_backend
from chatterm.editor import editor_of
from chatterm.handover import Beginning, Surroundings, Written
from chatterm.tui.app import ChattermApp
from chatterm.tui.desk import Desk
from chatterm.tui.keymap import load_keymap
from chatterm.tui.terminal import teach_keys

_ALLOCATIONS = 5_000
"""New objects after which Python looks for garbage among them; its own idea is 700."""


def open_chat(
    around: Surroundings, first: Beginning, suggest: Callable[[str], Sequence[str]]
) -> int:
    """Run until the user leaves; the exit code. ``suggest`` helps where an answer is in doubt."""

    def keep_theme(name: str) -> None:
        from chatterm.config_edit import set_value

        set_value(around.paths, "tui.theme", [name])

    teach_keys()
    look_for_garbage_seldom()
    app = ChattermApp(_desk(around, suggest), first, keep_theme=keep_theme)
    app.run(mouse=around.config.tui.mouse)
    if app.failure is not None:
        raise app.failure
    return app.return_value or 0


def write_message(
    around: Surroundings,
    chat_id: str | None,
    model: str,
    text: str | None,
    commands: Mapping[str, str],
) -> Written | None:
    """Let the user write one message below what the terminal shows; None leaves."""
    from chatterm.tui.inline import InlineComposer

    teach_keys()
    composer = InlineComposer(_desk(around), chat_id, model, text, commands)
    text = composer.run(inline=True, mouse=False)
    return Written(text, composer.unread) if text is not None else None


def look_for_garbage_seldom() -> None:
    """A look among all that was imported is a stutter of some 50 ms, and finds nothing there."""
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 5, 50)


def _desk(around: Surroundings, suggest: Callable[[str], Sequence[str]] | None = None) -> Desk:
    config, paths = around.config, around.paths
    desk = Desk(
        store=around.store,
        config=config,
        catalog=around.catalog,
        paths=paths,
        database=paths.database,
        terminal_id=around.terminal_id,
        open_backend=lambda model: open_backend(
            model, config=config, catalog=desk.catalog, paths=paths, suggest=suggest
        ),
        clock=time.time,
        monotonic=time.monotonic,
        editor=editor_of(around.env),
        keymap=load_keymap(paths.config / "keys.toml"),
    )
    return desk
