"""What a user may ask for, and the files that means: names of the hub, addresses, split models.

hf:OWNER/REPO            the repository's best quantisation
hf:OWNER/REPO:QUANT      that one
hf:OWNER/REPO/FILE.gguf  that file; of a split model, all parts
https://...              a file anywhere; the hub's own pages count as the forms above
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from chatterm.engine.pull.web import Web, origin
from chatterm.errors import BadReply, ConfigError, ModelError
from chatterm.hints import nearest

PREFERRED: Final = (
    *("Q4_K_M", "UD-Q4_K_XL", "Q4_K_L", "Q4_K_S", "MXFP4", "IQ4_NL", "IQ4_XS", "Q4_1", "Q4_0"),
    *("Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "IQ3_M", "BF16", "F16", "F32"),
)
"""Quantisations from the one most people want to the last resort: four bits,
then more, then less."""
_QUANTISATION = re.compile(
    r"(?:^|[-_.])((?:UD-)?(?:I?Q\d_[A-Z0-9]+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))"
    r"(?=$|[-_.])",
    re.IGNORECASE,
)
_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.gguf)", re.IGNORECASE)
_NO_MODEL = re.compile(r"(^|[-_.])(mmproj|imatrix)([-_.]|$)", re.IGNORECASE)
_MOST_PARTS = 1000
_REPOSITORY = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?"
    r"(?::(?P<quantisation>[\w.-]+)|/(?P<file>.+))?"
)
_HUB_PAGE = re.compile(
    r"/(?P<repository>[\w.-]+/[\w.-]+)"
    r"(?:/(?:resolve|blob|tree)/(?P<revision>[^/]+)(?:/(?P<file>.+))?)?/?"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """One file on a server."""

    url: str
    place: tuple[str, ...]
    """Folders and name under the folder of models."""
    size: int = 0
    """0 where it is not known before the file is asked for."""
    sha256: str = ""

    @property
    def name(self) -> str:
        return self.place[-1]


@dataclass(frozen=True, slots=True)
class Choice:
    """The files of one model, and how they came to be chosen."""

    sources: tuple[Source, ...]
    said: str = ""


@dataclass(frozen=True, slots=True)
class HubName:
    """A repository, or a file in one."""

    repository: str
    revision: str = "main"
    quantisation: str = ""
    file: str = ""


def is_address(text: str) -> bool:
    """Whether this names a file or repository outright, not an entry of the catalogue."""
    return text.startswith(("hf:", "hf.co/", "huggingface.co/", "http://", "https://"))


async def sources_of(web: Web, text: str) -> Choice:
    """The files that an address means."""
    named = hub_name(text, web.hub)
    if named is None:
        return Choice((_of_url(text),))
    if named.file:
        return Choice(files_in(web.hub, named.repository, named.file, revision=named.revision))
    return await _chosen(web, named)


def hub_name(text: str, hub: str) -> HubName | None:
    """What of the hub is meant, or None for an address elsewhere."""
    for prefix in ("hf:", "hf.co/", "huggingface.co/"):
        if text.startswith(prefix):
            found = _REPOSITORY.fullmatch(text.removeprefix(prefix))
            if found is None:
                raise ConfigError(
                    f"{text!r} names nothing on the hub",
                    hint="write hf:OWNER/REPO, hf:OWNER/REPO:QUANT or hf:OWNER/REPO/FILE.gguf",
                )
            return _hub_name(found)
    if origin(text) in (origin(hub), origin("https://huggingface.co"), origin("https://hf.co")):
        found = _HUB_PAGE.fullmatch(unquote(urlsplit(text).path))
        if found is not None:
            return _hub_name(found)
    return None


def files_in(hub: str, repository: str, file: str, *, revision: str = "main") -> tuple[Source, ...]:
    """A file of a repository; of a split model all parts, for none is of use alone."""
    return tuple(_at_hub(hub, repository, revision, part) for part in parts_of(file))


def parts_of(file: str) -> list[str]:
    """All files of a split model, named by any of them."""
    found = _PART.fullmatch(file)
    if found is None:
        return [file]
    count = int(found[3])
    if not 1 <= int(found[2]) <= count <= _MOST_PARTS:
        raise ModelError(f"{file} cannot be a part of a model", hint="check the name")
    return [f"{found[1]}-{number:05}-of-{found[3]}{found[4]}" for number in range(1, count + 1)]


def quantisation_of(file: str) -> str:
    """The quantisation that a file's name, or else its folder's, tells; empty if neither does."""
    path = PurePosixPath(file)
    for text in (path.stem, path.parent.name):
        found = _QUANTISATION.findall(text)
        if found:
            return str(found[-1]).upper()
    return ""


def choose(files: Collection[str], wanted: str) -> str:
    """The quantisation to take: the wanted one, or the most sensible."""
    if wanted:
        named = next((name for name in files if name.casefold() == wanted.casefold()), None)
        if named is None:
            raise ModelError(
                f"there is no quantisation {wanted!r}",
                hint=nearest(
                    wanted,
                    [name for name in files if name],
                    otherwise=f"there are: {_enumerated(files)}",
                ),
            )
        return named
    return next((name for name in PREFERRED if name in files), next(iter(files)))


async def _chosen(web: Web, named: HubName) -> Choice:
    """The files of the best or the named quantisation of a repository."""
    commit, listed = await _list(web, named)
    models = _models(listed)
    if not models:
        words = quote(f"{named.repository.rpartition('/')[2]} GGUF")
        raise ModelError(
            f"{named.repository} has no GGUF file",
            hint=f"look for another version of it: {web.hub}/models?search={words}",
        )
    quantisation = choose(models, named.quantisation)
    sources = []
    for part in parts_of(models[quantisation]):
        if part not in listed:
            raise ModelError(f"{named.repository} lacks {part}", hint="choose another quantisation")
        sources.append(_at_hub(web.hub, named.repository, commit, part, *listed[part]))
    said = ""
    if not named.quantisation and len(models) > 1:
        said = (
            f"taking {quantisation or sources[0].name} of {_enumerated(models)};"
            f" name another as hf:{named.repository}:NAME"
        )
    return Choice(tuple(sources), said)


async def _list(web: Web, named: HubName) -> tuple[str, dict[str, tuple[int, str]]]:
    """The commit that a revision is now, and size and SHA-256 of each file of it."""
    address = f"{web.hub}/api/models/{named.repository}/revision/{quote(named.revision, safe='')}"
    said: Any = await web.json(f"{address}?blobs=true")
    try:
        listed = {}
        for entry in said["siblings"]:
            about = entry.get("lfs") or {}
            size = int(about.get("size") or entry.get("size") or 0)
            listed[str(entry["rfilename"])] = size, sha256_of(about.get("sha256"))
        return str(said.get("sha") or named.revision), listed
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadReply(
            f"{urlsplit(web.hub).hostname} lists {named.repository} in a way that is not known",
            hint="name a file outright: hf:OWNER/REPO/FILE.gguf",
        ) from error


def _models(paths: Iterable[str]) -> dict[str, str]:
    """The models among the files of a repository, by quantisation; a split one by its first part.

    Of several files with one quantisation the one with the shortest name is taken: the others are
    the same with something added.
    """
    models: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (len(path), path)):
        name = PurePosixPath(path).name
        split = _PART.fullmatch(name)
        if not name.lower().endswith(".gguf") or _NO_MODEL.search(name):
            continue
        if split is None or int(split[2]) == 1:
            models.setdefault(quantisation_of(path), path)
    return models


def sha256_of(text: object) -> str:
    """A digest if it is one, as the hub's ETag of a large file is; otherwise nothing."""
    bare = str(text or "").removeprefix("W/").strip('"').casefold()
    return bare if _SHA256.fullmatch(bare) else ""


