"""Tagged documents -> the screen, a file, or a folder of files, each by itself; knows nothing of models.

Many documents in one table are `batch`'s.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fazhi.data.exports.lines import joined
from fazhi.data.exports.write import SUFFIXES, write_tags
from fazhi.data.tagging.documents import FIELDS, Tagged, tag
from fazhi.data.tagging.sources import STDIN, Failure, find_sources
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor


class OutputError(FazhiError):
    """Tags cannot be written as asked."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where tags go and how: `style` is table, jsonl, csv, xlsx or parquet, None for what `path` suggests.

    `path` None is the screen.
    """

    style: str | None
    path: Path | None

    def takes_all(self, several: bool) -> bool:
        """Whether several documents go into one file; raises OutputError where it is named otherwise than its style."""
        if not several or self.path is None or self.path.is_dir() or self._suffix not in FILES:
            return False
        if self.style not in (None, self._suffix):
            raise OutputError(
                f"{self.path} is a .{self._suffix}, but --format {self.style} is asked for: leave one out"
            )
        return True

    def resolved(self, several: bool) -> "Output":
        """Settle the style; raises OutputError where path and style do not go together."""
        style = self.style or (self._suffix if self._suffix in FILES else "jsonl" if self.path else "table")
        if self.path and style == "table":
            raise OutputError("a table is for the screen: write a file as jsonl, csv, xlsx or parquet")
        if not self.path and style not in SHOWN:
            raise OutputError(f"{style} is for files: name one with -o")
        if self.path and several and (self.path.is_file() or self._suffix in FILES):
            raise OutputError(f"{self.path} is one file, but there are folders or several files to tag: name a folder")
        return Output(style, self.path)

    def place(self, tagged: Tagged, several: bool) -> Path:
        """The file of one document."""
        assert self.path
        if not several and not self.path.is_dir():
            return self.path
        return self.path / tagged.source.name.with_name(f"{tagged.source.name.name}.{self.style}")

    @property
    def _suffix(self) -> str:
        return self.path.suffix[1:].lower() if self.path else ""


def are_several(paths: Sequence[Path]) -> bool:
    """Whether the paths may name more than one document."""
    return len(paths) > 1 or paths[0].is_dir()


def tag_paths(paths: Sequence[Path], predictor: Predictor, output: Output) -> list[Failure]:
    """Tag what the paths name, write as told, and give (and print to stderr) the documents that could not be done."""
    several = are_several(paths)
    output = output.resolved(several)
    failures: list[Failure] = []
    taken: set[Path] = set()
    header = True
    screen = Console(stderr=True)
    columns = (TextColumn("{task.completed} units"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("tagging", total=None)
        for result in tag(find_sources(paths), predictor, lambda units: progress.advance(bar, units)):
            if isinstance(result, Tagged) and output.path:
                result = _save(result, output.place(result, several), str(output.style), taken)
            elif isinstance(result, Tagged):
                _show(result, str(output.style), header)
                header = False
            if isinstance(result, Failure):
                failures.append(result)
                screen.print(
                    f"{result.path}: {result.reason}", style="red", markup=False, highlight=False, soft_wrap=True
                )
    return failures


def _save(tagged: Tagged, place: Path, style: str, taken: set[Path]) -> Tagged | Failure:
    if place in taken:
        return Failure(tagged.source.path, f"its tags would overwrite {place}, those of another document of that name")
    taken.add(place)
    source = tagged.source.path
    if source != STDIN and place.exists() and source.exists() and place.samefile(source):
        return Failure(source, "its tags would overwrite the document itself: name another file")
    try:
        write_file(tagged, place, style)
    except OSError as error:
        return Failure(place, error.strerror or str(error))
    return tagged


def _show(tagged: Tagged, style: str, header: bool) -> None:
    if style == "csv":
        write_csv(tagged, sys.stdout, header)
    elif style == "jsonl":
        write_jsonl(tagged, sys.stdout)
    else:
        Console().print(_table(tagged))


def _table(tagged: Tagged) -> Table:
    table = Table(title=Text(str(tagged.source.name)), title_justify="left")
    for column in ("start", "end"):
        table.add_column(column, justify="right")
    for column in ("role", "", "topics", "text"):
        table.add_column(column, overflow="fold")
    for row in tagged.rows():
        certainty = f"{row['scores'][row['role']]:.0%}{' ?' if row['unsure'] else ''}"
        table.add_row(
            str(row["start"]), str(row["end"]), row["role"], certainty, " ".join(row["topics"]), Text(row["text"])
        )
    return table


def write_jsonl(tagged: Tagged, file: TextIO) -> None:
    """One JSON object a unit."""
    for row in tagged.rows():
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_csv(tagged: Tagged, file: TextIO, header: bool = True) -> None:
    """One line a unit; topics joined by `;`, a column for every score; texts that look like formulas are marked."""
    writer = csv.writer(file, lineterminator="\n")
    first = [name for name in FIELDS if name != "scores"]
    last = tagged.fields[len(FIELDS) :]
    if header:
        writer.writerow([*first, *ROLES, *TOPICS, *last])
    for row in tagged.rows():
        cells = {name: joined(name, value) for name, value in row.items()}
        writer.writerow([*(cells[name] for name in first), *row["scores"].values(), *(cells[name] for name in last)])


WRITERS: dict[str, Callable[[Tagged, TextIO], None]] = {"jsonl": write_jsonl, "csv": write_csv}
FILES = tuple(suffix[1:] for suffix in SUFFIXES)
SHOWN = ("table", *WRITERS)


def write_file(tagged: Tagged, path: Path, style: str) -> None:
    """Write one document's file whole or not at all. A .csv begins with a BOM, without which Excel misreads Chinese."""
    if style not in WRITERS:
        write_tags([tagged.report(tagged.source.name.as_posix())], path, style=style)
        return
    buffer = io.StringIO()
    WRITERS[style](tagged, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(buffer.getvalue(), encoding="utf-8-sig" if style == "csv" else "utf-8", newline="")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
