"""One line of a label file <-> one labelled unit. Knows the format and the labels; does not know the document."""

import json
from dataclasses import dataclass
from pathlib import Path

from fazhi.model.errors import FazhiError
from fazhi.model.labels import Role, Topic
from fazhi.model.units import Unit


@dataclass(frozen=True, slots=True)
class LabelledUnit(Unit):
    """A unit with its gold labels; topics stand in the order of the labels' enum."""

    role: Role
    topics: tuple[Topic, ...]


class CorpusError(FazhiError):
    """A corpus file says something it must not; the message names file, line, what was expected and what was found."""

    def __init__(self, path: Path, line: int | None, expected: str, found: object) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: expected {expected}, found {found!r}")


FIELDS = {"start": int, "end": int, "text": str, "role": str, "topics": list, "heading": bool}


def parse_line(line: str, path: Path, number: int) -> LabelledUnit:
    """Read one line of a label file; raises CorpusError."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusError(path, number, "a JSON object", line[:80]) from error
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        raise CorpusError(
            path, number, f"the fields {', '.join(FIELDS)}", sorted(row) if isinstance(row, dict) else row
        )
    for name, kind in FIELDS.items():
        if type(row[name]) is not kind:
            raise CorpusError(path, number, f"{name} of type {kind.__name__}", row[name])
    if row["role"] not in list(Role):
        raise CorpusError(path, number, f"a role of {', '.join(Role)}", row["role"])
    for topic in row["topics"]:
        if topic not in list(Topic):
            raise CorpusError(path, number, f"topics of {', '.join(Topic)}", topic)
    if len(set(row["topics"])) != len(row["topics"]):
        raise CorpusError(path, number, "each topic once", row["topics"])
    topics = tuple(topic for topic in Topic if topic in row["topics"])
    return LabelledUnit(row["start"], row["end"], row["text"], row["heading"], Role(row["role"]), topics)


def format_line(unit: LabelledUnit) -> str:
    """Write one line of a label file, without its line end; parse_line reads it back."""
    row = {
        "start": unit.start,
        "end": unit.end,
        "text": unit.text,
        "role": unit.role,
        "topics": list(unit.topics),
        "heading": unit.heading,
    }
    return json.dumps(row, ensure_ascii=False)
