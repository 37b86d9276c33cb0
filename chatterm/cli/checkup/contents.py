"""What chatterm keeps and knows: settings, chats, models, remotes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.catalog import Catalog
from chatterm.cli.checkup.check import Check, advice, failed, failure, ok
from chatterm.config import Config
from chatterm.errors import ChattermError, ModelError, RemoteError, StoreError
from chatterm.ids import ulid_factory
from chatterm.paths import Paths

if TYPE_CHECKING:
    from chatterm.engine.machine import Machine

_REMOTE_SECONDS = 10.0


def store_check(paths: Paths) -> Check:
    """Whether the database is sound. Reads all of it."""
    from chatterm.store import Store

    if not paths.database.exists():
        return ok("chats", "there are none yet")
    try:
        with Store.open(paths.database, clock=time.time, new_id=ulid_factory()) as store:
            problems = store.integrity()
    except ChattermError as error:
        return failure("chats", error)
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        return failed(
            "chats",
            f"{paths.database} is damaged: {problems[0]}{more}",
            f"copy it away first, then: sqlite3 {paths.database} .recover",
            StoreError,
        )
    return ok("chats", f"{paths.database} is sound")


def model_checks(
    config: Config, catalog: Catalog, paths: Paths, machine: Machine
) -> Iterator[Check]:
    """Whether the models that are here can be used, and the one of new chats is among them."""
    from chatterm.engine.described import describe, with_fit
    from chatterm.engine.fit import wish_of
    from chatterm.engine.library import open_library

    try:
        library = open_library(paths, catalog)
    except ChattermError as error:
        yield failure("models", error)
        return
    wish = wish_of(config.engine)
    found = [with_fit(*describe(model), machine, wish) for model in library.models]
    for model in found:
        if model.problem:
            todo = f"get it again, or remove {model.path}"
            yield failed(
                "models", f"{model.name} cannot be used: {model.problem}", todo, ModelError
            )
        elif model.fits == "no":
            todo = f"chatterm models fit {model.name} says what would change it"
            yield advice("models", f"{model.name} does not fit this machine's free memory", todo)
    fitting = sum(model.fits in ("yes", "partly") for model in found)
    if found:
        yield ok("models", f"{fitting} of {len(found)} on this machine fit its memory")
    else:
        yield ok("models", "no file is here yet; chatterm models pull proposes one")
    yield from _default_model_check(config, catalog, paths)


def _default_model_check(config: Config, catalog: Catalog, paths: Paths) -> Iterator[Check]:
    from chatterm.backend import is_file_name, open_backend

    todo = "choose another: chatterm models default NAME"
    if is_file_name(config.model) and not Path(config.model).expanduser().exists():
        yield failed("models", f"the model of new chats is gone: {config.model}", todo, ModelError)
        return
    try:
        open_backend(config.model, config=config, catalog=catalog, paths=paths)
    except ChattermError as error:
        text = f"the model of new chats cannot be used: {error.message}"
        yield Check("models", "failed", text, error.hint or todo, error.exit_code)


def remote_checks(config: Config, catalog: Catalog, paths: Paths) -> list[Check]:
    """Whether every remote answers; all are asked at once."""
    if not catalog.remotes:
        return []
    if config.offline:
        return [ok("remotes", f"{len(catalog.remotes)} are not asked, since chatterm is offline")]

    async def ask_all() -> list[Check]:
        return await asyncio.gather(
            *(_ask(name, config, catalog, paths) for name in catalog.remotes)
        )

    return asyncio.run(ask_all())


async def _ask(name: str, config: Config, catalog: Catalog, paths: Paths) -> Check:
    from chatterm.backend import open_backend

    try:
        backend = open_backend(f"{name}/any", config=config, catalog=catalog, paths=paths)
        try:
            async with asyncio.timeout(_REMOTE_SECONDS):
                models = await backend.models()
        finally:
            await backend.aclose()
    except TimeoutError:
        text = f"{name} does not answer within {_REMOTE_SECONDS:.0f} s"
        return failed("remotes", text, f"is {catalog.remotes[name].url} right?", RemoteError)
    except ChattermError as error:
        return failed("remotes", f"{name}: {error.message}", error.hint, RemoteError)
    return ok("remotes", f"{name} answers, and has {len(models)} models")
