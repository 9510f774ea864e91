"""A document -> windows of token ids: neighbouring units side by side, under what the document says of itself.

A window reads: [cls] title [sep] opening [sep] headings [sep] [sep] cue unit [sep] cue unit [sep] ...; what is missing
is left out with its separator. A unit's cue is the role that its section names, or else the one that goes with the
document's kind (model/section). Units at a window's edge are shown a few neighbours that another window answers for.
How units are packed is this file's business alone. Knows no model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from fazhi.model.document import Document
from fazhi.model.labels import Role
from fazhi.model.normalize import normalize
from fazhi.model.section import kind_role, named_role

CONTEXT = -1  # the owner of a token that belongs to no unit


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a window shows: the most word pieces of each part, and the margin in units."""

    window: int = 320
    unit: int = 128
    title: int = 24
    opening: int = 40
    heading: int = 24
    path: int = 48
    margin: int = 1


@dataclass(frozen=True, slots=True)
class EncodeConfig(Budgets):
    """Budgets and the special pieces' ids; stored with the model."""

    cls: int = 0
    sep: int = 2
    pad: int = 1


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids and, for each token, the place of its unit within `units`, or CONTEXT.

    `units` are indices into the document's units; this window answers for those in the half-open range `answered`.
    """

    ids: tuple[int, ...]
    owners: tuple[int, ...]
    units: tuple[int, ...]
    answered: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """A document's pieces, encoded once; windows are cut from it."""

    title: tuple[int, ...]
    opening: tuple[int, ...]
    kind: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    sections: tuple[tuple[int, ...], ...]
    units: tuple[tuple[int, ...], ...]

    def cue(self, unit: int) -> tuple[int, ...]:
        """What the outline says of a unit's role."""
        return self.sections[unit] or self.kind

    def size(self, first: int, last: int) -> int:
        """Pieces that the units [first, last) take in a window, with their cues and separators."""
        return sum(len(self.cue(unit)) + len(self.units[unit]) + 1 for unit in range(first, last))


