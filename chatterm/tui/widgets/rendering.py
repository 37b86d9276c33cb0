"""The styles of the transcript, out of the colours of the app's theme."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style

from chatterm.render.theme import Theme
from chatterm.tui.widgets.turns import Look


def look_of(colours: Mapping[str, str]) -> Look:
    """The look for a theme's variables, as ``App.theme_variables`` has them."""

    def colour(*names: str) -> str:
        return next((c for name in names if (c := _colour(colours.get(name, "")))), "")

    def style(words: str, *names: str) -> Style:
        return Style.parse(f"{words} {colour(*names)}".strip() or "none")

    muted = style("", "muted", "text-muted", "border")
    accent, primary = ("accent", "primary"), ("primary", "accent")
    theme = Theme(
        name="app",
        headings=(
            style("bold underline", *primary),
            style("bold", *primary),
            style("bold", "secondary", "primary"),
            style("", "secondary", "primary"),
            style("italic", "secondary", "primary"),
            style("italic", "secondary", "primary"),
        ),
        strong=Style(bold=True),
        emphasis=Style(italic=True),
        strike=Style(strike=True),
        code=style("", *accent),
        block=Style(bgcolor=colour("panel", "surface") or None),
        frame=muted,
        quote=Style(italic=True),
        bar=style("", *primary),
        bullet=style("", *primary),
        link=style("underline", *accent),
        url=muted,
        table_head=Style(bold=True),
        math=style("italic", *accent),
        html=muted,
        done=style("", "success"),
        urls=False,
        tokens={
            "Keyword": style("", "secondary"),
            "Keyword.Type": style("", "warning"),
            "Name.Builtin": style("", *accent),
            "Name.Function": style("", *primary),
            "Name.Class": style("bold", "warning"),
            "Name.Decorator": style("", "warning"),
            "Name.Exception": style("", "error"),
            "Name.Tag": style("", "secondary"),
            "Name.Attribute": style("", "warning"),
            "Literal.String": style("", "success"),
            "Literal.String.Escape": style("", *accent),
            "Literal.Number": style("", "warning"),
            "Operator.Word": style("", "secondary"),
            "Comment": style("italic", "muted", "text-muted", "border"),
            "Generic.Deleted": style("", "error"),
            "Generic.Inserted": style("", "success"),
            "Generic.Heading": Style(bold=True),
            "Generic.Subheading": Style(bold=True),
        },
    )
    ground = colour("background") or "default"
    return Look(
        theme=theme,
        user=style("bold", *accent),
        model=style("bold", *primary),
        muted=muted,
        error=style("", "error"),
        notice=style("", "warning"),
        cursor=style("", *accent),
        mark=Style.parse(f"{ground} on {colour('warning') or 'yellow'}"),
        hit=Style.parse(f"bold {ground} on {colour('foreground') or 'white'}"),
        label=Style.parse(f"bold {ground} on {colour('accent', 'primary') or 'cyan'}"),
        selection=Style(reverse=True),
    )


def _colour(value: str) -> str:
    """A colour that rich understands; those of the terminal have no place in a look."""
    value = value.strip()
    return value[:7] if value.startswith("#") and len(value) >= 7 else ""
