"""Rows of printed pages -> paragraphs, and which rows are running heads and page numbers. Pure; knows no format.

Goes by layout: a row that reaches the right edge goes on in the next, unless that one is indented or set otherwise.
Where paragraphs plainly begin with an indent or after a gap, a row without either goes on behind one that is not full.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from fazhi.data.readers.pages import Box, Page
from fazhi.data.readers.rows import Row

_BAND = 0.12  # of the page's height, at its top and bottom, where running heads stand
_EDGE_ROWS = 2
_MAX_NUMBER = 30  # no page number is longer
_REPEATED = 0.3  # of the pages
_DIGITS = re.compile(r"[0-9０-９]+")
_PAGE_NUMBER = re.compile(
    r"[-—–－·.\s\[【(（]*第?\s*(?:[0-9０-９]{1,4}|[ivxlc]{1,6})\s*页?(?:[\s/／,，]*共?\s*[0-9]{1,4}\s*页?)?[-—–－·.\s\]】)）]*$"
)
_NUMBERED = re.compile(
    r"(?:[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十]{1,3}[)）]|第[一二三四五六七八九十]{1,3}[章节部条]"
    r"|[0-9]{1,2}[.、．](?![0-9])|[（(][0-9]{1,2}[)）]|[①-⑳])"
)
_ENDS = frozenset("。；：！？”）;:!?)")
_SAME_SIZE = 0.12
_INDENT = 0.9  # widths of a letter
_SLACK = 0.05  # widths of a letter by which the right edge may be off
_BESIDE_LATIN = 0.25  # widths of a letter that Word leaves between Chinese and Latin letters
_NARROW = 12  # widths of a letter; rows no longer than this fill no page
_INSET = 0.6  # widths of a letter; no cell keeps its text further from its sides, unless it is centred
_FAR = 1.4  # times the usual distance of rows
_SHORT = 4.0  # widths of a letter; a row that much shorter than others ends a paragraph
_MARKED, _LEAST_MARKED = 0.85, 3  # of the paragraphs that certainly begin, and how many of them show a habit
_HALF = 0.6  # of the width of the text: a row that long may be one that was broken early
_LOOSE = 2.6  # the most that distance can be, in heights of a letter
_FEW = 0.03  # of the rows, that must reach as far for it to be the right edge
_MANY = 20  # rows; among so many one alone is no edge


@dataclass(frozen=True, slots=True)
class Printed:
    """A row on its page, in one of the page's runs."""

    page: int
    run: int
    row: Row

    def is_below(self, other: "Printed") -> bool:
        """Whether another row stands above it, and not on another page or in another column."""
        return (self.page, self.run) == (other.page, other.run)


@dataclass(frozen=True, slots=True)
class Frame:
    """The page's text area, as the rows show it."""

    left: float
    right: float
    size: float
    distance: float  # of two rows of one paragraph
    narrow: float  # rows that reach no further fill no row
    indented: bool = False  # whether paragraphs begin with an indent
    apart: bool = False  # whether they begin after a gap


def part_furniture(pages: Sequence[Page]) -> tuple[list[Printed], list[Printed]]:
    """Part the rows of the text from those that pages repeat and that number them."""
    edges = {printed: _key(page, printed.row) for page in pages for printed in _edge_rows(page)}
    times = Counter(edges.values())
    most = max(2, _REPEATED * len(pages))
    text: list[Printed] = []
    furniture: list[Printed] = []
    for page in pages:
        for printed in _rows(page):
            row, key = printed.row, edges.get(printed)
            numbers = key is not None and len(row.text) <= _MAX_NUMBER and _PAGE_NUMBER.match(row.text)
            repeated = key is not None and times[key] >= most
            (furniture if numbers or repeated else text).append(printed)
    return text, furniture


def _rows(page: Page) -> Iterator[Printed]:
    return (Printed(page.number, run, row) for run, rows in enumerate(page.runs) for row in rows)


def _edge_rows(page: Page) -> Iterator[Printed]:
    """Find the rows so near to the page's top or bottom that they may be no part of the text."""
    rows, band = sorted(_rows(page), key=lambda printed: -printed.row.base), page.height * _BAND
    yield from (printed for printed in rows[:_EDGE_ROWS] if printed.row.base > page.height - band)
    yield from (printed for printed in rows[-_EDGE_ROWS:] if printed.row.base < band)


def _key(page: Page, row: Row) -> tuple[bool, str]:
    """What repeated rows have in common: the edge, and the text but for its figures."""
    return row.base > page.height / 2, furniture_key(row)


def furniture_key(row: Row) -> str:
    """The text of a row but for spaces and figures."""
    return _DIGITS.sub("#", "".join(row.text.split()))


def find_frame(rows: Sequence[Printed]) -> Frame:
    """Find the edges that most rows keep to; `rows` may not be empty."""
    sizes = Counter[float]()
    for printed in rows:
        sizes[round(printed.row.size * 2) / 2] += len(printed.row.text)
    size = sizes.most_common(1)[0][0]
    body = [printed for printed in rows if abs(printed.row.size - size) <= _SAME_SIZE * size] or list(rows)
    right = _right_edge(body, size)
    full = [(above, below) for above, below in pairwise(body) if above.row.right > right - 2 * size]
    steps = [above.row.base - below.row.base for above, below in full if below.is_below(above)]
    close = [step for step in steps if 0 < step < _LOOSE * size]
    left, distance = _left_edge(body, full, size), median(close) if close else _LOOSE * size / _FAR
    return _with_habits(Frame(left, right, size, distance, left + _NARROW * size), body)


