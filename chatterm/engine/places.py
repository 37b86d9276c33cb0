"""Where model files lie on this machine: our own folder and those of other programs.

Nothing is opened that need not be: a place is a walk over names, with a manifest read where the
program keeps one. Walks are bounded in depth and number, follow no loop, and end at what they
may not read; what a program says of a file that is gone becomes a broken entry, not an error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

PlaceName: TypeAlias = Literal["chatterm", "added", "huggingface", "lmstudio", "jan", "ollama"]

_MAX_DEPTH: Final = 6
_MAX_ENTRIES: Final = 50_000
"""Names looked at in one place: a home folder added by mistake must not take minutes."""
_MAX_MANIFEST: Final = 1 << 20
_MAX_PARTS: Final = 1000
_PART: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_NO_MODEL: Final = re.compile(r"(^|[-_.])mmproj([-_.]|$)|(^|[-_.])imatrix([-_.]|$)", re.IGNORECASE)
"""Parts of models that are no models: vision projectors, and notes of a quantisation."""
_OLLAMA_MODEL: Final = "application/vnd.ollama.image.model"
_OLLAMA_HOST: Final = "registry.ollama.ai"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and the program whose it is."""

    name: PlaceName
    folder: Path


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A model's file or files, unread."""

    place: PlaceName
    path: Path
    """Of a split model the first part."""
    title: str
    """What its program, or else its file, calls it."""
    parts: tuple[Path, ...] = ()
    """All files of it in their order."""
    size: int = 0
    """Bytes of all parts."""
    repository: str = ""
    """OWNER/REPO, where the place keeps that."""
    file: str = ""
    """Its path in the repository, or its file's name."""
    problem: str = ""
    """Why it cannot be used."""
    identity: tuple[int, int] = (0, 0)
    """Device and inode of the first part: two names of one file are one model."""


def known_places(env: Mapping[str, str], home: Path, platform: str = sys.platform) -> list[Place]:
    """The folders of other programs on such a machine; they need not exist."""
    return [
        Place("huggingface", _hub_cache(env, home)),
        *(Place("lmstudio", folder) for folder in _lmstudio_folders(home)),
        *(Place("jan", folder) for folder in _jan_folders(env, home, platform)),
        *(Place("ollama", folder) for folder in _ollama_folders(env, home, platform)),
    ]


def files_in(place: Place) -> list[FoundFile]:
    """Every model of a place, in the order of the names."""
    readers: dict[str, Callable[[Path], Iterator[FoundFile]]] = {
        "huggingface": _read_hub_cache,
        "jan": _read_jan,
        "ollama": _read_ollama,
    }
    read = readers.get(place.name)
    found = read(place.folder) if read else _read_tree(place)
    return sorted(found, key=lambda file: (file.title.casefold(), str(file.path)))


def found_file(place: PlaceName, path: Path, *, title: str = "", repository: str = "") -> FoundFile:
    """One model by one of its files; the other parts are looked for beside it."""
    named = _PART.fullmatch(path.name)
    parts = _parts(path, named) if named else (path,)
    size, identity, problem = 0, (0, 0), ""
    for number, part in enumerate(parts, 1):
        try:
            status = part.stat()
        except OSError:
            problem = problem or _missing(part, number, len(parts))
            continue
        size += status.st_size
        if number == 1:
            identity = (status.st_dev, status.st_ino)
    return FoundFile(
        place,
        parts[0],
        title or (named[1] if named else _without_ending(path.name)),
        parts=parts,
        size=size,
        repository=repository,
        file=parts[0].name,
        problem=problem,
        identity=identity,
    )


def _without_ending(name: str) -> str:
    return name[: -len(".gguf")] if name.lower().endswith(".gguf") else name


def _parts(path: Path, named: re.Match[str]) -> tuple[Path, ...]:
    total = min(int(named[3]), _MAX_PARTS)
    ending = path.name[-len(f"-of-{named[3]}.gguf") :]
    return tuple(path.with_name(f"{named[1]}-{n:05}{ending}") for n in range(1, total + 1))


