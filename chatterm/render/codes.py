"""The code blocks of a text as they were written, in the order in which they are drawn."""

from __future__ import annotations

from collections.abc import Iterable

from chatterm.render.parser import Node, blocks
from chatterm.render.sanitise import Cleaner


def code_blocks(text: str) -> list[str]:
    """The content of every fenced or indented block, wherever it is nested."""
    cleaner = Cleaner()
    return list(_codes(blocks(cleaner.feed(text) + cleaner.finish(), {})))


def _codes(nodes: Iterable[Node]) -> Iterable[str]:
    for node in nodes:
        if node.kind in ("fence", "code_block"):
            yield node.content
        yield from _codes(node.children)
