"""Code blocks of Markdown, as models write it."""

from __future__ import annotations

import pytest

from chatterm.render.codes import FENCED, code_blocks


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
        ("```\r\na\r\n```\r\n", ["a\n"]),
        ("```\na\x0cb\u2028c\n```", ["a\x0cb\u2028c\n"]),
        (f"```\n{'x' * 30_000}\n```", [f"{'x' * 30_000}\n"]),
    ],
)
def test_blocks_are_found(text: str, blocks: list[str]) -> None:
    assert code_blocks(text) == blocks


def test_an_indented_block_is_code_but_not_fenced() -> None:
    text = "so:\n\n    ls\n\n```sh\npwd\n```\n"
    assert code_blocks(text) == ["ls\n", "pwd\n"]
    assert code_blocks(text, FENCED) == ["pwd\n"]
