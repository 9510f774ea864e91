"""Folders and files -> one table of all their sentences, on all cores; killed and called again, it goes on.

What is done stands in a journal beside the table, which is made of it at the end: a file that has not changed since is
not done again.
"""

import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from fazhi.data.exports.report import Counts, FailedFile, TaggedReport
from fazhi.data.exports.write import check_writable, failures_in, write_tags
from fazhi.data.readers import Code
from fazhi.data.tagging.journal import Journal, stamp_of
from fazhi.data.tagging.pool import KILLED, NOT_TAGGED, Load, Task, work_through
from fazhi.data.tagging.sources import NOT_OPENED, STDIN, Failure, find_sources
from fazhi.model.checkpoint import check_sums, load_config, load_predictor, version
from fazhi.model.engine import cores
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS

if TYPE_CHECKING:
    from rich.table import Table

# What may end otherwise on another day or machine; other failures are the file's own and stand until it changes.
OF_THE_DAY = {Code.NO_LIBREOFFICE, Code.NOT_INSTALLED, Code.READER_FAILED, Code.TOO_SLOW, Code.TOO_MUCH_MEMORY}
TRIED_AGAIN = frozenset({*OF_THE_DAY, NOT_OPENED, NOT_TAGGED, KILLED})
TOLD = 20  # failures named on the screen; all are in the table


class BatchError(FazhiError):
    """A batch that cannot begin."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One table to make: where it goes, how a process gets its model, and what results are to be forgotten by.

    What another `version` made is done again.
    """

    out: Path
    load: Load
    version: str
    workers: int

    @classmethod
    def of_model(cls, out: Path, folder: Path, workers: int | None = None) -> "Batch":
        """A batch by a model's folder, on all cores unless told otherwise; raises CheckpointError."""
        load_config(folder)
        check_sums(folder)
        load = partial(load_predictor, folder, lanes=1)
        return cls(out, load, f"{version(folder)} of fazhi {metadata.version('fazhi')}", workers or cores())

    @property
    def journal(self) -> Path:
        """What is done so far."""
        return self.out.with_name(self.out.name + ".journal")


@dataclass(slots=True)
class BatchSummary:
    """What became of a batch."""

    files: int = 0
    tagged: int = 0
    already: int = 0  # of them done by an earlier run and unchanged since
    counts: Counts = field(default_factory=Counts)
    failures: list[FailedFile] = field(default_factory=list)
    seconds: float = 0.0


def tag_batch(paths: Sequence[Path], batch: Batch) -> BatchSummary:
    """Tag what the paths name, write the table, and print a summary to stderr; raises BatchError, ExportError."""
    begun = time.monotonic()
    if STDIN in paths:
        raise BatchError("standard input goes into no table of several documents: name files and folders")
    check_writable(batch.out)
    tasks, missing = _tasks(paths)
    if any(batch.out.exists() and task.path.samefile(batch.out) for task in tasks if task.path.exists()):
        raise BatchError(f"{batch.out} is one of the documents to tag: name another file for the tags")
    try:
        with Journal(batch.journal, batch.version) as journal:
            summary = _through(tasks, missing, batch, journal)
    except (OSError, sqlite3.Error) as error:  # no room, or no right to write
        raise BatchError(f"{batch.out} or its journal cannot be written: {error}") from error
    summary.seconds = time.monotonic() - begun
    _print(summary, batch.out)
    return summary


def _through(tasks: Sequence[Task], missing: list[FailedFile], batch: Batch, journal: Journal) -> BatchSummary:
    """Do what is not done, and write the table of all."""
    waiting = [task for task in tasks if not _is_done(task, journal)]
    summary = BatchSummary(files=len(tasks), already=len(tasks) - len(waiting), failures=missing)
    try:
        _work(waiting, summary.already, batch, journal)
        write_tags(_results(tasks, journal, summary), batch.out, summary.failures)
    except KeyboardInterrupt:
        done = sum(_is_done(task, journal) for task in tasks)
        print(f"stopped: {done} of {len(tasks)} files are done; the same command goes on from here", file=sys.stderr)
        raise
    return summary


def _tasks(paths: Sequence[Path]) -> tuple[list[Task], list[FailedFile]]:
    """The files to tag under names that tell them apart, and what was named and is not there."""
    found: dict[Path, str] = {}
    missing = []
    for path in paths:
        for source in find_sources([path]):
            if isinstance(source, Failure):
                missing.append(FailedFile(str(source.path), source.code, source.reason, source.chinese))
            else:
                below = source.path.relative_to(path.parent if len(paths) > 1 or path.is_file() else path)
                found.setdefault(source.path, below.as_posix())
    times = Counter(found.values())
    return [Task(path, name if times[name] == 1 else path.as_posix()) for path, name in found.items()], missing


def _is_done(task: Task, journal: Journal) -> bool:
    mark = journal.mark(task.path)
    try:
        return mark is not None and mark.code not in TRIED_AGAIN and mark.stamp == stamp_of(task.path)
    except OSError:
        return False


def _work(waiting: Sequence[Task], already: int, batch: Batch, journal: Journal) -> None:
    """Do what is not done, each file into the journal as soon as it is."""
    from tqdm import tqdm

    bar = tqdm(total=already + len(waiting), initial=already, unit="file", desc="tagging", disable=None)
    with bar, closing(work_through(waiting, batch.load, batch.workers)) as results:
        for done in results:
            journal.keep(done.task.path, done.stamp, done.result)
            bar.update()


def _results(tasks: Sequence[Task], journal: Journal, summary: BatchSummary) -> Iterator[TaggedReport]:
    """The tagged reports in the order of the files; counts and failures go into the summary on the way."""
    from tqdm import tqdm

    names = ((task.path, task.name) for task in tasks)
    for result in tqdm(journal.results(names), total=len(tasks), unit="file", desc="writing", disable=None):
        if isinstance(result, FailedFile):
            summary.failures.append(result)
        else:
            summary.tagged += 1
            summary.counts.add(result.units)
            yield result


def _print(summary: BatchSummary, out: Path) -> None:
    from rich.console import Console

    screen = Console(stderr=True)
    for failure in summary.failures[:TOLD]:
        screen.print(f"{failure.name}: {failure.reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(summary.failures) > TOLD:
        screen.print(f"and {len(summary.failures) - TOLD} more", style="red")
    screen.print(_table(summary.counts))
    screen.print(_sentence(summary, out), markup=False, highlight=False, soft_wrap=True)


def _table(counts: Counts) -> "Table":
    """Roles down, topics across."""
    from rich.table import Table

    table = Table()
    for title in ("", "units", *TOPICS):
        table.add_column(title, justify="right" if title else "left")
    for role in ROLES:
        both = (str(counts.both[role, topic]) for topic in TOPICS)
        table.add_row(str(role), str(counts.roles[role]), *both, end_section=role is ROLES[-1])
    table.add_row("", str(counts.units), *map(str, counts.topics.values()))
    return table


def _sentence(summary: BatchSummary, out: Path) -> str:
    counts, count = summary.counts, len(summary.failures)
    return (
        f"{out}: {counts.units:,} units of {summary.tagged:,} files, {counts.unsure:,} unsure; "
        f"{count:,} failed{f' (in {failures_in(out)})' if count else ''}"
        f"{f', {summary.already:,} of {summary.files:,} done before' if summary.already else ''}; "
        f"{summary.seconds:.0f} s"
    )
