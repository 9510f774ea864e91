"""The card's tables, counted by hand on the invented reports."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fazhi.data import stats
from fazhi.data.corpus import LabelledDocument, read_corpus
from fazhi.data.coverage import coverage_table, like_case_table, term_coverage
from fazhi.data.duplicates import NearDuplicate
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import Role, Topic


@pytest.fixture
def documents(corpus: Callable[..., Path]) -> list[LabelledDocument]:
    root = corpus()
    return read_corpus(root / "authored") + read_corpus(root / "seeds")


def cells(table: str) -> dict[str, list[str]]:
    """Rows of a Markdown table by their first cell, the head among them; every row must be as wide as the head."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert set(rows[1]) <= {"---", "--:"}
    return {row[0]: row[1:] for row in (rows[0], *rows[2:])}


def test_sizes() -> None:
    units = [LabelledUnit(0, length, "甲" * length, length < 4, Role.OTHER, ()) for length in (3, 1200, 5)]
    documents = [
        LabelledDocument("A01", "train", "", tuple(units), ""),
        LabelledDocument("A02", "train", "", (units[0],), ""),
    ]
    assert cells(stats.size_table(documents)) == {
        "split": ["documents", "units", "headings", "characters", "median length", "longest"],
        "train": ["2", "4", "2", "1,211", "5", "1,200"],
        "dev": ["0", "0", "0", "0", "0", "0"],
        "test": ["0", "0", "0", "0", "0", "0"],
    }


def test_labels_by_split(documents: list[LabelledDocument]) -> None:
    assert cells(stats.label_table(documents)) == {
        "label": ["train", "dev", "test"],
        "成效": ["11 (38%)", "4 (27%)", "5 (38%)"],
        "问题": ["4 (14%)", "3 (20%)", "2 (15%)"],
        "计划": ["4 (14%)", "3 (20%)", "2 (15%)"],
        "其他": ["10 (34%)", "5 (33%)", "4 (31%)"],
        "执法": ["6 (21%)", "2 (13%)", "3 (23%)"],
        "复议": ["4 (14%)", "2 (13%)", "1 (8%)"],
        "审批": ["4 (14%)", "2 (13%)", "2 (15%)"],
        "普法": ["4 (14%)", "2 (13%)", "3 (23%)"],
        "no topic": ["13 (45%)", "7 (47%)", "5 (38%)"],
        "two topics or more": ["2 (7%)", "0 (0%)", "1 (8%)"],
    }


def test_sets_of_authored_documents(documents: list[LabelledDocument]) -> None:
    assert cells(stats.group_table(documents)) == {
        "set": ["documents", "units", "of them dev"],
        "A": ["2", "30", "15"],
        "B": ["1", "14", "0"],
    }


def test_test_documents(documents: list[LabelledDocument]) -> None:
    assert cells(stats.test_document_table(documents)) == {
        "document": ["units", "成效", "问题", "计划", "其他", "执法", "复议", "审批", "普法"],
        "linshan-2023": ["13", "5", "2", "2", "4", "3", "1", "2", "3"],
    }


REPEATS = [
    NearDuplicate("A01", 3, "依法行政|公开", "s1", "依法行政", 0.61),
    NearDuplicate("B02", 0, "完成清理。", "s2", "完成清理。", 1.0),
]


def test_repeats_stand_by_similarity() -> None:
    lines = stats.duplicate_table(REPEATS).splitlines()
    assert lines[2] == "| 1.00 | B02: 完成清理。 | s2: 完成清理。 |"
    assert lines[3].startswith("| 0.61 | A01: ")


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    assert stats.duplicate_table(REPEATS).splitlines()[3] == r"| 0.61 | A01: 依法行政\|公开 | s1: 依法行政 |"


def test_the_card_has_every_table(documents: list[LabelledDocument]) -> None:
    card = stats.card_tables(documents, REPEATS)
    for table in (stats.size_table, stats.label_table, stats.group_table, stats.test_document_table):
        assert table(documents) in card
    assert stats.duplicate_table(REPEATS) in card
    assert coverage_table(term_coverage(documents)) in card
    assert card.endswith(like_case_table(documents))
    assert card.count("### ") == 7


def test_a_topic_counts_once_a_unit_that_has_it() -> None:
    unit = LabelledUnit(0, 2, "执法", False, Role.PLAN, (Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION))
    table = cells(stats.label_table([LabelledDocument("A01", "dev", "执法", (unit,), "")]))
    assert [table[label][1] for label in ("计划", "执法", "普法", "no topic", "two topics or more")] == [
        "1 (100%)",
        "1 (100%)",
        "1 (100%)",
        "0 (0%)",
        "1 (100%)",
    ]
