"""Random Markdown: everything that answers contain, and much that they should not."""

from __future__ import annotations

import random
from collections.abc import Callable

WORDS = """
the answer a model writes comes word by word and snake_case 2*3*4 supercalifragilistic
**bold** *italic* `code` ~~gone~~ <b>html</b> <br> \\* \\_ \\[ &amp; &#8238; &copy;
[link](https://example.org/a_b) https://example.org/x?y=1&z=2 ![image](pic.png)
$x^2$ \\(a_i\\) # - + 1. > | ` $5 $ ** _ ~ [ ] [ref] [ref][one]
中文字符 日本語 한국어 🎉 👩‍👩‍👧 é e\u0301 \x1b[31m \u202e
""".split()


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 12)))


def paragraph(rng: random.Random) -> str:
    ends = ["\n", "  \n", "\\\n", "\n  "]
    return "".join(sentence(rng) + rng.choice(ends) for _ in range(rng.randint(1, 4)))


def heading(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return sentence(rng) + "\n" + rng.choice(["===", "---", "-", "= ="]) + "\n"
    return "#" * rng.randint(1, 7) + rng.choice([" ", ""]) + sentence(rng) + "\n"


def fence(rng: random.Random) -> str:
    sign = rng.choice(["```", "~~~", "````"])
    info = rng.choice(["", "python", "json", "c++", "yaml", "nonsense", "js {1}"])
    body = rng.choice(
        [
            "def f(x):\n    '''doc\n    string'''\n\n    return x + 1\n",
            '{"a": [1, 2,\n "b"]}\n',
            "/* a\n comment */ int main() { return 0; }\n",
            "a: 1\n\tb: tab\n",
            "``\n",
            "",
            "x" * 130 + "\n",
            "中文 = '漢字'\n",
        ]
    )
    closing = rng.choice([sign, sign, sign + "`", " " + sign + "  ", ""])
    return f"{sign}{info}\n{body}{closing}\n"


def bullets(rng: random.Random, depth: int = 0) -> str:
    ordered = rng.random() < 0.4
    sign = rng.choice("-*+")
    parts = []
    number = rng.choice([0, 1, 1, 7, 99])
    for at in range(rng.randint(1, 6)):
        marker = f"{number + at}." if ordered else sign
        task = rng.choice(["", "", "", "[ ] ", "[x] "])
        text = marker + " " + task + rng.choice([sentence(rng), sentence(rng), ""]) + "\n"
        indent = " " * (len(marker) + 1)
        if rng.random() < 0.25 and depth < 3:
            inner = block(rng, depth + 1)
            text += rng.choice(["", "\n"]) + "".join(
                indent + line + "\n" for line in inner.splitlines()
            )
        parts.append(text + rng.choice(["", "", "", "\n"]))
    return "".join(parts)


def quote(rng: random.Random, depth: int = 0) -> str:
    inner = block(rng, depth + 1)
    return "".join(
        rng.choice(["> ", "> ", "> ", ">", ""]) + line + "\n" for line in inner.splitlines()
    )


def table(rng: random.Random) -> str:
    columns = rng.randint(1, 5)
    cell: Callable[[], str] = lambda: rng.choice([sentence(rng), "1", "", "x|y", "`a \\| b`"])  # noqa: E731
    rows = [[cell() for _ in range(columns)] for _ in range(rng.choice([0, 1, 3, 30]))]
    rule = [rng.choice(["---", ":--", "--:", ":-:", "-"]) for _ in range(columns)]
    lines = [[cell() for _ in range(columns)], rule, *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def formula(rng: random.Random) -> str:
    opening, closing = rng.choice([("$$", "$$"), ("\\[", "\\]")])
    body = rng.choice(
        [
            "\\frac{a}{b}",
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "- x\n+ y\n= z",
            "\\foo{",
            "x_1 + \\alpha^2 \\\\\n" * 60,
        ]
    )
    return rng.choice(
        [
            f"{opening}{body}{closing}\n",
            f"{opening}\n{body}\n{closing}\n",
            f"{opening}\n{body}\n",
            f"{opening} {body} {closing} and more\n",
        ]
    )


def odd(rng: random.Random) -> str:
    return rng.choice(
        [
            "---\n",
            "* * *\n",
            "<div>\n*x*\n</div>\n",
            "<!-- a\n\ncomment -->\n",
            "<!-- a\n\n  \n\tcomment\n\n\n",
            "<pre>\n\n  x\n</pre> y\n",
            "<?\n ?>\n",
            "<b>\nx\n \n",
            "    indented code\n\n    more\n",
            "[one]: https://example.org 'title'\n",
            "[ref]: <https://example.org/ref>\n'a title\nof two lines'\n",
            "[ref]: https://late.example\n",
            "\ttab\n",
            "\r\ncarriage\r\n",
            "   \n",
            "| a | b |\n|---|---|",
            "text | more\n--|--\n",
            "1) one\n2) two\n",
            "&nbsp;\n",
        ]
    )


def block(rng: random.Random, depth: int = 0) -> str:
    kinds: list[Callable[[], str]] = [
        lambda: paragraph(rng),
        lambda: paragraph(rng),
        lambda: heading(rng),
        lambda: fence(rng),
        lambda: bullets(rng, depth),
        lambda: bullets(rng, depth),
        lambda: table(rng),
        lambda: formula(rng),
        lambda: odd(rng),
    ]
    if depth < 3:
        kinds.append(lambda: quote(rng, depth))
    return rng.choice(kinds)()


def document(rng: random.Random) -> str:
    return "".join(
        block(rng) + rng.choice(["", "\n", "\n", "\n\n"]) for _ in range(rng.randint(1, 8))
    )


def fragments(rng: random.Random, text: str, longest: int = 11) -> list[str]:
    parts = []
    at = 0
    while at < len(text):
        size = rng.randint(1, longest)
        parts.append(text[at : at + size])
        at += size
    return parts
