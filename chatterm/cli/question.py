"""What is asked, of whom and how: options, a template and the settings, put together.

What the user typed counts more than a template, and that more than the settings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatterm.cli.pairs import key_values
from chatterm.cli.prompt import attachments, joined_prompt, piped_text
from chatterm.cli.text import readable
from chatterm.errors import ConfigError
from chatterm.params import Params, parse_options

if TYPE_CHECKING:
    from chatterm.attachments.content import Content
    from chatterm.cli.context import Context
    from chatterm.schemas import Schema
    from chatterm.templates import Template


@dataclass(frozen=True, slots=True)
class Preset:
    """Who answers and how; None is left to the chat or the settings."""

    model: str | None
    system: str | None
    params: Params
    system_was_typed: bool = False
    """A chat that has begun cannot heed a typed one, which is an error; a template's it ignores."""


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt, and how it is to be answered."""

    text: str
    contents: list[Content]
    preset: Preset
    schema: Schema | None


def question(
    context: Context,
    words: Sequence[str],
    files: Sequence[str],
    *,
    template: Template | None,
    values: Sequence[str],
    preset: Preset,
    schema: str | None,
) -> Question:
    """Everything that can be wrong is found here, before a model is loaded or anything kept."""
    wanted = _schema(schema, template)
    if wanted is not None:
        preset = replace(preset, params=replace(preset.params, schema=wanted.text))
    text = joined_prompt(words, piped_text(context, words, files, sys.stdin))
    contents = attachments(context, files, sys.stdin)
    if template is not None:
        from chatterm.templates import fill

        filled = fill(template, key_values(values), text)
        text = filled.prompt
        if preset.system is None and filled.system:
            preset = replace(preset, system=filled.system)
    if not text.strip() and not contents:
        raise ConfigError(
            "the prompt is empty", hint="type one, as in chatterm ask hello, or pipe a text in"
        )
    return Question(text, contents, preset, wanted)


def named_template(context: Context, name: str | None, values: Sequence[str]) -> Template | None:
    """The template of that name; values need one to be filled into."""
    if name is not None:
        return context.templates().get(name)
    if values:
        raise ConfigError("-p fills in a template", hint="name one with -t; -o sets a parameter")
    return None


def chosen_preset(
    context: Context,
    template: Template | None,
    *,
    model: str | None,
    system: str | None,
    options: Sequence[str],
) -> Preset:
    """Who answers and how, as far as it is known without the prompt."""
    params = parse_options(list(options))
    if template is not None:
        params = params.over(template.params)
    return Preset(
        model=model or (template.model or None if template is not None else None),
        system=None if system is None else readable(system),
        params=params.over(context.config().params),
        system_was_typed=system is not None,
    )


def _schema(option: str | None, template: Template | None) -> Schema | None:
    if option is not None:
        from chatterm.cli.schema import schema_of

        return schema_of(option)
    if template is not None and template.schema:
        from chatterm.schemas import parse_schema

        return parse_schema(template.schema)
    return None
