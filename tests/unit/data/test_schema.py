"""One line of a label file: what is read back, and every way a line can be wrong."""

import json
from pathlib import Path

import pytest

from fazhi.data.schema import FIELDS, CorpusError, LabelledUnit, format_line, parse_line
from fazhi.model.errors import FazhiError
from fazhi.model.labels import Role, Topic

PATH = Path("labels/A01.jsonl")
UNIT = LabelledUnit(3, 9, "落实“双减”", False, Role.PLAN, (Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION))
ROW = json.loads(format_line(UNIT))


def parse(row: object) -> LabelledUnit:
    return parse_line(json.dumps(row, ensure_ascii=False), PATH, 7)


def message(row: object) -> str:
    with pytest.raises(CorpusError) as caught:
        parse(row)
    return str(caught.value)


def test_the_format_is_that_of_the_guideline() -> None:
    line = '{"start": 0, "end": 3, "text": "一、打", "role": "其他", "topics": ["执法"], "heading": true}'
    unit = LabelledUnit(0, 3, "一、打", True, Role.OTHER, (Topic.ENFORCEMENT,))
    assert parse_line(line, PATH, 1) == unit
    assert format_line(unit) == line


def test_a_written_line_reads_back() -> None:
    assert parse(ROW) == UNIT


def test_labels_are_members_of_the_enums() -> None:
    unit = parse(ROW)
    assert isinstance(unit.role, Role)
    assert all(isinstance(topic, Topic) for topic in unit.topics)


def test_topics_take_the_order_of_the_enum() -> None:
    assert parse({**ROW, "topics": ["普法", "执法"]}) == UNIT


def test_fields_may_stand_in_any_order() -> None:
    assert parse(dict(reversed(ROW.items()))) == UNIT


@pytest.mark.parametrize("line", ["", "{", "{'start': 0}", '{"start": 0,}', "说明"])
def test_what_is_no_json_is_refused(line: str) -> None:
    with pytest.raises(CorpusError) as caught:
        parse_line(line, PATH, 7)
    assert str(caught.value) == f"{PATH}:7: expected a JSON object, found {line!r}"


def test_a_long_broken_line_is_shortened_in_the_message() -> None:
    with pytest.raises(CorpusError) as caught:
        parse_line("甲" * 5000, PATH, 7)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("row", [[], ["start"], 5, None, "text"])
def test_another_json_value_is_refused(row: object) -> None:
    assert message(row) == f"{PATH}:7: expected the fields start, end, text, role, topics, heading, found {row!r}"


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_refused(name: str) -> None:
    left = {key: value for key, value in ROW.items() if key != name}
    assert message(left) == f"{PATH}:7: expected the fields {', '.join(FIELDS)}, found {sorted(left)!r}"


def test_an_extra_field_is_refused() -> None:
    assert "'note'" in message({**ROW, "note": ""})


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("start", True, "int"),
        ("start", 3.0, "int"),
        ("end", "9", "int"),
        ("end", None, "int"),
        ("text", 5, "str"),
        ("text", None, "str"),
        ("role", ["成效"], "str"),
        ("topics", "执法", "list"),
        ("topics", {"执法": 1}, "list"),
        ("topics", None, "list"),
        ("heading", 0, "bool"),
        ("heading", "false", "bool"),
    ],
)
def test_a_field_of_another_type_is_refused(name: str, value: object, kind: str) -> None:
    assert message({**ROW, name: value}) == f"{PATH}:7: expected {name} of type {kind}, found {value!r}"


@pytest.mark.parametrize("role", ["", "成果", "PLAN", "执法", " 成效"])
def test_an_unknown_role_is_refused(role: str) -> None:
    assert message({**ROW, "role": role}) == f"{PATH}:7: expected a role of 成效, 问题, 计划, 其他, found {role!r}"


@pytest.mark.parametrize("topic", ["", "司法", "成效", 1, None, ["执法"]])
def test_an_unknown_topic_is_refused(topic: object) -> None:
    found = message({**ROW, "topics": ["执法", topic]})
    assert found == f"{PATH}:7: expected topics of 执法, 复议, 审批, 普法, found {topic!r}"


def test_a_topic_given_twice_is_refused() -> None:
    assert "expected each topic once, found ['执法', '执法']" in message({**ROW, "topics": ["执法", "执法"]})


def test_a_message_without_a_line_names_the_file_alone() -> None:
    assert str(CorpusError(PATH, None, "a file", "no such file")) == f"{PATH}: expected a file, found 'no such file'"


def test_a_corpus_error_is_one_the_user_can_mend() -> None:
    assert issubclass(CorpusError, FazhiError)