class Encoder:
    """Cuts documents into windows with one tokenizer and one set of budgets."""

    def __init__(self, tokenizer: Tokenizer, config: EncodeConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.cues: dict[Role | None, tuple[int, ...]] = {None: ()}
        self.cues |= {role: tuple(tokenizer.encode(role, add_special_tokens=False).ids) for role in Role}

    def encode(self, document: Document) -> EncodedDocument:
        """Encode title, opening, heading paths and units, each within its budget."""
        outline, config = document.outline, self.config
        headings = sorted({heading for path in outline.headings for heading in path})
        texts = [outline.title, outline.opening, *headings, *(unit.text for unit in document.units)]
        encodings = self.tokenizer.encode_batch_fast([normalize(text) for text in texts], add_special_tokens=False)
        special = {config.cls, config.sep, config.pad}  # a text may spell one out; it must not act as one
        title, opening, *pieces = ([i for i in encoding.ids if i not in special] for encoding in encodings)
        named = {heading: ids[: config.heading] for heading, ids in zip(headings, pieces, strict=False)}
        return EncodedDocument(
            title=tuple(title[: config.title]),
            opening=_cap(opening, config.opening, head=0.5),
            kind=self.cues[kind_role(outline)],
            sections=tuple(self.cues[named_role(path)] for path in outline.headings),
            paths=tuple(tuple(i for name in path for i in named[name])[-config.path :] for path in outline.headings),
            # The later main clause decides a role, so a long unit keeps its end as well as its beginning.
            units=tuple(_cap(ids, config.unit, head=0.6) for ids in pieces[len(pieces) - len(document.units) :]),
        )

    def windows(self, document: Document) -> list[Window]:
        """All windows of a document; each unit is answered for by exactly one."""
        encoded = self.encode(document)
        budget, margin = self.config.window, self.config.margin
        return [self.window(encoded, *run, margin) for run in self.tile(encoded, budget, margin)]

    def tile(self, encoded: EncodedDocument, budget: int, margin: int) -> Iterator[tuple[int, int]]:
        """Cut a document's units into runs that fit `budget` pieces together with their context and margins."""
        first, used = 0, 0
        for index in range(len(encoded.units)):
            size = encoded.size(index, index + 1)
            if index > first and used + size > budget - 1 - self._overhead(encoded, (first, index + 1), margin):
                yield first, index
                first, used = index, 0
            used += size
        if encoded.units:
            yield first, len(encoded.units)

    def _overhead(self, encoded: EncodedDocument, run: tuple[int, int], margin: int) -> int:
        first, last = run
        before = encoded.size(max(0, first - margin), first)
        after = encoded.size(last, min(len(encoded.units), last + margin))
        return len(self.prefix(encoded, first)) + before + after

    def prefix(self, encoded: EncodedDocument, first: int) -> list[int]:
        """What the document says of itself above unit `first`: title, opening and headings, each closed by [sep]."""
        parts = [encoded.title, encoded.opening, encoded.paths[first]]
        ids = [i for part in parts if part for i in (*part, self.config.sep)]
        return [*ids, self.config.sep] if ids else []

    def window(self, encoded: EncodedDocument, first: int, last: int, margin: int) -> Window:
        """The window that answers for units [first, last), with up to `margin` neighbours on each side."""
        shown = self._shown(encoded, first, last, margin)
        ids = [self.config.cls, *self.prefix(encoded, shown[0])]
        owners = [CONTEXT] * len(ids)
        for place, unit in enumerate(shown):
            cue, own = encoded.cue(unit), encoded.units[unit]
            ids += (*cue, *own, self.config.sep)
            owners += (*[CONTEXT] * len(cue), *[place] * len(own), CONTEXT)
        return Window(tuple(ids), tuple(owners), tuple(shown), (first, last))

    def _shown(self, encoded: EncodedDocument, first: int, last: int, margin: int) -> range:
        """Add neighbours while they fit; the answered units themselves always do."""
        low, high = max(0, first - margin), min(len(encoded.units), last + margin)
        while low < first and not self._fits(encoded, low, high):
            low += 1
        while high > last and not self._fits(encoded, low, high):
            high -= 1
        return range(low, high)

    def _fits(self, encoded: EncodedDocument, low: int, high: int) -> bool:
        """Whether units [low, high) fit a window below the prefix of the first of them, which may be the longest."""
        return 1 + len(self.prefix(encoded, low)) + encoded.size(low, high) <= self.config.window


def without(
    encoded: EncodedDocument, *, document: bool = False, headings: bool = False, sections: bool = False
) -> EncodedDocument:
    """The same pieces with the document's words (title, opening), its headings or what sections name left out."""
    nothing = ((),) * len(encoded.units)
    if document:
        encoded = replace(encoded, title=(), opening=())
    if headings:
        encoded = replace(encoded, paths=nothing)
    if sections:
        encoded = replace(encoded, sections=nothing)
    return encoded


def _cap(ids: Sequence[int], budget: int, head: float) -> tuple[int, ...]:
    """Keep beginning and end of what is too long, `head` of the budget for the beginning."""
    if len(ids) <= budget:
        return tuple(ids)
    kept = int(budget * head)
    return (*ids[:kept], *ids[kept - budget :])


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows padded to one length: `ids`, `mask`, `owners` are [windows, length]; `units` is the most units in one."""

    ids: npt.NDArray[np.int64]
    mask: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]
    units: int


def collate(windows: Sequence[Window], pad: int) -> Batch:
    """Pad windows to the longest of them."""
    length = max(len(window.ids) for window in windows)
    ids = np.full((len(windows), length), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    owners = np.full_like(ids, CONTEXT)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)] = window.ids
        mask[row, : len(window.ids)] = 1
        owners[row, : len(window.ids)] = window.owners
    return Batch(ids, mask, owners, max(len(window.units) for window in windows))


def pack(windows: Sequence[Window], max_tokens: int) -> list[list[int]]:
    """Group windows of like length so that longest x count <= max_tokens; gives indices, longest group first.

    A window longer than the budget goes alone.
    """
    groups: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(windows)), key=lambda i: -len(windows[i].ids)):
        if groups and longest * (len(groups[-1]) + 1) <= max_tokens:
            groups[-1].append(index)
        else:
            groups.append([index])
            longest = len(windows[index].ids)
    return groups
