"""A corpus folder -> documents with their gold units, every line checked. Knows files; does not know models."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets

from fazhi.data.schema import CorpusError, LabelledUnit, parse_line
from fazhi.model.labels import ROLES, TOPICS

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """A document's text as it was read and its gold units in order; `note` says what kind of document it is."""

    id: str
    split: str
    text: str
    units: tuple[LabelledUnit, ...]
    note: str


def read_corpus(root: Path) -> list[LabelledDocument]:
    """Read `root/index.jsonl` and the documents it lists; raises CorpusError at the first thing that is wrong."""
    index = root / "index.jsonl"
    if not index.is_file():
        raise CorpusError(index, None, "the list of a corpus' documents", "no such file")
    documents: list[LabelledDocument] = []
    seen: set[str] = set()
    for number, line in enumerate(_lines(index), 1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(index, number, "a JSON object", line[:80]) from error
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or entry.get("split") not in SPLITS:
            raise CorpusError(index, number, f"an id and a split of {', '.join(SPLITS)}", entry)
        if entry["id"] in seen:
            raise CorpusError(index, number, "each document once", entry["id"])
        seen.add(entry["id"])
        text, units = _read_document(root, entry["id"])
        if entry.get("units", len(units)) != len(units):
            raise CorpusError(
                index, number, f"{len(units)} units of {entry['id']}, as its label file has", entry["units"]
            )
        documents.append(
            LabelledDocument(entry["id"], entry["split"], text, units, entry.get("note") or entry.get("body", ""))
        )
    return documents


def _read_document(root: Path, name: str) -> tuple[str, tuple[LabelledUnit, ...]]:
    source, labels = root / "documents" / f"{name}.txt", root / "labels" / f"{name}.jsonl"
    for path in (source, labels):
        if not path.is_file():
            raise CorpusError(path, None, f"a file of document {name}", "no such file")
    text = _text(source)
    units: list[LabelledUnit] = []
    covered = 0
    number = 0
    for number, line in enumerate(_lines(labels), 1):
        unit = parse_line(line, labels, number)
        if not covered <= unit.start < unit.end <= len(text):
            raise CorpusError(labels, number, f"offsets from {covered} up to {len(text)}", [unit.start, unit.end])
        if text[unit.start : unit.end] != unit.text:
            raise CorpusError(labels, number, f"the document's text {text[unit.start : unit.end]!r}", unit.text)
        if unit.text != unit.text.strip():
            raise CorpusError(labels, number, "a unit without white space at its ends", unit.text)
        _check_gap(text[covered : unit.start], labels, number)
        covered = unit.end
        units.append(unit)
    _check_gap(text[covered:], labels, number)
    return text, tuple(units)


def _text(path: Path) -> str:
    """Decode the bytes of a file: read_text would make one character of a two-character line end and move offsets."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(path, None, "UTF-8", f"another encoding at byte {error.start}") from error
    except OSError as error:
        raise CorpusError(path, None, "a file that can be read", error.strerror) from error


def _lines(path: Path) -> list[str]:
    """Lines of a JSONL file, cut at line feeds only: splitlines cuts at U+2028 too, which may stand in texts."""
    lines = _text(path).replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _check_gap(gap: str, labels: Path, number: int) -> None:
    """Between units only white space may stand: every other character belongs to exactly one unit."""
    if gap.strip():
        raise CorpusError(labels, number, "every non-space character in a unit", gap.strip()[:80])


def as_dataset(documents: Iterable[LabelledDocument]) -> datasets.DatasetDict:
    """The documents as a DatasetDict by split: one row a document, so that no split can cut one."""
    unit = {
        "start": datasets.Value("int32"),
        "end": datasets.Value("int32"),
        "text": datasets.Value("string"),
        "heading": datasets.Value("bool"),
        "role": datasets.ClassLabel(names=list(ROLES)),
        "topics": datasets.List(datasets.ClassLabel(names=list(TOPICS))),
    }
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "note": datasets.Value("string"),
            "units": datasets.List(unit),
        }
    )
    rows: dict[str, list[dict[str, object]]] = {}
    for document in documents:
        rows.setdefault(document.split, []).append(_as_row(document))
    return datasets.DatasetDict(
        {split: datasets.Dataset.from_list(rows[split], features=features) for split in SPLITS if split in rows}
    )


def _as_row(document: LabelledDocument) -> dict[str, object]:
    units = [
        {
            "start": unit.start,
            "end": unit.end,
            "text": unit.text,
            "heading": unit.heading,
            "role": ROLES.index(unit.role),
            "topics": [TOPICS.index(topic) for topic in unit.topics],
        }
        for unit in document.units
    ]
    return {"id": document.id, "text": document.text, "note": document.note, "units": units}


def fingerprint(documents: Sequence[LabelledDocument]) -> str:
    """Sixteen hex digits that change when any text, offset, label or split does."""
    digest = hashlib.sha256()
    for document in sorted(documents, key=lambda document: document.id):
        digest.update(
            repr((document.id, document.split, document.text, document.units)).encode("utf-8", "surrogatepass")
        )
    return digest.hexdigest()[:16]
