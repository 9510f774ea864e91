"""Documents with their labels <-> the files of Label Studio and doccano. Knows the formats; does not know the store."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any
from xml.sax.saxutils import quoteattr

from fazhi.data.feedback.records import FeedbackError, StoredDocument, StoredLabel
from fazhi.model.labels import ROLES, TOPICS

ROLE, TOPIC, TEXT = "role", "topics", "text"  # the controls of a Label Studio project
COLOURS = ("#2e7d32", "#c62828", "#1565c0", "#757575", "#6a1b9a", "#ad6200", "#00695c", "#ad1457")
TOGETHER = "all"  # doccano's file of a project whose members label together; else there is one named after each


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text with the names that people gave it in a tool; `quoted` is the text that the tool saw there.

    Places are counted as the tool counts them.
    """

    start: int
    end: int
    names: tuple[str, ...]
    quoted: str | None = None


@dataclass(frozen=True, slots=True)
class Annotated:
    """What people said of a document in another tool; `user` is who, where the tool tells.

    `revisions` are those of its judged units (as START:END) when it was exported; None where the tool lost them.
    """

    sha256: str | None
    text: str
    marks: tuple[Mark, ...]
    revisions: Mapping[str, int] | None
    user: str | None = None


Kept = tuple[StoredDocument, Sequence[StoredLabel]]


@dataclass(frozen=True, slots=True)
class Format:
    """How a tool's files are written and read. `setup` is what its project is to be made with, as file suffix and text.

    `project` says the rest of it to a person. `read` raises FeedbackError.
    """

    write: Callable[[Iterable[Kept]], str]
    read: Callable[[str], Iterator[Annotated]]
    setup: tuple[str, str]
    project: str


def revisions_of(labels: Iterable[StoredLabel]) -> dict[str, int]:
    """Which units are judged, and how often they were changed."""
    return {f"{label.start}:{label.end}": label.revision for label in labels if label.revision}


