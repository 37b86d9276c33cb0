"""Opens the full-screen program: the one thing that other rooms know of the TUI."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from chatterm.backend import open_backend
from chatterm.catalog import Catalog
from chatterm.config import Config
from chatterm.params import Params
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.app import Beginning, ChattermApp
from chatterm.tui.desk import Desk
from chatterm.tui.keymap import load_keymap
from chatterm.tui.terminal import teach_keys

if TYPE_CHECKING:
    from chatterm.store import Chat

_ALLOCATIONS = 5_000
"""New objects after which Python looks for garbage among them; its own idea is 700."""


def open_chat(
    *,
    store: Store,
    config: Config,
    catalog: Catalog,
    paths: Paths,
    env: Mapping[str, str],
    terminal_id: str,
    chat: Chat | None,
    model: str | None,
    params: Params,
    system: str | None,
    text: str,
    suggest: Callable[[str], Sequence[str]],
) -> int:
    """Run until the user leaves; the exit code. ``suggest`` helps where an answer is in doubt."""
    desk = _desk(store, config, catalog, paths, env, terminal_id, suggest)

    def keep_theme(name: str) -> None:
        from chatterm.config_edit import set_value

        set_value(paths, "tui.theme", [name])

    teach_keys()
    _look_for_garbage_seldom()
    first = Beginning(chat.id if chat else None, model or "", params, system, text)
    app = ChattermApp(desk, first, keep_theme=keep_theme)
    app.run(mouse=config.tui.mouse)
    return app.return_value or 0


def write_message(
    *,
    store: Store,
    config: Config,
    catalog: Catalog,
    paths: Paths,
    env: Mapping[str, str],
    terminal_id: str,
    chat_id: str | None,
    model: str,
    text: str | None,
    commands: Mapping[str, str],
) -> str | None:
    """Let the user write one message below what the terminal shows; None leaves."""
    from chatterm.tui.inline import InlineComposer

    teach_keys()
    desk = _desk(store, config, catalog, paths, env, terminal_id)
    return InlineComposer(desk, chat_id, model, text, commands).run(inline=True, mouse=False)


def _look_for_garbage_seldom() -> None:
    """A look among all that was imported is a stutter of some 50 ms, and finds nothing there."""
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 5, 50)


def _desk(
    store: Store,
    config: Config,
    catalog: Catalog,
    paths: Paths,
    env: Mapping[str, str],
    terminal_id: str,
    suggest: Callable[[str], Sequence[str]] | None = None,
) -> Desk:
    desk = Desk(
        store=store,
        config=config,
        catalog=catalog,
        paths=paths,
        database=paths.database,
        terminal_id=terminal_id,
        open_backend=lambda model: open_backend(
            model, config=config, catalog=desk.catalog, paths=paths, suggest=suggest
        ),
        clock=time.time,
        monotonic=time.monotonic,
        editor=env.get("VISUAL") or env.get("EDITOR") or "vi",
        keymap=load_keymap(paths.config / "keys.toml"),
    )
    return desk
