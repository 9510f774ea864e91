"""Records <-> rows of the tables. Knows both; runs no query."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row

from fazhi.data.feedback.records import (
    Change,
    Correction,
    Label,
    ReviewUnit,
    StoredDocument,
    StoredLabel,
    StoredUnit,
    UnknownDocumentError,
    UnknownUnitError,
    storable,
)
from fazhi.data.feedback.review import margin
from fazhi.data.feedback.tables import units
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction

_DIGEST = re.compile("[0-9a-f]{64}")
_MOST = 2**31 - 1  # of the integer columns


def checked_digest(sha256: str) -> str:
    """The digest as given; raises UnknownDocumentError for what is none, before a database stumbles over it."""
    if not _DIGEST.fullmatch(sha256):
        raise UnknownDocumentError(sha256)
    return sha256


def at(sha256: str, start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    """The condition that is true of one unit; raises UnknownUnitError for offsets that none can have."""
    if not _DIGEST.fullmatch(sha256) or not 0 <= start < end <= _MOST:
        raise UnknownUnitError(sha256, start, end)
    return units.c.sha256 == sha256, units.c.start == start, units.c.end == end


def document_row(document: StoredDocument, time: datetime) -> dict[str, Any]:
    """A document without its units; raises FeedbackError for what cannot be kept."""
    return {
        "sha256": document.sha256,
        "name": storable(document.name, "the document's name"),
        "format": document.format,
        "notes": [storable(note, "a note") for note in document.notes],
        "text": document.text,
        "model": document.model,
        "time": time,
    }


def unit_row(sha256: str, position: int, unit: StoredUnit) -> dict[str, Any]:
    """A unit, but for the label that stands."""
    said = unit.prediction
    return {
        "sha256": sha256,
        "start": unit.start,
        "end": unit.end,
        "position": position,
        "heading": unit.heading,
        "predicted_role": str(said.role),
        "predicted_topics": [str(topic) for topic in said.topics],
        "role_scores": list(said.role_scores),
        "topic_scores": list(said.topic_scores),
        "unsure": said.unsure,
        "margin": margin(said),
        "page": unit.page,
        "paragraph": unit.paragraph,
        "table": list(unit.table) if unit.table else None,
        "furniture": unit.furniture,
    }


def label_columns(label: Label, prefix: str = "") -> dict[str, Any]:
    """Role and topics as they are written."""
    return {f"{prefix}role": str(label.role), f"{prefix}topics": [str(topic) for topic in label.topics]}


def correction_row(correction: Correction, old: Label) -> dict[str, Any]:
    """A line of the history; raises FeedbackError for what cannot be kept."""
    return {
        "sha256": correction.sha256,
        "start": correction.start,
        "end": correction.end,
        "revision": correction.revision + 1,
        **label_columns(old, "old_"),
        **label_columns(correction.new, "new_"),
        "user": storable(correction.user, "the user's name"),
        "model": storable(correction.model, "the model's version"),
        "time": correction.time,
    }


def document_of(document: Row[Any], rows: Iterable[Row[Any]]) -> StoredDocument:
    """A document with its units in order."""
    return StoredDocument(
        document.name,
        document.text,
        document.model,
        tuple(map(_unit_of, rows)),
        document.format,
        tuple(document.notes),
    )


def _unit_of(row: Row[Any]) -> StoredUnit:
    said = Prediction(
        Role(row.predicted_role),
        tuple(map(Topic, row.predicted_topics)),
        tuple(row.role_scores),
        tuple(row.topic_scores),
        row.unsure,
    )
    table = tuple(row.table) if row.table else None
    return StoredUnit(row.start, row.end, row.heading, said, row.page, row.paragraph, table, row.furniture)


def label_of(row: Row[Any]) -> StoredLabel:
    """The label that stands."""
    label = Label(row.role, row.topics)
    return StoredLabel(row.sha256, row.start, row.end, label.role, label.topics, row.revision, row.user, row.time)


def change_of(row: Row[Any]) -> Change:
    """A line of the history."""
    old, new = Label(row.old_role, row.old_topics), Label(row.new_role, row.new_topics)
    return Change(row.start, row.end, old, new, row.revision, row.user, row.model, row.time)


def review_unit_of(row: Row[Any]) -> ReviewUnit:
    """A candidate for review; its texts were cut out by the query."""
    return ReviewUnit(
        row.sha256,
        row.name,
        row.start,
        row.end,
        row.text,
        row.before,
        row.after,
        row.heading,
        Label(row.role, row.topics),
        row.margin,
        row.revision,
        row.model,
    )