def _missing(part: Path, number: int, count: int) -> str:
    if count > 1:
        return f"part {number} of {count} is missing"
    if part.is_symlink():
        return f"it points to {part.readlink()}, which is gone"
    return f"there is no {part.name} any more"


# -- folders of files ------------------------------------------------------------------------


def _read_tree(place: Place) -> Iterator[FoundFile]:
    """``OWNER/REPO/FILE.gguf`` as LM Studio and we have it, and any other depth."""
    for path in _model_files(place.folder):
        levels = path.relative_to(place.folder).parts
        repository = "/".join(levels[:2]) if len(levels) == 3 else ""
        yield found_file(place.name, path, repository=repository)


def _model_files(folder: Path, depth: int = _MAX_DEPTH) -> Iterator[Path]:
    """GGUF files under a folder; of a split one only the first part, or the first that is there."""
    split: set[tuple[Path, str, str]] = set()
    for path in _walk(folder, depth):
        if not path.name.lower().endswith(".gguf") or _NO_MODEL.search(path.name):
            continue
        if named := _PART.fullmatch(path.name):
            key = (path.parent, named[1], named[3])
            if key in split:
                continue
            split.add(key)
        yield path


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Every name that is not a folder, breadth first; each folder once, also behind links."""
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, depth)]
    looked_at = 0
    while waiting:
        current, left = waiting.pop(0)
        for entry in _entries(current, seen):
            looked_at += 1
            if looked_at > _MAX_ENTRIES:
                return
            if _is_folder(entry):
                if left > 1 and not entry.name.startswith("."):
                    waiting.append((Path(entry.path), left - 1))
            else:
                yield Path(entry.path)


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(folder, set()) if _is_folder(entry)]


# -- the Hugging Face cache ------------------------------------------------------------------


def _hub_cache(env: Mapping[str, str], home: Path) -> Path:
    """As huggingface_hub looks for it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if env.get(name):
            return _expanded(env[name], home)
    if env.get("HF_HOME"):
        return _expanded(env["HF_HOME"], home) / "hub"
    cache = _expanded(env["XDG_CACHE_HOME"], home) if env.get("XDG_CACHE_HOME") else home / ".cache"
    return cache / "huggingface" / "hub"


def _read_hub_cache(folder: Path) -> Iterator[FoundFile]:
    """``models--OWNER--REPO/snapshots/REVISION/FILE``, a link into ``blobs``."""
    for repo in _folders(folder):
        kind, _, name = repo.name.partition("--")
        if kind != "models" or not name:
            continue
        seen: set[str] = set()
        for snapshot in _newest_first(repo):
            for path in _model_files(snapshot, 3):
                file = path.relative_to(snapshot).as_posix()
                # An older revision of the same file is not another model.
                if file not in seen:
                    seen.add(file)
                    repository = name.replace("--", "/")
                    yield replace(found_file("huggingface", path, repository=repository), file=file)


def _newest_first(repo: Path) -> list[Path]:
    """The snapshots, the one that ``main`` means before all others."""
    try:
        main = (repo / "refs" / "main").read_text().strip()
    except (OSError, ValueError):
        main = ""
    snapshots = _folders(repo / "snapshots")
    return sorted(snapshots, key=lambda path: (path.name == main, _changed(path)), reverse=True)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


# -- LM Studio -------------------------------------------------------------------------------


def _lmstudio_folders(home: Path) -> list[Path]:
    """Its home is where a pointer says; the models may have been moved in its settings."""
    homes = [home / ".lmstudio", home / ".cache" / "lm-studio"]
    pointed = _read_text(home / ".lmstudio-home-pointer").strip()
    if pointed:
        homes.insert(0, Path(pointed))
    folders = []
    for one in homes:
        chosen = _read_json(one / "settings.json").get("downloadsFolder")
        folders.append(
            _expanded(chosen, home) if isinstance(chosen, str) and chosen else one / "models"
        )
    return list(dict.fromkeys(folders))


# -- Jan -------------------------------------------------------------------------------------


