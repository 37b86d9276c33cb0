"""Opens a chat session out of what the user said and what the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.cli.nearest import nearest_commands
from chatterm.cli.text import readable
from chatterm.errors import ConfigError
from chatterm.params import Params

if TYPE_CHECKING:
    from chatterm.catalog import Catalog
    from chatterm.cli.context import Context
    from chatterm.session import ChatSession
    from chatterm.store import Chat, Store


def open_session(
    context: Context,
    store: Store,
    chat: Chat | None,
    *,
    model: str | None,
    system: str | None,
    params: Params,
) -> ChatSession:
    """Go on in ``chat`` or begin a new one; the chat's own model is used unless told otherwise."""
    from chatterm.backend import open_backend
    from chatterm.session import ChatSession

    if chat is not None and system is not None:
        raise ConfigError(
            "a chat that has begun keeps its system prompt", hint="start a new chat to set another"
        )
    config = context.config()
    catalog = context.catalog()
    name = _whole(model or (chat.model if chat is not None else "") or config.model, catalog)
    return ChatSession(
        store,
        open_backend(
            name,
            config=config,
            catalog=catalog,
            paths=context.paths(),
            suggest=nearest_commands,
        ),
        model=name,
        chat_id=chat.id if chat is not None else None,
        system=config.system if system is None else readable(system),
        params=params,
    )


def _whole(model: str, catalog: Catalog) -> str:
    """A model's file by its whole path, so that the chat finds it from any folder."""
    from chatterm.backend import is_file_name, remote_of

    is_file = is_file_name(model) and remote_of(model, catalog) is None
    return str(Path(model).expanduser().resolve()) if is_file else model
