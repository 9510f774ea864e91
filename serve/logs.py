"""Log records -> one line of JSON each, on stderr.

An exception is logged as its class and the places that it passed, never by its message or by a value: either can hold
a request's text. Whoever logs keeps to the same: a constant message, and facts in `extra`.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

FRAMES = 40  # innermost ones of an exception; a recursion has a thousand
CAUSES = 10

_ROOT = str(Path(__file__).parents[1])
_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_QUIET = {
    "python_multipart": logging.CRITICAL + 1,  # its lines show bytes of what was sent
    "alembic": logging.WARNING,  # tells of its parts at every start
}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_RAW = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # what JSON leaves as it is and a terminal or file may not


def configure(level: str) -> None:
    """Send every record of at least `level`, warnings and uvicorn's included, to stderr as JSON.

    Call it before uvicorn.Config, and give that log_config=None, or uvicorn takes its loggers back.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    for name in _UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)


class JsonFormatter(logging.Formatter):
    """Formats a record as a line of JSON, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Give time, level, logger and event, then the exception if there is one, then the extra fields."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": _event(record),
        }
        if record.exc_info and record.exc_info[1]:
            first, *causes = _chain(record.exc_info[1])
            fields |= _described(first)
            if causes:
                fields["causes"] = [_described(cause) for cause in causes]
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in fields}
        line = ", ".join(f"{_json(name)}: {_json(value)}" for name, value in (fields | extra).items())
        return _RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", f"{{{line}}}")


def _event(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:  # arguments that do not fit
        message = str(record.msg)
    if record.name == "asyncio":  # its other lines, and a callback's arguments, show values
        head, callback, _ = message.partition("\n")[0].partition(" callback")
        return head + callback
    return message.strip()


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=lambda other: type(other).__name__)
    except (TypeError, ValueError, RecursionError):  # keys that are no strings, no numbers, circles
        return json.dumps(type(value).__name__)


def _chain(error: BaseException) -> list[BaseException]:
    """An exception and what led to it: causes, contexts, and the members of groups."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) <= CAUSES:
        one = waiting.pop(0)
        if one is None or any(one is other for other in found):
            continue
        found.append(one)
        waiting.append(one.__cause__ if one.__suppress_context__ else one.__cause__ or one.__context__)
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
    return found


def _described(error: BaseException) -> dict[str, object]:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    frames = [
        f"{_relative(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {"exception": name, "at": frames[-FRAMES:]}


def _relative(filename: str) -> str:
    """A source file's path below the innermost folder that packages are imported from."""
    homes = {home.rstrip("/") + "/" for home in (_ROOT, *sys.path) if home}
    return filename.removeprefix(max((home for home in homes if filename.startswith(home)), key=len, default=""))
