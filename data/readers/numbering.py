"""Word's lists -> the label that stands before each numbered paragraph, counted on from paragraph to paragraph."""

import re
from dataclasses import dataclass, field
from typing import Any

from fazhi.data.readers.numerals import numeral
from fazhi.data.readers.styles import W, is_on, value, whole

_PLACEHOLDER = re.compile("%([1-9])")
_ASCII = re.compile("[0-9A-Za-z]")
_BULLET = "●"
_BULLETS = {  # what the fonts of signs show at these codes
    "\uf06c": "●",
    "\uf06e": "■",
    "\uf075": "◆",
    "\uf0d8": "▲",
    "\uf0a7": "■",
    "\uf0fe": "☑",
    "\uf0fc": "✓",
    "\uf0a8": "□",
    "\uf06f": "□",
    "\uf052": "☑",
    "\uf0a3": "□",
    "\uf0b7": "●",
    "•": "●",
}


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list is numbered."""

    start: int
    form: str
    text: str
    suffix: str  # tab, space or nothing
    restart: int | None  # the level (from 1) whose numbers begin it anew; None is any above it, 0 none
    legal: bool  # all its numbers in figures
    style: str | None  # the paragraph style that stands for this level


@dataclass(slots=True)
class _List:
    """A list as paragraphs name it: lists of one `kind` count together."""

    kind: str
    levels: dict[int, Level]
    starts: dict[int, int] = field(default_factory=dict)  # levels that begin anew where this list first appears


def _read_level(element: Any) -> Level:
    start, restart = whole(value(element, "start")), value(element, "lvlRestart")
    return Level(
        start=1 if start is None else start,
        form=value(element, "numFmt") or "decimal",
        text=value(element, "lvlText") or "",
        suffix=value(element, "suff") or "tab",
        restart=whole(restart),
        legal=is_on(element, "isLgl"),
        style=value(element, "pStyle"),
    )


def _read_levels(element: Any) -> dict[int, Level]:
    return {whole(level.get(W + "ilvl")) or 0: _read_level(level) for level in element.iterfind(W + "lvl")}


class Numbering:
    """The lists of a document, and how far each has been counted."""

    def __init__(self, tree: Any) -> None:
        self._lists: dict[str, _List] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        if tree is None:
            return
        kinds = {kind.get(W + "abstractNumId"): kind for kind in tree.iterfind(W + "abstractNum")}
        styled = {value(kind, "styleLink"): name for name, kind in kinds.items()}
        for element in tree.iterfind(W + "num"):
            name = value(element, "abstractNumId")
            link = value(kinds.get(name), "numStyleLink")
            name = styled.get(link, name) if link else name
            if name in kinds:
                self._lists[element.get(W + "numId", "")] = self._read_list(element, str(name), kinds[name])

    @staticmethod
    def _read_list(element: Any, name: str, kind: Any) -> _List:
        found = _List(name, _read_levels(kind))
        for override in element.iterfind(W + "lvlOverride"):
            level = whole(override.get(W + "ilvl"))
            start = whole(value(override, "startOverride"))
            if level is not None and start is not None:
                found.starts[level] = start
            found.levels.update(_read_levels(override))
        return found

    def level_of(self, number: str, style: str) -> int:
        """Find the level of a list that a paragraph style stands for; the outermost if none does."""
        levels = self._lists[number].levels if number in self._lists else {}
        return next((index for index, level in levels.items() if level.style == style), 0)

    def label(self, number: str, level: int) -> str:
        """Count a paragraph and give its label with the gap behind it; "" where it has none."""
        numbered = self._lists.get(number)
        if numbered is None or level not in numbered.levels:
            return ""
        counts = self._counts.setdefault(numbered.kind, {})
        own = numbered.levels[level]
        start = numbered.starts.get(level)
        if start is not None and (level not in counts or (number, level) not in self._begun):
            counts[level] = start
        else:
            counts[level] = counts[level] + 1 if level in counts else own.start
        self._begun.add((number, level))
        for deeper in [index for index in counts if index > level]:
            restart = numbered.levels[deeper].restart if deeper in numbered.levels else None
            if restart is None or level < restart:
                del counts[deeper]
        return _write(own, numbered.levels, counts)


def _write(own: Level, levels: dict[int, Level], counts: dict[int, int]) -> str:
    if own.form == "bullet":
        return _shown(own.text) or _BULLET

    def written(match: re.Match[str]) -> str:
        index = int(match.group(1)) - 1
        level = levels.get(index, own)
        return numeral(counts.get(index, level.start), "decimal" if own.legal else level.form)

    label = _PLACEHOLDER.sub(written, own.text)
    return label + _gap(label, own.suffix)


def _shown(sign: str) -> str:
    """What a sign of a list looks like; "" for one of an unknown font."""
    shown = _BULLETS.get(sign, sign)
    return "" if "\ue000" <= shown[:1] <= "\uf8ff" else shown


def sign_of(code: str) -> str:
    """What a sign that Word names by its place in a font looks like; "" where that is not known."""
    number = int(code, 16) if re.fullmatch("[0-9A-Fa-f]{2,4}", code) else 0
    return _shown(chr(0xF000 | number)) if 0 < number < 0x100 or 0xF000 <= number < 0xF100 else ""


def _gap(label: str, suffix: str) -> str:
    """A space, where figures or a word would otherwise run into the text; 一、 and （1） need none."""
    label = label.strip()
    if not label or suffix == "nothing" or label[-1] in "、）：":
        return ""
    return " " if _ASCII.search(label) or label[-1].isalpha() else ""
