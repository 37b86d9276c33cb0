"""A Jinja sandbox that keeps accounts: of turns, of time, and of all text that is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Namespace

TURN = "a turn begins"
"""No name that a template can write."""
_PART_CHARACTERS = 16
"""What looking at one part of a list costs."""
_LONGEST_INTEGER = 128
"""Bits."""
_UNUSED_FILTERS = frozenset(
    ["center", "wordwrap", "urlize", "xmlattr", "pprint", "random", "slice", "batch"]
)
_UNUSED_METHODS = frozenset(
    ["center", "ljust", "rjust", "zfill", "expandtabs", "translate", "maketrans", "encode"]
)
_WIDE_FORMAT = re.compile(r"\{[^{}]*:[^{}]*(\{|\d{4})")
_WIDE_PERCENT = re.compile(r"%[^a-zA-Z%]*(\*|\d{4})")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Endless(SecurityError):
    """The template has used up what it was given."""


class _Generation(Extension):
    """``{% generation %}``, which marks for training what a model writes, and else nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: object) -> NoReturn:
    raise TemplateError(str(message))


class Environment(ImmutableSandboxedEnvironment):
    """What a template may do is what ``allow`` has granted last, and no more.

    ``kept`` is a character that ``tojson`` never escapes.
    """

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self, kept: str, monotonic: Callable[[], float]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            finalize=self.written,
        )
        self._kept = kept
        self._monotonic = monotonic
        self.allow(0, 0, 0)
        del self.globals["lipsum"]
        self.globals["raise_exception"] = _raise_exception
        self.globals["range"] = self._range
        for name in _UNUSED_FILTERS:
            del self.filters[name]
        self.filters |= {
            "tojson": self._to_json,
            "from_json": json.loads,
            "safe": self.text,
            "string": self.text,
            "format": self._format,
            "replace": self._replace,
            "join": self._join,
            "indent": self._indent,
        }
        for name in ("e", "escape", "forceescape"):
            self.filters[name] = _as_text(self.filters[name])
        self.filters = {name: self._metered(it) for name, it in self.filters.items()}
        self.filters[TURN] = self._turn

    # -- accounts ----------------------------------------------------------------------------

    def allow(self, steps: int, characters: int, seconds: float) -> None:
        """What the template may use up from now on."""
        self._steps_left, self._characters_left = steps, characters
        self._deadline = self._monotonic() + seconds

    @pass_context
    def _turn(self, context: Context, steps: int, written: int) -> None:
        """A loop or a macro begins a turn; it wants the context so that Jinja never folds it."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise Endless("it loops without end")
        if self._monotonic() > self._deadline:
            raise Endless("it takes too long")
        self.spend(written)

    def spend(self, characters: int) -> None:
        self._characters_left -= characters
        if self._characters_left < 0:
            raise Endless("it writes without end")

    def text(self, value: object) -> str:
        """``str(value)``, unless that would be endless."""
        if not isinstance(value, str):
            self._weigh(value)
            return str(value)
        self.spend(len(value))
        # Markup would escape whatever is added to it.
        return str.__str__(value)

    def written(self, value: object) -> object:
        """What an expression puts out."""
        return value if isinstance(value, Undefined) else self.text(value)

    def joined(self, *values: object) -> str:
        return "".join(map(self.text, values))

    def _weigh(self, value: object) -> None:
        """Count a value's parts as often as they would be written."""
        self.spend(_PART_CHARACTERS)
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._weigh(key)
                self._weigh(item)
        elif isinstance(value, list | tuple | set | frozenset):
            for item in value:
                self._weigh(item)

    # -- operators and calls -----------------------------------------------------------------

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        match operator:
            case "*" if isinstance(right, str | list | tuple):
                left, right = right, left
                self.spend(len(left) * max(0, int(right)))
            case "*" if isinstance(left, str | list | tuple):
                self.spend(len(left) * max(0, int(right)))
            case "*" | "**" if isinstance(left, int) and isinstance(right, int):
                _refuse_giants(operator, left, right)
            case "+" if isinstance(left, str | list | tuple) and isinstance(right, type(left)):
                self.spend(len(left) + len(right))
            case "%" if isinstance(left, str):
                self._weigh(right)
                _refuse_wide(left)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        owner = getattr(__obj, "__self__", None)
        if owner is __self:
            return __obj(*args)
        if isinstance(owner, str):
            __self.spend(len(owner))
            match getattr(__obj, "__name__", ""):
                case "replace":
                    return __self._replace(owner, *args, **kwargs)
                case "join":
                    return __self._join(args[0], owner)
        return super().call(__context, __obj, *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A namespace holds what the template has put there, and is what slow templates read most.
        if type(obj) is Namespace and not attribute.startswith("_"):
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _UNUSED_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and _WIDE_FORMAT.search(value.__self__):
            raise SecurityError("it formats text too wide")
        return wrapped

    def _range(self, *args: int) -> range:
        numbers = safe_range(*args)
        self.spend(len(numbers))
        return numbers

    # -- filters -----------------------------------------------------------------------------

    def _metered(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter that pays for what goes in and comes out."""

        @wraps(function)
        def metered(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            for value in (*args[:2], result):
                if isinstance(value, str | list):
                    self.spend(len(value))
            return result

        return metered

    def _to_json(
        self,
        value: object,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        if indent is not None and not 0 <= int(indent) <= 16:
            raise SecurityError("it indents too far")
        encoder = json.JSONEncoder(
            ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys
        )
        pieces = []
        for piece in encoder.iterencode(value):
            self.spend(len(piece) + _PART_CHARACTERS)
            pieces.append(piece)
        text = "".join(pieces)
        return _NOT_ASCII.sub(self._escaped, text) if ensure_ascii else text

    def _escaped(self, match: re.Match[str]) -> str:
        return match[0] if match[0] == self._kept else json.dumps(match[0])[1:-1]

    def _format(self, value: object, *args: Any, **kwargs: Any) -> str:
        form = self.text(value)
        self._weigh([*args, kwargs])
        _refuse_wide(form)
        return form % (kwargs or args)

    def _replace(self, value: object, old: str, new: str, count: int | None = None) -> str:
        text, old, new = self.text(value), self.text(old), self.text(new)
        times = -1 if count is None else count
        found = text.count(old)
        self.spend((found if times < 0 else min(found, times)) * len(new))
        return text.replace(old, new, times)

    def _join(self, values: Iterable[Any], by: str = "", attribute: str | None = None) -> str:
        items = [self.getitem(item, attribute) if attribute else item for item in values]
        self.spend(len(by) * len(items))
        return str(by).join(map(self.text, items))

    def _indent(
        self, value: object, width: int | str = 4, first: bool = False, blank: bool = False
    ) -> str:
        text = self.text(value)
        space = width if isinstance(width, str) else " " * min(width, _LONGEST_INTEGER)
        self.spend((text.count("\n") + 1) * len(space))
        lines = text.split("\n")
        return "\n".join(
            space + line if (first if at == 0 else line or blank) else line
            for at, line in enumerate(lines)
        )


def _refuse_giants(operator: str, left: int, right: int) -> None:
    bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
    if bits > _LONGEST_INTEGER:
        raise SecurityError("it reckons with giant numbers")


def _refuse_wide(form: str) -> None:
    if _WIDE_PERCENT.search(form):
        raise SecurityError("it formats text too wide")


def _as_text(function: Callable[..., Any]) -> Callable[..., str]:
    @wraps(function)
    def as_text(*args: Any) -> str:
        return str.__str__(function(*args))

    return as_text
