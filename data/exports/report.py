"""Units, predictions and places -> a tagged report, as every export takes it; knows no file format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fazhi.data.readers import Kind, Reading
from fazhi.model.document import Document
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Prediction


@dataclass(frozen=True, slots=True)
class TaggedUnit:
    """One sentence with its tags and where a reader finds it; `scores` has every label, or none where unknown.

    `headings` stand above it, outermost first; page, paragraph and table (table, row, column) count from 1.
    """

    start: int
    end: int
    text: str
    heading: bool
    role: Role
    topics: tuple[Topic, ...]
    unsure: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    headings: tuple[str, ...] = ()
    page: int | None = None
    paragraph: int | None = None
    table: tuple[int, int, int] | None = None
    furniture: bool = False
    corrected: bool = False

    @property
    def certainty(self) -> float | None:
        """The probability of its role; None where unknown, or where a person gave the role."""
        return None if self.corrected else self.scores.get(self.role)

    @property
    def place(self) -> str:
        """Where a reader finds it, in words; empty where nothing is known."""
        page = f"第{self.page}页" if self.page else ""
        if self.table:
            return page + "表{}第{}行第{}列".format(*self.table)
        return page + (f"第{self.paragraph}段" if self.paragraph else "")


@dataclass(frozen=True, slots=True)
class TaggedReport:
    """A document's units in order; `name` is what a table calls it, `notes` what its reader had to say."""

    name: str
    units: tuple[TaggedUnit, ...]
    title: str = ""
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat mapping a unit, in the fields and order of every file format."""
        for unit in self.units:
            yield {
                "document": self.name,
                "start": unit.start,
                "end": unit.end,
                "text": unit.text,
                "heading": unit.heading,
                "role": str(unit.role),
                "topics": [str(topic) for topic in unit.topics],
                "unsure": unit.unsure,
                "scores": {name: round(score, 4) for name, score in unit.scores.items()},
                "headings": list(unit.headings),
                "page": unit.page,
                "paragraph": unit.paragraph,
                "table": list(unit.table) if unit.table else None,
                "furniture": unit.furniture,
                "corrected": unit.corrected,
            }


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be tagged: a code that stays, and the reason in English and in Chinese."""

    name: str
    code: str
    reason: str
    chinese: str


@dataclass(slots=True)
class Counts:
    """Units by label; adding up the counts of several reports is `add`."""

    units: int = 0
    unsure: int = 0
    roles: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    topics: dict[Topic, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 0))
    both: dict[tuple[Role, Topic], int] = field(default_factory=lambda: {(r, t): 0 for r in ROLES for t in TOPICS})

    def add(self, units: Sequence[TaggedUnit]) -> None:
        """Count these too."""
        for unit in units:
            self.units += 1
            self.unsure += unit.unsure
            self.roles[unit.role] += 1
            for topic in unit.topics:
                self.topics[topic] += 1
                self.both[unit.role, topic] += 1


def count(units: Sequence[TaggedUnit]) -> Counts:
    """The counts of these units."""
    counts = Counts()
    counts.add(units)
    return counts


def scores_of(prediction: Prediction) -> dict[str, float]:
    """All eight probabilities by label."""
    scores = (*prediction.role_scores, *prediction.topic_scores)
    return {str(label): score for label, score in zip((*ROLES, *TOPICS), scores, strict=True)}


def tagged_report(
    name: str, document: Document, predictions: Sequence[Prediction], reading: Reading | None = None
) -> TaggedReport:
    """Put a document's predictions beside its units, and where `reading` is given their places in the file."""
    outline = document.outline
    units = []
    for unit, prediction, headings in zip(document.units, predictions, outline.headings, strict=True):
        block = reading.place_of(unit.start, unit.end) if reading else None
        units.append(
            TaggedUnit(
                start=unit.start,
                end=unit.end,
                text=unit.text,
                heading=unit.heading,
                role=prediction.role,
                topics=prediction.topics,
                unsure=prediction.unsure,
                scores=scores_of(prediction),
                headings=headings,
                page=block.place.page if block else None,
                paragraph=block.place.paragraph if block else None,
                table=block.place.table if block else None,
                furniture=block is not None and block.kind is Kind.FURNITURE,
            )
        )
    return TaggedReport(name, tuple(units), outline.title, reading.notes if reading else ())
