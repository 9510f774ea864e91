"""Documents and corrections <-> the database: what is acknowledged is there, whoever is killed. Knows no HTTP or files.

Nothing that a person has said is changed or deleted: to undo is to correct back.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Executable, Select, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fazhi.data.feedback.database import open_database, reading, writing
from fazhi.data.feedback.queries import summaries, waiting, with_texts
from fazhi.data.feedback.records import (
    Change,
    Correction,
    DocumentSummary,
    ReviewUnit,
    StaleError,
    StoredDocument,
    StoredLabel,
    UnknownDocumentError,
    UnknownUnitError,
)
from fazhi.data.feedback.review import PER_DOCUMENT, pool, spread
from fazhi.data.feedback.rows import (
    at,
    change_of,
    checked_digest,
    correction_row,
    document_of,
    document_row,
    label_columns,
    label_of,
    review_unit_of,
    unit_row,
)
from fazhi.data.feedback.tables import corrections, documents, units


class Store:
    """Safe to use from several threads and, by a store each, from several processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str, create: bool = True) -> "Store":
        """Connect, and bring the tables up to date; raises DatabaseError, which names what is wrong."""
        return cls(open_database(url, create))

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def keep(self, document: StoredDocument) -> None:
        """Keep a document as it was tagged; kept again it takes the new model's word, but for units people judged.

        Raises FeedbackError for what no database can hold.
        """
        row = document_row(document, datetime.now(UTC))
        with writing(self._engine) as connection:
            connection.execute(_insert_once(connection.dialect.name, row))
            _lock(connection, [document.sha256])
            connection.execute(update(documents).where(documents.c.sha256 == document.sha256).values(row))
            _replace_units(connection, document)

    def correct(self, correction: Correction) -> StoredLabel:
        """Keep one correction and give the label as it now stands; raises StaleError, UnknownUnitError."""
        return self.correct_all([correction])[0]

    def correct_all(self, given: Sequence[Correction]) -> list[StoredLabel]:
        """Keep several corrections, all or none, in their order; raises StaleError, UnknownUnitError."""
        wheres = [at(correction.sha256, correction.start, correction.end) for correction in given]
        with writing(self._engine) as connection:
            _lock(connection, {correction.sha256 for correction in given})
            return [_correct(connection, correction, *where) for correction, where in zip(given, wheres, strict=True)]

    def document(self, sha256: str) -> StoredDocument:
        """A document as it was last kept, with what the model said; raises UnknownDocumentError."""
        with reading(self._engine) as connection:
            found = connection.execute(select(documents).where(documents.c.sha256 == checked_digest(sha256))).first()
            if found is None:
                raise UnknownDocumentError(sha256)
            return document_of(found, connection.execute(_present(sha256)))

    def labels(self, sha256: str) -> list[StoredLabel]:
        """The label of each unit as it stands, in the text's order; raises UnknownDocumentError."""
        with reading(self._engine) as connection:
            _check_known(connection, sha256)
            return [label_of(row) for row in connection.execute(_present(sha256))]

    def history(self, sha256: str) -> list[Change]:
        """Every correction of a document in the order they came; raises UnknownDocumentError."""
        with reading(self._engine) as connection:
            _check_known(connection, sha256)
            own = select(corrections).where(corrections.c.sha256 == sha256)
            return [change_of(row) for row in connection.execute(own.order_by(corrections.c.id))]

    def documents(self) -> list[DocumentSummary]:
        """All documents, the last kept first."""
        with reading(self._engine) as connection:
            return [DocumentSummary(*row) for row in connection.execute(summaries())]

    def review(self, count: int, per_document: int = PER_DOCUMENT) -> list[ReviewUnit]:
        """Up to `count` units nobody has judged that are most worth it: unsure ones, unlike each other."""
        with reading(self._engine) as connection:
            with connection.execution_options(yield_per=1000).execute(waiting()) as found:
                places = pool(((row.sha256, row.start, row.end) for row in found), count, per_document)
            rows = connection.execute(with_texts(places))
            candidates = [review_unit_of(row) for row in rows]
        return spread(candidates, count)


def _present(sha256: str) -> Select[Any]:
    """A document's units as it was last cut."""
    return select(units).where(units.c.sha256 == sha256, units.c.position.is_not(None)).order_by(units.c.position)


def _insert_once(dialect: str, row: dict[str, Any]) -> Executable:
    """Insert a document that is not there yet."""
    if dialect == "postgresql":
        return postgresql.insert(documents).values(row).on_conflict_do_nothing()
    return sqlite.insert(documents).values(row).on_conflict_do_nothing()


def _lock(connection: Connection, digests: Iterable[str]) -> None:
    """Let nobody else change these documents until the transaction ends; on SQLite all are locked already."""
    own = select(documents.c.sha256).where(documents.c.sha256.in_(sorted(digests)))
    connection.execute(own.order_by(documents.c.sha256).with_for_update()).all()


def _check_known(connection: Connection, sha256: str) -> None:
    known = select(documents.c.sha256).where(documents.c.sha256 == checked_digest(sha256))
    if connection.execute(known).first() is None:
        raise UnknownDocumentError(sha256)


def _correct(connection: Connection, correction: Correction, *where: ColumnElement[bool]) -> StoredLabel:
    row = connection.execute(select(units).where(*where, units.c.position.is_not(None))).first()
    if row is None:
        raise UnknownUnitError(correction.sha256, correction.start, correction.end)
    current = label_of(row)
    if correction.revision != current.revision or correction.old not in (None, current.label):
        raise StaleError(current)
    kept = correction_row(correction, current.label)
    stands = label_columns(correction.new) | {key: kept[key] for key in ("revision", "user", "time")}
    connection.execute(insert(corrections).values(kept))
    connection.execute(update(units).where(*where).values(stands))
    return label_of(connection.execute(select(units).where(*where)).one())


def _replace_units(connection: Connection, document: StoredDocument) -> None:
    """Take what the model says now; a unit that people have judged keeps their label."""
    sha256 = document.sha256
    own = units.c.sha256 == sha256
    connection.execute(delete(units).where(own, units.c.revision == 0))
    connection.execute(update(units).where(own).values(position=None))
    judged = {(row.start, row.end) for row in connection.execute(select(units.c.start, units.c.end).where(own))}
    fresh: list[dict[str, Any]] = []
    for position, unit in enumerate(document.units):
        row = unit_row(sha256, position, unit)
        if (unit.start, unit.end) in judged:
            connection.execute(update(units).where(*at(sha256, unit.start, unit.end)).values(row))
        else:
            fresh.append(row | label_columns(unit.label) | {"revision": 0})
    if fresh:
        connection.execute(insert(units), fresh)
