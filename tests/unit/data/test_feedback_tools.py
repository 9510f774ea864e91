"""Files as Label Studio and doccano really write them: every field of an export, its .zip, its ways of counting."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.feedback import FeedbackError, Label, Store, StoredDocument, StoredUnit
from fazhi.data.feedback.exchange import FORMATS, read_annotated, write_file
from fazhi.data.feedback.imports import Imported, Who, import_annotated
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment

# Line ends of two characters, one beyond UTF-16's first plane, an accent of its own, and runs of spaces.
TEXT = (
    "𠮷县  情况报告\r\n开展执法检查86次；办理𠮷件复议案件。\r\n\r\n举办cafe\u0301讲座3 场，  参加90人。\r\n将办讲座。"
)
SAID = Prediction(Role.OTHER, (), (0.1, 0.1, 0.1, 0.7), (0.0, 0.0, 0.0, 0.0), False)
UNITS = tuple(StoredUnit(unit.start, unit.end, unit.heading, SAID) for unit in segment(TEXT))
DOCUMENT = StoredDocument("吉县.docx", TEXT, "m1", UNITS)
TOOLS = Who("a tool")
PLAN = Label(Role.PLAN, (Topic.LEGAL_EDUCATION,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(str(tmp_path / "feedback.db"))
    opened.keep(DOCUMENT)
    yield opened
    opened.close()


def given(store: Store, tool: str, folder: Path) -> Any:
    """What the tool is given of the document."""
    path = folder / "out.json"
    write_file([(DOCUMENT, store.labels(DOCUMENT.sha256))], path, FORMATS[tool])
    content = json.loads(path.read_text(encoding="utf-8"))
    return content[0] if tool == "label-studio" else content


def taken(store: Store, tool: str, path: Path, raw: bytes) -> Imported:
    path.write_bytes(raw)
    return import_annotated(store, read_annotated(path, FORMATS[tool]), TOOLS)


def as_lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def packed(**files: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, raw in files.items():
            writer.writestr(name, raw)
    return archive.getvalue()


def shown(text: str) -> str:
    """A stretch of text as Label Studio's page shows it and writes it down."""
    return re.sub("[\r\n]", r"\\n", re.sub(" +", " ", text))


def label_studio_export(task: Any, role: str, *topics: str) -> Any:
    """A task in which every unit was given these labels, with all that an export holds."""
    result = []
    for number, unit in enumerate(UNITS):
        place = {"start": unit.start, "end": unit.end, "text": shown(TEXT[unit.start : unit.end])}
        common = {"id": f"Dx_aB9{number}", "to_name": "text", "origin": "prediction-changed"}
        result.append({**common, "from_name": "role", "type": "labels", "value": {**place, "labels": [role]}})
        if topics:
            value = {**place, "choices": list(topics)}
            result.append({**common, "from_name": "topics", "type": "choices", "value": value})
    result.append({"type": "choices", "id": "w", "from_name": "whole", "to_name": "text", "value": {"choices": ["x"]}})
    annotation = {
        **{"id": 12, "completed_by": 1, "result": result, "was_cancelled": False, "ground_truth": False},
        **{"created_at": "2024-03-01T04:00:00Z", "updated_at": "2024-03-01T04:00:00Z", "lead_time": 31.2},
        **{"prediction": {}, "result_count": len(result), "unique_id": "0b2f", "import_id": None, "last_action": None},
        **{"bulk_created": False, "task": 7, "project": 2, "updated_by": 1, "parent_prediction": 5},
        **{"parent_annotation": None, "last_created_by": None, "draft_created_at": None},
    }
    return {
        **{"id": 7, "annotations": [annotation], "file_upload": "0a1b-out.json", "drafts": [], "predictions": [5]},
        **{"data": task["data"], "meta": {}, "created_at": "2024-03-01T03:00:00Z", "inner_id": 1, "project": 2},
        **{"total_annotations": 1, "cancelled_annotations": 0, "total_predictions": 1, "comment_count": 0},
        **{"unresolved_comment_count": 0, "last_comment_updated_at": None, "comment_authors": [], "updated_by": 1},
    }


