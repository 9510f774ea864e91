"""A .pdf file -> its text in paragraphs. What every page repeats stands once, as furniture, behind the text."""

from collections.abc import Sequence

from fazhi.data.readers.failures import Code, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.pages import Page, read_pages
from fazhi.data.readers.paragraphs import Printed, find_frame, furniture_key, glue, join_rows, part_furniture
from fazhi.data.readers.reading import Draft, Kind, Place, Reading

_HEADING = 1.15  # times the size of the text
_LISTED = 10  # page numbers named in a note


def read_pdf(raw: bytes, limits: Limits) -> Reading:
    """Read a .pdf file's text layer; raises UnreadableError, and what pdfminer raises on damaged files."""
    pages = read_pages(raw, limits)
    text, furniture = part_furniture(pages)
    if not text:
        raise refused(Code.SCANNED_ONLY if any(page.pictures for page in pages) else Code.EMPTY)
    draft = Draft(limits.characters)
    size = find_frame(text).size
    for number, paragraph in enumerate(join_rows(text), start=1):
        _write(paragraph, number, _kind(paragraph, size), draft)
    seen = set()
    for printed in furniture:
        if (key := furniture_key(printed.row)) not in seen:
            seen.add(key)
            draft.add(printed.row.text, Kind.FURNITURE, Place(page=printed.page))
    return draft.finish("pdf", _notes(pages))


def _kind(paragraph: Sequence[Printed], size: float) -> Kind:
    if all("\t" in printed.row.text for printed in paragraph):
        return Kind.TABLE
    return Kind.HEADING if paragraph[0].row.size >= _HEADING * size else Kind.PARAGRAPH


def _write(paragraph: Sequence[Printed], number: int, kind: Kind, draft: Draft) -> None:
    """Write a paragraph, one block for each page that it stands on."""
    joint, text, page = "\n", "", paragraph[0].page
    above = ""
    for printed in paragraph:
        between = glue(above, printed.row.text)
        if printed.page != page:
            draft.add(text, kind, Place(page, number), joint)
            joint, text, page = between, "", printed.page
        elif text:
            text += between
        text += printed.row.text
        above = printed.row.text
    draft.add(text, kind, Place(page, number), joint)


def _notes(pages: Sequence[Page]) -> list[str]:
    empty = [str(page.number) for page in pages if page.pictures and not page.rows]
    if not empty:
        return []
    listed = ", ".join(empty[:_LISTED]) + (" …" if len(empty) > _LISTED else "")
    return [f"第 {listed} 页没有文字层，可能是扫描件，未读取 (no text on pages {listed}: scanned?)"]
