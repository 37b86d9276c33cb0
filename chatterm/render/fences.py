"""The fenced code blocks of a Markdown text, also those inside of lists and quotes."""

from __future__ import annotations

import re

_FENCE = re.compile(r"(?P<before>[ \t>]*(?:[-*+] |\d+[.)] )?)(?P<fence>`{3,}|~{3,})(?P<info>.*)")


def code_blocks(text: str) -> list[str]:
    """What stands between the fences of each block; the last one may lack its end."""
    blocks: list[str] = []
    lines: list[str] = []
    fence = before = ""
    for line in text.splitlines():
        found = _FENCE.fullmatch(line)
        if not fence:
            if found and "`" not in found["info"]:
                fence, before = found["fence"], found["before"]
                lines = []
        elif found and _ends(fence, found):
            blocks.append(_joined(lines))
            fence = ""
        else:
            lines.append(_without(line, before))
    if fence:
        blocks.append(_joined(lines))
    return blocks


def _ends(fence: str, found: re.Match[str]) -> bool:
    return found["fence"].startswith(fence) and not found["info"].strip()


def _without(line: str, before: str) -> str:
    """A line of a block without what stands before all of them."""
    at = 0
    for sign in before:
        if at < len(line) and (line[at] == sign or (line[at] == " " and sign not in ">\t")):
            at += 1
        else:
            break
    return line[at:]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
