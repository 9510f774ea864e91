"""A folder that holds an encoder: it appears whole or not at all, with the sums of its files beside them."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from fazhi.model.checkpoint import CARD, SUMS, sha256, write_sums
from fazhi.model.errors import FazhiError


class EncoderError(FazhiError):
    """The encoder cannot be had; the message is one sentence with the way out."""


def write_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """Put a folder that `fill` writes, with SHA256SUMS, in the place of `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        fill(new)
        write_sums(new)
        if _same(new, folder):  # another process was faster
            return
        if folder.exists():
            folder.rename(Path(scratch) / "replaced")
        new.rename(folder)


def damaged(folder: Path, needed: Iterable[str]) -> str | None:
    """Name the first file that is not as SHA256SUMS has it, or that is needed and has no sum; None if all are well."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return SUMS
    sums = {name: expected for expected, _, name in (line.partition("  ") for line in lines)}
    for name in needed:
        if name not in sums:
            return name
    return next((name for name, expected in sums.items() if _sum(folder / name) != expected), None)


def keep_others(folder: Path, mark: str) -> None:
    """Raise EncoderError rather than replace a folder that holds something, and not the file `mark`."""
    if folder.exists() and not (folder / mark).is_file() and (folder.is_file() or any(folder.iterdir())):
        raise EncoderError(f"{folder} holds something else than an encoder and is not replaced: name another folder")


def _sum(path: Path) -> str | None:
    try:
        return sha256(path)
    except OSError:
        return None


def _same(new: Path, folder: Path) -> bool:
    """Whether `folder` holds the same files, card and all, undamaged."""
    for name in (SUMS, CARD):
        ours, theirs = (path.read_bytes() if path.is_file() else None for path in (new / name, folder / name))
        if ours != theirs:
            return False
    return damaged(folder, ()) is None
