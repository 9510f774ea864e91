"""A .pdf file -> its pages as rows of text with their places on the page. Knows pdfminer, and nothing of paragraphs."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median
from typing import Any

from fazhi.data.readers.failures import Code, refused
from fazhi.data.readers.limits import Limits

_OPENERS = frozenset("（《“‘「『【〔([")
_CLOSERS = frozenset("，。、；：！？）》”’」』】〕…—％%·,.;:!?)]")
_IN_WORDS = frozenset(".,%/:@_")
_SAME_ROW = 0.5  # of the larger letter: baselines no further apart stand in one row
_SPACE, _LATIN_SPACE, _COLUMN = 0.8, 0.2, 2.5  # gaps, in widths of a full letter
_TWICE = 0.3  # the same letter printed this near to itself is printed bold
_UNKNOWN = "(cid:"
_MOST_UNKNOWN = 0.3


@dataclass(frozen=True, slots=True)
class Letter:
    """One printed character."""

    text: str
    left: float
    right: float
    base: float  # upwards
    size: float


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line."""

    text: str
    left: float
    right: float
    reach: float  # as `right`, with the spaces at the row's end
    base: float
    size: float
    head: float  # the width of the piece at its beginning that no line break may part


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page from its top down."""

    number: int
    height: float
    rows: tuple[Row, ...]
    pictures: bool


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
    for number, page in enumerate(found, start=1):
        interpreter.process_page(page)
        layout = device.get_result()
        printed, unread, pictures = _letters(layout)
        letters, unknown = letters + len(printed), unknown + unread
        pages.append(Page(number, layout.height, tuple(_rows(printed)), pictures))
    if unknown > (letters + unknown) * _MOST_UNKNOWN:
        raise refused(Code.NOT_TEXT)
    return pages


def _letters(layout: Any) -> tuple[list[Letter], int, bool]:
    """Find the upright letters of a page, how many more are of unknown meaning, and whether it has pictures."""
    from pdfminer.layout import LTChar, LTFigure, LTImage

    letters: list[Letter] = []
    unknown, pictures = 0, False
    waiting = [iter(layout)]
    while waiting:
        item = next(waiting[-1], None)
        if item is None:
            waiting.pop()
        elif isinstance(item, LTFigure):
            waiting.append(iter(item))
        elif isinstance(item, LTImage):
            pictures = True
        elif isinstance(item, LTChar):
            _, along, across, _, _, base = item.matrix
            if item.get_text().startswith(_UNKNOWN):
                unknown += 1
            elif item.upright and abs(along) < 0.01 and item.size > 0 and abs(across) < item.size:
                letters.append(Letter(item.get_text(), item.x0, item.x1, base, item.size))
    return letters, unknown, pictures


def _rows(letters: Sequence[Letter]) -> Iterator[Row]:
    """Set letters into rows by their baselines."""
    rows: list[list[Letter]] = []
    for letter in sorted(letters, key=lambda letter: (-letter.base, letter.left)):
        first = rows[-1][0] if rows else None
        if first and first.base - letter.base <= _SAME_ROW * max(first.size, letter.size):
            rows[-1].append(letter)
        else:
            rows.append([letter])
    for row in rows:
        row.sort(key=lambda letter: letter.left)
        printed = [letter for letter in row if letter.text.strip()]
        if printed:
            yield _row(row, printed)


def _row(letters: Sequence[Letter], printed: Sequence[Letter]) -> Row:
    size = median(letter.size for letter in printed)
    return Row(
        text=_text(_once(letters), size).strip(),
        left=printed[0].left,
        right=max(letter.right for letter in printed),
        reach=max(letter.right for letter in letters),
        base=median(letter.base for letter in printed),
        size=size,
        head=_head(printed),
    )


def _once(letters: Sequence[Letter]) -> list[Letter]:
    """Drop the second print of letters that were printed twice to look bold."""
    kept = list(letters[:1])
    for letter in letters[1:]:
        near = letter.left - kept[-1].left < _TWICE * letter.size
        if letter.text != kept[-1].text or not near or not letter.text.strip():
            kept.append(letter)
    return kept


def _text(letters: Sequence[Letter], size: float) -> str:
    """Join a row's letters; where nothing is printed between two of them there may be a space or a column."""
    pieces = [letters[0].text]
    for left, right in pairwise(letters):
        gap = (right.left - left.right) / size
        latin = left.text.isascii() and right.text.isascii()
        if not left.text.strip() or not right.text.strip():
            latin = False
        if gap > _COLUMN:
            pieces.append("\t")
        elif gap > (_LATIN_SPACE if latin else _SPACE):
            pieces.append(" ")
        pieces.append(right.text)
    return "".join(pieces)


def _head(letters: Sequence[Letter]) -> float:
    """Measure the beginning of a row that had to stay together (《法, 2023, 化。)."""
    index, last = 0, len(letters) - 1
    while index < last and letters[index].text in _OPENERS:
        index += 1
    while index < last and _is_word(letters[index].text) and _is_word(letters[index + 1].text):
        index += 1
    while index < last and letters[index + 1].text in _CLOSERS:
        index += 1
    return letters[index].right - letters[0].left


def _is_word(text: str) -> bool:
    """Whether a sign stands in words and figures that are not broken; one may break behind a hyphen."""
    return text.isascii() and (text.isalnum() or text in _IN_WORDS)