def _at_hub(
    hub: str, repository: str, revision: str, path: str, size: int = 0, sha256: str = ""
) -> Source:
    place = (*repository.split("/"), *path.split("/"))
    _check_place(place, path)
    address = f"{hub}/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"
    return Source(address, place, size, sha256)


def _of_url(text: str) -> Source:
    parts = urlsplit(text)
    name = unquote(parts.path).rpartition("/")[2]
    if parts.username or parts.password:
        raise ConfigError("an address with a password in it is not used", hint="leave it out")
    place = (parts.hostname or "", name)
    _check_place(place, text)
    return Source(text, place)


def _check_place(place: Sequence[str], said: str) -> None:
    """What a server or a user names must lie under our folder, and be a model."""
    for name in place:
        if name in ("", ".", "..") or any(bad in name for bad in '\\/:*?"<>|\0'):
            raise ConfigError(f"{said!r} cannot be the name of a file", hint="check the address")
    if not place[-1].lower().endswith(".gguf"):
        raise ConfigError(f"{said!r} is not the name of a GGUF file", hint="it ends in .gguf")


def _hub_name(found: re.Match[str]) -> HubName:
    groups = {name: value for name, value in found.groupdict().items() if value}
    return HubName(**groups)


def _enumerated(models: Iterable[str]) -> str:
    return ", ".join(sorted(name for name in models if name))
