"""Templates: a prompt with places to fill in, a system prompt, a model, parameters, under a name.

One kind of file serves prompts that are used again and presets for chats alike: a preset is a
template without a prompt, to which the user's own words are all there is. Each is a TOML file in
the folder ``templates`` of the settings. Filling in replaces ``{{name}}`` by a text, once; nothing
is ever run, and what was filled in is not looked at again. A few come with the program; a file of
the user's of the same name counts in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.params import Params
from chatterm.paths import write_private
from chatterm.tables import Table, read_toml

INPUT = "input"
"""The place of what the user types or pipes in; without it, that follows the prompt."""
SUFFIX = ".toml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")
_VALUE = re.compile(r"""([A-Za-z_][A-Za-z0-9_-]*)=("[^"]*"|'[^']*'|\S*)(?:\s+|$)""")
_COMMAND = re.compile(r"/[A-Za-z][A-Za-z0-9._-]*")
_TEXTS = ("summary", "prompt", "system", "model", "schema")


@dataclass(frozen=True, slots=True)
class Template:
    """What one file says. Empty means that nothing is said."""

    name: str
    summary: str = ""
    """One line for lists."""
    prompt: str = ""
    """What is sent; empty for a preset."""
    system: str = ""
    model: str = ""
    schema: str = ""
    """A JSON Schema, or its short form."""
    params: Params = field(default_factory=Params)
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What is filled in where the user gives no value."""

    @property
    def places(self) -> tuple[str, ...]:
        """The names to fill in, in the order they are met."""
        found = _PLACE.findall(self.system) + _PLACE.findall(self.prompt)
        return tuple(name for name in dict.fromkeys(found) if name != INPUT)

    @property
    def required(self) -> tuple[str, ...]:
        """The places that have no default."""
        return tuple(name for name in self.places if name not in self.defaults)


SHIPPED: Mapping[str, Template] = {
    template.name: template
    for template in (
        Template("lively", "Varied, less predictable", params=Params(temperature=1.0, min_p=0.05)),
        Template("precise", "The likeliest words, each time", params=Params(temperature=0.0)),
    )
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its places filled in."""

    prompt: str
    system: str


def fill(template: Template, values: Mapping[str, str], words: str = "") -> Filled:
    """Put the values in their places, and the user's words in theirs or at the end."""
    _refuse_unknown(template, values)
    _refuse_missing(template, template.required, values)
    return _filled(template, {**values, INPUT: words}, words)


def begin(template: Template, values: Mapping[str, str], words: str = "") -> Filled:
    """The same for a prompt that is written on: what is not known yet stays in it as a place."""
    _refuse_unknown(template, values)
    in_system = _PLACE.findall(template.system)
    _refuse_missing(template, [name for name in template.required if name in in_system], values)
    return _filled(template, {**values, INPUT: words} if words else values, words)


def values_in(template: Template, line: str) -> tuple[dict[str, str], str]:
    """``to=German Good morning`` as values of the template's places, and the words behind them."""
    values: dict[str, str] = {}
    while (found := _VALUE.match(line)) and found[1] in template.places:
        values[found[1]] = found[2].strip("\"'")
        line = line[found.end() :]
    return values, line.strip()


def place_after(text: str, at: int) -> tuple[int, int] | None:
    """Where the next place to fill in stands, from there on and then from the beginning."""
    found = _PLACE.search(text, at) or _PLACE.search(text)
    return found.span() if found else None


def looks_like_command(line: str) -> bool:
    """Whether a line is a ``/`` and one word: nobody says that to a model."""
    return _COMMAND.fullmatch(line.strip()) is not None


def _refuse_unknown(template: Template, values: Mapping[str, str]) -> None:
    known = list(dict.fromkeys((*template.places, *template.defaults)))
    for name in values:
        if name not in known:
            hint = nearest(name, known) if known else "it has no places to fill in"
            raise ConfigError(f"the template {template.name} has no place {shown(name)}", hint=hint)


def _refuse_missing(template: Template, required: Iterable[str], values: Mapping[str, str]) -> None:
    missing = [name for name in required if name not in values]
    if missing:
        raise ConfigError(
            f"the template {template.name} needs {_listed(missing)}",
            hint="add " + " ".join(f"-p {name}=..." for name in missing),
        )


