"""What an answer is held to: a schema, a grammar of the user's, a call of a tool.

Only texts are made here; ``sampling`` gives them to llama.cpp. A model whose prompt ends inside its
thoughts may finish them first: what it is held to begins behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chatterm.errors import ConfigError, ModelError
from chatterm.messages import Request, Tool
from chatterm.parsing import AnswerFormat, Start
from chatterm.parsing.formats import Body, CallSyntax

ToGrammar = Callable[[str], str]
"""Makes GBNF with a rule ``root`` out of a JSON Schema."""

MOST_REPEATS = 1000
"""A grammar spells every repetition out, so that a large number would fill the memory."""
_MOST_CHARACTERS = 1 << 20
_DEEPEST = 200
"""Brackets within brackets of a grammar; the library reads each in a call within a call."""
_KINDS = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " \\t"}
_SIGNS = re.compile(r"\\.|[\[\]]", re.DOTALL)
_COUNTS = re.compile(r"\{\s*(\d+)\s*(?:,\s*(\d*)\s*)?\}")
_MOST = ("maxLength", "maxItems")
_LEAST = ("minLength", "minItems")
_TOKENS = re.compile(r'#[^\n]*|"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z][A-Za-z0-9-]*')
_TOKENS_AND_BRACKETS = re.compile(_TOKENS.pattern + "|[()]")
_CALL = CallSyntax("<tool_call>", Body.TAGGED, "</tool_call>")
_AROUND: Mapping[Body, tuple[str, str]] = {
    Body.JSON: ("", ""),
    Body.TAGGED: ("\n", "\n"),
    Body.NAMED: ("[", "]"),
    Body.PYTHON_TAG: ("", ""),
}
"""What stands between the marks of a call and its JSON object, where a call may be JSON."""


def grammar_of(
    request: Request, answer_format: AnswerFormat, start: Start, to_grammar: ToGrammar
) -> str:
    """The grammar that the answer to a request is held to; empty if to none."""
    grammar = _wanted(request, answer_format, to_grammar)
    if not grammar:
        return ""
    if len(grammar) > _MOST_CHARACTERS or _depth(grammar) > _DEEPEST:
        raise ConfigError("the grammar is too large", hint="ask for less at once")
    closes = [tags.close for tags in answer_format.reasoning]
    if start is not Start.REASONING or not closes:
        return grammar
    thoughts = " | ".join(f"{_before(close)} {quoted(close)}" for close in closes)
    inner = _renamed(grammar, "answer-")
    return f"root ::= ( {thoughts} ) [ \\n]* answer-root\n{inner}"


def _wanted(request: Request, answer_format: AnswerFormat, to_grammar: ToGrammar) -> str:
    params = request.params
    if request.must_call:
        return _grammar_of_call(request, answer_format, to_grammar)
    if not params.schema:
        _check_counts(_TOKENS.sub("", params.grammar), "grammar")
        return params.grammar
    grammar = to_grammar(spelled_out(params.schema))
    if not request.tools:
        return grammar
    call = _grammar_of_call(request, answer_format, to_grammar)
    return "\n".join(
        ["root ::= text-root | call-root", _renamed(grammar, "text-"), _renamed(call, "call-")]
    )


def spelled_out(schema: str) -> str:
    """A schema without the counts that a grammar cannot spell out."""
    return json.dumps(_within_bounds(json.loads(schema)))


def _within_bounds(part: Any) -> Any:
    if isinstance(part, list):
        return [_within_bounds(item) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(pattern := part.get("pattern"), str):
        _check_counts(pattern, "schema")
    for key in _LEAST:
        if isinstance(least := part.get(key), int) and least > MOST_REPEATS:
            raise ConfigError(
                f"the schema says {key} {least}, and at most {MOST_REPEATS} can be held to"
            )
    return {
        key: _plain(value) if key == "pattern" and isinstance(value, str) else _within_bounds(value)
        for key, value in part.items()
        if not (key in _MOST and isinstance(value, int) and value > MOST_REPEATS)
    }


def _plain(pattern: str) -> str:
    """A pattern with its kinds of characters spelled out, which grammars have no names for."""
    in_class = False

    def spelled(match: re.Match[str]) -> str:
        nonlocal in_class
        sign = match[0]
        if sign in "[]":
            in_class = sign == "["
            return sign
        kind = _KINDS.get(sign[-1].lower())
        if kind is None or (in_class and sign[-1].isupper()):
            return sign
        inverted = "^" if sign[-1].isupper() else ""
        return kind if in_class else f"[{inverted}{kind}]"

    return _SIGNS.sub(spelled, pattern)


def _check_counts(text: str, what: str) -> None:
    for found in _COUNTS.finditer(text):
        for count in filter(None, found.groups()):
            if len(count) > len(str(MOST_REPEATS)) or int(count) > MOST_REPEATS:
                raise ConfigError(
                    f"the {what} says {found[0]}, and at most {MOST_REPEATS} repetitions"
                    " can be held to"
                )


# -- calls -----------------------------------------------------------------------------------


def _grammar_of_call(request: Request, answer_format: AnswerFormat, to_grammar: ToGrammar) -> str:
    """One call of a tool, as this model writes calls."""
    tools = [tool for tool in request.tools if tool.name in request.must_call]
    tools = tools or list(request.tools)
    missing = set(request.must_call) - {tool.name for tool in tools}
    if missing:
        raise ConfigError(f"there is no tool {min(missing)!r} to call")
    if answer_format.channels:
        return _channelled(tools, to_grammar)
    grammar = _renamed(to_grammar(spelled_out(_schema_of_calls(tools))), "json-")
    if answer_format.bare_calls:
        return f"root ::= json-root\n{grammar}"
    syntax = next((one for one in answer_format.calls if _takes_json(one)), _CALL)
    before, after = _AROUND[syntax.body]
    opening, closing = quoted(syntax.open + before), quoted(after + syntax.close)
    return f"root ::= {opening} json-root {closing}\n{grammar}"


def _takes_json(syntax: CallSyntax) -> bool:
    return syntax.body in _AROUND and not syntax.opens_body


def _schema_of_calls(tools: Sequence[Tool]) -> str:
    """An object with the name of a tool and its arguments."""
    definitions = {f"tool{at}": _parameters(tool, at) for at, tool in enumerate(tools)}
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool.name},
                "arguments": {"$ref": f"#/$defs/tool{at}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, tool in enumerate(tools)
    ]
    return json.dumps({"anyOf": calls, "$defs": definitions})


def _parameters(tool: Tool, at: int | None = None) -> Any:
    """The schema of a tool's arguments; with ``at`` its references lead to where it is put."""
    try:
        schema = json.loads(tool.parameters or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"the parameters of the tool {tool.name} are not JSON", hint="correct the tool"
        ) from error
    schema = {"type": "object", **schema} if isinstance(schema, dict) else {"type": "object"}
    return schema if at is None else _moved(schema, f"#/$defs/tool{at}")


