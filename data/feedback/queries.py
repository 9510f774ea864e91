"""The longer questions to the tables. Knows SQL that SQLite and PostgreSQL share; runs nothing."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, case, func, select, tuple_

from fazhi.data.feedback.review import AROUND, SHORTEST
from fazhi.data.feedback.tables import documents, units


def summaries() -> Select[Any]:
    """All documents with how many units they have and how many are judged, the last kept first."""
    counts = (
        select(
            units.c.sha256,
            func.count().label("units"),
            func.count().filter(units.c.revision > 0).label("corrected"),
        )
        .where(units.c.position.is_not(None))
        .group_by(units.c.sha256)
        .subquery()
    )
    told = [documents.c[name] for name in ("sha256", "name", "format", "model", "time")]
    query = select(*told, func.coalesce(counts.c.units, 0), func.coalesce(counts.c.corrected, 0))
    joined = query.outerjoin_from(documents, counts, documents.c.sha256 == counts.c.sha256)
    return joined.order_by(documents.c.time.desc(), documents.c.sha256)


def waiting() -> Select[Any]:
    """Where the units stand that nobody has judged, the least certain first: along the index, read as far as needed."""
    place = (units.c.sha256, units.c.start, units.c.end)
    return (
        select(*place)
        .where(
            units.c.revision == 0,
            units.c.position.is_not(None),
            units.c.furniture.is_(False),
            units.c.end - units.c.start >= SHORTEST,
        )
        .order_by(units.c.margin, *place)
    )


def with_texts(places: Sequence[tuple[str, int, int]]) -> Select[Any]:
    """The units at these places with their words and those around them, the least certain first."""
    start, end = units.c.start, units.c.end
    around = case((start > AROUND, start - AROUND), else_=0)  # characters of the text are counted from 1
    return (
        select(
            units,
            documents.c.name,
            documents.c.model,
            func.substr(documents.c.text, start + 1, end - start).label("text"),
            func.substr(documents.c.text, around + 1, start - around).label("before"),
            func.substr(documents.c.text, end + 1, AROUND).label("after"),
        )
        .join_from(units, documents, units.c.sha256 == documents.c.sha256)
        .where(tuple_(units.c.sha256, start, end).in_(places))
        .order_by(units.c.margin, units.c.sha256, start, end)
    )
