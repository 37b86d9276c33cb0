"""What stands inside a tool call, read in the ways models write it.

Nothing is repaired: what is not a whole call raises ``NotACall``, and is then shown as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from chatterm.messages import Tool
from chatterm.parsing import literals
from chatterm.parsing.ends import NotACall
from chatterm.parsing.formats import Body, section_token

Tools = Mapping[str, Tool]


class Call(NamedTuple):
    """A function and its arguments, which are a JSON object."""

    name: str
    arguments: str


_NAME_KEYS = ("name", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args")
_SPACE = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> NoReturn:
    raise NotACall(f"{constant} is not JSON")


# Models put raw line breaks into strings; such a text still has only one meaning.
_DECODER = json.JSONDecoder(parse_constant=_refuse, strict=False)


def read_calls(body: Body, text: str, tools: Tools) -> list[Call]:
    """The calls in the inside of a call, or ``NotACall``."""
    read = _READERS[body]
    try:
        calls = read(text.strip(), tools)
    except (ValueError, LookupError, RecursionError) as error:
        raise NotACall(str(error)) from error
    if not calls or not all(_is_name(call.name) for call in calls):
        raise NotACall
    return calls


def json_object(text: str) -> str:
    """A JSON object as it is written; strictly valid, or ``NotACall``."""
    text = text.strip() or "{}"
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise NotACall(str(error)) from error
    if end != len(text) or not isinstance(value, dict):
        raise NotACall
    return _as_written(value, text)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 256 and name.isprintable() and not any(map(str.isspace, name))


def _as_written(value: object, written: str) -> str:
    try:
        json.loads(written)
    except ValueError:
        return _dump(value)
    return written


def _dump(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair can be escaped in JSON, and nowhere else be written.
    return json.dumps(value) if _SURROGATE.search(text) else text


_SURROGATE = re.compile("[\ud800-\udfff]")


# -- JSON ------------------------------------------------------------------------------------


def _json_calls(text: str, tools: Tools) -> list[Call]:
    if not text.startswith("["):
        return [_json_call(text)]
    calls, at = [], _skip(text, 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        calls.append(_json_call(text[at:end]))
        at = _after_comma(text, end, "]")
    if at + 1 != len(text):
        raise NotACall
    return calls


def _json_call(text: str) -> Call:
    members = _members(text)
    name, written = next((members[key] for key in _NAME_KEYS if key in members), (None, ""))
    if name is None and isinstance(members["function"][0], dict):
        return _json_call(members["function"][1])
    if name is None:
        name, written = members["function"]
    if not isinstance(name, str):
        raise NotACall
    value, written = next(
        (members[key] for key in _ARGUMENT_KEYS if key in members), (None, "null")
    )
    if value is None:
        return Call(name, "{}")
    if isinstance(value, str):
        return Call(name, json_object(value))
    if not isinstance(value, dict):
        raise NotACall
    return Call(name, _as_written(value, written))


def _members(text: str) -> dict[str, tuple[Any, str]]:
    """Each member of an object: its value, and how that is written."""
    if not text.startswith("{"):
        raise NotACall
    members: dict[str, tuple[Any, str]] = {}
    at = _skip(text, 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if not isinstance(key, str) or text[at] != ":":
            raise NotACall
        start = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, start)
        members[key] = value, text[start:end]
        at = _after_comma(text, end, "}")
    if at + 1 != len(text):
        raise NotACall
    return members


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _after_comma(text: str, at: int, close: str) -> int:
    """The next element, or the closing bracket."""
    at = _skip(text, at)
    if text[at] == close:
        return at
    if text[at] != ",":
        raise NotACall
    at = _skip(text, at + 1)
    if text[at] == close:
        raise NotACall
    return at


def _bare_calls(text: str, tools: Tools) -> list[Call]:
    calls = _json_calls(text, tools)
    if any(call.name not in tools for call in calls):
        raise NotACall
    return calls


_NAMED = re.compile(r"([\w./-]+?)\s*(?:\[CALL_ID\][\w-]+)?\s*(?:\[ARGS\])?\s*(?=\{)")


def _named_calls(text: str, tools: Tools) -> list[Call]:
    if text.startswith(("[", "{")):
        return _json_calls(text, tools)
    match = _NAMED.match(text)
    if match is None:
        raise NotACall
    return [Call(match[1], json_object(text[match.end() :]))]


_SEPARATOR = section_token("sep")
_SECTION_CALL = re.compile(
    rf"\s*{section_token('call▁begin')}(?:function{_SEPARATOR})?(.*?)(?:{_SEPARATOR}|\n)(.*?)"
    rf"{section_token('call▁end')}",
    re.DOTALL,
)
_FENCE = re.compile(r"\s*```(?:json)?\n(.*)\n```\s*", re.DOTALL)


def _section_calls(text: str, tools: Tools) -> list[Call]:
    text = text.removesuffix(section_token("calls▁end")).rstrip()
    calls, at = [], 0
    while at < len(text):
        match = _SECTION_CALL.match(text, at)
        if match is None:
            raise NotACall
        fenced = _FENCE.fullmatch(match[2])
        calls.append(Call(match[1].strip(), json_object(fenced[1] if fenced else match[2])))
        at = match.end()
    return calls


# -- tags ------------------------------------------------------------------------------------

_FUNCTION_OPEN = re.compile(r"\s*<function=([^<>\n]+)>\s*")
_PARAMETER = re.compile(
    r"<parameter=([^<>\n]+)>\n?(.*?)\n?</parameter>\s*(?=<parameter=|</function>)", re.DOTALL
)
_GLM_ARGUMENT = re.compile(r"\s*<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_CLOSING_TAG = re.compile(r"</(?:seed:)?tool_call>$")


def _tagged_calls(text: str, tools: Tools) -> list[Call]:
    if text.startswith(("{", "[")):
        return _json_calls(text, tools)
    text = _CLOSING_TAG.sub("", text).rstrip()
    if text.startswith("<"):
        return _function_calls(text, tools)
    return [_glm_call(text, tools)]


def _function_body(text: str, tools: Tools) -> list[Call]:
    return _function_calls("<function=" + text, tools)


def _function_calls(text: str, tools: Tools) -> list[Call]:
    calls, at = [], 0
    while at < len(text):
        opened = _FUNCTION_OPEN.match(text, at)
        if opened is None:
            raise NotACall
        name, at = opened[1].strip(), opened.end()
        if text.startswith("{", at):
            _, end = _DECODER.raw_decode(text, at)
            arguments = json_object(text[at:end])
            at = _skip(text, end)
        else:
            types = _types(tools.get(name))
            values = {}
            while (parameter := _PARAMETER.match(text, at)) is not None:
                key = parameter[1].strip()
                values[key] = _typed(parameter[2], types.get(key))
                at = parameter.end()
            arguments = _dump(values)
        if not text.startswith("</function>", at):
            raise NotACall
        at = _skip(text, at + len("</function>"))
        calls.append(Call(name, arguments))
    return calls


def _glm_call(text: str, tools: Tools) -> Call:
    key_at = text.find("<arg_key>")
    name = (text if key_at < 0 else text[:key_at]).strip()
    if name not in tools:
        raise NotACall
    types, values, at = _types(tools[name]), {}, max(key_at, 0) if key_at >= 0 else len(text)
    while at < len(text):
        match = _GLM_ARGUMENT.match(text, at)
        if match is None:
            raise NotACall
        values[match[1].strip()] = _typed(match[2], types.get(match[1].strip()))
        at = match.end()
    return Call(name, _dump(values))


def _types(tool: Tool | None) -> dict[str, frozenset[str]]:
    """The JSON types that each parameter of a tool may have."""
    try:
        properties = json.loads(tool.parameters)["properties"] if tool else {}
        return {key: frozenset(_type_names(schema)) for key, schema in properties.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _type_names(schema: Any) -> list[str]:
    if not isinstance(schema, dict):
        return []
    said = schema.get("type", [])
    names = [said] if isinstance(said, str) else [name for name in said if isinstance(name, str)]
    for part in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        names += _type_names(part)
    return names


def _typed(text: str, types: frozenset[str] | None) -> object:
    """A value written without quotes: text where the schema has text, else JSON if it is any."""
    if types and "string" in types:
        return None if text == "null" and "null" in types else text
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


# -- notations of their own ------------------------------------------------------------------


def _gemma_calls(text: str, tools: Tools) -> list[Call]:
    text = text.removesuffix("<tool_call|>").rstrip()
    name, brace, _ = text.removeprefix("call:").partition("{")
    if not text.startswith("call:") or not brace:
        raise NotACall
    value, end = literals.read_gemma(text, len("call:") + len(name))
    if end != len(text):
        raise NotACall
    return [Call(name.strip(), _dump(value))]


def _python_calls(text: str, tools: Tools) -> list[Call]:
    text = text.removesuffix("<|tool_call_end|>")
    return [Call(name, _dump(values)) for name, values in literals.read_python(text)]


_INTERPRETERS = ("python", "ipython", "code_interpreter")


def _python_tag_calls(text: str, tools: Tools) -> list[Call]:
    if text.startswith(("{", "[")):
        return _json_calls(text, tools)
    try:
        (call,) = _python_calls(text, tools)
    except ValueError:
        pass
    else:
        if (name := call.name.removesuffix(".call")) in tools:
            return [Call(name, call.arguments)]
    for name in _INTERPRETERS:
        if name in tools and text:
            return [Call(name, _dump({"code": text}))]
    raise NotACall


_READERS: Mapping[Body, Callable[[str, Tools], list[Call]]] = {
    Body.JSON: _json_calls,
    Body.BARE: _bare_calls,
    Body.TAGGED: _tagged_calls,
    Body.FUNCTION: _function_body,
    Body.NAMED: _named_calls,
    Body.SECTION: _section_calls,
    Body.GEMMA: _gemma_calls,
    Body.PYTHON: _python_calls,
    Body.PYTHON_TAG: _python_tag_calls,
}
