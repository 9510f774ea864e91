"""Units in order -> the document's outline: its title, its opening, and the headings above every unit.

Goes by numbering and layout; knows nothing of labels, and nothing of what a model makes of a heading.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fazhi.model.normalize import normalize
from fazhi.model.segment import LINE_BREAK, STOPS, is_furniture, is_title, style_of
from fazhi.model.units import Unit

# How far in a style stands in an official document. Documents skip ranks, so only the order counts. A name without
# number stands under 一、, and above the rest, unless it names a part of the whole report (_PART).
_RANKS = {
    "part": 0,
    "": 2,
    "一、": 1,
    "（一）": 3,
    "item": 4,
    "1.": 5,
    "（1）": 6,
    "①": 7,
    "第一": 8,
    "——": 9,
    "一是": 10,
    "●": 11,
}
_PART_RANK = 0
_PART = re.compile(
    r".*(?:情况|成效|成绩|做法|举措|问题|不足|短板|差距|困难|原因|打算|安排|思路|计划|设想|方向|措施|回顾|展望|目标|要求|保障)】?$"
)
# These lead in one paragraph: with text on the line, they are over at its end.
_LEAD_INS = frozenset({"第一", "——", "一是", "●"})
_HAND_OVER = re.compile(r"(?:[现先].{0,60}(?:报告|汇报|总结|公布|公告|通报|公开|小结|述法|说明)|如下).{0,24}$")
_ENDS = STOPS | frozenset(":：")
_HEAD = 120  # as much of a unit as is read to judge it
_MAX_HEADING = 80  # of a heading in a path
_MAX_DEPTH = 6
_MAX_LEAD_IN = 40  # a longer numbered sentence in a paragraph is text, not a lead-in
_MAX_OPENING = 200
_MIN_REPEATED = 10  # a shorter piece of the title may well be a section's name
_CONTENTS = "目录"
_TOP_LINES = 40  # how far down a title may stand, below the furniture of a page


@dataclass(frozen=True, slots=True)
class Outline:
    """What stands above each unit of a document."""

    title: str  # as in the document, past page furniture; "" if there is none
    opening: str  # the first paragraphs under no section, start and hand-over end; "" if there are none
    headings: tuple[tuple[str, ...], ...]  # for each unit the headings above it, outermost first, without itself
    levels: tuple[int, ...]  # for each unit its level as a section's heading, 1 outermost; 0 for title and body


@dataclass(frozen=True, slots=True)
class _Entry:
    """One heading on the way down to a unit."""

    rank: int
    text: str
    expires: bool = False  # at the end of its line
    displaced: str = ""  # the style of the outermost section that this unnumbered one ended


@dataclass(frozen=True, slots=True)
class _Line:
    """The units of one line, with the normalized beginning of each."""

    units: Sequence[Unit]
    heads: Sequence[str]
    furniture: bool


def _lines(document: str, units: Sequence[Unit]) -> Iterator[_Line]:
    """Group units by line: between two units of one line there is white space at most."""
    number, end, numbers = 0, 0, []
    for unit in units:
        number += bool(LINE_BREAK.search(document, end, unit.start))
        numbers.append(number)
        end = unit.end
    for _, group in groupby(zip(numbers, units, strict=True), key=lambda pair: pair[0]):
        line = [unit for _, unit in group]
        heads = [normalize(unit.text[:_HEAD]) for unit in line]
        yield _Line(line, heads, is_furniture(heads[0]))


class _Path:
    """The open headings at one place of the document; ranks rise strictly from the outermost in."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._texts: tuple[str, ...] = ()

    def texts(self) -> tuple[str, ...]:
        """Return the path; shared between the units under it, so a long section costs nothing."""
        return self._texts

    def close(self, rank: int) -> str:
        """End every section of this rank or further in; tell the text of the outermost of them."""
        closed = ""
        while self._entries and self._entries[-1].rank >= rank:
            closed = self._entries.pop().text
        self._texts = tuple(entry.text for entry in self._entries[:_MAX_DEPTH])
        return closed

    def open(self, entry: _Entry) -> int:
        """Put a heading under those above it and return its level."""
        self.close(entry.rank)
        level = len(self._entries) + 1
        self._entries.append(entry)
        if level <= _MAX_DEPTH:
            self._texts = (*self._texts, entry.text)
        return level

    def end_line(self) -> None:
        """Drop the lead-ins that reach no further than their line."""
        expired = next((entry.rank for entry in self._entries if entry.expires), None)
        if expired is not None:
            self.close(expired)

    def resume(self, style: str) -> None:
        """End an unnumbered section that stands between two numbered ones of the same series (七、 X 八、)."""
        if self._entries and self._entries[0].displaced == style:
            self.close(self._entries[0].rank)

    def outermost(self) -> str:
        """Return the text of the outermost heading, or ""."""
        return self._entries[0].text if self._entries else ""


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_HEADING else text[: _MAX_HEADING - 1] + "…"


