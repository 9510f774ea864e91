"""The tables of the store, as the newest migration leaves them. Knows SQLAlchemy; opens nothing."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC wherever it is kept: SQLite has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write it in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read it as UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData(naming_convention=NAMES)

documents = Table(
    "documents",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("time", Moment, nullable=False),
)

# A unit's label stands beside what the model said of it. Once corrected a unit stays for good: `position` is NULL
# when the document was tagged again and cut in another way.
units = Table(
    "units",
    metadata,
    Column("sha256", String(64), ForeignKey(documents.c.sha256), primary_key=True),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("end", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer),
    Column("heading", Boolean, nullable=False),
    Column("predicted_role", Text, nullable=False),
    Column("predicted_topics", JSON, nullable=False),
    Column("role_scores", JSON, nullable=False),
    Column("topic_scores", JSON, nullable=False),
    Column("unsure", Boolean, nullable=False),
    Column("margin", Float, nullable=False),
    Column("page", Integer),
    Column("paragraph", Integer),
    Column("table", JSON(none_as_null=True)),
    Column("furniture", Boolean, nullable=False),
    Column("role", Text, nullable=False),
    Column("topics", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("user", Text),
    Column("time", Moment),
)
Index(None, units.c.revision, units.c.margin)

# Only ever added to. That a unit has each revision once is the second lock against two people at one unit.
corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("old_role", Text, nullable=False),
    Column("old_topics", JSON, nullable=False),
    Column("new_role", Text, nullable=False),
    Column("new_topics", JSON, nullable=False),
    Column("user", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("time", Moment, nullable=False),
    ForeignKeyConstraint(["sha256", "start", "end"], [units.c.sha256, units.c.start, units.c.end]),
    UniqueConstraint("sha256", "start", "end", "revision"),
)