def _filled(template: Template, values: Mapping[str, str], words: str) -> Filled:
    texts = {**template.defaults, **values}

    def put(text: str) -> str:
        return _PLACE.sub(lambda place: texts.get(place[1], place[0]), text)

    has_place = INPUT in _PLACE.findall(template.prompt + template.system)
    parts = [put(template.prompt), "" if has_place else words]
    return Filled("\n\n".join(part for part in parts if part.strip()), put(template.system))


class Templates:
    """The templates of one folder, which need not exist, and those that come with the program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Sorted; a file whose name could not be typed is none."""
        try:
            found = [path.name for path in self._folder.iterdir()]
        except OSError:
            found = []
        names = {name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)}
        return sorted({name for name in names if _NAME.fullmatch(name)} | set(SHIPPED))

    def file(self, name: str) -> Path:
        """Where a template lies, or would."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{shown(name)} cannot be the name of a template",
                hint="a name has letters, digits and . _ - only",
            )
        return self._folder / f"{name}{SUFFIX}"

    def get(self, name: str) -> Template:
        file = self.file(name)
        table = read_toml(file)
        if table is None and name in SHIPPED:
            return SHIPPED[name]
        if table is None:
            raise ConfigError(
                f"there is no template {shown(name)}", hint=nearest(name, self.names())
            )
        return _template(name, table, file)

    def readable(self) -> tuple[list[Template], list[ConfigError]]:
        """Every template, and what is wrong with those that cannot be used."""
        templates, problems = [], []
        for name in self.names():
            try:
                templates.append(self.get(name))
            except ConfigError as error:
                problems.append(error)
        return templates, problems

    def text(self, name: str) -> str:
        """The file of a template."""
        template = self.get(name)
        file = self.file(name)
        return file.read_text(encoding="utf-8-sig") if file.exists() else template_text(template)

    def write(self, template: Template, *, anew: bool = False) -> Path:
        """Keep a template; one of its name is written over only where ``anew`` says so."""
        file = self.file(template.name)
        if file.exists() and not anew:
            raise ConfigError(
                f"there is a template {template.name} already",
                hint=f"change it with chatterm templates edit {template.name}",
            )
        try:
            write_private(file, template_text(template))
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
        return file

    def remove(self, name: str) -> None:
        file = self.get_file(name)
        try:
            file.unlink()
        except OSError as error:
            raise ConfigError(f"{file} cannot be removed: {error.strerror}") from error

    def get_file(self, name: str) -> Path:
        """The file of a template that is there, whether or not it can be used."""
        file = self.file(name)
        if not file.exists():
            self.get(name)
            raise ConfigError(
                f"the template {name} comes with chatterm and has no file",
                hint=f"keep your own of that name: chatterm templates new {name} ...",
            )
        return file


def template_text(template: Template) -> str:
    """The file that says this, as one would write it."""
    import tomlkit

    document = tomlkit.document()
    for key in _TEXTS:
        if text := getattr(template, key):
            document.add(key, tomlkit.string(text, multiline="\n" in text))
    for key, values in (("params", template.params.as_dict()), ("defaults", template.defaults)):
        if values:
            table = tomlkit.table()
            table.update(values)
            document.add(key, table)
    return tomlkit.dumps(document)


def _template(name: str, table: Table, file: Path) -> Template:
    said: Table = {}
    for key, value in table.items():
        where = f"{file}: {key}"
        match key:
            case "params":
                said[key] = _params(_table(value, where), where)
            case "defaults":
                entries = _table(value, where).items()
                said[key] = {place: _text(text, f"{where}.{place}") for place, text in entries}
            case "schema" if isinstance(value, Mapping):
                said[key] = _json(value, where)
            case _ if key in _TEXTS:
                said[key] = _text(value, where)
            case _:
                known = [*_TEXTS, "params", "defaults"]
                raise ConfigError(f"{file} has no key {shown(key)}", hint=nearest(key, known))
    return Template(name, **said)


def _table(value: object, where: str) -> Table:
    if isinstance(value, Mapping):
        return dict(value)
    raise ConfigError(f"{where} must be a table, not {shown(value)}", hint="begin it with [...]")


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    raise ConfigError(f"{where} must be text, not {shown(value)}", hint="put it in quotes")


def _params(table: Table, where: str) -> Params:
    try:
        return Params.parse(table)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error.message}", hint=error.hint) from error


def _json(value: object, where: str) -> str:
    import json

    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where} is not JSON: {error}") from error


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
