"""A .pdf file -> its pages as rows of text, in tables and outside. Knows pdfminer, and nothing of paragraphs."""

import io
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fazhi.data.readers.columns import Gap, find_gap, part_columns
from fazhi.data.readers.failures import Code, refused
from fazhi.data.readers.grids import Cell, Grid, Rule, find_grids
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.rows import Letter, Row, set_rows

_UNKNOWN = "(cid:"
_MOST_UNKNOWN = 0.3
_CHARACTERS = ("GBK-EUC-H", "UniGB-UCS2-H", "UniGB-UTF16-H")  # encodings of fonts that are named and not in the file
_THIN = 3.0  # points; no line of a table is thicker
_LONG = 6.0  # points; no line of a table is shorter
_MOST_LINES = 4000  # on a page; one of more holds a drawing


@dataclass(frozen=True, slots=True)
class Box:
    """A cell of a table with its rows; as wide as it is ruled."""

    cell: Cell
    left: float
    right: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table: the cells that hold text, by their rows and columns."""

    top: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The tables of a page, and the rows outside them in their runs: one, or one for each column."""

    number: int
    height: float
    runs: tuple[tuple[Row, ...], ...]
    tables: tuple[Table, ...]
    pictures: bool


@dataclass(slots=True)
class _Printed:
    """What is printed on a page."""

    letters: list[Letter] = field(default_factory=list)
    unknown: int = 0  # letters of unknown meaning
    pictures: bool = False
    across: list[Rule] = field(default_factory=list)
    down: list[Rule] = field(default_factory=list)


def load_tables() -> None:
    """Load pdfminer with its tables of the characters in Chinese fonts, which it keeps."""
    import pdfminer.converter
    import pdfminer.pdfpage  # noqa: F401
    from pdfminer.cmapdb import CMapDB

    for name in _CHARACTERS:
        CMapDB.get_cmap(name)
    CMapDB.get_unicode_map("Adobe-GB1")


def read_pages(raw: bytes, limits: Limits) -> list[Page]:
    """Read all pages; raises UnreadableError, and what pdfminer raises on damaged files."""
    from pdfminer.converter import PDFPageAggregator
    from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError
    from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
    from pdfminer.pdfpage import PDFPage
    from pdfminer.pdfparser import PDFParser

    try:
        document = PDFDocument(PDFParser(io.BytesIO(raw)))
    except PDFEncryptionError as error:
        raise refused(Code.ENCRYPTED) from error
    found = list(islice(PDFPage.create_pages(document), limits.pages + 1))
    if len(found) > limits.pages:
        raise refused(Code.TOO_MANY_PAGES, limit=limits.pages)
    if not found:
        raise refused(Code.DAMAGED)
    manager = PDFResourceManager()
    device = PDFPageAggregator(manager, laparams=None)
    interpreter = PDFPageInterpreter(manager, device)
    pages, letters, unknown = [], 0, 0
    gap: Gap | None = None
    for number, page in enumerate(found, start=1):
        interpreter.process_page(page)
        layout = device.get_result()
        printed = _printed(layout)
        letters, unknown = letters + len(printed.letters), unknown + printed.unknown
        tables, outside = _part(printed)
        gap = find_gap(outside, gap)
        runs = (tuple(set_rows(run)) for run in part_columns(outside, gap))
        pages.append(Page(number, layout.height, tuple(filter(None, runs)), tables, printed.pictures))
    if unknown > (letters + unknown) * _MOST_UNKNOWN:
        raise refused(Code.NOT_TEXT)
    return pages


def _printed(layout: Any) -> _Printed:
    """Find a page's upright letters, its lines and whether it has pictures."""
    from pdfminer.layout import LTChar, LTCurve, LTFigure, LTImage

    printed = _Printed()
    waiting = [iter(layout)]
    while waiting:
        item = next(waiting[-1], None)
        if item is None:
            waiting.pop()
        elif isinstance(item, LTFigure):
            waiting.append(iter(item))
        elif isinstance(item, LTImage):
            printed.pictures = True
        elif isinstance(item, LTCurve):
            _add_lines(item, printed)
        elif isinstance(item, LTChar):
            _, along, across, _, _, base = item.matrix
            if item.get_text().startswith(_UNKNOWN):
                printed.unknown += 1
            elif item.upright and abs(along) < 0.01 and item.size > 0 and abs(across) < item.size:
                printed.letters.append(Letter(item.get_text(), item.x0, item.x1, base, item.size))
    return printed


def _add_lines(drawn: Any, printed: _Printed) -> None:
    """Take up a line, a box so thin that it is one, or the sides of a drawn rectangle."""
    from pdfminer.layout import LTRect

    left, low, right, high = drawn.bbox
    if high - low <= _THIN and right - left >= _LONG:
        printed.across.append(Rule((low + high) / 2, left, right))
    elif right - left <= _THIN and high - low >= _LONG:
        printed.down.append(Rule((left + right) / 2, low, high))
    elif isinstance(drawn, LTRect) and drawn.stroke and min(right - left, high - low) >= _LONG:
        printed.across += [Rule(low, left, right), Rule(high, left, right)]
        printed.down += [Rule(left, low, high), Rule(right, low, high)]


def _part(printed: _Printed) -> tuple[tuple[Table, ...], list[Letter]]:
    """Part a page's tables, from the top down, from the letters outside them."""
    few = len(printed.across) + len(printed.down) <= _MOST_LINES
    grids = find_grids(printed.across, printed.down) if few else []
    outside: list[Letter] = []
    inside: list[dict[Cell, list[Letter]]] = [defaultdict(list) for _ in grids]
    for letter in printed.letters:
        middle = (letter.left + letter.right) / 2, letter.base + letter.size / 4
        for grid, cells in zip(grids, inside, strict=True):
            if cell := grid.cell_at(*middle):
                cells[cell].append(letter)
                break
        else:
            outside.append(letter)
    tables = [_table(grid, cells) for grid, cells in zip(grids, inside, strict=True)]
    return tuple(sorted((table for table in tables if table.boxes), key=lambda table: -table.top)), outside


def _table(grid: Grid, cells: dict[Cell, list[Letter]]) -> Table:
    boxes = [Box(cell, *grid.sides(cell), tuple(set_rows(cells[cell]))) for cell in sorted(cells)]
    return Table(grid.top, tuple(box for box in boxes if box.rows))
