"""Reads values out of files that anybody may have written, and says where one is wrong."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from chatterm.errors import ConfigError
from chatterm.hints import shown

Choice = TypeVar("Choice", bound=StrEnum)

_ID = re.compile(r"[0-9A-Z]{1,64}")
_LAST_MOMENT = 32_503_680_000.0
"""The year 3000: what is later is milliseconds, or a mistake."""


class Damaged(ConfigError):
    """A file is not what its format says, at one place."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}" if place else why, hint="nothing was imported")


@dataclass(frozen=True, slots=True)
class Item:
    """A value of a file, and its place there in words such as ``chats[3].title``."""

    value: Any
    place: str = ""

    def fail(self, why: str) -> NoReturn:
        raise Damaged(self.place, why)

    def at(self, key: str) -> Item:
        """What an object has under a key; the value None where it has none."""
        place = f"{self.place}.{key}" if self.place else key
        return Item(self._table().get(key), place)

    def each(self) -> Iterator[Item]:
        """The items of a list; none of what is missing."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self.fail(f"this must be a list, not {shown(self.value)}")
        for number, value in enumerate(self.value):
            yield Item(value, f"{self.place}[{number}]")

    def names(self) -> list[str]:
        """The keys of an object."""
        return list(self._table())

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        item = self.at(key)
        if item.value is None and default is not None:
            return default
        if not isinstance(item.value, str):
            item.fail(f"this must be a text, not {_kind(item.value)}")
        return clean(item.value)

    def maybe(self, key: str) -> str | None:
        """A text, or None."""
        return None if self.at(key).value is None else self.text(key)

    def id(self, key: str) -> str:
        """An id of ours."""
        text = self.text(key)
        if not _ID.fullmatch(text):
            self.at(key).fail("an id has capital letters and digits only")
        return text

    def maybe_id(self, key: str) -> str | None:
        return None if self.at(key).value is None else self.id(key)

    def one_of(self, key: str, kind: type[Choice], default: str | None = None) -> Choice:
        """One of the values of an enumeration."""
        text = self.text(key, default)
        try:
            return kind(text)
        except ValueError:
            self.at(key).fail(f"this must be one of {', '.join(kind)}")

    def whole(self, key: str, default: int = 0) -> int:
        item = self.at(key)
        if item.value is None:
            return default
        if type(item.value) is not int or not -(2**63) <= item.value < 2**63:
            item.fail(f"this must be a whole number, not {_kind(item.value)}")
        return item.value

    def count(self, key: str) -> int:
        """A whole number that is not below 0; 0 where there is none."""
        value = self.whole(key)
        if value < 0:
            self.at(key).fail("this must not be below 0")
        return value

    def number(self, key: str) -> float | None:
        item = self.at(key)
        if item.value is None:
            return None
        if type(item.value) not in (int, float) or not math.isfinite(item.value):
            item.fail(f"this must be a number, not {_kind(item.value)}")
        return float(item.value)

    def flag(self, key: str) -> bool:
        return self.at(key).value is True

    def moment(self, key: str) -> float | None:
        """A time: seconds since the epoch, or ISO 8601 as UTC where it names no zone."""
        item = self.at(key)
        if isinstance(item.value, str):
            if not item.value.strip():
                return None
            try:
                read = datetime.datetime.fromisoformat(item.value.strip())
            except ValueError:
                item.fail(f"this is no date: {shown(item.value)}")
            return (read if read.tzinfo else read.replace(tzinfo=datetime.UTC)).timestamp()
        seconds = self.number(key)
        if seconds is not None and not 0 <= seconds < _LAST_MOMENT:
            item.fail(f"this is no time: {shown(item.value)}")
        return seconds

    def _table(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            self.fail(f"this must be an object, not {_kind(self.value)}")
        return self.value


def clean(text: str) -> str:
    """Without half surrogate pairs, which JSON can write and nothing can store."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _kind(value: object) -> str:
    return "missing" if value is None else shown(value)