def test_a_whole_export_of_label_studio_is_understood(store: Store, tmp_path: Path) -> None:
    export = label_studio_export(given(store, "label-studio", tmp_path), "计划", "普法")
    unused = {**export, "annotations": []}
    export["annotations"][0]["result"].append({"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"})
    raw = json.dumps([unused, export], ensure_ascii=False).encode()
    assert taken(store, "label-studio", tmp_path / "in.json", raw) == Imported(len(UNITS), 0)
    assert {label.label for label in store.labels(DOCUMENT.sha256)} == {PLAN}
    assert [(label.start, label.end) for label in store.labels(DOCUMENT.sha256)] == [(u.start, u.end) for u in UNITS]


def test_a_region_without_label_is_told_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    export = label_studio_export(given(store, "label-studio", tmp_path), "计划")
    del export["annotations"][0]["result"][2]["value"]["labels"]
    outcome = taken(store, "label-studio", tmp_path / "in.json", json.dumps([export]).encode())
    assert outcome.corrected == len(UNITS) - 1
    assert f"[{UNITS[2].start}, {UNITS[2].end}): expected one role" in outcome.problems[0]


def of_both(tool: str, row: Any, name: str) -> Any:
    return label_studio_export(row, name) if tool == "label-studio" else {**row, "label": spans(name)}


def spans(*names: str, place: Callable[[int], int] = lambda index: index) -> list[list[Any]]:
    return [[place(unit.start), place(unit.end), name] for unit in UNITS for name in names]


def doccano_row(row: Any, **other: Any) -> Any:
    """A line of an export: what the tool was told stands beside what it knows."""
    told = {key: value for key, value in row.items() if key != "label"}
    return {"id": 41, **told, "label": [], "Comments": [], **other}


def test_what_each_member_says_in_doccano_is_theirs(store: Store, tmp_path: Path) -> None:
    row = given(store, "doccano", tmp_path)
    first, second = spans("计划", "普法")[:4], spans("问题")[1:3]
    files = {
        "审核员甲.jsonl": as_lines(doccano_row(row, label=first)),
        "审核员乙.jsonl": as_lines(doccano_row(row, label=second)),
    }
    outcome = taken(store, "doccano", tmp_path / "project.zip", packed(**files, **{"__MACOSX/._审核员甲.jsonl": b"\0"}))
    assert outcome.corrected == 3
    assert len(outcome.problems) == 1  # both have judged one unit, and the second is told what stands
    assert {label.user for label in store.labels(DOCUMENT.sha256)} == {None, "审核员甲", "审核员乙"}


def test_what_members_say_together_has_the_name_that_is_given(store: Store, tmp_path: Path) -> None:
    row = doccano_row(given(store, "doccano", tmp_path), label=spans("计划", "普法"))
    raw = packed(**{"all.jsonl": as_lines(row)})
    assert taken(store, "doccano", tmp_path / "project.zip", raw) == Imported(len(UNITS), 0)
    assert {(label.label, label.user) for label in store.labels(DOCUMENT.sha256)} == {(PLAN, "a tool")}


def test_a_project_with_relations_names_its_stretches_otherwise(store: Store, tmp_path: Path) -> None:
    unit = UNITS[1]
    named = {"start_offset": unit.start, "end_offset": unit.end}
    entities = [{"id": 1, "label": "普法", **named}, {"id": 2, "label": "计划", **named}]
    row = doccano_row(given(store, "doccano", tmp_path), entities=entities, relations=[])
    assert taken(store, "doccano", tmp_path / "in.jsonl", as_lines(row)) == Imported(1, 0)
    assert store.labels(DOCUMENT.sha256)[1].label == PLAN


def as_utf16(index: int) -> int:
    return len(TEXT[:index].encode("utf-16-le")) // 2


def as_readers(index: int) -> int:
    return len(TEXT[:index].replace("\r\n", "\n").replace("e\u0301", "é"))


