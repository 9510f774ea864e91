"""Letters on a page -> its rows, with the spaces and columns between them. Pure; knows nothing of paragraphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_OPENERS = frozenset("（《“‘「『【〔([")
_CLOSERS = frozenset("，。、；：！？）》”’」』】〕…—％%·,.;:!?)]")
_IN_WORDS = frozenset(".,%/:@_")
_SAME_ROW = 0.5  # of the larger letter: baselines no further apart stand in one row
_SPACE, _LATIN_SPACE, _COLUMN = 0.8, 0.2, 2.5  # gaps, in widths of a full letter
_TWICE = 0.3  # the same letter printed this near to itself is printed bold


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
    firm: float  # as `right`, without the stops at the row's end, which may stand outside the text's edge
    base: float
    size: float
    head: float  # the width of the piece at its beginning that no line break may part


def set_lines(letters: Sequence[Letter]) -> list[list[Letter]]:
    """Set letters into lines by their baselines, from the top down, each from left to right; none is blank."""
    lines: list[list[Letter]] = []
    for letter in sorted(letters, key=lambda letter: (-letter.base, letter.left)):
        first = lines[-1][0] if lines else None
        if first and first.base - letter.base <= _SAME_ROW * max(first.size, letter.size):
            lines[-1].append(letter)
        else:
            lines.append([letter])
    for line in lines:
        line.sort(key=lambda letter: letter.left)
    return [line for line in lines if any(letter.text.strip() for letter in line)]


def set_rows(letters: Sequence[Letter]) -> list[Row]:
    """Set letters into rows, from the top down."""
    return [_row(line, [letter for letter in line if letter.text.strip()]) for line in set_lines(letters)]


def _row(letters: Sequence[Letter], printed: Sequence[Letter]) -> Row:
    size = median(letter.size for letter in printed)
    return Row(
        text=_text(_once(letters), size).strip(),
        left=printed[0].left,
        right=max(letter.right for letter in printed),
        reach=max(letter.right for letter in letters),
        firm=max((letter.right for letter in printed if letter.text not in _CLOSERS), default=printed[-1].right),
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
