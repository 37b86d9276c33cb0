"""The code blocks of a text as they were written, in the order in which they are drawn.

What is copied and what ``ask -x`` prints is the same, found by the grammar that draws the text.
"""

from __future__ import annotations

from collections.abc import Iterable

from chatterm.render.parser import Node, blocks

FENCED = frozenset(["fence"])
ANY = frozenset(["fence", "code_block"])


def code_blocks(text: str, kinds: frozenset[str] = ANY) -> list[str]:
    """The content of every fenced or indented block, wherever it is nested."""
    nodes = blocks(text.replace("\r\n", "\n"), {})
    return [_whole_line(content) for content in _codes(nodes, kinds)]


def _codes(nodes: Iterable[Node], kinds: frozenset[str]) -> Iterable[str]:
    for node in nodes:
        if node.kind in kinds:
            yield node.content
        yield from _codes(node.children, kinds)


def _whole_line(content: str) -> str:
    """Of a block that was never closed the last line may lack its end."""
    return content if not content or content.endswith("\n") else f"{content}\n"
