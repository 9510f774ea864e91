"""Documents with their labels <-> the files of Label Studio and doccano. Knows the formats; does not know the store."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from fazhi.data.feedback.records import FeedbackError, Label, StoredDocument, StoredLabel
from fazhi.model.labels import ROLES, TOPICS

ROLE, TOPIC, TEXT = "role", "topics", "text"  # the controls of a Label Studio project
COLOURS = ("#2e7d32", "#c62828", "#1565c0", "#757575", "#6a1b9a", "#ad6200", "#00695c", "#ad1457")


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled stretch of a text as a tool gives it; `quoted` is the text that the tool saw there."""

    start: int
    end: int
    label: Label
    quoted: str | None = None


@dataclass(frozen=True, slots=True)
class Annotated:
    """What people said of a document in another tool.

    `revisions` are those of its judged units (as START:END) when it was exported; None where the tool lost them.
    """

    sha256: str | None
    text: str
    marks: tuple[Mark, ...]
    revisions: Mapping[str, int] | None


Kept = tuple[StoredDocument, Sequence[StoredLabel]]


@dataclass(frozen=True, slots=True)
class Format:
    """How a tool's files are written and read; `setup` is what its project is to be made with, as file suffix and text.

    `read` raises FeedbackError.
    """

    write: Callable[[Iterable[Kept]], str]
    read: Callable[[str], Iterator[Annotated]]
    setup: tuple[str, str]


def revisions_of(labels: Iterable[StoredLabel]) -> dict[str, int]:
    """Which units are judged, and how often they were changed."""
    return {f"{label.start}:{label.end}": label.revision for label in labels if label.revision}


def read_annotated(path: Path, form: Format) -> list[Annotated]:
    """Everything in a tool's file; raises FeedbackError, which names the file."""
    try:
        return list(form.read(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise FeedbackError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FeedbackError(f"{path}: not UTF-8 at byte {error.start}") from error
    except (FeedbackError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error) if isinstance(error, FeedbackError) else f"not as the tool writes it ({error!r})"
        raise FeedbackError(f"{path}: {reason}") from error


def write_file(kept: Iterable[Kept], path: Path, form: Format) -> Path:
    """Write a tool's file and, beside it, what its project is to be made with; gives the latter's path."""
    suffix, setup = form.setup
    beside = path.with_name(path.stem + suffix)
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
    tasks = json.loads(content)
    if not isinstance(tasks, list):
        raise FeedbackError("expected a list of tasks: export as JSON, not as JSON-MIN or CSV")
    for task in tasks:
        done = [one for one in task.get("annotations", []) if not one.get("was_cancelled")]
        if done:
            told = task["data"]
            yield _annotated(told, told["text"], _marks(done[-1]["result"]))


def _marks(regions: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    topics: dict[str, list[str]] = {}
    for region in regions:
        if region.get("from_name") == TOPIC:
            topics[region["id"]] = region["value"]["choices"]
    for region in regions:
        if region.get("from_name") == ROLE:
            value = region["value"]
            label = _label([*value["labels"], *topics.get(region["id"], [])])
            yield Mark(int(value["start"]), int(value["end"]), label, value.get("text"))


def write_doccano(kept: Iterable[Kept]) -> str:
    """Lines for a project of sequence labelling in which labels may overlap: a stretch has its role and its topics."""
    lines = []
    for document, labels in kept:
        spans = [[label.start, label.end, str(name)] for label in labels for name in (label.role, *label.topics)]
        lines.append(json.dumps(_told(document, labels) | {"label": spans}, ensure_ascii=False) + "\n")
    return "".join(lines)


def read_doccano(content: str) -> Iterator[Annotated]:
    """Each line's stretches; the versions of the tool name their fields differently."""
    for line in content.split("\n"):
        if not line.strip():
            continue
        row = json.loads(line)
        told = {**row, **(row.get("meta") or {}), **(row.get("metadata") or {})}
        names: dict[tuple[int, int], list[str]] = {}
        for start, end, name in _spans(row):
            names.setdefault((start, end), []).append(name)
        marks = (Mark(*place, _label(given)) for place, given in sorted(names.items()))
        yield _annotated(told, row["text"] if "text" in row else row["data"], marks)


def _spans(row: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    for span in row.get("label") or row.get("labels") or row.get("entities") or []:
        if isinstance(span, dict):
            yield span["start_offset"], span["end_offset"], span["label"]
        else:
            yield span[0], span[1], span[2]


def _annotated(told: Mapping[str, Any], text: Any, marks: Iterable[Mark]) -> Annotated:
    """A document with what the tool gave back of what it was told; raises FeedbackError."""
    if not isinstance(text, str):
        raise FeedbackError(f"expected a text, found {text!r}")
    sha256, revisions = told.get("sha256"), told.get("revisions")
    return Annotated(
        sha256 if isinstance(sha256, str) else None,
        text,
        tuple(marks),
        revisions if isinstance(revisions, dict) else None,
    )


def _label(names: Sequence[str]) -> Label:
    """One role and any topics; raises FeedbackError."""
    roles = [role for role in ROLES if role in names]
    strange = [name for name in names if name not in (*ROLES, *TOPICS)]
    if strange or len(roles) != 1:
        found = " ".join(names)
        raise FeedbackError(
            f"expected one role of {', '.join(ROLES)} and topics of {', '.join(TOPICS)}, found {found!r}"
        )
    return Label(roles[0], tuple(topic for topic in TOPICS if topic in names))


def _interface() -> str:
    """The labelling interface of a Label Studio project."""
    roles = [
        f"    <Label value={quoteattr(role)} background={quoteattr(colour)} hotkey={quoteattr(str(key))}/>"
        for key, (role, colour) in enumerate(zip(ROLES, COLOURS, strict=False), 1)
    ]
    topics = [f"    <Choice value={quoteattr(topic)}/>" for topic in TOPICS]
    lines = [
        "<View>",
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
    "label-studio": Format(write_label_studio, read_label_studio, (".xml", _interface())),
    "doccano": Format(write_doccano, read_doccano, (".labels.json", _label_list())),
}
