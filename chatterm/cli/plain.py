"""Lets options that are plainly right through: texts, whole numbers, defaults.

Typer has pydantic check every value, also a text that shall be a text, and importing pydantic costs
more CPU than the whole rest of ``ask``. Everything else, and every error, still goes there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

_LONGEST = 18
"""Digits of a number that fits anywhere."""


def spare_pydantic() -> None:
    """Do so from now on, for every parameter of this process."""
    from typer.core import TyperArgument, TyperOption

    for kind in (TyperOption, TyperArgument):
        checked = getattr(kind, "get_runtime_param", None)
        if checked is not None:
            kind.get_runtime_param = _sparing(checked)  # type: ignore[assignment]


def _sparing(checked: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda param: _Plain(param, checked)


class _Plain:
    """Converts a value that Typer has parsed, or gives it to what Typer would have used."""

    def __init__(self, param: Any, checked: Callable[[Any], Any]) -> None:
        self._param = param
        self._checked = checked

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        wanted = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if wanted == list[str] and isinstance(value, list | tuple):
            return list(value)
        if type(value) is wanted:
            return value
        if wanted is int and isinstance(value, str) and value.isdecimal():
            if len(value) > _LONGEST:
                raise typer.BadParameter(f"{value[:20]}... is too large", ctx=ctx, param=param)
            number, about = int(value), param.type_descriptor.parameter_info
            if (about.min is None or number >= about.min) and (
                about.max is None or number <= about.max
            ):
                return number
        return self._checked(self._param).coerce(value, param=param, ctx=ctx)
