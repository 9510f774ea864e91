"""What a process does that parses: it bounds itself, reads one file, writes one answer. Knows every format's parser."""

import json
import math
import os
import resource
import signal
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from fazhi.data.readers.failures import Code, UnreadableError, refused
from fazhi.data.readers.isolate import ANSWER, DOCUMENT, OUT_OF_MEMORY, seconds_for
from fazhi.data.readers.limits import MB, Limits
from fazhi.data.readers.office import convert
from fazhi.data.readers.reading import Reading
from fazhi.data.readers.sniff import THROUGH_OFFICE, Format

_MODULES = ("lxml.html", "pdfminer.image", *(f"fazhi.data.readers.{parser}" for parser in ("pdf", "web", "word")))
_CHAIN = 10  # errors followed back to the first
_NO_MEMORY = 2  # libxml2's number for it, which lxml hands on in a syntax error
_WRITTEN = 512 * MB  # as much as any file that is written may hold


def load_parsers() -> None:
    """Import all that parsing needs and read its tables, so that no fork has to."""
    from fazhi.data.readers.pages import load_tables
    from fazhi.model.normalize import normalize

    normalize("文")
    with suppress(ImportError):  # whoever asks for a file is told then
        load_tables()
        for name in _MODULES:
            import_module(name)


def parse(raw: bytes, form: Format, limits: Limits) -> Reading:
    """Parse a file that is not plain text; raises UnreadableError whatever is wrong with it."""
    try:
        if form is Format.PDF:
            from fazhi.data.readers.pdf import read_pdf

            return read_pdf(raw, limits)
        if form is Format.HTML:
            from fazhi.data.readers.web import read_web

            return read_web(raw, limits)
        from fazhi.data.readers.word import read_word

        return read_word(raw, limits)
    except UnreadableError:
        raise
    except ModuleNotFoundError as error:
        raise refused(Code.NOT_INSTALLED, form=form) from error
    except Exception as error:  # what parsers raise on hostile files is not to be foreseen
        if _lacked_memory(error):
            raise refused(Code.TOO_MUCH_MEMORY, limit=limits.memory_mb) from error
        raise refused(Code.DAMAGED) from error


def _lacked_memory(error: BaseException | None) -> bool:
    """Whether memory gave out, also where a parser made another error of it."""
    for _ in range(_CHAIN):
        if error is None:
            return False
        if isinstance(error, MemoryError) or getattr(error, "code", None) == _NO_MEMORY:
            return True
        error = error.__cause__ or error.__context__
    return False


def _bound(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (ceiling, hard))


def _answer(folder: Path, form: Format, limits: Limits) -> dict[str, Any]:
    try:
        path = folder / DOCUMENT
        raw = convert(path, form, folder, limits) if form in THROUGH_OFFICE else path.read_bytes()
        _bound(resource.RLIMIT_AS, limits.memory_mb * MB)
        reading = parse(raw, form, limits)
    except UnreadableError as error:
        fault = _fault(error.__cause__) if error.__cause__ else ""
        return {"code": error.code, "message": error.message, "chinese": error.chinese, "fault": fault}
    blocks = [
        (block.start, block.end, block.kind, block.place.page, block.place.paragraph, block.place.table)
        for block in reading.blocks
    ]
    return {"text": reading.text, "blocks": blocks, "notes": reading.notes}


def _fault(error: BaseException) -> str:
    """Name an error and where it arose, and nothing of the file's content."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-3:]]
    return " ".join((type(error).__name__, *places))


def read_in(folder: Path, form: Format, limits: Limits) -> None:
    """Read the folder's document and write the answer beside it."""
    os.chdir(folder)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, _WRITTEN)
    seconds = math.ceil(seconds_for(form, limits))
    _bound(resource.RLIMIT_CPU, seconds)
    signal.alarm(seconds + 1)  # for the case that nobody keeps watch any more
    try:
        answer = json.dumps(_answer(folder, form, limits), ensure_ascii=False)
        (folder / ANSWER).write_text(answer, encoding="utf-8")
    except MemoryError:  # outside the parser
        os._exit(OUT_OF_MEMORY)
