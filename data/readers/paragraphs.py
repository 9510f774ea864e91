"""Rows of printed pages -> paragraphs, and which rows are running heads and page numbers. Pure; knows no format.

Goes by layout: a row that reaches the right edge goes on in the next, unless that one is indented or set otherwise.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from fazhi.data.readers.pages import Page, Row

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
_SLACK = 0.2  # widths of a letter by which a row may miss the right edge
_NARROW = 12  # widths of a letter; rows no longer than this fill no page
_FAR = 1.6  # times the usual distance of rows
_LOOSE = 2.6  # the most that distance can be, in heights of a letter
_FEW = 0.03  # of the rows, that must reach as far for it to be the right edge


@dataclass(frozen=True, slots=True)
class Printed:
    """A row on its page."""

    page: int
    row: Row


@dataclass(frozen=True, slots=True)
class Frame:
    """The page's text area, as the rows show it."""

    left: float
    right: float
    size: float
    distance: float  # of two rows of one paragraph


def part_furniture(pages: Sequence[Page]) -> tuple[list[Printed], list[Printed]]:
    """Part the rows of the text from those that pages repeat and that number them."""
    edges = {(page.number, index): _key(page, index) for page in pages for index in _edge_rows(page)}
    times = Counter(edges.values())
    most = max(2, _REPEATED * len(pages))
    text, furniture = [], []
    for page in pages:
        for index, row in enumerate(page.rows):
            key = edges.get((page.number, index))
            numbers = key is not None and len(row.text) <= _MAX_NUMBER and _PAGE_NUMBER.match(row.text)
            repeated = key is not None and times[key] >= most
            (furniture if numbers or repeated else text).append(Printed(page.number, row))
    return text, furniture


def _edge_rows(page: Page) -> set[int]:
    """Find the rows so near to the page's top or bottom that they may be no part of the text."""
    count, band = len(page.rows), page.height * _BAND
    near = {index for index in range(min(_EDGE_ROWS, count)) if page.rows[index].base > page.height - band}
    return near | {index for index in range(max(0, count - _EDGE_ROWS), count) if page.rows[index].base < band}


def _key(page: Page, index: int) -> tuple[bool, str]:
    """What repeated rows have in common: the edge, and the text but for its figures."""
    row = page.rows[index]
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
    steps = [above.row.base - below.row.base for above, below in full if above.page == below.page]
    close = [step for step in steps if 0 < step < _LOOSE * size]
    return Frame(_left_edge(body, full, size), right, size, median(close) if close else _LOOSE * size / _FAR)


def _right_edge(body: Sequence[Printed], size: float) -> float:
    """Find how far rows reach, but for a few that reach further."""
    ends = sorted((printed.row.right for printed in body), reverse=True)
    enough = max(1, int(len(body) * _FEW))
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


def join_rows(rows: Sequence[Printed]) -> list[list[Printed]]:
    """Join the rows that make up one paragraph each."""
    if not rows:
        return []
    frame = find_frame(rows)
    paragraphs = [[rows[0]]]
    for printed in rows[1:]:
        if _goes_on(paragraphs[-1], printed, frame):
            paragraphs[-1].append(printed)
        else:
            paragraphs.append([printed])
    return paragraphs


def _goes_on(paragraph: Sequence[Printed], printed: Printed, frame: Frame) -> bool:
    """Whether a row goes on with the paragraph above it."""
    above, row = paragraph[-1].row, printed.row
    size = frame.size
    if abs(above.size - row.size) > _SAME_SIZE * max(above.size, row.size) or "\t" in above.text or "\t" in row.text:
        return False
    if above.reach + row.head < frame.right + _SLACK * size or above.reach - frame.left < _NARROW * size:
        return False  # its beginning would have had room in the row above
    if paragraph[-1].page == printed.page and above.base - row.base > _FAR * frame.distance * row.size / size:
        return False
    if _NUMBERED.match(row.text) and above.text[-1] in _ENDS:
        return False
    if row.left <= frame.left + _INDENT * size:
        return True
    if len(paragraph) == 1:
        return row.left > above.left + size / 2  # a hanging indent
    return above.left > frame.left + _INDENT * size and abs(row.left - above.left) < size / 2


def glue(above: str, below: str) -> str:
    """What stands between two rows of one paragraph: a space where a Latin text was broken, else nothing."""
    return " " if above[-1:].isascii() and above[-1:].isalpha() and below[:1].isascii() and below[:1].isalpha() else ""
