"""What people said in another tool -> corrections in the store. Knows no file format.

A label that stands is not overwritten where somebody changed it after the export: that is told, and left to people.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fazhi.data.feedback.exchange import Annotated, Mark
from fazhi.data.feedback.records import (
    Correction,
    FeedbackError,
    Label,
    StaleError,
    StoredLabel,
    UnknownDocumentError,
    digest,
)
from fazhi.data.feedback.store import Store
from fazhi.model.labels import ROLES, TOPICS

UNSEEN = re.compile(
    r"\s+|\\n"
)  # white space, which a page shows otherwise, and what Label Studio writes for a line end
JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Who:
    """Whose word it is, if the tool does not tell; `confirm` says that unchanged labels were looked at too."""

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
        try:
            new = _label(mark.names)
            if label is None:
                outcome.problems.append(f"{document.name}: [{mark.start}, {mark.end}) is no unit of the document")
            elif new == label.label and not (who.confirm and label.revision == 0):
                outcome.unchanged += 1
            else:
                base = _base(label, annotated.revisions)
                place = (sha256, label.start, label.end)
                user = annotated.user or who.user
                store.correct(Correction(*place, new, base, user, document.model, datetime.now(UTC)))
                outcome.corrected += 1
        except _LabelError as error:
            outcome.problems.append(f"{document.name}: [{mark.start}, {mark.end}): {error}; left as it is")
        except StaleError as error:
            outcome.problems.append(f"{document.name}: {error}; left as it is")


class _LabelError(FeedbackError):
    """The names that a unit has in the tool are no label."""


def _label(names: Sequence[str]) -> Label:
    """One role and any topics."""
    roles = [role for role in ROLES if role in names]
    strange = [name for name in names if name not in (*ROLES, *TOPICS)]
    if strange or len(roles) != 1:
        found = " ".join(names)
        raise _LabelError(f"expected one role of {', '.join(ROLES)} and topics of {', '.join(TOPICS)}, found {found!r}")
    return Label(roles[0], tuple(topic for topic in TOPICS if topic in names))


def _base(label: StoredLabel, revisions: Mapping[str, int] | None) -> int:
    """The revision that the tool was given; the present one where the tool does not say."""
    return label.revision if revisions is None else revisions.get(f"{label.start}:{label.end}", 0)


def _matched(
    marks: Sequence[Mark], text: str, labels: Iterable[StoredLabel]
) -> Iterator[tuple[Mark, StoredLabel | None]]:
    """Each mark with the unit that it is on, if any, in the way of counting that finds most units."""
    known = {(label.start, label.end): label for label in labels}

    def unit(mark: Mark, places: Mapping[int, int]) -> StoredLabel | None:
        place = (places.get(mark.start, -1), places.get(mark.end, -1))
        same = mark.quoted is None or _seen(mark.quoted) == _seen(text[slice(*place)])
        return known.get(place) if same else None

    best = max(_countings(text), key=lambda places: sum(unit(mark, places) is not None for mark in marks))
    return ((mark, unit(mark, best)) for mark in marks)


def _seen(text: str) -> str:
    return UNSEEN.sub("", text)


def _countings(text: str) -> list[dict[int, int]]:
    """A tool's places in a text -> places in characters, for each way of counting.

    By characters, as Label Studio does; by UTF-16 units, as older versions of it and doccano do; by what a reader calls
    a character, as doccano does where its project says so.
    """
    widths = [1 + (character > "\uffff") for character in text]
    pairs = zip(["", *text], text, strict=False)
    seen = [int(not _joins(before, character)) for before, character in pairs]
    return [_places(steps) for steps in ([1] * len(text), widths, seen)]


def _joins(before: str, character: str) -> bool:
    """Whether a character is one with that before it, for a reader: line ends, accents and the like."""
    if (before, character) == ("\r", "\n") or JOINER in (before, character):
        return True
    return character > "\u02ff" and unicodedata.category(character).startswith("M")


def _places(steps: Sequence[int]) -> dict[int, int]:
    """Where each character begins, by the steps that a tool counts up to it."""
    places, place = {}, 0
    for index, step in enumerate(steps):
        if step:
            places[place] = index
        place += step
    places[place] = len(steps)
    return places
