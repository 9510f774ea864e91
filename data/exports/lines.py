"""Tagged reports -> .csv and .jsonl, one line a sentence; written as they come, whatever their number."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from fazhi.data.exports.cells import guarded
from fazhi.data.exports.report import FailedFile, TaggedReport
from fazhi.model.labels import ROLES, TOPICS

COLUMNS = ("document", "start", "end", "text", "heading", "role", "topics", "unsure")
PLACES = ("headings", "page", "paragraph", "table", "furniture", "corrected")
SEPARATORS = {"topics": ";", "headings": " / ", "table": "."}


def write_jsonl(reports: Iterable[TaggedReport], path: Path) -> None:
    """One JSON object a unit, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for report in reports:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in report.rows())


def write_csv(reports: Iterable[TaggedReport], path: Path) -> None:
    """A header and one line a unit; the BOM tells Excel that it is UTF-8. A column for every label's score."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *ROLES, *TOPICS, *PLACES])
        for report in reports:
            for row in report.rows():
                cells = {name: joined(name, value) for name, value in row.items()}
                scores = [row["scores"].get(label, "") for label in (*ROLES, *TOPICS)]
                writer.writerow([*(cells[name] for name in COLUMNS), *scores, *(cells[name] for name in PLACES)])


def joined(name: str, value: object) -> object:
    """A field's value as one cell: a list in one text, a text that is no formula."""
    if isinstance(value, list):
        value = SEPARATORS[name].join(map(str, value))
    return guarded(value)


def write_failures(failures: Iterable[FailedFile], path: Path) -> None:
    """The files that could not be tagged, as a .csv."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["document", "code", "reason", "chinese"])
        for failure in failures:
            writer.writerow(map(guarded, (failure.name, failure.code, failure.reason, failure.chinese)))
