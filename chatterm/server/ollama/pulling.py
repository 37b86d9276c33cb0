"""``/api/pull``: a model on its way to this machine, in the lines that these clients show.

Loaded with the first pull, since it has a client of its own for the hub.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatterm.catalog import Catalog
from chatterm.engine.library import open_library
from chatterm.engine.pull.events import Advanced, Planned, Pulled, Said
from chatterm.engine.pull.naming import already_here, choice_of
from chatterm.engine.pull.pulling import PullOptions, pull
from chatterm.engine.pull.sources import Choice, is_address
from chatterm.engine.pull.web import Web
from chatterm.errors import ConfigError, ModelError
from chatterm.server.core import Server
from chatterm.server.ollama.names import unknown
from chatterm.server.ollama.reading import bad
from chatterm.server.ollama.writing import Line
from chatterm.server.problems import NoModel

_ADVANCE = {"fetch": "pulling {}", "check": "verifying sha256 digest", "wait": "waiting for {}"}


async def pulled(server: Server, name: str) -> AsyncGenerator[Line, None]:
    config, catalog = server.config, server.models.catalog
    library = await asyncio.to_thread(open_library, server.paths, catalog)
    web = Web(os.environ, offline=config.offline, ca_file=config.network.ca_file)
    async with web:
        choice = await _choice(web, catalog, name)
        yield {"status": "pulling manifest"}
        if not already_here(library, catalog, name):
            async with aclosing(_fetched(server, web, choice)) as lines:
                async for line in lines:
                    yield line
    server.models.refresh()
    yield {"status": "success"}


async def _choice(web: Web, catalog: Catalog, name: str) -> Choice:
    try:
        return await choice_of(web, catalog, name)
    except ModelError as error:
        if not is_address(name):
            raise unknown(name) from error
        raise NoModel(error.message, hint=error.hint) from error
    except ConfigError as error:
        raise bad(error.message, "model") from error


async def _fetched(server: Server, web: Web, choice: Choice) -> AsyncGenerator[Line, None]:
    """The lines of what is fetched; the files of one model count as one."""
    digest = _digest(choice)
    events = pull(web, choice.sources, server.paths.models_dir, PullOptions())
    async with aclosing(events):
        async for event in events:
            match event:
                case Planned(total=total, present=present):
                    yield _progress("pulling {}", digest, total, present)
                case Advanced(stage=stage, total=total, done=done):
                    yield _progress(_ADVANCE[stage], digest, total, done)
                case Pulled(total=total):
                    yield _progress("pulling {}", digest, total, total)
                    yield {"status": "writing manifest"}
                case Said():
                    pass


def _progress(words: str, digest: str, total: int, completed: int) -> Line:
    return {
        "status": words.format(digest[:12]),
        "digest": f"sha256:{digest}",
        "total": total,
        "completed": completed,
    }


def _digest(choice: Choice) -> str:
    first = choice.sources[0]
    return first.sha256 or hashlib.sha256(first.url.encode()).hexdigest()
