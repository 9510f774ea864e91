"""Corrections as a corpus: what is in it, and that training can read it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fazhi.data.corpus import read_corpus
from fazhi.data.feedback import Correction, FeedbackError, Label, Store, StoredDocument, StoredUnit
from fazhi.data.feedback.corpus import Exported, export_corpus
from fazhi.data.gold import read_gold
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment

TEXT = "\n云溪县情况报告\n一、主要工作\n开展执法检查86次；办理复议案件。一是加强培训，\r\n二、打算\n将举办讲座。\n"
SAID = Prediction(Role.OTHER, (), (0.1, 0.1, 0.1, 0.7), (0.0, 0.0, 0.0, 0.0), False)
NEW = Label(Role.PLAN, (Topic.LEGAL_EDUCATION,))
Correct = Callable[..., None]


def report(text: str = TEXT, name: str = "云溪县.docx") -> StoredDocument:
    units = [StoredUnit(unit.start, unit.end, unit.heading, SAID) for unit in segment(text)]
    return StoredDocument(name, text, "m1", tuple(units))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(str(tmp_path / "feedback.db"))
    opened.keep(report())
    yield opened
    opened.close()


@pytest.fixture
def correct(store: Store) -> Correct:
    """Correct the units at the positions of a document."""

    def at(*positions: int, document: StoredDocument | None = None) -> None:
        labels = store.labels((document or report()).sha256)
        for label in [labels[position] for position in positions]:
            given = (label.sha256, label.start, label.end, NEW, label.revision, "审核员甲", "m1", datetime.now(UTC))
            store.correct(Correction(*given))

    return at


def texts(folder: Path) -> list[list[str]]:
    return [[unit.text for unit in document.units] for document in read_corpus(folder)]


def test_a_document_judged_whole_is_exported_whole(store: Store, correct: Correct, tmp_path: Path) -> None:
    correct(*range(len(report().units)))
    assert export_corpus(store, tmp_path / "out") == Exported(1, 7, 0)
    (document,) = read_corpus(tmp_path / "out")
    assert (document.text, document.split) == (TEXT, "train")
    assert document.id == f"feedback-{report().sha256[:12]}"
    assert document.note == "云溪县.docx, corrected"
    assert [(unit.start, unit.end, unit.heading) for unit in document.units] == [
        (unit.start, unit.end, unit.heading) for unit in report().units
    ]
    assert {Label(unit.role, unit.topics) for unit in document.units} == {NEW}
    read_gold(document)


def test_of_a_document_judged_in_part_come_the_judged_stretches(store: Store, correct: Correct, tmp_path: Path) -> None:
    correct(2, 3, 6)
    assert export_corpus(store, tmp_path / "out") == Exported(2, 3, 0)
    assert texts(tmp_path / "out") == [["开展执法检查86次；", "办理复议案件。"], ["将举办讲座。"]]
    for document in read_corpus(tmp_path / "out"):
        assert document.text in TEXT
        assert document.note == "云溪县.docx, excerpt, corrected"
        assert {Label(unit.role, unit.topics) for unit in document.units} == {NEW}
        read_gold(document)


def test_with_predicted_labels_a_document_is_whole(store: Store, correct: Correct, tmp_path: Path) -> None:
    correct(3)
    assert export_corpus(store, tmp_path / "out", with_predicted=True) == Exported(1, 7, 0)
    (document,) = read_corpus(tmp_path / "out")
    assert [unit.role for unit in document.units] == [Role.OTHER] * 3 + [Role.PLAN] + [Role.OTHER] * 3
    assert "other labels by model m1" in document.note
    read_gold(document)


def test_what_nobody_corrected_is_not_exported(store: Store, correct: Correct, tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="no unit has been corrected"):
        export_corpus(store, tmp_path / "out", with_predicted=True)
    assert not (tmp_path / "out").exists()
    other = report("另一份报告。", "另一份")
    store.keep(other)
    correct(0, document=other)
    export_corpus(store, tmp_path / "out", with_predicted=True)
    assert texts(tmp_path / "out") == [["另一份报告。"]]


def test_units_that_are_cut_otherwise_by_themselves_are_left_out_and_counted(
    store: Store, correct: Correct, tmp_path: Path
) -> None:
    whole = report("甲乙丙丁。戊己庚辛。壬癸子丑。", "旧")
    joined = replace(whole.units[0], end=whole.units[1].end)
    older = replace(whole, units=(joined, whole.units[2]))  # as an older segmentation may have cut
    store.keep(older)
    correct(0, 1, document=older)
    assert export_corpus(store, tmp_path / "out") == Exported(1, 1, 1)
    assert texts(tmp_path / "out") == [["壬癸子丑。"]]


def test_where_nothing_is_left_the_reason_is_said(store: Store, correct: Correct, tmp_path: Path) -> None:
    whole = report("甲乙丙丁。戊己庚辛。壬癸子丑。", "旧")
    older = replace(whole, units=(replace(whole.units[0], end=whole.units[1].end), whole.units[2]))
    store.keep(older)
    correct(0, document=older)
    with pytest.raises(FeedbackError, match="segmentation"):
        export_corpus(store, tmp_path / "out", with_predicted=True)


@pytest.mark.parametrize("with_predicted", [False, True])
def test_corrections_of_a_cut_that_is_no_more_are_counted(
    store: Store, correct: Correct, tmp_path: Path, with_predicted: bool
) -> None:
    whole = report("甲乙丙丁。戊己庚辛。壬癸子丑。", "旧")
    store.keep(replace(whole, units=(replace(whole.units[0], end=whole.units[1].end), whole.units[2])))
    correct(0, document=whole)
    store.keep(whole)
    with pytest.raises(FeedbackError, match="segmentation"):
        export_corpus(store, tmp_path / "out", with_predicted)
    correct(2, document=whole)
    exported = export_corpus(store, tmp_path / "out", with_predicted)
    assert exported == Exported(1, 3 if with_predicted else 1, 1)


def test_a_folder_with_something_in_it_is_left_alone(store: Store, correct: Correct, tmp_path: Path) -> None:
    correct(2)
    (tmp_path / "out").mkdir()
    export_corpus(store, tmp_path / "out")
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(FeedbackError, match="not empty"):
        export_corpus(store, tmp_path / "out")
    assert sorted((tmp_path / "out").rglob("*")) == before
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(FeedbackError, match="file"):
        export_corpus(store, tmp_path / "file")
    assert {path.name for path in tmp_path.iterdir()} <= {
        "out",
        "file",
        *(f"feedback.db{end}" for end in ("", "-wal", "-shm")),
    }


def test_what_was_taken_back_is_nobodys_word_until_it_is_confirmed(
    store: Store, correct: Correct, tmp_path: Path
) -> None:
    def set_label(position: int, label: Label) -> None:
        stands = store.labels(report().sha256)[position]
        given = (stands.sha256, stands.start, stands.end, label, stands.revision, "审核员甲", "m1", datetime.now(UTC))
        store.correct(Correction(*given))

    correct(2, 3)
    set_label(2, Label(Role.OTHER, ()))
    assert texts_exported(store, tmp_path / "one") == [[report_text(3)]]
    set_label(2, Label(Role.OTHER, ()))
    assert texts_exported(store, tmp_path / "two") == [[report_text(2), report_text(3)]]


def report_text(position: int) -> str:
    unit = report().units[position]
    return TEXT[unit.start : unit.end]


def texts_exported(store: Store, folder: Path) -> list[list[str]]:
    export_corpus(store, folder)
    return texts(folder)


def test_the_folder_one_stands_in_can_be_named(
    store: Store, correct: Correct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(3)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export_corpus(store, Path())
    assert len(texts(tmp_path / "here")) == 1
