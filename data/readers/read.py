"""A file's bytes -> its reading: text in this process, every other format in a child. Knows limits and no parser."""

from dataclasses import replace
from pathlib import Path

from fazhi.data.readers.failures import Code, megabytes, refused
from fazhi.data.readers.isolate import parse_in_child
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.plain import read_plain
from fazhi.data.readers.reading import Reading
from fazhi.data.readers.sniff import Format, note_on_name, sniff

_USUAL = Limits()


def read_bytes(name: str, raw: bytes, limits: Limits = _USUAL) -> Reading:
    """Read a file by its content, whatever its name says; raises UnreadableError."""
    if len(raw) > limits.bytes:
        raise refused(Code.TOO_LARGE, limit=megabytes(limits.bytes))
    form = sniff(name, raw)
    reading = read_plain(raw, limits) if form is Format.TXT else parse_in_child(raw, form, limits)
    note = note_on_name(name, form)
    return replace(reading, notes=(note, *reading.notes)) if note else reading


def read_file(path: Path, limits: Limits = _USUAL) -> Reading:
    """Read a file of the disk; raises UnreadableError, and OSError as opening it does."""
    with path.open("rb") as file:
        return read_bytes(path.name, file.read(limits.bytes + 1), limits)
