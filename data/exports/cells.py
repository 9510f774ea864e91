"""A value -> what may stand in a cell: never a formula, never a character that the format forbids."""

import re
from typing import Any

LONGEST = 32_767  # characters in a cell of a spreadsheet
# What a spreadsheet takes for the beginning of a formula; in East Asian settings the full-width forms too.
_FORMULA = tuple("=+-@\t\r＝＋－＠")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would work it out instead of showing it."""
    return text.startswith(_FORMULA)


def guarded(value: Any) -> Any:
    """The value for a .csv: an apostrophe before what would be a formula, as spreadsheets mark a text."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value


def printable(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def cell_text(text: str) -> str:
    """The text as one cell of a workbook holds it; what is too long ends in an ellipsis."""
    text = printable(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
