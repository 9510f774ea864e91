"""A file's bytes -> its reading: text in this process, every other format in a child. Knows limits and no parser."""

import re
from dataclasses import replace
from pathlib import Path

from fazhi.data.readers.failures import Code, megabytes, refused
from fazhi.data.readers.isolate import Stop, parse_in_child
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.plain import read_plain
from fazhi.data.readers.reading import Reading
from fazhi.data.readers.sniff import Format, note_on_name, sniff

_USUAL = Limits()
_CHINESE = re.compile("[㐀-鿿豈-\ufaff]")
_LOOKED_AT, _ENOUGH, _LEAST_CHINESE = 20_000, 100, 0.1


def read_bytes(name: str, raw: bytes, limits: Limits = _USUAL, stop: Stop | None = None) -> Reading:
    """Read a file by its content, whatever its name says, until `stop` is set; raises UnreadableError."""
    if len(raw) > limits.bytes:
        raise refused(Code.TOO_LARGE, limit=megabytes(limits.bytes))
    form = sniff(name, raw)
    reading = read_plain(raw, limits) if form is Format.TXT else parse_in_child(raw, form, limits, stop or Stop())
    notes = (note_on_name(name, form), *reading.notes, _note_on_text(reading.text))
    return replace(reading, notes=tuple(filter(None, notes)))


def _note_on_text(text: str) -> str:
    """Say that a text holds hardly any Chinese, as one does whose letters were not understood; "" if it does not."""
    looked_at = text[:_LOOKED_AT]
    letters, chinese = len("".join(looked_at.split())), len(_CHINESE.findall(looked_at))
    if letters < _ENOUGH or chinese >= letters * _LEAST_CHINESE:
        return ""
    return "文中几乎没有汉字，文字可能未能正确识别，请核对 (hardly any Chinese in the text: check it)"


def read_file(path: Path, limits: Limits = _USUAL) -> Reading:
    """Read a file of the disk; raises UnreadableError, and OSError as opening it does."""
    with path.open("rb") as file:
        return read_bytes(path.name, file.read(limits.bytes + 1), limits)