def read_annotated(path: Path, form: Format) -> list[Annotated]:
    """Everything in a tool's file, or in the files of its .zip; raises FeedbackError, which names the file."""
    found: list[Annotated] = []
    try:
        files = _unpacked(path.read_bytes())
    except OSError as error:
        raise FeedbackError(f"{path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise FeedbackError(f"{path}: cannot be unpacked ({error})") from error
    if not files:
        raise FeedbackError(f"{path}: holds no .json or .jsonl file")
    for name, raw in files.items():
        place, user = (path / name, PurePath(name).stem) if name else (path, TOGETHER)
        try:
            read = list(form.read(raw.decode("utf-8-sig")))
        except UnicodeDecodeError as error:
            raise FeedbackError(f"{place}: not UTF-8 at byte {error.start}") from error
        except FeedbackError as error:
            raise FeedbackError(f"{place}: {error}") from error
        found += (replace(one, user=None if user == TOGETHER else user) for one in read)
    return found


def _unpacked(raw: bytes) -> dict[str, bytes]:
    """The files of a .zip, as doccano sends it, by their names; any other file is its own, without a name."""
    if not raw.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return {"": raw}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        listed = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
        names = sorted(name for name in listed if name.endswith((".jsonl", ".json")))
        return {name: archive.read(name) for name in names}


@contextmanager
def _understood(place: str) -> Iterator[None]:
    """Say of what cannot be read where it stands."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FeedbackError(f"{place}: not as the tool writes it ({error!r})") from error


def write_file(kept: Iterable[Kept], path: Path, form: Format) -> Path:
    """Write a tool's file and, beside it, what its project is to be made with; gives the latter's path."""
    suffix, setup = form.setup
    beside = path.with_name(path.stem + suffix)
    if beside == path:
        raise FeedbackError(f"{path}: a file of this name goes beside it, for the project: name it .json or .jsonl")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(form.write(kept), encoding="utf-8", newline="")
        beside.write_text(setup, encoding="utf-8", newline="")
    except OSError as error:
        raise FeedbackError(f"{path}: {error.strerror or error}") from error
    return beside


def write_label_studio(kept: Iterable[Kept]) -> str:
    """Tasks: the labels that stand as a prediction, those of people as an annotation."""
    tasks = []
    for document, labels in kept:
        judged = [label for label in labels if label.revision]
        task: dict[str, Any] = {
            "data": _told(document, labels),
            "predictions": [{"model_version": document.model, "result": _regions(document, labels)}],
        }
        if judged:
            task["annotations"] = [{"result": _regions(document, judged)}]
        tasks.append(task)
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def _told(document: StoredDocument, labels: Iterable[StoredLabel]) -> dict[str, Any]:
    """A document as a tool is to keep it and give it back."""
    return {
        "text": document.text,
        "name": document.name,
        "sha256": document.sha256,
        "model": document.model,
        "revisions": revisions_of(labels),
    }


def _regions(document: StoredDocument, labels: Iterable[StoredLabel]) -> list[dict[str, Any]]:
    regions: list[dict[str, Any]] = []
    for label in labels:
        place = {"start": label.start, "end": label.end, "text": document.text[label.start : label.end]}
        common = {"id": f"{label.start}-{label.end}", "to_name": TEXT}
        role = {"from_name": ROLE, "type": "labels", "value": {**place, "labels": [str(label.role)]}}
        regions.append(common | role)
        if label.topics:
            topics = [str(topic) for topic in label.topics]
            regions.append(common | {"from_name": TOPIC, "type": "choices", "value": {**place, "choices": topics}})
    return regions


def read_label_studio(content: str) -> Iterator[Annotated]:
    """Each task's last annotation that was not cancelled; tasks without one are passed over."""
    with _understood("the file"):
        tasks = json.loads(content)
    if not isinstance(tasks, list):
        raise FeedbackError("expected a list of tasks: export as JSON, not as JSON-MIN or CSV")
    for number, task in enumerate(tasks, 1):
        with _understood(f"task {number}"):
            if "data" not in task:
                raise FeedbackError(f"task {number}: expected data and annotations: export as JSON, not as JSON-MIN")
            done = [one for one in task.get("annotations") or [] if not one.get("was_cancelled")]
            annotated = _annotated(task["data"], task["data"][TEXT], _marks(done[-1]["result"])) if done else None
        if annotated:
            yield annotated


def _marks(regions: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    named = [region for region in regions if "start" in region.get("value", {})]  # a relation has none
    if named and not any(region["from_name"] == ROLE for region in named):
        raise FeedbackError(f"no region has the control {ROLE!r}: set the project up with the .xml of the export")
    topics = {region["id"]: region["value"]["choices"] for region in named if region["from_name"] == TOPIC}
    for region in named:
        if region["from_name"] == ROLE:
            value = region["value"]
            names = (*value.get("labels", []), *topics.get(region["id"], []))
            yield Mark(int(value["start"]), int(value["end"]), tuple(map(str, names)), value.get("text"))


def write_doccano(kept: Iterable[Kept]) -> str:
    """Lines for a project of sequence labelling in which labels may overlap: a stretch has its role and its topics."""
    lines = []
    for document, labels in kept:
        spans = [[label.start, label.end, str(name)] for label in labels for name in (label.role, *label.topics)]
        lines.append(json.dumps(_told(document, labels) | {"label": spans}, ensure_ascii=False) + "\n")
    return "".join(lines)


def read_doccano(content: str) -> Iterator[Annotated]:
    """Each line's stretches; the versions of the tool name their fields differently."""
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            with _understood(f"line {number}"):
                annotated = _of_doccano(json.loads(line))
            yield annotated


def _of_doccano(row: Mapping[str, Any]) -> Annotated:
    told = {**row, **(row.get("meta") or {}), **(row.get("metadata") or {})}
    names: dict[tuple[int, int], list[str]] = {}
    for start, end, name in _spans(row):
        names.setdefault((int(start), int(end)), []).append(str(name))
    marks = (Mark(*place, tuple(given)) for place, given in sorted(names.items()))
    return _annotated(told, row[TEXT] if TEXT in row else row["data"], marks)


def _spans(row: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    for span in row.get("label") or row.get("labels") or row.get("entities") or []:
        if isinstance(span, dict):
            yield span["start_offset"], span["end_offset"], span["label"]
        else:
            start, end, name = span
            yield start, end, name


def _annotated(told: Mapping[str, Any], text: Any, marks: Iterable[Mark]) -> Annotated:
    """A document with what the tool gave back of what it was told; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"expected a text, found {text!r}")
    sha256, revisions = told.get("sha256"), told.get("revisions")
    return Annotated(
        sha256 if isinstance(sha256, str) else None,
        text,
        tuple(marks),
        revisions if isinstance(revisions, dict) else None,
    )


def _interface() -> str:
    """The labelling interface of a Label Studio project."""
    roles = [
        f"    <Label value={quoteattr(role)} background={quoteattr(colour)} hotkey={quoteattr(str(key))}/>"
        for key, (role, colour) in enumerate(zip(ROLES, COLOURS, strict=False), 1)
    ]
    topics = [f"    <Choice value={quoteattr(topic)}/>" for topic in TOPICS]
    lines = [
        "<View>",
        f"  <Style>.htx-{TEXT} {{ white-space: pre-wrap; }}</Style>",
        f'  <Labels name="{ROLE}" toName="{TEXT}" choice="single">',
        *roles,
        "  </Labels>",
        f'  <Choices name="{TOPIC}" toName="{TEXT}" perRegion="true" choice="multiple" showInline="true">',
        *topics,
        "  </Choices>",
        f'  <Text name="{TEXT}" value="${TEXT}"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def _label_list() -> str:
    """The labels of a doccano project."""
    named = zip((*ROLES, *TOPICS), COLOURS, strict=True)
    rows = [{"text": str(name), "background_color": colour, "text_color": "#ffffff"} for name, colour in named]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


FORMATS: Mapping[str, Format] = {
    "label-studio": Format(
        write_label_studio, read_label_studio, (".xml", _interface()), "its labelling interface; export it as JSON"
    ),
    "doccano": Format(
        write_doccano,
        read_doccano,
        (".labels.json", _label_list()),
        "its labels: sequence labelling, with overlapping spans allowed",
    ),
}
