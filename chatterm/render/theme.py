"""The styles that rendered text is made of. A theme is a value; whoever draws chooses one.

``ANSI`` uses the sixteen colours of the terminal, so it fits any background. ``ATTRIBUTES`` has no
colours (NO_COLOR), ``BARE`` has nothing at all and marks headings by signs instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rich.style import Style

NULL = Style.null()
_BOLD = Style(bold=True)
_DIM = Style(dim=True)


def _parse(styles: Mapping[str, str]) -> Mapping[str, Style]:
    return MappingProxyType({name: Style.parse(style) for name, style in styles.items()})


@dataclass(frozen=True, slots=True)
class Theme:
    """One style for each kind of text. ``tokens`` maps Pygments' names of tokens to styles."""

    name: str = "bare"
    text: Style = NULL
    headings: tuple[Style, ...] = (NULL,) * 6
    heading_signs: bool = False
    """Write ``##`` before headings, where no style can tell them apart."""
    strong: Style = NULL
    emphasis: Style = NULL
    strike: Style = NULL
    code: Style = NULL
    """Code inside a sentence."""
    block: Style = NULL
    """The ground of a code block; with a background colour its rows are filled to the edge."""
    frame: Style = NULL
    """Rules, borders, and what stands around code."""
    quote: Style = NULL
    bar: Style = NULL
    """The bar before a quote."""
    bullet: Style = NULL
    link: Style = NULL
    url: Style = NULL
    table_head: Style = NULL
    math: Style = NULL
    html: Style = NULL
    done: Style = NULL
    """The box of a task that is done."""
    urls: bool = True
    """Show where a link leads, after its text; else only its style carries the address."""
    tokens: Mapping[str, Style] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self)

    def muted(self) -> Theme:
        """The same theme, dimmed: for what the model thinks before it answers."""
        changed: dict[str, object] = {
            f.name: value + _DIM
            for f in dataclasses.fields(self)
            if isinstance(value := getattr(self, f.name), Style)
        }
        changed["name"] = f"{self.name} muted"
        changed["headings"] = tuple(style + _DIM for style in self.headings)
        changed["tokens"] = {name: style + _DIM for name, style in self.tokens.items()}
        return dataclasses.replace(self, **changed)  # type: ignore[arg-type]


BARE = Theme(heading_signs=True)

ATTRIBUTES = Theme(
    name="attributes",
    headings=(
        Style(bold=True, underline=True),
        _BOLD,
        Style(bold=True, italic=True),
        Style(italic=True),
        Style(italic=True),
        Style(italic=True),
    ),
    strong=_BOLD,
    emphasis=Style(italic=True),
    strike=Style(strike=True),
    code=_BOLD,
    frame=_DIM,
    quote=Style(italic=True),
    bar=_DIM,
    link=Style(underline=True),
    url=_DIM,
    table_head=_BOLD,
    html=_DIM,
    tokens=_parse({"Keyword": "bold", "Comment": "italic", "Generic.Heading": "bold"}),
)

ANSI = dataclasses.replace(
    ATTRIBUTES,
    name="ansi",
    headings=(
        Style.parse("bold underline magenta"),
        Style.parse("bold magenta"),
        Style.parse("bold blue"),
        Style.parse("blue"),
        Style.parse("italic blue"),
        Style.parse("italic blue"),
    ),
    code=Style.parse("cyan"),
    frame=Style.parse("bright_black"),
    bar=Style.parse("bright_black"),
    bullet=Style.parse("magenta"),
    link=Style.parse("underline blue"),
    url=Style.parse("bright_black"),
    math=Style.parse("italic"),
    html=Style.parse("bright_black"),
    done=Style.parse("green"),
    tokens=_parse(
        {
            "Keyword": "magenta",
            "Keyword.Type": "yellow",
            "Name.Builtin": "cyan",
            "Name.Function": "blue",
            "Name.Class": "bold yellow",
            "Name.Decorator": "yellow",
            "Name.Exception": "red",
            "Name.Tag": "magenta",
            "Name.Attribute": "yellow",
            "Name.Namespace": "yellow",
            "Literal.String": "green",
            "Literal.String.Escape": "cyan",
            "Literal.Number": "cyan",
            "Operator.Word": "magenta",
            "Comment": "bright_black italic",
            "Comment.Preproc": "magenta",
            "Generic.Deleted": "red",
            "Generic.Inserted": "green",
            "Generic.Heading": "bold",
            "Generic.Subheading": "bold",
            "Generic.Prompt": "bright_black",
        }
    ),
)
