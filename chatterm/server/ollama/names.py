"""What these clients call a model: with a tag, and in the words of the hub."""

from __future__ import annotations

from chatterm.errors import ConfigError
from chatterm.server.core import Server
from chatterm.server.problems import Problem

LATEST = ":latest"
_HUB = ("hf:", "hf.co/", "huggingface.co/")


def tagged(name: str) -> str:
    """A name as lists show it: these clients expect a tag."""
    return name if ":" in name else name + LATEST


def resolved(server: Server, said: str) -> str:
    """The name of the model that a client means."""
    if not said:
        raise Problem(400, "model is required", param="model")
    names = {name.casefold(): name for name in server.models.names}
    wanted = said.casefold()
    for form in (wanted, wanted.removesuffix(LATEST), wanted + LATEST):
        if form in names:
            return names[form]
    found = _of_the_hub(server, said) if wanted.startswith(_HUB) else None
    if found is None:
        raise unknown(said)
    return found


def unknown(said: str) -> Problem:
    return Problem(404, f"model '{said[:200]}' not found", kind="model", param="model")


def _of_the_hub(server: Server, said: str) -> str | None:
    """A model that was pulled from the hub, by the words it was pulled with."""
    from chatterm.engine.library import open_library
    from chatterm.engine.pull.sources import hub_name, quantisation_of

    try:
        named = hub_name(said, "")
    except ConfigError:
        return None
    if named is None:
        return None
    wanted = "" if named.quantisation.casefold() == "latest" else named.quantisation.casefold()
    for model in open_library(server.paths, server.models.catalog).models:
        file = model.file
        same = file.repository.casefold() == named.repository.casefold()
        quantisation = (model.quantisation or quantisation_of(file.file)).casefold()
        if same and wanted in ("", quantisation) and model.name in server.models.names:
            return model.name
    return None
