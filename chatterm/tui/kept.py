"""Templates and presets as the program shows them: in the ``/`` list and in a list of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatterm.errors import ConfigError
from chatterm.params import Params
from chatterm.templates import Template, Templates
from chatterm.tui.desk import short_name
from chatterm.tui.fuzzy import ranked
from chatterm.tui.widgets.rows import Row

_PREVIEW = 300


class TemplateShelf:
    """All templates, read from their files when they are wanted anew."""

    def __init__(self, templates: Templates) -> None:
        self.store = templates
        self._known: tuple[Sequence[Template], Sequence[ConfigError]] | None = None

    @property
    def templates(self) -> Sequence[Template]:
        return self._read()[0]

    @property
    def problems(self) -> Sequence[ConfigError]:
        """What is wrong with those that cannot be used."""
        return self._read()[1]

    def _read(self) -> tuple[Sequence[Template], Sequence[ConfigError]]:
        if self._known is None:
            self._known = self.store.readable()
        return self._known

    def forget(self) -> None:
        """Files may have changed: read them again when they are next wanted."""
        self._known = None

    def rows(self, query: str) -> list[Row]:
        """What is inserted, and below it what is set."""
        rows: list[Row] = []
        for heading, wanted in (("Prompts", True), ("Presets", False)):
            known = [template for template in self.templates if bool(template.prompt) is wanted]
            found = ranked(query, known, lambda template: template.name)
            if found:
                rows.append(Row("", heading))
            rows += [
                Row(template.name, template.name, right=about(template), marks=marks)
                for template, marks in found
            ]
        return rows

    def note(self, row: Row | None) -> str:
        """What the template under the cursor says."""
        if row is None:
            return ""
        template = next((one for one in self.templates if one.name == row.key), None)
        if template is None:
            return ""
        parts = [" ".join(template.prompt.split()) or " ".join(template.system.split())]
        parts += [short_name(template.model)] if template.model else []
        parts += [params_text(template.params)] if template.params != Params() else []
        return " · ".join(part for part in parts if part)[:_PREVIEW]


def about(template: Template) -> str:
    """A template in a few words."""
    if template.summary:
        return template.summary
    words = " ".join((template.prompt or template.system).split())
    return words or params_text(template.params)


def params_text(params: Params) -> str:
    """Parameters as a person reads them; empty where all is left to the model."""
    return ", ".join(
        f"{key.replace('_', ' ')} {value_text(value)}" for key, value in params.as_dict().items()
    )


def value_text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value)
    return " ".join(str(value).split())


def keep_preset(store: Templates, name: str, params: Params) -> None:
    """Write parameters down under a name; what else a preset of that name says stays."""
    known = store.get(name) if name in store.names() else Template(name)
    if known.prompt:
        raise ConfigError(f"{name} is a prompt", hint="take another name for the preset")
    store.write(replace(known, params=params), anew=True)
