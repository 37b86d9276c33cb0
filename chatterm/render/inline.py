"""The inside of a paragraph, a heading or a cell: Markdown's signs become styles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it.token import Token
from rich.style import Style

from chatterm.render import math
from chatterm.render.parser import Env, inlines
from chatterm.render.sanitise import sanitise
from chatterm.render.theme import Theme
from chatterm.render.wrap import Span

_ADDRESS = re.compile(r"https?://[^\s<>\"'`|]+[^\s<>\"'`|.,;:!?)\]}]")
_LINKS = ("http://", "https://", "mailto:")
_LONGEST_ADDRESS = 2_000
_BREAK = re.compile(r"<br\s*/?>", re.I)


def spans(content: str, base: Style, theme: Theme, env: Env) -> list[Span]:
    """The styled text of an inline content; a hard break is ``\\n``."""
    writer = _Writer(theme, base)
    for token in inlines(content, env):
        writer.add(token)
    # Entities are decoded by the parser, after the text was made harmless.
    return writer.spans(decoded="&" in content)


@dataclass(slots=True)
class _Piece:
    text: str
    style: Style
    is_prose: bool


@dataclass(slots=True)
class _Writer:
    """Collects pieces while styles open and close."""

    theme: Theme
    base: Style
    pieces: list[_Piece] = field(default_factory=list)
    outer: list[Style] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)
    """The addresses of the links that are open, and where their text begins."""

    def add(self, token: Token) -> None:
        match token.type:
            case "text" | "text_special":
                self._put(token.content, is_prose=not self.links)
            case "softbreak":
                self._put(" ", is_prose=True)
            case "hardbreak":
                self._put("\n", is_prose=True)
            case "code_inline":
                self._put(token.content.replace("\n", " "), self.theme.code)
            case "math_inline":
                self._put(math.inline(token.content), self.theme.math)
            case "html_inline" if _BREAK.fullmatch(token.content):
                self._put("\n")
            case "html_inline":
                self._put(token.content, self.theme.html)
            case "image":
                self._image(token)
            case _:
                self._nest(token)

    def spans(self, *, decoded: bool) -> list[Span]:
        """Neighbours of one style joined, bare addresses made links."""
        joined: list[_Piece] = []
        for piece in self.pieces:
            last = joined[-1] if joined else None
            if last and last.is_prose == piece.is_prose and last.style == piece.style:
                last.text += piece.text
            else:
                joined.append(piece)
        found: list[Span] = []
        for piece in joined:
            text = sanitise(piece.text) if decoded else piece.text
            text = text.replace("\t", "    ")
            if piece.is_prose and "://" in text:
                found += self._addresses(text, piece.style)
            else:
                found.append((text, piece.style))
        return found

    def _put(self, text: str, more: Style | None = None, *, is_prose: bool = False) -> None:
        if text:
            style = self.base + more if more is not None else self.base
            self.pieces.append(_Piece(text, style, is_prose))

    def _nest(self, token: Token) -> None:
        if token.nesting < 0:
            self.base = self.outer.pop() if self.outer else self.base
            if token.type == "link_close":
                self._end_link()
            return
        self.outer.append(self.base)
        match token.type:
            case "strong_open":
                self.base += self.theme.strong
            case "em_open":
                self.base += self.theme.emphasis
            case "s_open":
                self.base += self.theme.strike
            case "link_open":
                address = sanitise(str(token.attrs.get("href", "")))
                self.base += self.theme.link + _leading_to(address)
                self.links.append((address, len(self.pieces)))

    def _end_link(self) -> None:
        address, start = self.links.pop()
        text = "".join(piece.text for piece in self.pieces[start:])
        is_shown = self.theme.urls or not address.startswith(_LINKS)
        if is_shown and address.removeprefix("mailto:") != text and address:
            self._put(f" ({_shortened(address)})", self.theme.url)

    def _image(self, token: Token) -> None:
        address = sanitise(str(token.attrs.get("src", "")))
        alt = token.content or "image"
        self._put(f"[image: {alt}]", self.theme.link + _leading_to(address))
        if self.theme.urls and address:
            self._put(f" ({_shortened(address)})", self.theme.url)

    def _addresses(self, text: str, style: Style) -> list[Span]:
        parts: list[Span] = []
        at = 0
        for found in _ADDRESS.finditer(text):
            if found.start() > at:
                parts.append((text[at : found.start()], style))
            parts.append((found.group(), style + self.theme.link + _leading_to(found.group())))
            at = found.end()
        if at < len(text):
            parts.append((text[at:], style))
        return parts


def _leading_to(address: str) -> Style:
    """A style that carries an address, if it is one that may be opened."""
    if address.startswith(_LINKS) and len(address) <= _LONGEST_ADDRESS:
        return Style(link=address)
    return Style.null()


def _shortened(address: str) -> str:
    return address if len(address) <= 200 else address[:199] + "…"
