"""Reading a corpus: a valid one, every kind of damage, and what is made of the documents."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from fazhi.data.corpus import LabelledDocument, as_dataset, fingerprint, read_corpus
from fazhi.data.schema import CorpusError, LabelledUnit
from fazhi.model.labels import ROLES, TOPICS, Role
from fazhi.model.segment import segment

CorpusFactory = Callable[..., Path]
DATA = Path(__file__).parents[3] / "data"


def edit(path: Path, line: int, **fields: Any) -> None:
    """Change fields of one line, counted from 1, of a JSONL file; a field of None goes."""
    lines = path.read_text(encoding="utf-8").split("\n")
    row = {**json.loads(lines[line - 1]), **fields}
    lines[line - 1] = json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False)
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def root(corpus: CorpusFactory) -> Path:
    return corpus() / "authored"


@pytest.fixture
def labels(root: Path) -> Path:
    return root / "labels" / "A01.jsonl"


@pytest.fixture
def document(root: Path) -> Path:
    return root / "documents" / "A01.txt"


def message(root: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read_corpus(root)
    return str(caught.value)


def test_a_valid_corpus_is_read_whole_and_in_order(corpus: CorpusFactory) -> None:
    root = corpus()
    documents = read_corpus(root / "authored") + read_corpus(root / "seeds")
    splits = {"A01": "train", "B01": "train", "A02": "dev", "linshan-2023": "test"}
    assert {document.id: document.split for document in documents} == splits
    assert {document.note for document in documents} == {"invented"}
    for document in documents:
        assert len(document.units) >= 12
        assert {unit.role for unit in document.units} == set(ROLES)
        assert {topic for unit in document.units for topic in unit.topics} == set(TOPICS)
        found = [(unit.start, unit.end, unit.text, unit.heading) for unit in document.units]
        assert found == [(unit.start, unit.end, unit.text, unit.heading) for unit in segment(document.text)]


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n\n  ", "\u2028"])
def test_line_ends_stay_as_they_are_and_offsets_with_them(corpus: CorpusFactory, line_end: str) -> None:
    for document in read_corpus(corpus(line_end=line_end) / "authored"):
        assert line_end in document.text
        assert all(document.text[unit.start : unit.end] == unit.text for unit in document.units)


def test_a_label_file_may_end_its_lines_in_the_windows_way(root: Path, labels: Path) -> None:
    before = read_corpus(root)
    labels.write_bytes(labels.read_bytes().replace(b"\n", b"\r\n"))
    assert read_corpus(root) == before


@pytest.mark.parametrize("offset", [-1, 1])
def test_a_wrong_offset_is_refused(root: Path, labels: Path, offset: int) -> None:
    row = json.loads(labels.read_text(encoding="utf-8").split("\n")[2])
    edit(labels, 3, end=row["end"] + offset)
    sliced = (root / "documents" / "A01.txt").read_text(encoding="utf-8")[row["start"] : row["end"] + offset]
    assert message(root) == f"{labels}:3: expected the document's text {sliced!r}, found {row['text']!r}"


def test_a_text_other_than_the_documents_is_refused(root: Path, labels: Path) -> None:
    text = json.loads(labels.read_text(encoding="utf-8").split("\n")[2])["text"]
    edit(labels, 3, text=text[:-1] + "。")
    assert message(root) == f"{labels}:3: expected the document's text {text!r}, found {text[:-1] + '。'!r}"


def test_overlapping_units_are_refused(root: Path, labels: Path) -> None:
    lines = labels.read_text(encoding="utf-8").split("\n")
    labels.write_text("\n".join([*lines[:3], *lines[2:]]), encoding="utf-8")
    row, size = json.loads(lines[2]), len((root / "documents" / "A01.txt").read_text(encoding="utf-8"))
    found = [row["start"], row["end"]]
    assert message(root) == f"{labels}:4: expected offsets from {row['end']} up to {size}, found {found!r}"


@pytest.mark.parametrize("fields", [{"end": 0}, {"start": -1}, {"end": 10**6}, {"start": 5, "end": 5}])
def test_offsets_outside_the_document_are_refused(root: Path, labels: Path, fields: dict[str, int]) -> None:
    edit(labels, 1, **fields)
    assert f"{labels}:1: expected offsets from 0 up to " in message(root)


def test_a_character_between_units_is_refused(root: Path, labels: Path) -> None:
    lines = labels.read_text(encoding="utf-8").split("\n")
    labels.write_text("\n".join(lines[:2] + lines[3:]), encoding="utf-8")
    left = json.loads(lines[2])["text"]
    assert message(root) == f"{labels}:3: expected every non-space character in a unit, found {left!r}"


def test_a_character_behind_the_last_unit_is_refused(root: Path, labels: Path, document: Path) -> None:
    count = labels.read_text(encoding="utf-8").count("\n")
    document.write_text(document.read_text(encoding="utf-8") + "附件", encoding="utf-8")
    assert message(root) == f"{labels}:{count}: expected every non-space character in a unit, found '附件'"


def test_white_space_at_a_units_end_is_refused(root: Path, labels: Path) -> None:
    row = json.loads(labels.read_text(encoding="utf-8").split("\n")[0])
    edit(labels, 1, end=row["end"] + 1, text=row["text"] + "\n")
    assert f"{labels}:1: expected a unit without white space at its ends, found " in message(root)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"role": "成果"}, "a role of 成效, 问题, 计划, 其他, found '成果'"),
        ({"topics": ["司法"]}, "topics of 执法, 复议, 审批, 普法, found '司法'"),
        ({"heading": None}, "the fields start, end, text, role, topics, heading, found "),
        ({"note": "x"}, "the fields start, end, text, role, topics, heading, found "),
        ({"start": "0"}, "start of type int, found '0'"),
        ({"start": True}, "start of type int, found True"),
    ],
)
def test_a_line_that_breaks_the_format_is_refused(
    root: Path, labels: Path, fields: dict[str, Any], expected: str
) -> None:
    edit(labels, 4, **fields)
    assert f"{labels}:4: expected {expected}" in message(root)


def test_a_blank_line_among_the_labels_is_refused(root: Path, labels: Path) -> None:
    lines = labels.read_text(encoding="utf-8").split("\n")
    labels.write_text("\n".join([*lines[:2], "", *lines[2:]]), encoding="utf-8")
    assert message(root) == f"{labels}:3: expected a JSON object, found ''"


def test_the_last_label_counts_without_a_line_end_too(root: Path, labels: Path) -> None:
    before = read_corpus(root)
    labels.write_text(labels.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert read_corpus(root) == before


@pytest.mark.parametrize("file", ["documents/A01.txt", "labels/A01.jsonl"])
def test_a_missing_file_is_refused(root: Path, file: str) -> None:
    (root / file).unlink()
    assert message(root) == f"{root / file}: expected a file of document A01, found 'no such file'"


@pytest.mark.parametrize("file", ["index.jsonl", "documents/A01.txt", "labels/A01.jsonl"])
def test_a_file_that_is_not_utf8_is_refused(root: Path, file: str) -> None:
    path = root / file
    path.write_bytes(path.read_text(encoding="utf-8").replace("invented", "虚构").encode("gb18030"))
    assert f"{path}: expected UTF-8, found " in message(root)


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    expected = f"{tmp_path / 'index.jsonl'}: expected the list of a corpus' documents, found 'no such file'"
    assert message(tmp_path) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "a JSON object, found '{'"),
        ("[]", "an id and a split of train, dev, test, found []"),
        ('{"id": "A01"}', "an id and a split of train, dev, test, found {'id': 'A01'}"),
        ('{"id": 1, "split": "dev"}', "an id and a split of train, dev, test, found "),
        ('{"id": "A01", "split": "valid"}', "an id and a split of train, dev, test, found "),
        ("", "a JSON object, found ''"),
    ],
)
def test_a_wrong_line_of_the_index_is_refused(root: Path, line: str, expected: str) -> None:
    index = root / "index.jsonl"
    lines = index.read_text(encoding="utf-8").splitlines()
    index.write_text("\n".join([lines[0], line, *lines[2:]]) + "\n", encoding="utf-8")
    assert f"{index}:2: expected {expected}" in message(root)


def test_another_count_in_the_index_is_refused(root: Path) -> None:
    index = root / "index.jsonl"
    edit(index, 1, units=99)
    assert message(root) == f"{index}:1: expected 15 units of A01, as its label file has, found 99"


def test_a_count_may_be_missing_from_the_index(root: Path) -> None:
    edit(root / "index.jsonl", 1, units=None)
    assert len(read_corpus(root)) == 3


def test_a_document_listed_twice_is_refused(root: Path) -> None:
    index = root / "index.jsonl"
    edit(index, 3, id="A01", units=None)
    assert message(root) == f"{index}:3: expected each document once, found 'A01'"


def test_a_seed_has_its_body_for_a_note(root: Path) -> None:
    edit(root / "index.jsonl", 1, note=None, body="云溪县")
    assert read_corpus(root)[0].note == "云溪县"


def test_a_note_may_hold_any_character(root: Path) -> None:
    edit(root / "index.jsonl", 1, note="一行\u2028又一行\x85")
    assert read_corpus(root)[0].note == "一行\u2028又一行\x85"


def test_the_dataset_is_typed_and_keeps_documents_whole(corpus: CorpusFactory) -> None:
    root = corpus()
    documents = read_corpus(root / "authored") + read_corpus(root / "seeds")
    dataset = as_dataset(documents)
    assert {split: rows["id"] for split, rows in dataset.items()} == {
        "train": ["A01", "B01"],
        "dev": ["A02"],
        "test": ["linshan-2023"],
    }
    unit = dataset["train"].features["units"].feature
    assert unit["role"] == datasets.ClassLabel(names=list(ROLES))
    assert unit["topics"] == datasets.List(datasets.ClassLabel(names=list(TOPICS)))
    assert {unit["start"].dtype, unit["end"].dtype} == {"int32"}
    rows = {row["id"]: row for split in dataset.values() for row in split}
    for document in documents:
        row = rows[document.id]
        assert (row["text"], row["note"]) == (document.text, document.note)
        assert [ROLES[unit["role"]] for unit in row["units"]] == [unit.role for unit in document.units]
        topics = [tuple(TOPICS[topic] for topic in unit["topics"]) for unit in row["units"]]
        assert topics == [unit.topics for unit in document.units]
        assert [row["text"][unit["start"] : unit["end"]] for unit in row["units"]] == [
            unit["text"] for unit in row["units"]
        ]


def test_a_split_without_documents_is_not_in_the_dataset(root: Path) -> None:
    assert list(as_dataset(read_corpus(root))) == ["train", "dev"]


def changed(document: LabelledDocument, **fields: Any) -> LabelledDocument:
    """The same document with fields of its second unit changed."""
    first, second, *others = document.units
    return replace(document, units=(first, replace(second, **fields), *others))


def test_the_fingerprint_tells_every_change_of_text_labels_or_split(root: Path) -> None:
    documents = read_corpus(root)
    first, *others = documents
    variants = [
        changed(first, role=Role.PROBLEM),
        changed(first, topics=(TOPICS[0],)),
        changed(first, heading=True),
        changed(first, start=first.units[1].start + 1),
        replace(first, split="dev"),
        replace(first, text=first.text + "\n"),
        replace(first, id="A09"),
    ]
    prints = {fingerprint(documents), *(fingerprint([variant, *others]) for variant in variants), fingerprint(others)}
    assert len(prints) == len(variants) + 2
    assert all(len(found) == 16 and set(found) <= set("0123456789abcdef") for found in prints)


def test_the_fingerprint_does_not_depend_on_order_or_notes(root: Path) -> None:
    documents = read_corpus(root)
    reordered = [replace(document, note="other") for document in reversed(documents)]
    assert fingerprint(reordered) == fingerprint(documents)


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    """It is stored with models: a change of this value makes every one of them out of date."""
    unit = LabelledUnit(0, 3, "完成。", False, Role.ACHIEVEMENT, (TOPICS[0],))
    assert fingerprint([LabelledDocument("A01", "train", "完成。\n", (unit,), "")]) == "007a2b9c368c1600"


def test_the_real_corpora_are_valid() -> None:
    authored, seeds = read_corpus(DATA / "authored"), read_corpus(DATA / "seeds")
    assert sum(len(document.units) for document in authored) == 14_829
    assert sum(len(document.units) for document in seeds) == 651
    splits = [document.split for document in (*authored, *seeds)]
    assert [splits.count(split) for split in ("train", "dev", "test")] == [146, 19, 5]
    assert {document.split for document in seeds} == {"test"}
