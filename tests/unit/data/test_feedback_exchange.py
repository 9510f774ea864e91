"""Label Studio and doccano: what goes out comes back, and what people changed there becomes corrections."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fazhi.data.feedback import Correction, FeedbackError, Label, Store, StoredDocument, StoredUnit
from fazhi.data.feedback.exchange import FORMATS, Annotated, Mark, read_annotated, write_file
from fazhi.data.feedback.imports import Imported, Who, import_annotated
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment

TEXT = "𠮷县情况报告\n开展执法检查86次；办理𠮷件复议案件。\n“100%”培训<一次>。"
SAID = Prediction(Role.OTHER, (Topic.ENFORCEMENT,), (0.1, 0.1, 0.1, 0.7), (0.9, 0.0, 0.0, 0.0), False)
LI = Who("审核员乙")
BOTH = pytest.mark.parametrize("tool", list(FORMATS))
UNITS = tuple(StoredUnit(unit.start, unit.end, unit.heading, SAID) for unit in segment(TEXT))
DOCUMENT = StoredDocument("吉县.docx", TEXT, "m1", UNITS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(str(tmp_path / "feedback.db"))
    opened.keep(DOCUMENT)
    yield opened
    opened.close()


def correct(store: Store, position: int, role: Role, *topics: Topic) -> None:
    label = store.labels(DOCUMENT.sha256)[position]
    place = (label.sha256, label.start, label.end)
    store.correct(Correction(*place, Label(role, topics), label.revision, "审核员甲", "m1", datetime.now(UTC)))


def exported(store: Store, tool: str, path: Path) -> Any:
    """Write the store's documents, and give the one there is as the tool would see it."""
    write_file([(DOCUMENT, store.labels(DOCUMENT.sha256))], path, FORMATS[tool])
    content = json.loads(path.read_text(encoding="utf-8"))
    return content[0] if tool == "label-studio" else content


