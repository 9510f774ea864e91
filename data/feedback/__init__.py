"""Corrections kept in a database, and given back: the public names."""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import the store when it is asked for: SQLAlchemy comes with it, which takes its time."""
    if name != "Store":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fazhi.data.feedback.store import Store

    return Store