def _with_habits(frame: Frame, body: Sequence[Printed]) -> Frame:
    """Find out how paragraphs begin, by those that follow a short row."""
    begun = [(above, below) for above, below in pairwise(body) if above.row.right < frame.right - _SHORT * frame.size]
    indents = [_is_indented(below.row, frame) for _, below in begun]
    gaps = [_is_apart(above, below, frame) for above, below in begun if below.is_below(above)]
    return replace(frame, indented=_is_habit(indents), apart=_is_habit(gaps))


def _is_habit(marks: Sequence[bool]) -> bool:
    return sum(marks) >= max(_LEAST_MARKED, _MARKED * len(marks))


def _is_indented(row: Row, frame: Frame) -> bool:
    return row.left > frame.left + _INDENT * frame.size


def _is_apart(above: Printed, below: Printed, frame: Frame) -> bool:
    """Whether a row stands further from the one above it on its page than rows of one paragraph do."""
    far = _FAR * frame.distance * below.row.size / frame.size
    return below.is_below(above) and above.row.base - below.row.base > far


def _right_edge(body: Sequence[Printed], size: float) -> float:
    """Find how far rows reach, but for a few that reach further."""
    ends = sorted((printed.row.firm for printed in body), reverse=True)
    enough = max(1 + (len(body) >= _MANY), int(len(body) * _FEW))
    for index in range(len(ends) - enough + 1):
        if ends[index] - ends[index + enough - 1] <= size:
            return ends[index]
    return ends[0]


def _left_edge(body: Sequence[Printed], full: Sequence[tuple[Printed, Printed]], size: float) -> float:
    """Find where most rows that follow a full one begin; where there is none, the row furthest to the left."""
    columns = Counter(round(below.row.left / size) for _, below in full)
    if not columns:
        return min(printed.row.left for printed in body)
    column = columns.most_common(1)[0][0]
    return min(below.row.left for _, below in full if round(below.row.left / size) == column)


def frame_of(box: Box) -> Frame:
    """The text area of a table's cell, whose text keeps the same distance to both sides."""
    size = median(row.size for row in box.rows)
    left = min(row.left for row in box.rows)
    inset = min(max(0.0, left - box.left), _INSET * size)
    steps = [above.base - below.base for above, below in pairwise(box.rows)]
    return Frame(left, box.right - inset, size, median(steps) if steps else size, box.left)


def join_rows(rows: Sequence[Printed], frame: Frame) -> list[list[Printed]]:
    """Join the rows that make up one paragraph each."""
    paragraphs: list[list[Printed]] = []
    for printed in rows:
        if paragraphs and _goes_on(paragraphs[-1], printed, frame):
            paragraphs[-1].append(printed)
        else:
            paragraphs.append([printed])
    return paragraphs


def _goes_on(paragraph: Sequence[Printed], printed: Printed, frame: Frame) -> bool:
    """Whether a row goes on with the paragraph above it."""
    above, row = paragraph[-1].row, printed.row
    if abs(above.size - row.size) > _SAME_SIZE * max(above.size, row.size) or "\t" in above.text or "\t" in row.text:
        return False
    if _is_apart(paragraph[-1], printed, frame) or above.reach < frame.narrow:
        return False
    if above.right > frame.right + 2 * frame.size and not printed.is_below(paragraph[-1]):
        return False  # a line over all columns, above one
    if not _had_no_room(above, row, frame) and not _lacks_mark(paragraph[-1], printed, frame):
        return False
    if _NUMBERED.match(row.text) and above.text[-1] in _ENDS:
        return False
    if not _is_indented(row, frame):
        return True
    if len(paragraph) == 1:
        return row.left > above.left + frame.size / 2  # a hanging indent
    return _is_indented(above, frame) and abs(row.left - above.left) < frame.size / 2


def _had_no_room(above: Row, row: Row, frame: Frame) -> bool:
    """Whether a row's beginning, which could not be parted, did not fit into the row above."""
    mixed = above.text[-1].isascii() != row.text[0].isascii()
    needed = row.head + (_BESIDE_LATIN * frame.size if mixed else 0)
    return above.reach + needed >= frame.right - _SLACK * frame.size


def _lacks_mark(above: Printed, below: Printed, frame: Frame) -> bool:
    """Whether a row begins no paragraph, since it shows nothing of what paragraphs here begin with."""
    if above.row.text[-1] in _ENDS or above.row.reach < frame.left + _HALF * (frame.right - frame.left):
        return False
    if frame.indented:
        return not _is_indented(below.row, frame)
    if frame.apart and not below.is_below(above):  # no gap is seen there
        return above.row.reach > frame.right - 2 * frame.size
    return frame.apart


def text_of(paragraph: Sequence[Printed]) -> str:
    """The text of a paragraph's rows."""
    text = ""
    for printed in paragraph:
        text += glue(text, printed.row.text) + printed.row.text
    return text


def glue(above: str, below: str) -> str:
    """What stands between two rows of one paragraph: a space where a Latin text was broken, else nothing."""
    return " " if above[-1:].isascii() and above[-1:].isalpha() and below[:1].isascii() and below[:1].isalpha() else ""