def _moved(part: Any, to: str) -> Any:
    if isinstance(part, list):
        return [_moved(item, to) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: to + value[1:]
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _moved(value, to)
        for key, value in part.items()
    }


def _channelled(tools: Sequence[Tool], to_grammar: ToGrammar) -> str:
    """A call as gpt-oss writes it; its prompt ends in the header, which may tell a thought first.

    The token that ends the call ends the answer, so the grammar does not name it.
    """
    lines, roots = [], []
    for at, tool in enumerate(tools):
        arguments = to_grammar(spelled_out(json.dumps(_parameters(tool))))
        lines.append(_renamed(arguments, f"tool{at}-"))
        header = f"<|channel|>commentary to=functions.{tool.name} <|constrain|>json<|message|>"
        roots.append(f"{quoted(header)} tool{at}-root")
    opening, end = quoted("<|channel|>analysis<|message|>"), "<|end|>"
    again = quoted(f"{end}<|start|>assistant")
    thought = f"( {opening} {_before(end)} {again} )?"
    return "\n".join([f"root ::= {thought} ( {' | '.join(roots)} )", *lines])


# -- GBNF ------------------------------------------------------------------------------------


def _depth(grammar: str) -> int:
    """How deep brackets stand within brackets."""
    depth = deepest = 0
    for match in _TOKENS_AND_BRACKETS.finditer(grammar):
        if match[0] == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] == ")":
            depth -= 1
    return deepest


def quoted(text: str) -> str:
    """A text as a literal of GBNF."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _before(mark: str) -> str:
    """Any text in which ``mark`` does not begin."""
    ways = [
        f"{quoted(mark[:at])} [^{_in_class(mark[at])}]" if at else f"[^{_in_class(mark[0])}]"
        for at in range(len(mark))
    ]
    return f"( {' | '.join(ways)} )*"


def _in_class(character: str) -> str:
    return f"\\{character}" if character in '\\]["' else character


def _renamed(grammar: str, prefix: str) -> str:
    """The same rules under other names, so that two grammars can stand in one."""

    def renamed(match: re.Match[str]) -> str:
        return match[0] if match[0][0] in '#"[' else prefix + match[0]

    return _TOKENS.sub(renamed, grammar)
