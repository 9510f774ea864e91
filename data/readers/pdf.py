"""A .pdf file -> its text in paragraphs. What every page repeats stands once, as furniture, behind the text."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby

from fazhi.data.readers.failures import Code, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.pages import Page, Table, read_pages
from fazhi.data.readers.paragraphs import (
    Frame,
    Printed,
    find_frame,
    frame_of,
    furniture_key,
    glue,
    join_rows,
    part_furniture,
    text_of,
)
from fazhi.data.readers.reading import Draft, Kind, Place, Reading

_HEADING = 1.15  # times the size of the text
_LISTED = 10  # page numbers named in a note


def read_pdf(raw: bytes, limits: Limits) -> Reading:
    """Read a .pdf file's text layer; raises UnreadableError, and what pdfminer raises on damaged files."""
    pages = read_pages(raw, limits)
    text, furniture = part_furniture(pages)
    if not text and not any(page.tables for page in pages):
        raise refused(Code.SCANNED_ONLY if any(page.pictures for page in pages) else Code.EMPTY)
    draft = Draft(limits.characters)
    writer = _Writer(draft, find_frame(text) if text else None)
    for part in _in_order(pages, text):
        writer.write(part)
    seen = set()
    for printed in furniture:
        if (key := furniture_key(printed.row)) not in seen:
            seen.add(key)
            draft.add(printed.row.text, Kind.FURNITURE, Place(page=printed.page))
    return draft.finish("pdf", _notes(pages))


def _in_order(pages: Sequence[Page], text: Sequence[Printed]) -> Iterator[list[Printed] | tuple[int, Table]]:
    """Yield runs of rows, over pages too, and between them the tables, each with its page."""
    rows_of = {page: list(rows) for page, rows in groupby(text, key=lambda printed: printed.page)}
    run: list[Printed] = []
    for page in pages:
        tables = deque(page.tables)
        for printed in rows_of.get(page.number, []):
            while tables and tables[0].top > printed.row.base:
                yield run
                yield page.number, tables.popleft()
                run = []
            run.append(printed)
        for table in tables:
            yield run
            yield page.number, table
            run = []
    yield run


class _Writer:
    """Writes the parts of a document in their order, counting paragraphs and tables."""

    def __init__(self, draft: Draft, frame: Frame | None) -> None:
        self._draft = draft
        self._frame = frame
        self._paragraphs = 0
        self._tables = 0

    def write(self, part: list[Printed] | tuple[int, Table]) -> None:
        """Write a run of rows or a table."""
        if isinstance(part, tuple):
            self._tables += 1
            self._write_table(*part)
        elif self._frame:
            for paragraph in join_rows(part, self._frame):
                self._paragraphs += 1
                self._write_paragraph(paragraph, _kind(paragraph, self._frame.size))

    def _write_paragraph(self, paragraph: Sequence[Printed], kind: Kind) -> None:
        """Write a paragraph, one block for each page that it stands on."""
        joint, above = "\n", ""
        for page, rows in groupby(paragraph, key=lambda printed: printed.page):
            text = text_of(list(rows))
            self._draft.add(text, kind, Place(page, self._paragraphs), glue(above, text) if above else joint)
            above = text

    def _write_table(self, page: int, table: Table) -> None:
        for row, boxes in groupby(table.boxes, key=lambda box: box.cell[0]):
            cells = []
            for box in boxes:
                rows = [Printed(page, 0, row_of_box) for row_of_box in box.rows]
                cells.append((box.cell[1], [text_of(paragraph) for paragraph in join_rows(rows, frame_of(box))]))
            self._draft.add_row(cells, self._tables, row, page)


def _kind(paragraph: Sequence[Printed], size: float) -> Kind:
    if all("\t" in printed.row.text for printed in paragraph):
        return Kind.TABLE
    return Kind.HEADING if paragraph[0].row.size >= _HEADING * size else Kind.PARAGRAPH


def _notes(pages: Sequence[Page]) -> list[str]:
    empty = [str(page.number) for page in pages if page.pictures and not page.runs and not page.tables]
    if not empty:
        return []
    listed = ", ".join(empty[:_LISTED]) + (" …" if len(empty) > _LISTED else "")
    return [f"第 {listed} 页没有文字层，可能是扫描件，未读取 (no text on pages {listed}: scanned?)"]