def _entry(head: str, text: str, expires: bool, path: _Path) -> _Entry:
    """Rank a heading; one without number that names a part of the report stands outermost."""
    style = style_of(head)
    part = not style and bool(_PART.match(head))
    displaced = style_of(normalize(path.outermost())) if part else ""
    return _Entry(_PART_RANK if part else _RANKS[style], _cut(text), expires, displaced)


def _opens_series(head: str) -> bool:
    return bool(re.match(r"[（第]?(?:一[^十百零〇一二三四五六七八九]|1[^0-9])", head))


def _walk_line(line: _Line, path: _Path, names_document: bool) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path and level of each unit of a line, moving the path along."""
    for index, (unit, head) in enumerate(zip(line.units, line.heads, strict=True)):
        style = style_of(head)
        if line.furniture:
            yield (), 0
        elif unit.heading and not names_document:
            entry = _entry(head, unit.text, style in _LEAD_INS and len(line.units) > 1, path)
            if style and not _opens_series(head):
                path.resume(style)
            path.close(entry.rank)
            above = path.texts()
            yield above, path.open(entry)
        elif style and style != "item" and not names_document:
            # A numbered sentence ends the one before it; a short one leads in what follows it on the line.
            path.close(_RANKS[style])
            yield path.texts(), 0
            if len(head) <= _MAX_LEAD_IN and index + 1 < len(line.units):
                path.open(_Entry(_RANKS[style], _cut(unit.text), expires=True))
        else:
            yield path.texts(), 0
    path.end_line()


def _title_lines(lines: Sequence[_Line]) -> range:
    """Find the lines that name the report: its title with the pieces of it just above, or a title of another kind."""
    other = range(0)
    for index, line in enumerate(lines[:_TOP_LINES]):
        head = line.heads[0]
        if line.furniture or len(line.units) > 1 or not line.units[0].heading or head == _CONTENTS:
            continue
        if style_of(head) not in {"", "——"}:
            break
        if is_title(head):
            first = index
            while first and lines[first - 1].units[0].heading and not is_title(lines[first - 1].heads[0]):
                first -= 1
            return range(first, index + 1)
        if not other and not _PART.match(head) and all(above.furniture for above in lines[:index]):
            other = range(index, index + 1)
    return other


def _names_document(line: _Line, title: str) -> bool:
    """Whether a heading below the title is no section: the title again, or what a cover letter's title names."""
    head = line.heads[0]
    return head in {_CONTENTS, title} or (len(head) >= _MIN_REPEATED and head in title)


def _opening(lines: Sequence[_Line], start: int, title: str) -> str:
    """Join the paragraphs from `start` to the first section; keep the beginning and the hand-over of a long one."""
    texts: list[str] = []
    for line in lines[start : start + _TOP_LINES]:
        head = line.heads[0]
        if line.furniture or (len(line.units) == 1 and head.endswith("：") and not _HAND_OVER.search(head[:-1])):
            continue  # a salutation
        section = line.units[0].heading and not _names_document(line, title)
        if section or style_of(head) not in {"", "——"}:
            break
        if len(line.units) == 1 and line.units[0].text[-1] not in _ENDS:
            continue  # a piece of the page's top: a date, a name, a place
        texts.extend(unit.text for unit in line.units)
        if _HAND_OVER.search(line.heads[-1]):
            break
    joined = "".join(texts)
    if len(joined) <= _MAX_OPENING:
        return joined
    end = texts[-1][-(_MAX_OPENING // 2) :]
    return joined[: _MAX_OPENING - len(end) - 1] + "…" + end


def outline(document: str, units: Sequence[Unit]) -> Outline:
    """Find the outline of a document from its units, as `segment` cuts them."""
    lines = list(_lines(document, units))
    found = _title_lines(lines)
    title = "".join(lines[index].units[0].text for index in found)
    normalized_title = normalize(title)
    path = _Path()
    headings: list[tuple[str, ...]] = []
    levels: list[int] = []
    for index, line in enumerate(lines):
        names_document = index < found.stop or _names_document(line, normalized_title)
        for above, level in _walk_line(line, path, names_document):
            headings.append(above)
            levels.append(level)
    return Outline(title, _opening(lines, found.stop, normalized_title), tuple(headings), tuple(levels))
