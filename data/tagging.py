"""Files in, tagged units out: what `fazhi tag` does between its options and its exit code. Knows no model's inside."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fazhi.data.readers import UnreadableError, decode
from fazhi.model.document import read_document
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.units import Unit

TOGETHER = 16  # documents whose windows share batches
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Source:
    """A document to tag: where it lies, and where below an output folder its tags go (without suffix)."""

    path: Path
    name: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be tagged."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """A document's units and their predictions, in order."""

    source: Source
    units: Sequence[Unit]
    predictions: Sequence[Prediction]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat mapping a unit, as the file formats write it."""
        for unit, prediction in zip(self.units, self.predictions, strict=True):
            scores = [*prediction.role_scores, *prediction.topic_scores]
            yield {
                "document": self.source.name.as_posix(),
                "start": unit.start,
                "end": unit.end,
                "text": unit.text,
                "heading": unit.heading,
                "role": str(prediction.role),
                "topics": [str(topic) for topic in prediction.topics],
                "unsure": prediction.unsure,
                "scores": {str(k): round(v, 4) for k, v in zip([*ROLES, *TOPICS], scores, strict=True)},
            }


class OutputError(FazhiError):
    """Tags cannot be written as asked."""


def find_sources(paths: Iterable[Path]) -> Iterator[Source | Failure]:
    """Files as they are named, folders with every .txt below them, `-` for standard input."""
    for path in paths:
        if path == STDIN:
            yield Source(path, Path("stdin"))
        elif path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".txt" and file.is_file())
            if not found:
                yield Failure(path, "the folder holds no .txt file")
            yield from (Source(file, file.relative_to(path).with_suffix("")) for file in found)
        elif path.is_file():
            yield Source(path, Path(path.stem))
        else:
            yield Failure(path, "no such file or folder")


def tag(
    sources: Iterable[Source | Failure], predictor: Predictor, progress: Callable[[int], None] | None = None
) -> Iterator[Tagged | Failure]:
    """Tag documents in their order; one that cannot be read is told and the others go on."""
    waiting = iter(sources)
    while group := list(islice(waiting, TOGETHER)):
        read = [_read(source) for source in group]
        texts = [text for _, text in read if isinstance(text, str)]
        documents = [read_document(text) for text in texts]
        answers = iter(zip(documents, predictor.predict(documents, progress), strict=True))
        for source, text in read:
            if isinstance(source, Failure):
                yield source
            elif isinstance(text, Failure):
                yield text
            else:
                document, predictions = next(answers)
                yield Tagged(source, document.units, predictions)


def _read(source: Source | Failure) -> tuple[Source | Failure, str | Failure]:
    if isinstance(source, Failure):
        return source, source
    try:
        raw = sys.stdin.buffer.read() if source.path == STDIN else source.path.read_bytes()
        return source, decode(raw)
    except UnreadableError as error:
        return source, Failure(source.path, str(error))
    except OSError as error:
        return source, Failure(source.path, error.strerror or str(error))


@dataclass(frozen=True, slots=True)
class Output:
    """Where tags go and how: `style` is table, jsonl or csv, None for what `path` suggests.

    `path` None is the screen.
    """

    style: str | None
    path: Path | None

    def resolved(self, several: bool) -> "Output":
        """Settle the style; raises OutputError where path and style do not go together."""
        suffix = self.path.suffix[1:].lower() if self.path else ""
        style = self.style or (suffix if suffix in WRITERS else "jsonl" if self.path else "table")
        if self.path and style == "table":
            raise OutputError("a table is for the screen: write a file as jsonl or csv")
        if self.path and several and (self.path.is_file() or suffix in WRITERS):
            raise OutputError(f"{self.path} is one file, but there are folders or several files to tag: name a folder")
        return Output(style, self.path)

    def place(self, tagged: Tagged, several: bool) -> Path:
        """The file of one document."""
        assert self.path
        if not several and not self.path.is_dir():
            return self.path
        return self.path / tagged.source.name.with_name(f"{tagged.source.name.name}.{self.style}")


def tag_paths(paths: Sequence[Path], predictor: Predictor, output: Output) -> list[Failure]:
    """Tag what the paths name, write as told, and give (and print to stderr) the documents that could not be done."""
    several = len(paths) > 1 or paths[0].is_dir()
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
    """One line a unit; topics joined by `;`, a column for every score."""
    writer = csv.writer(file, lineterminator="\n")
    names = ["document", "start", "end", "text", "heading", "role", "topics", "unsure"]
    if header:
        writer.writerow([*names, *ROLES, *TOPICS])
    for row in tagged.rows():
        cells = {**row, "topics": ";".join(row["topics"])}
        writer.writerow([*(cells[name] for name in names), *row["scores"].values()])


WRITERS: dict[str, Callable[[Tagged, TextIO], None]] = {"jsonl": write_jsonl, "csv": write_csv}


def write_file(tagged: Tagged, path: Path, style: str) -> None:
    """Write one document's file whole or not at all. A .csv begins with a BOM, without which Excel misreads Chinese."""
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
