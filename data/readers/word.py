"""A .docx file -> its text as a reader of the final version sees it. Knows WordprocessingML and no layout.

Not in it: headers, footers, comments, footnotes, hidden and deleted text.
"""

from collections.abc import Iterator
from typing import Any

from fazhi.data.readers.failures import Code, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.numbering import Numbering, sign_of
from fazhi.data.readers.package import Package
from fazhi.data.readers.reading import Draft, Kind, Place, Reading, is_short
from fazhi.data.readers.styles import Styles, W, is_on, read_properties, value, whole

_DRAWN = frozenset({"drawing", "pict", "object"})
_PICTURES = ("{*}blip", "{*}imagedata", "{*}chart", "{*}relIds", "{*}OLEObject")  # what may show text that is not read
_SKIPPED = frozenset(
    {"del", "moveFrom", "pPr", "rPr", "delText", "instrText", "delInstrText", "rt", "rubyPr", "sdtPr", "sdtEndPr"}
)
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_NOTES = frozenset({"footnoteReference", "endnoteReference"})
_BOX = "txbxContent"
_MOST_COLUMNS = 63  # of a table in Word
_TRANSPARENT = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"})


def read_word(raw: bytes, limits: Limits) -> Reading:
    """Read a .docx file; raises UnreadableError, and what zip and XML parsers raise on a damaged one."""
    package = Package(raw, limits)
    tree = package.xml(package.main)
    body = tree.find(W + "body")
    if body is None:
        raise refused(Code.DAMAGED)
    reader = _Reader(Styles(package.xml(package.beside("styles.xml"))), package.xml(package.beside("numbering.xml")))
    draft = Draft(limits.characters)
    reader.read(body, draft)
    if not draft.holds_text() and reader.pictures:
        raise refused(Code.SCANNED_ONLY)
    notes = []
    if reader.pictures:
        notes.append(
            f"有 {reader.pictures} 处图片，其中的文字未读取 ({reader.pictures} pictures, whose text is not read)"
        )
    if reader.notes:
        notes.append(f"有 {reader.notes} 处脚注或尾注，未读取 ({reader.notes} footnotes, not read)")
    return draft.finish("docx", notes)


def _name(element: Any) -> str:
    """The name of an element without its namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _within(parent: Any, names: frozenset[str]) -> Iterator[Any]:
    """Find the children of these names, also inside what only wraps them; in deleted text nothing is found."""
    for child in parent:
        name = _name(child)
        if name in names:
            yield child
        elif name in _TRANSPARENT:
            yield from _within(child, names)


_BLOCKS = frozenset({"p", "tbl"})
_ROWS = frozenset({"tr"})
_CELLS = frozenset({"tc"})


class _Reader:
    """Goes through a document once, counting its lists, paragraphs and tables."""

    def __init__(self, styles: Styles, numbering: Any) -> None:
        self.pictures = 0
        self.notes = 0  # footnotes and endnotes
        self._styles = styles
        self._numbering = Numbering(numbering)
        self._paragraphs = 0
        self._tables = 0
        self._carried = ""  # the text of a paragraph whose end was deleted

    def read(self, parent: Any, draft: Draft) -> None:
        """Write the paragraphs and tables of the body in their order."""
        for block in _within(parent, _BLOCKS):
            if _name(block) == "tbl":
                self._tables += 1
                self._read_table(block, draft)
            else:
                self._read_paragraph(block, draft)

    def _read_paragraph(self, paragraph: Any, draft: Draft) -> None:
        text, boxes = self._text(paragraph)
        if text.strip():
            self._paragraphs += 1
            draft.add(text, self._kind(paragraph), Place(paragraph=self._paragraphs))
        for box in boxes:
            self.read(box, draft)

    def _kind(self, paragraph: Any) -> Kind:
        properties = paragraph.find(W + "pPr")
        style = value(properties, "pStyle")
        if self._styles.is_contents(style):
            return Kind.FURNITURE
        heading = self._styles.is_heading(style, read_properties(properties))
        return Kind.HEADING if heading else Kind.PARAGRAPH

    def _text(self, paragraph: Any) -> tuple[str, list[Any]]:
        """Give a paragraph's text with its label, and the text boxes that hang on it."""
        pieces: list[str] = []
        boxes: list[Any] = []
        self._collect(paragraph, pieces, boxes)
        text = self._carried + "".join(pieces)
        self._carried = ""
        properties = paragraph.find(W + "pPr")
        if is_on(properties, "rPr/del"):
            self._carried = text
            return "", boxes
        label = self._label(properties)
        return (label + text if text.strip() else ""), boxes

    def _label(self, properties: Any) -> str:
        style = value(properties, "pStyle")
        number, level, source = self._styles.number_of(style, read_properties(properties))
        if number is None or number == "0":
            return ""
        if level is None:
            level = self._numbering.level_of(number, source) if source else 0
        return self._numbering.label(number, level)

    def _collect(self, parent: Any, pieces: list[str], boxes: list[Any]) -> None:
        for child in parent:
            name = _name(child)
            if name == "t":
                pieces.append((child.text or "").replace("\n", " "))
            elif name == "sym":
                pieces.append(sign_of(child.get(W + "char", "")))
            elif name in _NOTES:
                self.notes += 1
            elif name in _SIGNS:
                pieces.append(_SIGNS[name])
            elif name == _BOX:
                boxes.append(child)
            elif name == "AlternateContent":
                self._collect(next(iter(child), ()), pieces, boxes)  # the second form repeats the first
            elif name == "r" and (is_on(child, "rPr/vanish") or is_on(child, "rPr/webHidden")):
                continue
            elif name not in _SKIPPED:
                self.pictures += name in _DRAWN and next(child.iter(*_PICTURES), None) is not None
                self._collect(child, pieces, boxes)

    def _read_table(self, table: Any, draft: Draft) -> None:
        for number, cells in enumerate(self._rows(table), start=1):
            draft.add_row(cells, self._tables, number)

    def _rows(self, table: Any) -> Iterator[list[tuple[int, list[str]]]]:
        """Yield each row as its cells' columns and lines; a cell that goes on from above has none."""
        for row in _within(table, _ROWS):
            if row.find(f"{W}trPr/{W}del") is not None:
                continue
            cells = []
            column = 1 + min(whole(value(row, "trPr/gridBefore")) or 0, _MOST_COLUMNS)
            for cell in _within(row, _CELLS):
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                goes_on = merged is not None and merged.get(W + "val", "continue") == "continue"
                cells.append((column, [] if goes_on else self._lines(cell)))
                column += min(max(1, whole(value(cell, "tcPr/gridSpan")) or 1), _MOST_COLUMNS)
            yield cells

    def _lines(self, cell: Any) -> list[str]:
        lines = []
        for block in _within(cell, _BLOCKS):
            if _name(block) == "tbl":
                for cells in self._rows(block):
                    inner = [line for _, lines_of_cell in cells for line in lines_of_cell]
                    lines += ["\t".join(inner)] if is_short(cells) else inner
            else:
                text, boxes = self._text(block)
                lines += [text, *(line for box in boxes for line in self._lines(box))]
        return [line for line in lines if line.strip()]
