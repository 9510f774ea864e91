"""What a file is read into: one text, and the blocks of it with their places in the file. Knows no format."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from fazhi.data.readers.failures import Code, refused, too_long

_UNPRINTED = re.compile(  # controls, and signs that only say how a line may be broken or turned
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_MAX_CELL = 40  # a row of cells no longer than this stands on one line
_STOPS = re.compile("[。；！？\n]")

Cells = Sequence[tuple[int, Sequence[str]]]  # of a table's row: their columns and lines


class Kind(StrEnum):
    """What a block is in its file; furniture is what a page or a print adds to the text."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    TABLE = "table"
    FURNITURE = "furniture"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its file a block stands, counted from 1; None is what the format does not tell."""

    page: int | None = None
    paragraph: int | None = None  # of those outside tables that hold text
    table: tuple[int, int, int] | None = None  # table, row, column


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]` of a reading."""

    start: int
    end: int
    kind: Kind
    place: Place


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's text with its blocks in order, what it was read as, and what its owner should know of it."""

    text: str
    blocks: tuple[Block, ...]
    format: str
    notes: tuple[str, ...] = ()

    def place_of(self, start: int, end: int) -> Block | None:
        """Find the block that holds most of a range of the text, the first where several do; None for a gap."""
        best: Block | None = None
        most = 0
        first = bisect_right(self.blocks, start, key=lambda block: block.start) - 1
        for block in islice(self.blocks, max(0, first), None):
            if block.start >= end:
                break
            held = min(block.end, end) - max(block.start, start)
            if held > most:
                best, most = block, held
        return best


def is_short(cells: Cells) -> bool:
    """Whether a table's row holds no sentences, and is best read as one line."""
    lines = [line for _, lines in cells for line in lines]
    return all(len(lines) < 2 for _, lines in cells) and not any(
        len(line) > _MAX_CELL or _STOPS.search(line) for line in lines
    )


class Draft:
    """A reading while it is written, block by block."""

    def __init__(self, characters: int) -> None:
        self._characters = characters
        self._texts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []

    def add(self, text: str, kind: Kind, place: Place, joint: str = "\n") -> None:
        """Write a block behind the last one, on a new line unless `joint` says otherwise; a blank one is left out."""
        text = _UNPRINTED.sub("", text).strip("\n")
        if not text.strip():
            return
        if self._texts:
            self._texts.append(joint)
            self._length += len(joint)
        self._texts.append(text)
        self._blocks.append(Block(self._length, self._length + len(text), kind, place))
        self._length += len(text)
        if self._length > self._characters:
            raise too_long(self._characters)

    def add_row(self, cells: Cells, table: int, row: int, page: int | None = None) -> None:
        """Write a table's row, given its columns and their lines: on one line if all its cells are short."""
        short = is_short(cells)
        before = 0  # the last column written on this line
        for column, lines in cells:
            for line in lines:
                joint = "\t" * (column - before) if short and before else "\n"
                self.add(line, Kind.TABLE, Place(page, table=(table, row, column)), joint)
                before = column if line.strip() else before

    def holds_text(self) -> bool:
        """Whether anything but furniture was written."""
        return any(block.kind is not Kind.FURNITURE for block in self._blocks)

    def finish(self, form: str, notes: Sequence[str] = ()) -> Reading:
        """Give the reading; raises UnreadableError if there is no text in it."""
        if not self._blocks:
            raise refused(Code.EMPTY)
        return Reading("".join(self._texts), tuple(self._blocks), form, tuple(notes))
