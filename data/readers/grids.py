"""Ruled lines of a page -> the tables that they draw, with merged cells. Pure geometry; knows no text."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

_NEAR = 3.0  # points by which lines may miss each other
_MOST = 150  # lines; a page of more holds a drawing
_COVERED = 0.6  # of a cell's side, for it to be ruled

Cell = tuple[int, int]  # its row and column, those of its box at the top left if it is merged


@dataclass(frozen=True, slots=True)
class Rule:
    """A ruled line: how high or how far right it lies, and from where to where it goes."""

    at: float
    start: float
    end: float


class _Groups:
    """Things that are put together one by one; each group is named by its least."""

    def __init__(self) -> None:
        self._under: dict[Cell, Cell] = {}

    def find(self, one: Cell) -> Cell:
        while one in self._under:
            one = self._under[one]
        return one

    def join(self, one: Cell, other: Cell) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        if first != second:
            self._under[second] = first


class Grid:
    """The cells of one table; rows and columns are counted from 1 at the top left."""

    def __init__(self, across: Sequence[Rule], down: Sequence[Rule]) -> None:
        self._rights = _places([rule.at for rule in down] + [end for rule in across for end in (rule.start, rule.end)])
        heights = _places([rule.at for rule in across] + [end for rule in down for end in (rule.start, rule.end)])
        self._depths = [-height for height in reversed(heights)]
        self._groups = _Groups()
        for row, column in self._boxes():
            top, bottom = -self._depths[row - 1], -self._depths[row]
            left, right = self._rights[column - 1 : column + 1]
            if column + 1 < len(self._rights) and not _is_ruled(down, right, bottom, top):
                self._groups.join((row, column), (row, column + 1))
            if row + 1 < len(self._depths) and not _is_ruled(across, bottom, left, right):
                self._groups.join((row, column), (row + 1, column))

    def _boxes(self) -> Iterator[Cell]:
        return product(range(1, len(self._depths)), range(1, len(self._rights)))

    @property
    def top(self) -> float:
        """How high it begins."""
        return -self._depths[0]

    @property
    def width(self) -> float:
        """How wide it is."""
        return self._rights[-1] - self._rights[0]

    def is_parted(self) -> bool:
        """Whether cells stand side by side in it, as they do not in a mere frame."""
        return any(self._groups.find((row, column))[1] > 1 for row, column in self._boxes())

    def cell_at(self, right: float, height: float) -> Cell | None:
        """Find the cell that a point lies in, or None."""
        row, column = bisect_left(self._depths, -height), bisect_right(self._rights, right)
        inside = 0 < row < len(self._depths) and 0 < column < len(self._rights)
        return self._groups.find((row, column)) if inside else None

    def sides(self, cell: Cell) -> tuple[float, float]:
        """How far right a cell begins and ends."""
        last = max(box[1] for box in self._boxes() if self._groups.find(box) == cell)
        return self._rights[cell[1] - 1], self._rights[last]


def find_grids(across: Sequence[Rule], down: Sequence[Rule]) -> list[Grid]:
    """Find the tables of a page, the narrowest first: one that stands in another's cell comes before it."""
    across, down = _merge(across), _merge(down)
    if len(across) + len(down) > _MOST:
        return []
    groups = _Groups()
    for one, other in product(range(len(across)), range(len(down))):
        if _touch(across[one], down[other]):
            groups.join((0, one), (1, other))
    grids = []
    for name in {groups.find((0, index)) for index in range(len(across))}:
        level = [rule for index, rule in enumerate(across) if groups.find((0, index)) == name]
        upright = [rule for index, rule in enumerate(down) if groups.find((1, index)) == name]
        if len(level) > 1 and upright:
            grids.append(Grid(level, upright))
    return sorted((grid for grid in grids if grid.is_parted()), key=lambda grid: grid.width)


def _touch(across: Rule, down: Rule) -> bool:
    beside = across.start - _NEAR <= down.at <= across.end + _NEAR
    return beside and down.start - _NEAR <= across.at <= down.end + _NEAR


def _merge(rules: Sequence[Rule]) -> list[Rule]:
    """Make one line of those that lie on each other or go on in each other."""
    merged: list[Rule] = []
    places = _places([rule.at for rule in rules])
    levels: list[list[Rule]] = [[] for _ in places]
    for rule in rules:
        levels[bisect_right(places, rule.at) - 1].append(rule)
    for place, level in zip(places, levels, strict=True):
        level.sort(key=lambda rule: rule.start)
        start, end = level[0].start, level[0].end
        for rule in level:
            if rule.start > end + _NEAR:
                merged.append(Rule(place, start, end))
                start = rule.start
            end = max(end, rule.end)
        merged.append(Rule(place, start, end))
    return merged


def _places(values: Sequence[float]) -> list[float]:
    """Sort places, those near to each other as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _NEAR:
            places.append(value)
    return places


def _is_ruled(rules: Sequence[Rule], at: float, start: float, end: float) -> bool:
    on = (min(rule.end, end) - max(rule.start, start) for rule in rules if abs(rule.at - at) <= _NEAR)
    return sum(max(0.0, part) for part in on) >= _COVERED * (end - start)
