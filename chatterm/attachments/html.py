"""The readable text of a web page: headings, paragraphs, lists, tables and code as Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SKIPPED = _names(
    "script style template noscript svg canvas iframe object head nav aside footer button"
    " select dialog"
)
_BLOCKS = _names(
    "p div section article main header figure figcaption blockquote ul ol dl dt dd table pre"
    " h1 h2 h3 h4 h5 h6 hr address details summary body html"
)
_SIGNS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_SIGNS |= {"br": "\n", "tr": "\n", "td": " | ", "th": " | "}
"""What an element begins with."""
_VOID = _names("area base br col embed hr img input link meta param source track wbr")


def readable_text(page: str) -> str:
    """The words of a page without what surrounds them; its title comes first."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    text = "".join(reader.main or reader.all)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    title = " ".join("".join(reader.title).split())
    return f"{title}\n\n{text}" if title and title not in text.split("\n\n", 1)[0] else text


class _Reader(HTMLParser):
    """Collects text; ``main`` is what the page itself calls its main part."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[str] = []
        self.main: list[str] = []
        self.title: list[str] = []
        self._skipping: list[str] = []
        self._main_depth = 0
        self._pre_depth = 0
        self._in_title = False
        self._lists: list[int | None] = []
        self._ends_blank = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and "svg" not in self._skipping:
            self._in_title = True
        if self._skipping or tag in _SKIPPED or _is_hidden(attrs):
            if tag not in _VOID:
                self._skipping.append(tag)
            return
        if tag in ("main", "article"):
            self._main_depth += 1
        self._open(tag)

    def _open(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._break()
        self._put(_SIGNS.get(tag, ""))
        match tag:
            case "ul":
                self._lists.append(None)
            case "ol":
                self._lists.append(0)
            case "li":
                self._item()
            case "pre":
                self._pre_depth += 1
                self._put("```\n")
            case "code" if not self._pre_depth:
                self._put("`")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._skipping:
            if tag in self._skipping:
                # Elements that were never closed end with the one around them.
                while self._skipping.pop() != tag:
                    pass
            return
        match tag:
            case "main" | "article":
                self._main_depth = max(0, self._main_depth - 1)
            case "ul" | "ol" if self._lists:
                self._lists.pop()
            case "pre" if self._pre_depth:
                self._pre_depth -= 1
                self._put("```" if self.all[-1].endswith("\n") else "\n```")
            case "code" if not self._pre_depth:
                self._put("`")
        if tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif self._skipping:
            return
        elif self._pre_depth:
            self._put(data)
        elif data.strip():
            self._put(re.sub(r"\s+", " ", data))
        elif data and not self._ends_blank:
            self._put(" ")

    def _item(self) -> None:
        depth = max(len(self._lists) - 1, 0)
        sign = "- "
        if self._lists and self._lists[-1] is not None:
            self._lists[-1] += 1
            sign = f"{self._lists[-1]}. "
        self._put("\n" + "  " * depth + sign)

    def _break(self) -> None:
        """Rows of a table and what stands in lists are close together, paragraphs apart."""
        self._put("\n" if self._lists else "\n\n")

    def _put(self, text: str) -> None:
        if self._ends_blank and not self._pre_depth:
            text = text.lstrip(" ")
        if not text:
            return
        self._ends_blank = text.endswith((" ", "\n"))
        self.all.append(text)
        if self._main_depth:
            self.main.append(text)


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    found = dict(attrs)
    return "hidden" in found or found.get("aria-hidden") == "true"