@pytest.mark.parametrize("place", [as_utf16, as_readers])
def test_whatever_a_tool_counts_the_units_are_found(store: Store, place: Callable[[int], int], tmp_path: Path) -> None:
    assert [place(unit.start) for unit in UNITS] != [unit.start for unit in UNITS]
    row = doccano_row(given(store, "doccano", tmp_path), label=spans("计划", place=place))
    assert taken(store, "doccano", tmp_path / "in.jsonl", as_lines(row)) == Imported(len(UNITS), 0)


def test_a_document_is_counted_in_one_way(store: Store, tmp_path: Path) -> None:
    """By characters the eighth unit begins where, by what a reader calls one, the ninth does."""
    text = "\r\n".join(["甲乙丙丁戊。"] * 9)
    units = tuple(StoredUnit(unit.start, unit.end, unit.heading, SAID) for unit in segment(text))
    rows = StoredDocument("同", text, "m1", units)
    store.keep(rows)
    assert [unit.start for unit in units] == list(range(0, 72, 8))
    label = [[7 * number, 7 * number + 6, "计划"] for number in range(9)]
    assert {start for start, _, _ in label} & {unit.start for unit in units} == {0, 56}
    raw = as_lines({"text": text, "label": label, "sha256": rows.sha256, "revisions": {}})
    assert taken(store, "doccano", tmp_path / "in.jsonl", raw) == Imported(9, 0)


@pytest.mark.parametrize("tool", list(FORMATS))
def test_what_goes_out_comes_back_unit_for_unit(store: Store, tool: str, tmp_path: Path) -> None:
    row = of_both(tool, given(store, tool, tmp_path), "其他")
    raw = json.dumps([row]).encode() if tool == "label-studio" else as_lines(row)
    assert taken(store, tool, tmp_path / "in", raw) == Imported(0, len(UNITS))
    assert store.history(DOCUMENT.sha256) == []


CUT = packed(**{"all.jsonl": b"{}"})[:40]
CLASSIFIED = as_lines({"id": 1, "text": "文字。", "label": ["计划"]})


@pytest.mark.parametrize(
    ("tool", "raw", "said"),
    [
        ("label-studio", b'[{"id": 1, "text": "x", "role": [{"start": 0, "end": 1, "labels": ["y"]}]}]', "JSON-MIN"),
        ("label-studio", b'{"text": "x"}', "a list of tasks"),
        ("label-studio", b'[{"data": {"words": "x"}, "annotations": [{"result": []}]}]', "task 1: .*'text'"),
        ("label-studio", b"[" * 100_000, "the file: not as the tool writes it"),
        ("doccano", as_lines({"text": "x", "label": []}) + b'{"text": ', "line 2: not as the tool writes it"),
        ("doccano", CLASSIFIED, "line 1: not as the tool writes it"),
        ("doccano", as_lines({"text": "x", "label": [["a", "b", "c"]]}), "line 1"),
        ("doccano", as_lines([1]), "line 1"),
        ("doccano", packed(**{"all.csv": b"x"}), r"no \.json or \.jsonl"),
        ("doccano", packed(**{"审核员甲.jsonl": b"\xff"}), r"审核员甲\.jsonl: not UTF-8"),
        ("doccano", packed(), r"no \.json or \.jsonl"),
        ("doccano", CUT, "cannot be unpacked"),
    ],
)
def test_a_file_that_is_no_export_is_named_in_one_line(tool: str, raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "in.file"
    path.write_bytes(raw)
    with pytest.raises(FeedbackError, match=said) as caught:
        read_annotated(path, FORMATS[tool])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_studio_project_with_other_controls_is_named(store: Store, tmp_path: Path) -> None:
    export = label_studio_export(given(store, "label-studio", tmp_path), "计划")
    for region in export["annotations"][0]["result"]:
        region["from_name"] = "ner"
    with pytest.raises(FeedbackError, match="control 'role'"):
        taken(store, "label-studio", tmp_path / "in.json", json.dumps([export]).encode())
