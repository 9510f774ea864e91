"""Rows -> a sheet of a workbook that is written as they come: header, widths, filter, print layout. Knows no report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fazhi.data.exports.cells import cell_text, is_formula

MOST_ROWS = 1_048_576  # of a sheet, by the format
FONT, SIZE = "宋体", 11
LINE_HEIGHT, HIGHEST = 15, 405  # points; of a row, by the format
HEADER, RULE, GRID = "D9E1F2", "8EA9DB", "D9D9D9"
SHARE = "0%"


class Column(NamedTuple):
    """A column's header, how wide it is (in half-width letters), and the colours of its values.

    `wrapped`: its text is broken into lines. `aside`: neither it nor what comes after it is printed.
    """

    title: str
    width: int = 9
    wrapped: bool = False
    fills: Mapping[str, str] = {}
    aside: bool = False


class Sheet:
    """Rows under a header that stays in sight, with filters; a full one goes on in a sheet `<title> 2`."""

    def __init__(self, book: Any, title: str, columns: Sequence[Column]) -> None:
        self._book, self._title, self._columns = book, title, columns
        self._number = 0
        self._open()

    def add(self, rows: Iterable[Sequence[Any]], bold: bool = False) -> None:
        """Write rows; those of sums in bold."""
        styles = self._bold if bold else self._plain
        for row in rows:
            if self._rows == MOST_ROWS:
                self.close()
                self._open()
            wrapped = [column.wrapped for column in self._columns]
            self._append([self._cell(value, style) for value, style in zip(row, styles, strict=True)], wrapped)

    def close(self, without: int = 0) -> None:
        """Put on the filter, which leaves out as many of the last rows, and the colours, which follow the values."""
        from openpyxl.utils import get_column_letter

        filtered = max(self._rows - without, 1)
        self._sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{filtered}"
        for place, column in enumerate(self._columns, 1):
            letter = get_column_letter(place)
            for value, fill in column.fills.items() if self._rows > 1 else ():
                self._sheet.conditional_formatting.add(f"{letter}2:{letter}{self._rows}", _colour(value, fill))
        printed = next((place for place, column in enumerate(self._columns) if column.aside), len(self._columns))
        self._sheet.print_area = f"A1:{get_column_letter(printed)}{self._rows}"
        self._sheet.close()

    def _open(self) -> None:
        from openpyxl.utils import get_column_letter

        self._number += 1
        self._sheet = self._book.create_sheet(self._title if self._number == 1 else f"{self._title} {self._number}")
        self._sheet.freeze_panes = "B2"
        self._sheet.print_title_rows = "1:1"
        self._sheet.page_setup.orientation, self._sheet.page_setup.paperSize = "landscape", 9  # A4
        self._sheet.page_setup.fitToWidth, self._sheet.page_setup.fitToHeight = 1, 0
        self._sheet.sheet_properties.pageSetUpPr.fitToPage = True
        self._sheet.oddFooter.center.text = "&A　第 &P 页，共 &N 页"
        for place, column in enumerate(self._columns, 1):
            self._sheet.column_dimensions[get_column_letter(place)].width = column.width
        self._plain = [_style(self._sheet, column.wrapped) for column in self._columns]
        self._bold = [_style(self._sheet, column.wrapped, bold=True) for column in self._columns]
        header = _header_style(self._sheet)
        self._rows = 0
        self._append([self._made(column.title, header) for column in self._columns], [True] * len(self._columns))

    def _append(self, cells: Sequence[Any], wrapped: Sequence[bool]) -> None:
        """Write a row that is high enough for its longest text: not every program sees to that itself."""
        lines = 1
        for cell, column, breaks in zip(cells, self._columns, wrapped, strict=True):
            if breaks and isinstance(cell.value, str):
                letters = len(cell.value.encode("gbk", "replace"))  # as many bytes as half-widths
                lines = max(lines, -(-letters // (column.width - 2)))
        self._rows += 1
        self._sheet.row_dimensions[self._rows].height = min(lines * LINE_HEIGHT, HIGHEST)
        self._sheet.append(cells)
        del self._sheet.row_dimensions[self._rows]  # it is written, and a sheet may have a million

    def _cell(self, value: Any, style: Any) -> Any:
        if value == "":
            value = None
        if not isinstance(value, str):
            cell = self._made(value, style)
            if isinstance(value, float):
                cell.number_format = SHARE
            return cell
        text = cell_text(value)
        cell = self._made(text, style)
        cell.data_type = "s"  # never a formula or an error code, whatever it begins with
        if is_formula(text):
            cell.quotePrefix = True  # and it stays a text when it is edited
        return cell

    def _made(self, value: Any, style: Any) -> Any:
        from openpyxl.cell import Cell

        return Cell(self._sheet, row=1, column=1, value=value, style_array=style)


def _style(sheet: Any, wrapped: bool, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Border, Font, Side

    cell = WriteOnlyCell(sheet)
    cell.font = Font(name=FONT, size=SIZE, bold=bold)
    cell.border = Border(bottom=Side(style="thin", color=GRID))
    cell.alignment = Alignment(wrap_text=wrapped, vertical="top")
    return cell._style


def _header_style(sheet: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    cell = WriteOnlyCell(sheet)
    cell.font = Font(name=FONT, size=SIZE, bold=True)
    cell.fill = PatternFill(fgColor=HEADER, fill_type="solid")
    cell.border = Border(bottom=Side(style="medium", color=RULE))
    cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
    return cell._style


def _colour(value: str, fill: str) -> Any:
    from openpyxl.formatting.rule import CellIsRule
    from openpyxl.styles import PatternFill

    return CellIsRule(operator="equal", formula=[f'"{value}"'], fill=PatternFill(bgColor=fill, fill_type="solid"))
