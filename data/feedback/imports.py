"""What people said in another tool -> corrections in the store. Knows no file format.

A label that stands is not overwritten where somebody changed it after the export: that is told, and left to people.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fazhi.data.feedback.exchange import Annotated, Mark
from fazhi.data.feedback.records import (
    Correction,
    StaleError,
    StoredLabel,
    UnknownDocumentError,
    digest,
)
from fazhi.data.feedback.store import Store


@dataclass(frozen=True, slots=True)
class Who:
    """Whose word it is; `confirm` says that unchanged labels were looked at too."""

    user: str
    confirm: bool = False


@dataclass(slots=True)
class Imported:
    """What came of an import: counts, and a line for each thing that could not be taken over."""

    corrected: int = 0
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)


def import_annotated(store: Store, documents: Iterable[Annotated], who: Who) -> Imported:
    """Keep as corrections what differs from the labels that stand; raises FeedbackError where the database fails."""
    outcome = Imported()
    for annotated in documents:
        _import_one(store, annotated, who, outcome)
    return outcome


def _import_one(store: Store, annotated: Annotated, who: Who, outcome: Imported) -> None:
    sha256 = annotated.sha256 or digest(annotated.text)
    try:
        document, labels = store.document(sha256), store.labels(sha256)
    except UnknownDocumentError as error:
        outcome.problems.append(str(error))
        return
    if annotated.text != document.text:
        outcome.problems.append(f"{document.name}: the tool has changed its text, so that offsets do not hold")
        return
    for mark, label in _matched(annotated.marks, document.text, labels):
        if label is None:
            outcome.problems.append(f"{document.name}: [{mark.start}, {mark.end}) is no unit of the document")
        elif mark.label == label.label and not (who.confirm and label.revision == 0):
            outcome.unchanged += 1
        else:
            try:
                store.correct(_correction(mark, label, annotated.revisions, who, document.model))
                outcome.corrected += 1
            except StaleError as error:
                outcome.problems.append(f"{document.name}: {error}; left as it is")


def _correction(
    mark: Mark, label: StoredLabel, revisions: Mapping[str, int] | None, who: Who, model: str
) -> Correction:
    """Starts from the revision that the tool was given; from the present one where the tool does not say."""
    base = label.revision if revisions is None else revisions.get(f"{label.start}:{label.end}", 0)
    return Correction(
        sha256=label.sha256,
        start=label.start,
        end=label.end,
        new=mark.label,
        revision=base,
        user=who.user,
        model=model,
        time=datetime.now(UTC),
    )


def _matched(
    marks: Iterable[Mark], text: str, labels: Iterable[StoredLabel]
) -> Iterator[tuple[Mark, StoredLabel | None]]:
    """Each mark with the unit that it is on, if any: by characters, or by UTF-16 units where a tool counts those."""
    known = {(label.start, label.end): label for label in labels}
    places = _utf16_places(text)
    for mark in marks:
        readings = [(mark.start, mark.end), (places.get(mark.start, -1), places.get(mark.end, -1))]
        found = [place for place in readings if place in known and mark.quoted in (None, text[slice(*place)])]
        yield mark, known[found[0]] if found else None


def _utf16_places(text: str) -> dict[int, int]:
    """Places in UTF-16 units -> places in characters; empty where they are the same."""
    if text.isascii() or max(text) <= "\uffff":
        return {}
    places, place = {}, 0
    for index, character in enumerate(text):
        places[place] = index
        place += 1 + (character > "\uffff")
    places[place] = len(text)
    return places
