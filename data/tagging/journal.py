"""What a batch has done so far, kept beside its output, so that a batch that was killed goes on where it stopped.

One SQLite file: each document's tags or failure, under the path and the stamp of the file they were made of. Knows
neither models nor tables.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fazhi.data.exports.report import FailedFile, TaggedReport, TaggedUnit
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS, Role, Topic

FORMAT = 1
LABELS = (*ROLES, *TOPICS)
_TABLES = (
    "CREATE TABLE IF NOT EXISTS made_by (version TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS done (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, failed INTEGER NOT NULL,"
    " code TEXT NOT NULL, result BLOB NOT NULL)",
)


class JournalError(FazhiError):
    """A journal that cannot be used: another batch writes it, or it is something else."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered of a document: its file's stamp then, and the code of its failure, "" if it was tagged."""

    stamp: str
    code: str


def stamp_of(path: Path) -> str:
    """What changes whenever a file does: its size and its times, in nanoseconds. Raises OSError."""
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"


class Journal:
    """The results of one batch; what another `version` of model or program made is forgotten when it is opened."""

    def __init__(self, path: Path, version: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            self._open(f"{FORMAT} {version}")
        except sqlite3.DatabaseError as error:
            self.close()
            if "locked" in str(error):
                raise JournalError(f"{path} is in use: another batch writes to the same output") from error
            raise JournalError(
                f"{path} cannot be used as a batch's journal ({error}): move it away, or name another output"
            ) from error

    def _open(self, version: str) -> None:
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")  # of two batches with one output the second is refused
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.execute("BEGIN EXCLUSIVE")
        for statement in _TABLES:
            self._base.execute(statement)
        if self._base.execute("SELECT version FROM made_by").fetchone() != (version,):
            self._base.execute("DELETE FROM done")
            self._base.execute("DELETE FROM made_by")
            self._base.execute("INSERT INTO made_by VALUES (?)", (version,))
        self._base.execute("COMMIT")

    def mark(self, path: Path) -> Mark | None:
        """What is remembered of a document; None if it was not done."""
        row = self._base.execute("SELECT stamp, code FROM done WHERE path = ?", (_key(path),)).fetchone()
        return Mark(*row) if row else None

    def keep(self, path: Path, stamp: str, result: TaggedReport | FailedFile) -> None:
        """Remember a document; when this returns, it is on the disk."""
        failed = isinstance(result, FailedFile)
        code = result.code if isinstance(result, FailedFile) else ""
        packed = zlib.compress(json.dumps(_packed(result)).encode("ascii"), 6)
        row = (_key(path), stamp, failed, code, packed)
        self._base.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", row)

    def results(self, names: Iterable[tuple[Path, str]]) -> Iterator[TaggedReport | FailedFile]:
        """What was made of the documents, in the order given, under the names given; those not done are passed over."""
        for path, name in names:
            row = self._base.execute("SELECT failed, result FROM done WHERE path = ?", (_key(path),)).fetchone()
            if row:
                yield _unpacked(name, row[0], json.loads(zlib.decompress(row[1])))

    def close(self) -> None:
        """Let another batch have it."""
        self._base.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _key(path: Path) -> str:
    return str(path.absolute())


def _packed(result: TaggedReport | FailedFile) -> list[Any]:
    if isinstance(result, FailedFile):
        return [result.code, result.reason, result.chinese]
    paths = list(dict.fromkeys(unit.headings for unit in result.units))
    place = {headings: number for number, headings in enumerate(paths)}
    units = [
        [
            *(unit.start, unit.end, unit.text, unit.heading, unit.role, unit.topics, unit.unsure),
            [round(unit.scores[label], 6) for label in LABELS],
            *(place[unit.headings], unit.page, unit.paragraph, unit.table, unit.furniture),
        ]
        for unit in result.units
    ]
    return [result.title, result.notes, paths, units]


def _unpacked(name: str, failed: int, content: list[Any]) -> TaggedReport | FailedFile:
    if failed:
        code, reason, chinese = content
        return FailedFile(name, code, reason, chinese)
    title, notes, paths, units = content
    return TaggedReport(name, tuple(_unit(fields, paths) for fields in units), title, tuple(notes))


def _unit(fields: Sequence[Any], paths: Sequence[Sequence[str]]) -> TaggedUnit:
    start, end, text, heading, role, topics, unsure, scores, path, page, paragraph, table, furniture = fields
    return TaggedUnit(
        start=start,
        end=end,
        text=text,
        heading=heading,
        role=Role(role),
        topics=tuple(map(Topic, topics)),
        unsure=unsure,
        scores=dict(zip(map(str, LABELS), scores, strict=True)),
        headings=tuple(paths[path]),
        page=page,
        paragraph=paragraph,
        table=tuple(table) if table else None,
        furniture=furniture,
    )