def _jan_folders(env: Mapping[str, str], home: Path, platform: str) -> list[Path]:
    """The data folders of its present and its older form, and one that was chosen instead."""
    if platform == "darwin":
        bases = [home / "Library" / "Application Support"]
    elif platform == "win32":
        bases = [_expanded(env.get("APPDATA") or str(home / "AppData" / "Roaming"), home)]
    else:
        bases = [
            _expanded(env.get("XDG_DATA_HOME") or str(home / ".local" / "share"), home),
            _expanded(env.get("XDG_CONFIG_HOME") or str(home / ".config"), home),
        ]
    folders = []
    for base in bases:
        chosen = _read_json(base / "Jan" / "settings.json").get("data_folder")
        if isinstance(chosen, str) and chosen:
            folders.append(_expanded(chosen, home))
        folders.append(base / "Jan" / "data")
    return list(dict.fromkeys(folders))


def _read_jan(folder: Path) -> Iterator[FoundFile]:
    """``llamacpp/models/NAME/model.yml`` names the file, here or anywhere; NAME may have levels."""
    models = folder / "llamacpp" / "models"
    described = set()
    for path in _walk(models, _MAX_DEPTH):
        if path.name == "model.yml":
            file = _jan_model_path(path)
            if file is not None:
                whole = file if file.is_absolute() else folder / file
                described.add(whole)
                name = path.parent.relative_to(models).as_posix()
                yield found_file("jan", whole, title=name)
    for path in _model_files(models):
        if path not in described and not (path.parent / "model.yml").exists():
            yield found_file("jan", path)


def _jan_model_path(path: Path) -> Path | None:
    """One flat line of the file is all that is needed of its YAML."""
    found = re.search(r"^model_path:[ \t]*(.+?)[ \t]*$", _read_text(path), re.MULTILINE)
    return Path(found[1].strip("'\"")) if found else None


# -- Ollama ----------------------------------------------------------------------------------


def _ollama_folders(env: Mapping[str, str], home: Path, platform: str) -> list[Path]:
    if env.get("OLLAMA_MODELS"):
        return [_expanded(env["OLLAMA_MODELS"], home)]
    folders = [home / ".ollama" / "models"]
    if platform == "linux":
        # Of the service that its installer, or a distribution, sets up.
        folders += [Path("/usr/share/ollama/.ollama/models"), Path("/var/lib/ollama/models")]
    return folders


def _read_ollama(folder: Path) -> Iterator[FoundFile]:
    """``manifests/HOST/NAMESPACE/MODEL/TAG`` names a blob by its digest."""
    manifests = folder / "manifests"
    for path in _walk(manifests, _MAX_DEPTH):
        levels = path.relative_to(manifests).parts
        if len(levels) != 4 or path.name.startswith("."):
            continue
        name = _ollama_name(*levels)
        manifest = _read_json(path)
        layers = manifest.get("layers")
        if not isinstance(layers, Sequence):
            yield FoundFile("ollama", path, name, problem="its manifest cannot be read")
            continue
        # What runs elsewhere, or is kept as safetensors, has no such layer.
        digest = _model_digest(layers)
        if digest is not None:
            blob = folder / "blobs" / digest.replace(":", "-")
            yield found_file("ollama", blob, title=name)


def _model_digest(layers: Sequence[Any]) -> str | None:
    for layer in layers:
        if isinstance(layer, Mapping) and layer.get("mediaType") == _OLLAMA_MODEL:
            digest = layer.get("digest")
            if isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
                return digest
    return None


def _ollama_name(host: str, namespace: str, model: str, tag: str) -> str:
    """As ``ollama list`` prints it."""
    if host != _OLLAMA_HOST:
        return f"{host}/{namespace}/{model}:{tag}"
    return f"{model}:{tag}" if namespace == "library" else f"{namespace}/{model}:{tag}"


# -- small files -----------------------------------------------------------------------------


def _read_text(path: Path) -> str:
    """The beginning of a small file; nothing where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_MANIFEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(_read_text(path))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, Mapping) else {}


def _expanded(text: str, home: Path) -> Path:
    """A path as another program's settings have it; ``~`` is the home that was asked about."""
    return home / text[2:] if text.startswith(("~/", "~\\")) else Path(text)
