"""Letters on a page -> runs of them in the order of reading, where text is set in two columns. Pure; knows no PDF.

Every run is read from its top down. A right column is moved to where the left one stands, so that both have one edge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from statistics import median

from fazhi.data.readers.rows import Letter, set_lines

Gap = tuple[float, float]  # how far right the gap between two columns begins and ends

_LEAST, _OFTEN = 8, 0.4  # lines that have a gap in the same place: so many, and that part of all lines
_WIDE = 1.0  # letters; no gap between columns is narrower
_TEXT = 6  # letters; no line of a column is shorter
_FULL, _INDENTED = 2.0, 2.5  # letters; a line of text ends and begins no further from the gap
_MOSTLY = 0.7


def find_gap(letters: Sequence[Letter], before: Gap | None) -> Gap | None:
    """Find the gap between two columns of running text on a page; `before` is the one on the page before."""
    lines = set_lines(letters)
    gaps = [gap for line in lines if (gap := _widest_gap(line))]
    if len(gaps) < max(_LEAST, _OFTEN * len(lines)):
        goes_on = before and sum(_crosses(line, before) for line in lines) < (1 - _MOSTLY) * len(lines)
        return before if goes_on else None
    size = median(letter.size for letter in lines[0])
    starts, ends = sorted(start for start, _ in gaps), sorted(end for _, end in gaps)
    few = len(gaps) // 20
    start, end = starts[-1 - few], ends[few]
    full = sum(place > start - _FULL * size for place in starts)
    begun = sum(place < end + _INDENTED * size for place in ends)
    is_text = min(full, begun) >= _MOSTLY * len(gaps)
    return (start, end) if is_text and end - start >= _WIDE * size / 2 else None


def part_columns(letters: Sequence[Letter], gap: Gap | None) -> Iterator[list[Letter]]:
    """Yield all letters at once, or in turn those of lines over the full width and those of the two columns."""
    lines = set_lines(letters)
    if gap is None or not lines:
        yield list(letters)
        return
    middle, shift = sum(gap) / 2, gap[1] - min(line[0].left for line in lines)
    for is_whole, group in groupby(lines, key=lambda line: _crosses(line, gap)):
        run = [letter for line in group for letter in line]
        if is_whole:
            yield run
            continue
        yield [letter for letter in run if letter.left < middle]
        right = (letter for letter in run if letter.left >= middle)
        yield [replace(letter, left=letter.left - shift, right=letter.right - shift) for letter in right]


def _crosses(line: Sequence[Letter], gap: Gap) -> bool:
    """Whether a line goes on over the gap; a stop at the end of a column may stand in it."""
    printed = [letter for letter in line if letter.text.strip()]
    middle = sum(gap) / 2
    end = max((letter.right for letter in printed if letter.left < middle), default=gap[0])
    start = min((letter.left for letter in printed if letter.left >= middle), default=gap[1])
    return end > middle or start - end < (gap[1] - gap[0]) / 4


def _widest_gap(line: Sequence[Letter]) -> Gap | None:
    """Find the widest gap of a line between two pieces that are long enough to be lines of columns."""
    printed = [letter for letter in line if letter.text.strip()]
    size = median(letter.size for letter in printed)
    first, last = printed[0].left + _TEXT * size, printed[-1].right - _TEXT * size
    gaps = [
        (left.right, right.left)
        for left, right in pairwise(printed)
        if right.left - left.right >= _WIDE * size and left.right >= first and right.left <= last
    ]
    return max(gaps, key=lambda gap: gap[1] - gap[0], default=None)
