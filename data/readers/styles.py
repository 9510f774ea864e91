"""Word's styles -> what a paragraph has from its style: its number, its place in the outline. Knows no text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CONTENTS = re.compile(r"(?:toc|目录)\s*[0-9]$", re.IGNORECASE)
_TITLE = re.compile(r"(?:title|标题)$", re.IGNORECASE)
_BODY_TEXT = 9  # the outline level that is none
_MAX_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph style, or what a paragraph says over its style; None is left to the style below."""

    name: str = ""
    based_on: str | None = None
    number: str | None = None
    level: int | None = None
    outline: int | None = None


def value(element: Any, path: str) -> str | None:
    """The w:val of a descendant, or None."""
    found = element.find("/".join(W + step for step in path.split("/"))) if element is not None else None
    return None if found is None else found.get(W + "val", "")


def whole(text: str | None) -> int | None:
    """Read a whole number as it stands in an attribute; None for none and for nonsense."""
    try:
        return int(text or "")
    except ValueError:
        return None


def is_on(element: Any, path: str) -> bool:
    """Whether a switch is there and not off."""
    found = value(element, path)
    return found is not None and found not in {"0", "false", "off"}


def read_properties(properties: Any, name: str = "", based_on: str | None = None) -> Style:
    """Read a w:pPr."""
    level, outline = value(properties, "numPr/ilvl"), value(properties, "outlineLvl")
    return Style(name, based_on, value(properties, "numPr/numId"), whole(level), whole(outline))


class Styles:
    """The paragraph styles of a document."""

    def __init__(self, tree: Any) -> None:
        self._styles: dict[str, Style] = {}
        self._default = ""
        for element in [] if tree is None else tree.iterfind(W + "style"):
            if element.get(W + "type", "paragraph") == "paragraph":
                identity = element.get(W + "styleId", "")
                self._styles[identity] = read_properties(
                    element.find(W + "pPr"), value(element, "name") or "", value(element, "basedOn")
                )
                if element.get(W + "default") in {"1", "true", "on"}:
                    self._default = identity

    def _chain(self, identity: str | None) -> Iterator[tuple[str, Style]]:
        following: str | None = identity if identity in self._styles else self._default
        for _ in range(_MAX_CHAIN):
            if following is None or following not in self._styles:
                return
            yield following, self._styles[following]
            following = self._styles[following].based_on

    def number_of(self, identity: str | None, own: Style) -> tuple[str | None, int | None, str]:
        """Find a paragraph's list and level, and the style that names the list, "" for the paragraph itself."""
        number, level, source = own.number, own.level, ""
        for name, style in self._chain(identity):
            if number is None and style.number is not None:
                number, source = style.number, name
            level = style.level if level is None and own.number is None else level
        return number, level, source

    def is_heading(self, identity: str | None, own: Style) -> bool:
        """Whether a paragraph stands in the outline or is the title."""
        chain = [style for _, style in self._chain(identity)]
        outline = next((style.outline for style in (own, *chain) if style.outline is not None), _BODY_TEXT)
        return outline < _BODY_TEXT or any(_TITLE.match(style.name) for style in chain)

    def is_contents(self, identity: str | None) -> bool:
        """Whether a paragraph is a line of a table of contents."""
        return any(_CONTENTS.match(style.name) for _, style in self._chain(identity))
