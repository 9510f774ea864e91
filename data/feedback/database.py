"""A URL -> an engine on a database whose tables are the newest. Knows SQLite, PostgreSQL, Alembic; no corrections."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from fazhi.data.feedback.records import DatabaseError

BUSY_SECONDS = 30  # how long one waits for another's write
CONNECT_SECONDS = 10
MIGRATION_LOCK = 0x66617A6869  # PostgreSQL's advisory lock: of several processes one makes the tables

_migrating = threading.Lock()  # Alembic keeps the running migration in globals


def open_database(url: str, create: bool = True) -> Engine:
    """Connect to a database and bring its tables up to date; raises DatabaseError.

    `url` is sqlite:///FILE, postgresql://USER@HOST/NAME, or the bare path of an SQLite file, which is made if it is
    not there and `create` says so.
    """
    place = _read_url(url)
    if place.get_backend_name() == "sqlite":
        engine = _sqlite(place, create)
    elif place.get_backend_name() in ("postgresql", "postgres"):
        engine = _postgresql(place)
    else:
        raise DatabaseError(f"{_shown(place)}: corrections are kept in sqlite or postgresql")
    try:
        with told(engine):
            _migrate(engine)
    except DatabaseError:
        engine.dispose()
        raise
    return engine


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Say what went wrong with the database in one line, with its place and no password."""
    try:
        yield
    except SQLAlchemyError as error:
        reason, *_ = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        raise DatabaseError(f"{_shown(engine.url)}: {reason}") from error  # further lines may show a row


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; on SQLite it has the lock from the start, so that it never fails half-way."""
    with told(engine), engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads."""
    with told(engine), engine.connect() as connection:
        yield connection


def _read_url(url: str) -> URL:
    """What cannot be read is not shown, nor kept as a cause: it may be the password."""
    try:
        if "\0" in url:
            raise ValueError("NUL")
        url.encode("utf-8")
        place = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except (ArgumentError, ValueError):
        raise DatabaseError("the database's URL cannot be read; expected sqlite:///FILE or postgresql://…") from None
    if "@" in (place.host or ""):
        raise DatabaseError("the database's URL has two @: write one that belongs to the password as %40")
    return place


def _shown(url: URL) -> str:
    secrets = [name for name in url.query if "password" in name]
    return url.difference_update_query(secrets).render_as_string(hide_password=True)


def _create(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, json_serializer=_json, **options)
    except ArgumentError as error:
        raise DatabaseError(f"{_shown(url)}: {error}") from error
    except ImportError as error:  # of the driver, or of the library that it wraps
        reason = f"{error.name} is not installed" if error.name else str(error).partition("\n")[0]
        raise DatabaseError(f"{_shown(url)}: {reason}: pip install 'fazhi[postgres]'") from error


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sqlite(url: URL, create: bool) -> Engine:
    if url.host or url.query:
        raise DatabaseError(f"{_shown(url)}: name an SQLite file with three slashes and no more: sqlite:///FILE")
    if not url.database or url.database == ":memory:":
        raise DatabaseError("corrections in memory would be lost: name a file, as sqlite:///artifacts/feedback.db")
    file = Path(url.database)
    if not create and not file.is_file():
        raise DatabaseError(f"{file}: no such database")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"{file}: {error.strerror or error}") from error
    engine = _create(url.set(drivername="sqlite"), connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        _write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Make the log of writes one that readers need not wait for; SQLite itself does not wait for others doing so."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _postgresql(url: URL) -> Engine:
    given = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    return _create(url.set(drivername="postgresql+psycopg"), connect_args=given, pool_pre_ping=True)


def _migrate(engine: Engine) -> None:
    """Run the migrations that are still to run, in one transaction; whoever comes second finds nothing to do."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    folder = resources.files("fazhi.data.feedback") / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    with _migrating, writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            encoding = connection.scalar(text("SHOW server_encoding"))
            if encoding != "UTF8":
                raise DatabaseError(f"{_shown(engine.url)}: its encoding is {encoding}: create it with ENCODING 'UTF8'")
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseError(f"{_shown(engine.url)} was made by a newer version of this program: {error}") from error
