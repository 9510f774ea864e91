"""Headings, texts and tables -> a Word file on A4 in Chinese type; knows nothing of reports."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fazhi.data.exports.cells import printable

BODY, HEADINGS, LATIN = "宋体", "黑体", "Times New Roman"
FONTS = {
    "Normal": BODY,
    "List Bullet": BODY,
    "Footer": BODY,
    "Title": HEADINGS,
    "Heading 1": HEADINGS,
    "Heading 2": HEADINGS,
}
SIZES = {"Normal": 11, "Title": 20, "Heading 1": 15, "Heading 2": 12}  # points
SMALL = 9.5
GREY, SHADE = (0x59, 0x59, 0x59), "E7E6E6"
A4, MARGIN = (210, 297), 20  # mm

Piece = tuple[str, bool]  # a text, and whether it is an aside


class Column(NamedTuple):
    """A column's header and its width in mm."""

    title: str
    width: float


class Paper:
    """A Word document that is written from its title on."""

    def __init__(self, title: str) -> None:
        import docx

        title = printable(title)
        self._document = docx.Document()
        self._set_type()
        self._set_page()
        self._document.core_properties.author, self._document.core_properties.title = "fazhi", title[:255]
        self._document.add_heading(title, 0)

    def heading(self, text: str, level: int) -> None:
        """A heading, which stays with what follows it."""
        self._document.add_heading(printable(text), level)

    def text(self, text: str) -> None:
        """A paragraph."""
        self._document.add_paragraph(printable(text))

    def small(self, text: str) -> None:
        """A remark in small grey type."""
        self._write(self._document.add_paragraph(), [(text, True)])

    def item(self, pieces: Iterable[Piece]) -> None:
        """An item of a list."""
        self._write(self._document.add_paragraph(style="List Bullet"), pieces)

    def table(self, columns: Sequence[Column]) -> "Table":
        """A table whose header is repeated on every page."""
        return Table(self._document, columns)

    def into(self, cell: Any, pieces: Iterable[Piece]) -> None:
        """A further paragraph of a cell."""
        first = cell.paragraphs[0]
        self._write(cell.add_paragraph() if first.text else first, pieces)

    def save(self, path: Path) -> None:
        """Write the file."""
        self._document.save(str(path))

    def _write(self, paragraph: Any, pieces: Iterable[Piece]) -> None:
        from docx.shared import Pt, RGBColor

        for text, aside in pieces:
            if text:
                run = paragraph.add_run(printable(text))
                if aside:
                    run.font.size, run.font.color.rgb = Pt(SMALL), RGBColor(*GREY)

    def _set_type(self) -> None:
        """Name the fonts in every style that is used: Word would take its theme's, by its own language."""
        from docx.oxml.ns import qn
        from docx.shared import Pt

        for name, font in FONTS.items():
            style = self._document.styles[name]
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in [key for key in fonts.attrib if key.endswith("Theme")]:
                del fonts.attrib[theme]
            for script, of in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", font)):
                fonts.set(qn(f"w:{script}"), of)
            if name in SIZES:
                style.font.size = Pt(SIZES[name])
            style.paragraph_format.space_after = Pt(3)
        for language in self._document.styles.element.iter(qn("w:lang")):
            language.set(qn("w:eastAsia"), "zh-CN")

    def _set_page(self) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.shared import Mm

        (section,) = self._document.sections
        section.page_width, section.page_height = map(Mm, A4)
        section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(MARGIN)
        (footer,) = section.footer.paragraphs
        footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
        footer._p.append(_element("w:fldSimple", instr="PAGE"))


class Table:
    """Rows under a shaded header."""

    def __init__(self, document: Any, columns: Sequence[Column]) -> None:
        from docx.shared import Mm

        self._table = document.add_table(rows=1, cols=len(columns), style="Table Grid")
        self._table.autofit = False
        for column, drawn in zip(columns, self._table.columns, strict=True):
            drawn.width = Mm(column.width)
        (header,) = self._table.rows
        cells = self._fill(header, [column.title for column in columns], bold=True)
        self._centre(cells)
        for cell in cells:
            cell._tc.get_or_add_tcPr().append(_element("w:shd", val="clear", fill=SHADE))
        header._tr.get_or_add_trPr().append(_element("w:tblHeader"))

    def row(self, values: Sequence[object], numbers: bool = False, bold: bool = False) -> Sequence[Any]:
        """A further row; gives its cells. `numbers` stand in the middle, as headers do."""
        cells = self._fill(self._table.add_row(), values, bold)
        if numbers:
            self._centre(cells)
        return cells

    @staticmethod
    def _centre(cells: Iterable[Any]) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH

        for cell in cells:
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER

    @staticmethod
    def _fill(row: Any, values: Sequence[object], bold: bool) -> Sequence[Any]:
        row._tr.get_or_add_trPr().append(_element("w:cantSplit"))  # broken between pages it is hard to read
        for cell, value in zip(row.cells, values, strict=True):
            if value != "":
                cell.paragraphs[0].add_run(printable(str(value))).bold = bold
        return list(row.cells)


def _element(name: str, **attributes: str) -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    element = OxmlElement(name)
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    return element
