"""The models on this machine by name: which file a name means, wherever it lies.

A file of the catalogue has the catalogue's name, any other the name its program or its file gives
it. Where several files have one name, the first in the order of ``_ORDER`` keeps it and the
others are called ``NAME@PLACE``. Listing reads no file; ``header_of`` does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatterm.catalog import Catalog, ModelEntry
from chatterm.engine.gguf import GgufHeader, read_model
from chatterm.engine.places import FoundFile, Place, PlaceName, files_in, found_file, known_places
from chatterm.errors import ConfigError, ModelError
from chatterm.hints import nearest
from chatterm.paths import Paths, write_private

_ORDER: Final[Sequence[PlaceName]] = (
    "chatterm",
    "added",
    "huggingface",
    "lmstudio",
    "jan",
    "ollama",
)
PROGRAMS: Final[Mapping[PlaceName, str]] = {
    "chatterm": "chatterm",
    "added": "a folder you added",
    "huggingface": "the Hugging Face cache",
    "lmstudio": "LM Studio",
    "jan": "Jan",
    "ollama": "Ollama",
}
"""Whose a place is, for a sentence."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine."""

    name: str
    file: FoundFile
    entry: ModelEntry | None = None
    """What the catalogue says of it."""
    quantisation: str = ""
    """As the catalogue calls this file."""

    @property
    def path(self) -> Path:
        return self.file.path


class Library:
    """What lies where, looked up once."""

    def __init__(self, catalog: Catalog, files: Iterable[FoundFile]) -> None:
        self._catalog = catalog
        self.models: tuple[LocalModel, ...] = tuple(_named(_distinct(files), catalog))
        self._by_name = _aliases(self.models)

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._by_name

    def find(self, name: str) -> LocalModel:
        """The model of that name; an error says what can be done where there is none."""
        found = self.look(name)
        if found.file.problem:
            raise ModelError(
                f"{name} cannot be used: {found.file.problem}",
                hint=f"it lies in {found.path.parent}; get it again, or remove it there",
            )
        return found

    def look(self, name: str) -> LocalModel:
        """The model of that name, even if it is broken."""
        found = self._by_name.get(name.casefold())
        if found is None:
            raise self._unknown(name)
        return found

    def named(self, name: str) -> LocalModel:
        """The model of that name, or of that file."""
        if not name.lower().endswith(".gguf") or name in self:
            return self.find(name)
        path = Path(name).expanduser().absolute()
        here = (model for model in self.models if path in model.file.parts)
        return next(here, LocalModel(name, found_file("added", path)))

    def of_entry(self, entry: ModelEntry) -> list[LocalModel]:
        """The files of a catalogue entry that are here."""
        return [model for model in self.models if model.entry is not None and model.entry == entry]

    def _unknown(self, name: str) -> ModelError:
        base, _, quantisation = name.partition(":")
        entry = self._catalog.models.get(name) or self._catalog.models.get(base)
        if entry is not None and entry.files and (base == name or quantisation in entry.files):
            return ModelError(
                f"{name} is not on this machine", hint=f"get it with: chatterm models pull {name}"
            )
        if entry is not None and not entry.files:
            return ModelError(
                f"{base} has no file that is looked for here",
                hint="chatterm models list shows the models that have",
            )
        known = [*self._catalog.models, *(model.name for model in self.models)]
        return ModelError(
            f"there is no model {name!r}",
            hint=nearest(name, known, otherwise="chatterm models list shows those there are"),
        )


def open_library(
    paths: Paths, catalog: Catalog, *, elsewhere: Sequence[Place] | None = None
) -> Library:
    """Look into every place; ``elsewhere`` are those of other programs."""
    if elsewhere is None:
        elsewhere = _elsewhere()
    added = read_added(paths)
    files = [file for path in added if not path.is_dir() for file in [found_file("added", path)]]
    folders = [Place("added", path) for path in added if path.is_dir()]
    for place in (Place("chatterm", paths.models_dir), *folders, *elsewhere):
        files += files_in(place)
    return Library(catalog, files)


def _elsewhere() -> list[Place]:
    try:
        home = Path.home()
    except RuntimeError:
        # A user without a home, as in some containers, has no programs with models either.
        return []
    return known_places(os.environ, home)


def header_of(model: LocalModel) -> GgufHeader:
    """What the file says of itself; a damaged one is a ModelError."""
    if model.file.problem:
        raise ModelError(f"{model.name} cannot be used: {model.file.problem}")
    return read_model(model.file.parts or (model.path,))


