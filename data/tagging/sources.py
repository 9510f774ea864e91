"""Paths as a user names them -> the documents to tag. Opens no file."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fazhi.data.readers import FORMATS

STDIN = Path("-")
NOT_FOUND, NOT_OPENED = "not-found", "not-opened"
_NO_REPORTS = (".", "~$")  # how the names of hidden files and of Word's lock files begin


@dataclass(frozen=True, slots=True)
class Source:
    """A document to tag: where it lies, and where below an output folder its tags go (without suffix)."""

    path: Path
    name: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be tagged; where a table tells it, with a code that stays and the reason in Chinese."""

    path: Path
    reason: str
    code: str = field(default=NOT_FOUND, compare=False)
    chinese: str = field(default="", compare=False)


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
            yield Failure(path, "no such file or folder", chinese="没有这个文件或文件夹。")


def _below(folder: Path) -> Iterator[Source | Failure]:
    """The files of a folder in order; where two differ in the suffix alone, their names keep it."""
    closed: list[OSError] = []
    walk = os.walk(folder, onerror=closed.append)  # links to folders are not followed
    found = sorted(file for root, _, names in walk for file in (Path(root, name) for name in names) if _is_report(file))
    for error in closed:
        reason = error.strerror or str(error)
        yield Failure(Path(error.filename), reason, NOT_OPENED, "文件夹无法打开，其中的文件未处理。")
    if not found and not closed:
        kinds = " ".join(FORMATS)
        yield Failure(
            folder, f"the folder holds no file of those that are read ({kinds})", chinese=f"没有可读的文件（{kinds}）。"
        )
    names = [file.relative_to(folder).with_suffix("") for file in found]
    times = Counter(names)
    for file, name in zip(found, names, strict=True):
        yield Source(file, name if times[name] == 1 else file.relative_to(folder))


def _is_report(file: Path) -> bool:
    """Whether a name is a report's; of a link to nothing it is said later that it cannot be opened."""
    named = file.suffix.lower() in FORMATS and not file.name.startswith(_NO_REPORTS)
    return named and (file.is_file() or (file.is_symlink() and not file.exists()))
