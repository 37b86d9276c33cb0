"""Runs a chat template that came with a file from somewhere.

Jinja's sandbox keeps a template from reaching Python. What it does not bound is work and memory,
so loops and calls of macros count their turns and look at the time, and what makes text counts its
length: a template that asks for too much fails, and never keeps the engine from answering.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jinja2 import Template, TemplateError, nodes
from jinja2.visitor import NodeTransformer

from chatterm.engine.templates.environment import TURN, Endless, Environment
from chatterm.ids import Clock

_FILE = "<chat template>"
_LONGEST_SOURCE = 1 << 20
_STEPS = 200_000
_STEPS_A_PAIR = 50
"""Some templates look back over all messages at each of them."""
_CHARACTERS = 4_000_000
_CHARACTERS_A_CHARACTER = 64
_STRETCH = 4
"""How often all that there is may be written again for each message."""
_SECONDS = 5.0
_SECONDS_A_PAIR = 20e-6
_MOST_SECONDS = 60.0
_MACRO_STEPS = 5
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


class Sandbox:
    """One template, compiled. ``kept`` is a character that ``tojson`` never escapes."""

    def __init__(
        self,
        source: str,
        *,
        clock: Clock,
        kept: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(source) > _LONGEST_SOURCE:
            raise TemplateFailure(f"it is {len(source)} characters long")
        self._length = len(source)
        self._environment = Environment(kept, monotonic)
        self._environment.globals["strftime_now"] = lambda form: _now(clock).strftime(form)
        self._clock = clock
        # Jinja works out constant expressions while it compiles.
        self._environment.allow(_STEPS, _CHARACTERS, _SECONDS)
        try:
            self._template = _compiled(self._environment, source)
        except _FAILURES as error:
            raise _failure(error) from error

    def render(self, variables: Mapping[str, Any], *, messages: int, characters: int) -> str:
        """What the template writes; ``messages`` and ``characters`` say how much it was given."""
        again = messages * (self._length + characters)
        self._environment.allow(
            _STEPS + _STEPS_A_PAIR * messages**2,
            _CHARACTERS + _CHARACTERS_A_CHARACTER * characters + _STRETCH * again,
            min(_MOST_SECONDS, _SECONDS + _SECONDS_A_PAIR * messages**2),
        )
        today = _now(self._clock).strftime("%d %b %Y")
        try:
            return "".join(self._template.generate(date_string=today, **variables))
        except _FAILURES as error:
            raise _failure(error) from error


def _now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock())


def _compiled(environment: Environment, source: str) -> Template:
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
    steps = nodes.Const(1 if isinstance(node, nodes.For) else _MACRO_STEPS)
    # A filter is called without ceremony, and loops turn often.
    turn = nodes.Filter(steps, TURN, [nodes.Const(written)], [], None, None, lineno=node.lineno)
    node.body.insert(0, nodes.ExprStmt(turn, lineno=node.lineno))


class _Joins(NodeTransformer):
    """Makes ``a ~ b`` a call, as Jinja has no other way to see it done."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        target = nodes.EnvironmentAttribute("joined", lineno=node.lineno)
        return nodes.Call(target, node.nodes, [], None, None, lineno=node.lineno)


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
    return TemplateFailure(reason, line, endless=isinstance(error, Endless))
