"""Two notations for the arguments of a call that are not JSON: Gemma's, and Python's."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

from chatterm.parsing.ends import NotACall

_QUOTE = '<|"|>'
_SPACE = re.compile(r"\s*")
_KEY = re.compile(r'(?:<\|"\|>(.*?)<\|"\|>|([^:{}\[\],]+?))\s*:\s*', re.DOTALL)
_WORD = re.compile(r"[^,{}\[\]\s]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_DEEPEST = 64


def read_gemma(text: str, at: int, depth: int = 0) -> tuple[Any, int]:
    """One value at ``at``, and where it ends."""
    if depth > _DEEPEST:
        raise NotACall
    if text.startswith(_QUOTE, at):
        end = text.index(_QUOTE, at + len(_QUOTE))
        return text[at + len(_QUOTE) : end], end + len(_QUOTE)
    if text.startswith("{", at):
        return _gemma_object(text, at + 1, depth)
    if text.startswith("[", at):
        return _gemma_list(text, at + 1, depth)
    word = _WORD.match(text, at)
    if word is None:
        raise NotACall
    return _gemma_word(word[0]), word.end()


def _gemma_word(word: str) -> float | bool | None:
    if word in _WORDS:
        return _WORDS[word]
    number = _NUMBER.fullmatch(word)
    if number is None:
        raise NotACall
    return float(word) if number[1] or number[2] else int(word)


def _gemma_object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _skip(text, at)
    while not text.startswith("}", at):
        key = _KEY.match(text, at)
        if key is None:
            raise NotACall
        name = key[2] if key[1] is None else key[1]
        members[name], at = read_gemma(text, key.end(), depth + 1)
        at = _next(text, at, "}")
    return members, at + 1


def _gemma_list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    items = []
    at = _skip(text, at)
    while not text.startswith("]", at):
        item, at = read_gemma(text, at, depth + 1)
        items.append(item)
        at = _next(text, at, "]")
    return items, at + 1


def _next(text: str, at: int, close: str) -> int:
    at = _skip(text, at)
    if text.startswith(",", at):
        return _skip(text, at + 1)
    if not text.startswith(close, at):
        raise NotACall
    return at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def read_python(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls in ``[name(key="text"), …]`` or in a single one; nothing is ever evaluated."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError) as error:
        raise NotACall(str(error)) from error
    calls = tree.elts if isinstance(tree, ast.List) else [tree]
    return [(_function_name(call), _keywords(call)) for call in calls]


def _function_name(call: ast.expr) -> str:
    if not isinstance(call, ast.Call) or call.args:
        raise NotACall
    return ast.unparse(call.func)


def _keywords(call: ast.expr) -> dict[str, Any]:
    if not isinstance(call, ast.Call):
        raise NotACall
    values = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise NotACall
        values[keyword.arg] = _python_value(keyword.value)
    return values


def _python_value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_python_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {
                _key(key): _python_value(value) for key, value in zip(keys, values, strict=True)
            }
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            raise NotACall


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise NotACall
