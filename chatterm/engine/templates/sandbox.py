"""Runs a chat template that came with a file from somewhere.

Jinja's sandbox keeps a template from reaching Python. What it does not bound is work and memory,
so loops and calls of macros count their turns, and everything that makes text counts its length:
a template that asks for too much of either fails, and never keeps the engine from answering.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from chatterm.ids import Clock

_FILE = "<chat template>"
_LONGEST_SOURCE = 1 << 20
_STEPS = 200_000
_STEPS_A_PAIR = 50
"""Some templates look back over all messages at each of them."""
_CHARACTERS = 4_000_000
_CHARACTERS_A_CHARACTER = 64
_STRETCH = 4
"""How often all of a template may be written for each message."""
_MACRO_STEPS = 5
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

# What running foreign code can raise; the sandbox leaves nothing else to it.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class TemplateFailure(Exception):
    """A template that cannot be read or run: why, and in which of its lines (0 if unknown)."""

    def __init__(self, reason: str, line: int = 0, *, endless: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.endless = endless
        """Whether it used up what it was given; trying it again takes as long."""


class _Endless(SecurityError):
    """The template has used up what it was given."""


class Sandbox:
    """One template, compiled. ``kept`` is a character that ``tojson`` never escapes."""

    def __init__(self, source: str, *, clock: Clock, kept: str = "") -> None:
        if len(source) > _LONGEST_SOURCE:
            raise TemplateFailure(f"it is {len(source)} characters long")
        self._length = len(source)
        self._environment = _Environment(kept)
        self._environment.globals["strftime_now"] = lambda form: _now(clock).strftime(form)
        self._clock = clock
        try:
            self._template = _compiled(self._environment, source)
        except _FAILURES as error:
            raise _failure(error) from error

    def render(self, variables: Mapping[str, Any], *, messages: int, characters: int) -> str:
        """What the template writes; ``messages`` and ``characters`` say how much it was given."""
        self._environment.steps_left = _STEPS + _STEPS_A_PAIR * messages**2
        self._environment.characters_left = (
            _CHARACTERS + _CHARACTERS_A_CHARACTER * characters + messages * self._length * _STRETCH
        )
        today = _now(self._clock).strftime("%d %b %Y")
        try:
            return "".join(self._template.generate(date_string=today, **variables))
        except _FAILURES as error:
            raise _failure(error) from error


def _now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock())


def _compiled(environment: _Environment, source: str) -> Template:
    tree = environment.parse(source)
    for node in list(tree.find_all(nodes.Stmt)):
        if isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock):
            _count_turns(node)
    tree = _Joins().visit(tree)
    tree.set_environment(environment)
    code = environment.compile(tree, filename=_FILE)
    return Template.from_code(environment, code, environment.make_globals(None))


def _count_turns(node: nodes.For | nodes.Macro | nodes.CallBlock) -> None:
    """Let the body begin with a call of ``turn``, at the cost of the text that stands in it."""
    written = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    written += sum(
        len(const.value) for const in node.find_all(nodes.Const) if isinstance(const.value, str)
    )
    steps = 1 if isinstance(node, nodes.For) else _MACRO_STEPS
    call = _call("turn", [nodes.Const(steps), nodes.Const(written)], node.lineno)
    node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))


def _call(method: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    target = nodes.EnvironmentAttribute(method, lineno=line)
    return nodes.Call(target, arguments, [], None, None, lineno=line)


class _Joins(NodeTransformer):
    """Makes ``a ~ b`` a call, as Jinja has no other way to see it done."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("joined", node.nodes, node.lineno)


class _Generation(Extension):
    """``{% generation %}``, which marks for training what a model writes, and else nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: object) -> NoReturn:
    raise TemplateError(str(message))


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox that keeps accounts."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self, kept: str) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            finalize=self.written,
        )
        self.steps_left = _STEPS
        self.characters_left = _CHARACTERS
        self._kept = kept
        del self.globals["lipsum"]
        self.globals["raise_exception"] = _raise_exception
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

    # -- accounts ----------------------------------------------------------------------------

    def turn(self, steps: int, written: int) -> None:
        """A loop or a macro begins a turn."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise _Endless("it loops without end")
        self.spend(written)

    def spend(self, characters: int) -> None:
        self.characters_left -= characters
        if self.characters_left < 0:
            raise _Endless("it writes without end")

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

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _UNUSED_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and _WIDE_FORMAT.search(value.__self__):
            raise SecurityError("it formats text too wide")
        return wrapped

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


def _failure(error: BaseException) -> TemplateFailure:
    """What went wrong, with the deepest line of the template that had to do with it."""
    line = getattr(error, "lineno", None) or 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, TemplateError):
        reason = error.message or type(error).__name__
    elif isinstance(error, RecursionError):
        return TemplateFailure("it calls itself without end", line, endless=True)
    else:
        reason = f"{type(error).__name__}: {error}"
    return TemplateFailure(reason, line, endless=isinstance(error, _Endless))
