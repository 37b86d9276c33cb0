"""LaTeX mathematics as readable Unicode: one line in a sentence, several in a display.

Not a typesetter. What has a Unicode form gets it; what has none stays readable: a fraction becomes
``(a + b)/c``, an exponent without superscript letters ``x^(…)``, an unknown command keeps its name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from rich.cells import cell_len

from chatterm.render.math_signs import (
    ACCENTS,
    ALPHABETS,
    BRACKETS,
    ESCAPED,
    FRACTIONS,
    FUNCTIONS,
    RELATIONS,
    SIGNS,
    SPACES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\\$|[{}^_&]|\s+|%[^\n]*\n?|.", re.S)
_TEXTS = frozenset("text textrm textbf textit textsf texttt mathrm operatorname mbox hbox".split())
_STYLES = frozenset("mathbf boldsymbol bm mathit mathsf mathtt mathnormal pmb emph".split())
_IGNORED = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle displaystyle "
    "textstyle scriptstyle limits nolimits nonumber notag hline bf it rm cal boldmath centering "
    "allowbreak nobreak protect mathopen mathclose mathbin mathrel mathord mathop".split()
)
_SKIPPED_ARGUMENT = frozenset(["label", "tag", "vspace", "hspace", "phantom", "hphantom", "color"])
_NEGATED = {
    "=": "≠",
    "∈": "∉",
    "≡": "≢",
    "⊂": "⊄",
    "⊆": "⊈",
    "∣": "∤",
    "∥": "∦",
    "∼": "≁",
    "<": "≮",
}
_SIMPLE = re.compile(r"[\w′.∞²³°⁰-⁹₀-₉ᵢ-ᵪₐ-ₜᵃ-ᵿⁱⁿ\u0300-\u036f\u20d0-\u20ff]*(\([^()]*\))?", re.U)
_SMALL = frozenset([*SUPERSCRIPTS.values(), *SUBSCRIPTS.values()]) - {"*", "′"}
_LONGEST = 20_000

# Signs of our own inside half-converted text; sanitised text holds no control characters.
_NAME = "\1"  # before and after the name of a function
_GRID = "\2"  # around a matrix of several rows
_ROW = "\3"  # between its rows
_BLANK = "\4"  # a blank that must stay


@functools.lru_cache(2048)
def inline(source: str) -> str:
    """A formula inside a sentence, on one line."""
    return " ".join(_converted(source, grids=False).split())


@functools.lru_cache(256)
def display(source: str) -> tuple[str, ...]:
    """A formula that stands alone: its rows."""
    rows = _converted(source, grids=True).split("\n")
    while rows and not rows[0].strip():
        rows.pop(0)
    while rows and not rows[-1].strip():
        rows.pop()
    blanks = min((len(row) - len(row.lstrip()) for row in rows if row.strip()), default=0)
    return tuple(row[blanks:].rstrip() for row in rows)


def _converted(source: str, *, grids: bool) -> str:
    if len(source) > _LONGEST:
        return source
    try:
        text = _Converter(_TOKEN.findall(source), grids=grids).all()
    except RecursionError:
        return source
    return _laid_out(text).replace("\0", " ").replace(_NAME, "").replace(_BLANK, " ")


class _Converter:
    """Reads tokens from left to right; one method for each thing that takes arguments."""

    def __init__(self, tokens: list[str], *, grids: bool) -> None:
        self._tokens = tokens
        self._at = 0
        self._grids = grids
        self._handlers: dict[str, Callable[[], str]] = {
            "frac": self._fraction,
            "dfrac": self._fraction,
            "tfrac": self._fraction,
            "cfrac": self._fraction,
            "binom": self._binomial,
            "sqrt": self._root,
            "not": self._negation,
            "pmod": lambda: f" (mod {self._argument()})",
            "bmod": lambda: " mod ",
            "boxed": lambda: f"[{self._argument()}]",
            "underbrace": lambda: self._argument(),
            "overbrace": lambda: self._argument(),
            "overset": self._stacked,
            "underset": self._stacked,
            "stackrel": self._stacked,
            "xrightarrow": lambda: f" →[{self._argument()}] ",
            "xleftarrow": lambda: f" ←[{self._argument()}] ",
            "begin": self._environment,
            "substack": lambda: self._argument().replace("\n", ", "),
            "textcolor": lambda: self._raw_argument() and self._argument(),
        }

    def all(self) -> str:
        text = ""
        while self._at < len(self._tokens):
            text = self._joined(text, self._until(None))
            if self._at < len(self._tokens):  # a brace or an end that nothing opened
                text += self._next() if self._peek() == "}" else self._stray()
        return text

    def _stray(self) -> str:
        self._next()
        return "\\end{" + self._raw_argument() + "}"

    def _until(self, end: str | None) -> str:
        """Everything up to a token that closes this group, which is not taken."""
        text = ""
        while self._at < len(self._tokens):
            token = self._peek()
            if token in (end, "}", "\\end"):
                break
            self._at += 1
            text = self._joined(text, self._token(token))
        return text

    def _token(self, token: str) -> str:
        if token in ("^", "_"):
            return self._script(token)
        if token == "{":
            return self._group()
        if token == "&":
            return "\0"
        if token.startswith("%"):
            return ""
        if token.isspace():
            return " "
        if token.startswith("\\"):
            return self._command(token[1:].rstrip("*"))
        if token == "'":
            return "′"
        if token in "=<>":
            return f" {token} "
        return "−" if token == "-" else " " if token == "~" else token

    def _command(self, name: str) -> str:
        if name in self._handlers:
            return self._handlers[name]()
        if name in SIGNS:
            sign = SIGNS[name]
            return f" {sign} " if sign in RELATIONS else sign
        if name == "\\":
            self._optional()
            return "\n"
        return self._worded(name)

    def _worded(self, name: str) -> str:
        """A command whose name or argument is what is shown."""
        if name in SPACES:
            return SPACES[name]
        if name in ESCAPED:
            return "‖" if name == "|" else name
        if name in FUNCTIONS:
            return f"{_NAME}{name}{_NAME}"
        if name in _TEXTS:
            text = self._raw_argument()
            return f"{_NAME}{text}{_NAME}" if name == "operatorname" else text
        if name in _STYLES:
            return self._argument()
        return self._accented(name)

    def _accented(self, name: str) -> str:
        if name in ALPHABETS:
            return "".join(ALPHABETS[name].get(letter, letter) for letter in self._argument())
        if name in ACCENTS:
            return "".join(letter + ACCENTS[name] for letter in self._argument())
        if name in _IGNORED:
            return self._delimiter() if name in ("left", "right", "middle") else ""
        if name in _SKIPPED_ARGUMENT:
            self._raw_argument()
            return ""
        if name == "end":
            return ""
        # A command that is not known keeps its name and its braces.
        return f"\\{name}" + ("{" + self._argument() + "}" if self._peek() == "{" else "")

    def _delimiter(self) -> str:
        self._skip_blanks()
        if self._peek() == ".":
            self._at += 1
        return ""

    def _joined(self, text: str, more: str) -> str:
        """Put two pieces together; a function's name keeps off letters and figures."""
        if more.startswith(_NAME):
            more = more[1:]
            if text and (text[-1].isalnum() or text[-1] == ")"):
                more = " " + more
        if text.endswith(_NAME):
            text = text[:-1]
            if more and (more[0] in "∞√∑∏|\\" or (more[0].isalnum() and more[0] not in _SMALL)):
                text += " "
        if text.endswith(" ") and more.startswith(" ") and (more == " " or not more.isspace()):
            more = more.lstrip(" ")
        return text + more

    def _script(self, kind: str) -> str:
        table = SUPERSCRIPTS if kind == "^" else SUBSCRIPTS
        text = " ".join(self._argument().split())
        if not text:
            return kind
        tight = text.replace(" ", "")
        if all(letter in table for letter in tight):
            return "".join(table[letter] for letter in tight)
        if len(text) == 1 or (kind == "_" and re.fullmatch(r"\w+", text)):
            return f"{kind}{text}"
        return f"{kind}({text})"

    def _fraction(self) -> str:
        above, below = self._argument().strip(), self._argument().strip()
        short = FRACTIONS.get(f"{above}/{below}")
        return short or f"{_bracketed(above)}/{_bracketed(below)}"

    def _binomial(self) -> str:
        return f"C({self._argument().strip()}, {self._argument().strip()})"

    def _root(self) -> str:
        degree = self._optional()
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
        inside = self._argument().strip()
        if sign is None:
            sign = "".join(SUPERSCRIPTS.get(letter, letter) for letter in degree) + "√"
        return sign + (inside if len(inside) == 1 or inside.isdigit() else f"({inside})")

    def _negation(self) -> str:
        sign = self._argument()
        return f" {_NEGATED.get(sign.strip(), sign.strip() + chr(0x338))} "

    def _stacked(self) -> str:
        above, base = self._argument().strip(), self._argument()
        return f"{base.rstrip()}[{above}]" + (" " if base.endswith(" ") else "")

    def _environment(self) -> str:
        name = self._raw_argument().rstrip("*")
        if name == "array":
            self._raw_argument()
        content = self._until("\\end")
        if self._peek() == "\\end":
            self._at += 1
            self._raw_argument()
        if name not in BRACKETS:
            return "\n" + _aligned(content) + "\n"
        return _grid(content, name, tall=self._grids)

    def _argument(self) -> str:
        self._skip_blanks()
        token = self._next()
        if token == "{":
            return self._group()
        return self._token(token) if token not in ("", "}") else ""

    def _group(self) -> str:
        text = self._until("}")
        if self._peek() == "}":
            self._at += 1
        return text.strip(_NAME)

    def _raw_argument(self) -> str:
        """An argument as it stands: words, or the name of something."""
        self._skip_blanks()
        if self._peek() != "{":
            return self._next()
        self._at += 1
        text, depth = "", 1
        while self._at < len(self._tokens):
            token = self._next()
            depth += (token == "{") - (token == "}")
            if not depth:
                break
            text += token
        return re.sub(r"\\([{}$%&#_ ])", r"\1", text)

    def _optional(self) -> str:
        """What stands in square brackets, if anything does."""
        if self._peek() != "[":
            return ""
        self._at += 1
        text = ""
        while self._at < len(self._tokens) and (token := self._next()) != "]":
            text += self._token(token)
        return text.strip()

    def _skip_blanks(self) -> None:
        while self._peek().isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token


