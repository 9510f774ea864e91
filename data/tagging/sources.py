"""Paths as a user names them -> the documents to tag. Opens no file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fazhi.data.readers import FORMATS

STDIN = Path("-")
_NO_REPORTS = (".", "~$")  # how the names of hidden files and of Word's lock files begin


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


def find_sources(paths: Iterable[Path]) -> Iterator[Source | Failure]:
    """Files as they are named, folders with every file below them that can be read, `-` for standard input."""
    for path in paths:
        if path == STDIN:
            yield Source(path, Path("stdin"))
        elif path.is_dir():
            yield from _below(path)
        elif path.is_file():
            yield Source(path, Path(path.stem))
        else:
            yield Failure(path, "no such file or folder")


def _below(folder: Path) -> Iterator[Source | Failure]:
    """The files of a folder in order; where two differ in the suffix alone, their names keep it."""
    found = sorted(file for file in folder.rglob("*") if _is_report(file))
    if not found:
        yield Failure(folder, f"the folder holds no file of those that are read ({' '.join(FORMATS)})")
    names = [file.relative_to(folder).with_suffix("") for file in found]
    times = Counter(names)
    for file, name in zip(found, names, strict=True):
        yield Source(file, name if times[name] == 1 else file.relative_to(folder))


def _is_report(file: Path) -> bool:
    return file.suffix.lower() in FORMATS and not file.name.startswith(_NO_REPORTS) and file.is_file()