# -- what the user added ---------------------------------------------------------------------

# Not in config.toml: paths are facts of one machine, and settings are carried between machines.


def read_added(paths: Paths) -> list[Path]:
    """The folders and files that were added."""
    file = _added_file(paths)
    try:
        said = json.loads(file.read_text())
        return [Path(text) for text in said["added"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} cannot be read", hint="delete it and add your models again"
        ) from error


def add(paths: Paths, path: Path) -> bool:
    """Remember a folder or a file; False where it is known already."""
    added = read_added(paths)
    if path in added:
        return False
    _write_added(paths, [*added, path])
    return True


def forget(paths: Paths, path: Path) -> bool:
    """Forget what was added; the files stay. False where it was not added."""
    added = read_added(paths)
    if path not in added:
        return False
    _write_added(paths, [other for other in added if other != path])
    return True


def _added_file(paths: Paths) -> Path:
    return paths.data / "models.json"


def _write_added(paths: Paths, added: Sequence[Path]) -> None:
    text = json.dumps({"added": [str(path) for path in added]}, indent=1)
    try:
        write_private(_added_file(paths), text + "\n")
    except OSError as error:
        raise ConfigError(f"{_added_file(paths)} cannot be written: {error.strerror}") from error


# -- names -----------------------------------------------------------------------------------


def _distinct(files: Iterable[FoundFile]) -> list[FoundFile]:
    """Each file once, where it is found first; programs link to each other's files."""
    ordered = sorted(files, key=lambda file: _ORDER.index(file.place))
    seen: set[object] = set()
    distinct = []
    for file in ordered:
        identity: object = file.path if file.problem else file.identity
        if identity not in seen:
            seen.add(identity)
            distinct.append(file)
    return distinct


def _named(files: Sequence[FoundFile], catalog: Catalog) -> Iterator[LocalModel]:
    matches = [_catalogued(file, catalog) for file in files]
    taken: set[str] = {name.casefold() for name, entry in catalog.models.items() if not entry.files}
    best = _best_quantisations(matches)
    for file, match in zip(files, matches, strict=True):
        title = file.title
        if match is not None:
            entry, quantisation = match
            chosen = best[entry.name] == quantisation
            title = entry.name if chosen else f"{entry.name}:{quantisation}"
        name = next(name for name in _candidates(title, file) if name.casefold() not in taken)
        taken.add(name.casefold())
        yield LocalModel(name, file, *(match or ()))


def _candidates(title: str, file: FoundFile) -> Iterator[str]:
    yield title
    yield f"{title}@{file.place}"
    if file.repository:
        yield f"{title}@{file.repository}"
    number = 2
    while True:
        yield f"{title}@{file.place}-{number}"
        number += 1


def _best_quantisations(
    matches: Sequence[tuple[ModelEntry, str] | None],
) -> dict[str, str]:
    """For each entry the quantisation its bare name means: the catalogue's first that is here."""
    here: dict[str, set[str]] = {}
    entries = {}
    for match in matches:
        if match is not None:
            entry, quantisation = match
            entries[entry.name] = entry
            here.setdefault(entry.name, set()).add(quantisation)
    return {
        name: next(quantisation for quantisation in entry.files if quantisation in here[name])
        for name, entry in entries.items()
    }


def _catalogued(file: FoundFile, catalog: Catalog) -> tuple[ModelEntry, str] | None:
    """The entry a file belongs to: the same name from the same repository, or of the same size."""
    for entry in catalog.models.values():
        for quantisation, wanted in entry.files.items():
            if Path(wanted.file).name.casefold() != Path(file.file).name.casefold():
                continue
            same_repository = entry.repository.casefold() == file.repository.casefold()
            if same_repository or (wanted.size and wanted.size == file.size):
                return entry, quantisation
    return None


def _aliases(models: Sequence[LocalModel]) -> dict[str, LocalModel]:
    """Every way to name a model; what one is called wins over what another may be called."""
    by_name = {model.name.casefold(): model for model in models}
    for model in models:
        if model.entry is not None:
            by_name.setdefault(f"{model.entry.name}:{model.quantisation}".casefold(), model)
        if model.file.place == "ollama" and model.name.endswith(":latest"):
            by_name.setdefault(model.name.removesuffix(":latest").casefold(), model)
    return by_name