def _bracketed(text: str) -> str:
    return text if text and _SIMPLE.fullmatch(text) else f"({text})"


def _cells(content: str) -> list[list[str]]:
    rows = [row for row in content.split("\n") if row.strip(" \0")]
    return [[" ".join(cell.split()) for cell in row.split("\0")] for row in rows]


def _aligned(content: str) -> str:
    """The rows of ``align`` and its kin, their first columns set right."""
    rows = _cells(content)
    widest = max((cell_len(row[0]) for row in rows if len(row) > 1), default=0)
    return "\n".join(
        " " * (widest - cell_len(row[0])) * (len(row) > 1) + " ".join(row) for row in rows
    )


def _grid(content: str, name: str, *, tall: bool) -> str:
    """A matrix: on several rows if it may, else on one."""
    left, right, flat = BRACKETS[name]
    rows = _cells(content)
    if not tall or len(rows) < 2:
        between = ", " if name == "cases" else " "
        body = "; ".join(between.join(row) for row in rows)
        return f"{flat[:1]}{body}{flat[1:]}"
    columns = max(len(row) for row in rows)
    widths = [
        max(cell_len(row[column]) for row in rows if column < len(row)) for column in range(columns)
    ]
    lines = []
    for number, row in enumerate(rows):
        piece = 0 if number == 0 else 2 if number == len(rows) - 1 else 1
        filled = [*row, *[""] * (columns - len(row))]
        padded = [
            cell + " " * (width - cell_len(cell))
            for cell, width in zip(filled, widths, strict=True)
        ]
        lines.append(f"{left[piece : piece + 1]} {'  '.join(padded)} {right[piece : piece + 1]}")
    return _GRID + _ROW.join(lines).replace(" ", _BLANK) + _GRID


def _laid_out(text: str) -> str:
    """Put matrices of several rows beside the text around them, centred on its row."""
    if _GRID not in text:
        return text
    return "\n".join("\n".join(_side_by_side(row)) for row in text.split("\n"))


def _side_by_side(row: str) -> list[str]:
    boxes = [part.split(_ROW) for part in row.split(_GRID)]
    height = max(len(box) for box in boxes)
    rows = [""] * height
    for box in boxes:
        above = (height - len(box)) // 2
        width = max(cell_len(line) for line in box)
        for number in range(height):
            at = number - above
            line = box[at] if 0 <= at < len(box) else ""
            rows[number] += line + _BLANK * (width - cell_len(line))
    return rows
