"""A file as it was read and tagged -> what is stored of it -> what is answered of it.

Knows neither HTTP nor database.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from fazhi.data.exports import TaggedReport
from fazhi.data.exports import TaggedUnit as ExportedUnit
from fazhi.data.exports.report import scores_of as scores_by_label
from fazhi.data.feedback import ReviewUnit, StoredDocument, StoredLabel, StoredUnit
from fazhi.data.readers import Kind, Reading
from fazhi.model.document import Document
from fazhi.model.outline import outline
from fazhi.model.predict import Prediction
from fazhi.model.units import Unit
from fazhi.serve.report import outline_of, summary_of, tagged_units
from fazhi.serve.schemas import Model, Summary, TaggedUnit, scores_of
from fazhi.serve.workbench import DocumentFacts, DocumentResponse, DocumentUnit, Source, UnitLabel, UnitToReview


def storable(reading: Reading, units: Iterable[Unit], predictions: Iterable[Prediction]) -> tuple[StoredUnit, ...]:
    """The units of a file with what the model said of them and where they came from."""
    return tuple(_placed(reading, unit, prediction) for unit, prediction in zip(units, predictions, strict=True))


def _placed(reading: Reading, unit: Unit, prediction: Prediction) -> StoredUnit:
    block = reading.place_of(unit.start, unit.end)
    if block is None:
        return StoredUnit(unit.start, unit.end, unit.heading, prediction)
    place = block.place
    furniture = block.kind is Kind.FURNITURE
    return StoredUnit(
        unit.start, unit.end, unit.heading, prediction, place.page, place.paragraph, place.table, furniture
    )


def document_of(stored: StoredDocument) -> Document:
    """Units and outline of a document, as it was cut when it was stored."""
    units = [Unit(unit.start, unit.end, stored.text[unit.start : unit.end], unit.heading) for unit in stored.units]
    return Document(tuple(units), outline(stored.text, units))


class Dossier:
    """All that is known of one document: how it is built, what the model said, and what people say."""

    def __init__(self, stored: StoredDocument, labels: Iterable[StoredLabel] = ()) -> None:
        self.stored = stored
        self.document = document_of(stored)
        self._labels = {(label.start, label.end): label for label in labels if label.revision}

    @cached_property
    def units(self) -> list[DocumentUnit]:
        """The units as the model tagged them, each with the label that a person set."""
        tagged = tagged_units(self.document, 0, [unit.prediction for unit in self.stored.units])
        return [self._unit(one, unit) for one, unit in zip(tagged, self.stored.units, strict=True)]

    def _unit(self, tagged: TaggedUnit, unit: StoredUnit) -> DocumentUnit:
        label = self._labels.get((unit.start, unit.end))
        source = Source(page=unit.page, paragraph=unit.paragraph, table=unit.table, furniture=unit.furniture)
        nowhere = unit.page is None and unit.paragraph is None and unit.table is None and not unit.furniture
        return DocumentUnit.model_construct(
            **vars(tagged),
            source=None if nowhere else source,
            revision=label.revision if label else 0,
            label=label_of(label) if label else None,
        )

    @cached_property
    def current(self) -> list[TaggedUnit]:
        """The units with the labels to show: a person's, where there is one, and then nobody need look again."""
        return [
            unit.model_copy(update={"role": unit.label.role, "topics": unit.label.topics, "unsure": False})
            if unit.label
            else unit
            for unit in self.units
        ]

    @property
    def corrected(self) -> int:
        """How many units have a person's label."""
        return sum(unit.label is not None for unit in self.units)

    @cached_property
    def summary(self) -> Summary:
        """Counts of the labels to show, without a page's header, footer and number."""
        return summary_of(self.current, {index for index, unit in enumerate(self.stored.units) if unit.furniture})

    def report(self) -> TaggedReport:
        """The document as it is exported, with the labels to show."""
        units = [
            ExportedUnit(
                start=unit.start,
                end=unit.end,
                text=tagged.text,
                heading=unit.heading,
                role=tagged.role,
                topics=tuple(tagged.topics),
                unsure=tagged.unsure,
                scores=scores_by_label(unit.prediction),
                headings=tuple(tagged.headings),
                page=unit.page,
                paragraph=unit.paragraph,
                table=unit.table,
                furniture=unit.furniture,
                corrected=(unit.start, unit.end) in self._labels,
            )
            for unit, tagged in zip(self.stored.units, self.current, strict=True)
        ]
        return TaggedReport(self.stored.name, tuple(units), self.document.outline.title, tuple(self.stored.notes))

    def response(self, model: str, stored: bool) -> DocumentResponse:
        """The whole document as it is answered."""
        facts = DocumentFacts(
            sha256=self.stored.sha256,
            name=self.stored.name,
            format=self.stored.format,
            notes=list(self.stored.notes),
            text=self.stored.text,
            stored=stored,
        )
        return DocumentResponse.model_construct(
            model=Model(name=model, version=self.stored.model),
            document=facts,
            outline=outline_of(self.document),
            units=self.units,
            summary=self.summary,
        )


def label_of(label: StoredLabel) -> UnitLabel:
    """A unit's label as it stands."""
    return UnitLabel(
        start=label.start,
        end=label.end,
        role=label.role,
        topics=list(label.topics),
        revision=label.revision,
        user=label.user or "",
        time=label.time,
    )


def to_review(pairs: Sequence[tuple[ReviewUnit, StoredDocument]]) -> list[UnitToReview]:
    """Units to look at, each under its headings and with its scores; without those that were cut anew meanwhile."""
    dossiers = {sha256: Dossier(stored) for sha256, stored in {unit.sha256: stored for unit, stored in pairs}.items()}
    places = {
        (sha256, unit.start, unit.end): index
        for sha256, dossier in dossiers.items()
        for index, unit in enumerate(dossier.stored.units)
    }
    return [
        _to_review(unit, dossiers[unit.sha256], places[unit.sha256, unit.start, unit.end])
        for unit, _ in pairs
        if (unit.sha256, unit.start, unit.end) in places
    ]


def _to_review(unit: ReviewUnit, dossier: Dossier, index: int) -> UnitToReview:
    return UnitToReview(
        sha256=unit.sha256,
        name=unit.name,
        start=unit.start,
        end=unit.end,
        text=unit.text,
        heading=unit.heading,
        headings=list(dossier.document.outline.headings[index]),
        before=unit.before,
        after=unit.after,
        role=unit.label.role,
        topics=list(unit.label.topics),
        scores=scores_of(dossier.stored.units[index].prediction),
        margin=round(unit.margin, 6),
        revision=unit.revision,
    )
