"""Corrections kept in a database, and given back: the public names."""

from fazhi.data.feedback.records import (
    Change,
    Correction,
    DatabaseError,
    DocumentSummary,
    FeedbackError,
    Label,
    ReviewUnit,
    StaleError,
    StoredDocument,
    StoredLabel,
    StoredUnit,
    UnknownDocumentError,
    UnknownUnitError,
    digest,
)
from fazhi.data.feedback.store import Store

__all__ = [
    "Change",
    "Correction",
    "DatabaseError",
    "DocumentSummary",
    "FeedbackError",
    "Label",
    "ReviewUnit",
    "StaleError",
    "Store",
    "StoredDocument",
    "StoredLabel",
    "StoredUnit",
    "UnknownDocumentError",
    "UnknownUnitError",
    "digest",
]
