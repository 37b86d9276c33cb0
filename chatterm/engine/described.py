"""What is known of a model on this machine: the catalogue's word, then the file's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chatterm.engine.fit import Wish, plan
from chatterm.engine.gguf import GgufHeader
from chatterm.engine.library import LocalModel, header_of
from chatterm.engine.machine import Machine
from chatterm.errors import ModelError


@dataclass(frozen=True, slots=True)
class Described:
    """Zero and empty mean unknown."""

    name: str
    place: str
    path: str
    size: int
    quantisation: str = ""
    parameters: int = 0
    context: int = 0
    architecture: str = ""
    capabilities: tuple[str, ...] = ()
    licence: str = ""
    summary: str = ""
    fits: str = ""
    """``yes``, ``partly`` on the GPU, or ``no``."""
    plan: str = ""
    """How it would be opened, in one line."""
    problem: str = ""
    """Why it cannot be used."""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def describe(model: LocalModel) -> tuple[Described, GgufHeader | None]:
    """What is known, and the header where the file is not broken."""
    entry = model.entry
    known = Described(
        model.name,
        model.file.place,
        str(model.path),
        model.file.size,
        quantisation=model.quantisation,
        problem=model.file.problem,
    )
    if entry is not None:
        known = replace(
            known,
            parameters=entry.parameters,
            context=entry.context,
            capabilities=entry.capabilities,
            licence=entry.licence,
            summary=entry.summary,
        )
    try:
        header = header_of(model)
    except ModelError as error:
        return replace(known, problem=model.file.problem or error.message), None
    return _with_header(known, header), header


def with_fit(
    known: Described, header: GgufHeader | None, machine: Machine, wish: Wish
) -> Described:
    """The same, and whether it fits this machine."""
    if header is None or known.problem:
        return known
    chosen = plan(header, machine, wish)
    return replace(known, fits=chosen.verdict, plan=chosen.line())


def _with_header(known: Described, header: GgufHeader) -> Described:
    problem = "" if header.architecture else "it does not say what kind of model it is"
    if header.architecture == "clip" or header.text("general.type") in ("mmproj", "adapter"):
        problem = "it is a part of a model, not a model"
    return replace(
        known,
        quantisation=known.quantisation or header.quantisation,
        parameters=header.weights.parameters or known.parameters,
        context=header.context_length or known.context,
        architecture=header.architecture,
        capabilities=known.capabilities or _capabilities(header),
        licence=known.licence or header.text("general.license"),
        problem=problem,
    )


def _capabilities(header: GgufHeader) -> tuple[str, ...]:
    """What the file gives away of itself; a template that knows tools names them."""
    if header.pooling is not None or header.architecture.endswith("bert"):
        return ("embeddings",)
    signs = (("tools", "tools"), ("reasoning", "<think>"))
    return tuple(name for name, sign in signs if sign in header.chat_template)