def imported(store: Store, tool: str, path: Path, rows: list[Any], who: Who = LI) -> Imported:
    """Read what the tool has written."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("[" + ",".join(lines) + "]" if tool == "label-studio" else "\n".join(lines), encoding="utf-8")
    return import_annotated(store, read_annotated(path, FORMATS[tool]), who)


def annotate(tool: str, row: Any, unit: StoredUnit, *names: str) -> Any:
    """A person gives a unit other labels in the tool."""
    if tool == "doccano":
        others = [span for span in row["label"] if span[:2] != [unit.start, unit.end]]
        return {**row, "id": 7, "Comments": [], "label": [*others, *([unit.start, unit.end, name] for name in names)]}
    region = f"{unit.start}-{unit.end}"
    place = {"start": unit.start, "end": unit.end, "text": TEXT[unit.start : unit.end]}
    topics = [name for name in names if name in TOPICS]
    result = [one for one in row["predictions"][0]["result"] if one["id"] != region]
    common = {"id": region, "to_name": "text", "origin": "manual"}
    role = [name for name in names if name not in TOPICS]
    result.append({**common, "from_name": "role", "type": "labels", "value": {**place, "labels": role}})
    result.append({**common, "from_name": "topics", "type": "choices", "value": {**place, "choices": topics}})
    return {**row, "id": 7, "annotations": [{"id": 1, "was_cancelled": False, "result": result}]}


@BOTH
def test_a_change_in_the_tool_becomes_a_correction(store: Store, tool: str, tmp_path: Path) -> None:
    row = exported(store, tool, tmp_path / "out")
    changed = annotate(tool, row, UNITS[2], "计划", "普法", "复议")
    assert imported(store, tool, tmp_path / "in", [changed]) == Imported(1, 3)
    assert [label.revision for label in store.labels(DOCUMENT.sha256)] == [0, 0, 1, 0]
    (change,) = store.history(DOCUMENT.sha256)
    assert change.new == Label(Role.PLAN, (Topic.RECONSIDERATION, Topic.LEGAL_EDUCATION))
    assert (change.user, change.model) == ("审核员乙", "m1")
    assert imported(store, tool, tmp_path / "in", [changed]) == Imported(0, 4)


@BOTH
def test_labels_that_stand_go_out_with_the_revisions_they_have(store: Store, tool: str, tmp_path: Path) -> None:
    correct(store, 2, Role.PLAN, Topic.LEGAL_EDUCATION)
    row = exported(store, tool, tmp_path / "out")
    told = row.get("data", row)
    assert (told["text"], told["sha256"], told["name"]) == (TEXT, DOCUMENT.sha256, "吉县.docx")
    assert told["revisions"] == {f"{UNITS[2].start}:{UNITS[2].end}": 1}
    again = annotate(tool, row, UNITS[0], "其他", "执法")
    assert imported(store, tool, tmp_path / "in", [again]) == Imported(0, 4)


def test_what_people_judged_goes_to_label_studio_as_an_annotation(store: Store, tmp_path: Path) -> None:
    assert "annotations" not in exported(store, "label-studio", tmp_path / "out")
    correct(store, 2, Role.PLAN)
    task = exported(store, "label-studio", tmp_path / "out")
    assert [region["id"] for region in task["annotations"][0]["result"]] == [f"{UNITS[2].start}-{UNITS[2].end}"]
    assert len([one for one in task["predictions"][0]["result"] if one["from_name"] == "role"]) == len(UNITS)
    assert task["predictions"][0]["model_version"] == "m1"


@BOTH
def test_a_label_changed_since_the_export_is_left_and_told(store: Store, tool: str, tmp_path: Path) -> None:
    row = exported(store, tool, tmp_path / "out")
    correct(store, 2, Role.PROBLEM)
    outcome = imported(store, tool, tmp_path / "in", [annotate(tool, row, UNITS[2], "计划")])
    assert (outcome.corrected, outcome.unchanged) == (0, 3)
    (problem,) = outcome.problems
    assert "审核员甲" in problem
    assert store.labels(DOCUMENT.sha256)[2].role is Role.PROBLEM


@BOTH
def test_where_the_tool_lost_what_it_was_told_the_text_finds_the_document(
    store: Store, tool: str, tmp_path: Path
) -> None:
    row = annotate(tool, exported(store, tool, tmp_path / "out"), UNITS[2], "计划")
    told = row.get("data", row)
    for name in ("sha256", "revisions", "name", "model"):
        del told[name]
    assert imported(store, tool, tmp_path / "in", [row]) == Imported(1, 3)


@BOTH
def test_unchanged_labels_count_as_judged_where_the_person_says_so(store: Store, tool: str, tmp_path: Path) -> None:
    row = annotate(tool, exported(store, tool, tmp_path / "out"), UNITS[2], "计划")
    assert imported(store, tool, tmp_path / "in", [row], Who("审核员乙", confirm=True)) == Imported(4, 0)
    assert {label.revision for label in store.labels(DOCUMENT.sha256)} == {1}
    assert imported(store, tool, tmp_path / "in", [row], Who("审核员乙", confirm=True)) == Imported(0, 4)


@BOTH
def test_what_cannot_be_placed_is_told_and_the_rest_is_taken(store: Store, tool: str, tmp_path: Path) -> None:
    row = annotate(tool, exported(store, tool, tmp_path / "out"), UNITS[2], "计划")
    moved = annotate(tool, row, StoredUnit(1, 3, False, SAID), "计划") if tool == "doccano" else row
    if tool == "label-studio":
        value = {"start": 1, "end": 3, "text": "县情", "labels": ["计划"]}
        row["annotations"][0]["result"].append({"id": "x", "from_name": "role", "type": "labels", "value": value})
    told = json.loads(json.dumps(row))
    unknown, altered = told, json.loads(json.dumps(row))
    unknown.get("data", unknown).update(sha256="0" * 64)
    altered.get("data", altered).update(text=TEXT + "改")
    outcome = imported(store, tool, tmp_path / "in", [unknown, altered, moved])
    assert outcome.corrected == 1
    words = ("0000", "changed its text", "[1, 3)")
    assert all(word in problem for word, problem in zip(words, outcome.problems, strict=True))


@BOTH
def test_places_in_utf16_units_are_understood(store: Store, tool: str, tmp_path: Path) -> None:
    def place(index: int) -> int:
        return len(TEXT[:index].encode("utf-16-le")) // 2

    start, end = place(UNITS[2].start), place(UNITS[2].end)
    assert (start, end) == (UNITS[2].start + 1, UNITS[2].end + 2)
    row = exported(store, tool, tmp_path / "out")
    if tool == "doccano":
        row["label"] = [[start, end, "计划"]]
    else:
        value = {"start": start, "end": end, "text": TEXT[UNITS[2].start : UNITS[2].end], "labels": ["计划"]}
        row["annotations"] = [{"result": [{"id": "x", "from_name": "role", "type": "labels", "value": value}]}]
    assert imported(store, tool, tmp_path / "in", [row]) == Imported(1, 0)
    assert store.labels(DOCUMENT.sha256)[2].label == Label(Role.PLAN, ())


def test_a_stretch_whose_words_are_others_is_not_taken(store: Store, tmp_path: Path) -> None:
    row = annotate("label-studio", exported(store, "label-studio", tmp_path / "out"), UNITS[2], "计划")
    row["annotations"][0]["result"][-2]["value"]["text"] = "别的文字"
    outcome = imported(store, "label-studio", tmp_path / "in", [row])
    assert (outcome.corrected, len(outcome.problems)) == (0, 1)


def test_of_label_studios_annotations_the_last_that_was_not_cancelled_counts(store: Store, tmp_path: Path) -> None:
    row = exported(store, "label-studio", tmp_path / "out")
    one, two, three = (
        annotate("label-studio", row, UNITS[2], name)["annotations"][0] for name in ("计划", "问题", "成效")
    )
    task = {**row, "annotations": [one, two, {**three, "was_cancelled": True}]}
    waiting = {**row, "annotations": [{**three, "was_cancelled": True}]}
    assert imported(store, "label-studio", tmp_path / "in", [waiting, task]).corrected == 1
    assert store.labels(DOCUMENT.sha256)[2].role is Role.PROBLEM


@pytest.mark.parametrize("spans", ["label", "labels", "entities"])
@pytest.mark.parametrize("text", ["text", "data"])
def test_all_versions_of_doccano_are_read(spans: str, text: str, tmp_path: Path) -> None:
    span: Any = [7, 17, "计划"]
    if spans == "entities":
        span = {"id": 4, "label": "计划", "start_offset": 7, "end_offset": 17}
    row = {"id": 1, text: TEXT, spans: [span], "meta": {"sha256": "x", "revisions": {"7:17": 2}}}
    path = tmp_path / "in.jsonl"
    path.write_text("\ufeff" + json.dumps(row) + "\n\n", encoding="utf-8")
    (annotated,) = read_annotated(path, FORMATS["doccano"])
    assert (annotated.sha256, annotated.text, annotated.revisions) == ("x", TEXT, {"7:17": 2})
    assert annotated.marks == (Mark(7, 17, ("计划",)),)
    assert annotated.user is None


@BOTH
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not as the tool writes it"),
        (b"7", "."),
        (b'[{"annotations": [{"result": 3}], "data": {"text": "x"}}]', "not as the tool writes it"),
        (b'{"text": 3}', "."),
    ],
)
def test_a_file_that_is_no_export_is_named(tool: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_bytes(content)
    with pytest.raises(FeedbackError, match=said) as caught:
        read_annotated(path, FORMATS[tool])
    assert str(path) in str(caught.value)


@BOTH
@pytest.mark.parametrize("names", [("计划", "问题"), ("普法",), ("待定",), ("计划", "待定")])
def test_labels_that_are_none_of_ours_are_named_and_the_rest_is_taken(
    store: Store, tool: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    row = annotate(tool, exported(store, tool, tmp_path / "out"), UNITS[2], *names)
    outcome = imported(store, tool, tmp_path / "in", [row], Who("审核员乙", confirm=True))
    assert outcome.corrected == 3
    (problem,) = outcome.problems
    assert f"吉县.docx: [{UNITS[2].start}, {UNITS[2].end}): expected one role" in problem
    assert all(name in problem for name in names)
    assert store.labels(DOCUMENT.sha256)[2].revision == 0


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match=r"none\.json"):
        read_annotated(tmp_path / "none.json", FORMATS["doccano"])
    with pytest.raises(FeedbackError, match=str(tmp_path)):
        write_file([], tmp_path, FORMATS["doccano"])


def test_what_projects_are_set_up_with_names_every_label(tmp_path: Path) -> None:
    view = ElementTree.parse(write_file([], tmp_path / "a.json", FORMATS["label-studio"])).getroot()
    assert [one.get("value") for one in view.iter("Label")] == list(ROLES)
    assert [one.get("value") for one in view.iter("Choice")] == list(TOPICS)
    listed = json.loads(write_file([], tmp_path / "b.jsonl", FORMATS["doccano"]).read_text(encoding="utf-8"))
    assert [one["text"] for one in listed] == [*ROLES, *TOPICS]
    assert len({one["background_color"] for one in listed}) == 8


def test_a_document_without_marks_changes_nothing(store: Store) -> None:
    assert import_annotated(store, [Annotated(None, TEXT, (), None)], LI) == Imported()
