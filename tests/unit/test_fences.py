"""Code blocks of Markdown, as models write it."""

from __future__ import annotations

import pytest

from chatterm.render.fences import code_blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no block", []),
        ("```\na\n```", ["a\n"]),
        ("```py\na\n\nb\n```\nand\n~~~\nc\n~~~\n", ["a\n\nb\n", "c\n"]),
        ("````md\n```\ninner\n```\n````", ["```\ninner\n```\n"]),
        ("```\na\n~~~\nb\n```", ["a\n~~~\nb\n"]),
        ("1. do\n\n   ```sh\n   ls\n     -l\n   ```\n", ["ls\n  -l\n"]),
        ("- ```sh\n  ls\n  ```\n", ["ls\n"]),
        ("> ```sh\n> ls\n> ```\n", ["ls\n"]),
        ("```\nnever closed", ["never closed\n"]),
        ("```\n```", [""]),
        ("```not ` a fence\nx\n```\ny\n```", ["y\n"]),
        ("```sh\necho '```sh'\n```sh\n```", ["echo '```sh'\n```sh\n"]),
    ],
)
def test_blocks_are_found(text: str, blocks: list[str]) -> None:
    assert code_blocks(text) == blocks
