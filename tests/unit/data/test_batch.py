"""One table of many files: what goes into it, what is done again, and what a journal remembers."""

import csv
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from batch_model import load

from fazhi.data.exports import ExportError, FailedFile, TaggedReport, TaggedUnit, failures_beside
from fazhi.data.readers import UnreadableError
from fazhi.data.tagging import Batch, BatchSummary, batch, pool, tag_batch
from fazhi.data.tagging.batch import BatchError
from fazhi.data.tagging.journal import Journal, JournalError, Mark, stamp_of
from fazhi.data.tagging.pool import Done, Load, Task
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS, Role, Topic

SCORES = {str(label): round(0.9 - place / 10, 1) for place, label in enumerate((*ROLES, *TOPICS))}
UNIT = TaggedUnit(
    start=3,
    end=8,
    text="执法“不严”。",
    heading=False,
    role=Role.PROBLEM,
    topics=(Topic.ENFORCEMENT, Topic.APPROVAL),
    unsure=True,
    scores=SCORES,
    headings=("二、问题", "（一）执法"),
    page=2,
    paragraph=7,
    table=(1, 2, 3),
    furniture=True,
)
REPORT = TaggedReport("甲", (UNIT, replace(UNIT, headings=(), page=None, table=None, topics=())), "题", ("注",))
FAILED = FailedFile("乙", "damaged", "it is damaged", "已损坏")


class TestJournal:
    def test_what_is_kept_comes_back_whole_under_the_names_asked_for(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "j", "1") as journal:
            journal.keep(tmp_path / "a", "s1", REPORT)
            journal.keep(tmp_path / "b", "s2", FAILED)
        with Journal(tmp_path / "j", "1") as journal:
            asked = [(tmp_path / "b", "B"), (tmp_path / "none", "N"), (tmp_path / "a", "A")]
            assert list(journal.results(asked)) == [replace(FAILED, name="B"), replace(REPORT, name="A")]
            assert journal.mark(tmp_path / "a") == Mark("s1", "")
            assert journal.mark(tmp_path / "b") == Mark("s2", "damaged")
            assert journal.mark(tmp_path / "none") is None

    def test_a_document_done_again_is_kept_once(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "j", "1") as journal:
            journal.keep(tmp_path / "a", "s1", FAILED)
            journal.keep(tmp_path / "a", "s2", REPORT)
            assert list(journal.results([(tmp_path / "a", "甲")])) == [REPORT]
            assert journal.mark(tmp_path / "a") == Mark("s2", "")

    def test_a_path_is_the_same_from_wherever_it_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Journal(tmp_path / "j", "1") as journal:
            journal.keep(Path("a"), "s1", REPORT)
            assert journal.mark(tmp_path / "a") == Mark("s1", "")

    def test_another_version_begins_anew(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "j", "1") as journal:
            journal.keep(tmp_path / "a", "s1", REPORT)
        with Journal(tmp_path / "j", "2") as journal:
            assert journal.mark(tmp_path / "a") is None

    def test_two_batches_do_not_share_one(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "j", "1"), pytest.raises(JournalError, match="in use"):
            Journal(tmp_path / "j", "1")
        Journal(tmp_path / "j", "1").close()

    def test_another_kind_of_file_is_no_journal(self, tmp_path: Path) -> None:
        (tmp_path / "j").write_text("tags " * 1000, encoding="utf-8")
        with pytest.raises(JournalError, match="cannot be used"):
            Journal(tmp_path / "j", "1")
        assert (tmp_path / "j").read_text(encoding="utf-8").startswith("tags ")

    def test_what_was_kept_outlives_a_process_that_never_closes_it(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "j", "1")
        journal.keep(tmp_path / "a", "s1", REPORT)
        copy = tmp_path / "copy"
        copy.write_bytes((tmp_path / "j").read_bytes())
        journal.close()
        with Journal(copy, "1") as found:
            assert found.mark(tmp_path / "a") == Mark("s1", "")

    def test_a_stamp_changes_with_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("甲", encoding="utf-8")
        before = stamp_of(path)
        assert stamp_of(path) == before
        times = path.stat()
        path.write_text("乙", encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
        assert stamp_of(path) != before


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder with two reports, one that is empty, and what is no report."""
    root = tmp_path / "reports"
    (root / "2023").mkdir(parents=True)
    (root / "a.txt").write_text("开展执法。执法不严。将加强执法。", encoding="utf-8")
    (root / "2023" / "b.txt").write_text("窗口不足。\n", encoding="utf-8")
    (root / "empty.txt").write_text("", encoding="utf-8")
    for name in ("~$a.docx", ".hidden.txt", "notes.md"):
        (root / name).write_text("不。", encoding="utf-8")
    return root


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let batches work in this process; give the names of the files that were worked on."""
    names: list[str] = []

    def here(tasks: Iterable[Task], loaded: Load, workers: int) -> Iterator[Done]:
        monkeypatch.setattr(pool, "_worker", pool._Worker(loaded))
        for task in tasks:
            names.append(task.name)
            yield pool.work(task)

    monkeypatch.setattr(batch, "work_through", here)
    return names


@pytest.fixture
def run(tmp_path: Path, worked: list[str]) -> Callable[..., BatchSummary]:
    """Tag paths into out.jsonl."""

    def tagged(*paths: Path, out: str = "out.jsonl", version: str = "1") -> BatchSummary:
        worked.clear()
        return tag_batch(paths, Batch(tmp_path / out, load, version, 2))

    return tagged


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class TestBatch:
    def test_all_sentences_stand_in_one_table_in_the_order_of_the_files(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary], capsys: pytest.CaptureFixture[str]
    ) -> None:
        summary = run(reports)
        rows = rows_of(tmp_path / "out.jsonl")
        assert [row["document"] for row in rows] == ["2023/b.txt", "a.txt", "a.txt", "a.txt"]
        assert [row["role"] for row in rows] == [Role.PROBLEM, Role.ACHIEVEMENT, Role.PROBLEM, Role.PLAN]
        assert (summary.files, summary.tagged, summary.already, summary.counts.units) == (3, 2, 0, 4)
        assert summary.counts.roles[Role.PROBLEM] == 2
        assert [(failure.name, failure.code) for failure in summary.failures] == [("empty.txt", "empty")]
        told = capsys.readouterr().err
        assert f"empty.txt: {summary.failures[0].reason}" in told
        assert "4 units of 2 files, 0 unsure; 1 failed (in out.jsonl.failures.csv); " in told.splitlines()[-1]
        assert "empty.txt" in failures_beside(tmp_path / "out.jsonl").read_text(encoding="utf-8-sig")

    def test_what_is_done_is_not_done_again(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str], tmp_path: Path
    ) -> None:
        run(reports)
        before = (tmp_path / "out.jsonl").read_bytes()
        (tmp_path / "out.jsonl").unlink()
        summary = run(reports)
        assert worked == []
        assert (summary.already, summary.counts.units, len(summary.failures)) == (3, 4, 1)
        assert (tmp_path / "out.jsonl").read_bytes() == before

    def test_a_changed_a_new_and_a_removed_file_are_seen(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str], tmp_path: Path
    ) -> None:
        run(reports)
        (reports / "a.txt").write_text("将加强执法。", encoding="utf-8")
        (reports / "c.txt").write_text("将加强执法。", encoding="utf-8")
        (reports / "empty.txt").unlink()
        summary = run(reports)
        assert worked == ["a.txt", "c.txt"]
        assert [row["document"] for row in rows_of(tmp_path / "out.jsonl")] == ["2023/b.txt", "a.txt", "c.txt"]
        assert summary.failures == []
        assert not failures_beside(tmp_path / "out.jsonl").exists()

    def test_a_place_that_cannot_be_written_is_named(self, reports: Path, tmp_path: Path, run: Any) -> None:
        (tmp_path / "taken").write_text("", encoding="utf-8")
        with pytest.raises(FazhiError, match=r"taken.out\.jsonl or its journal cannot be written"):
            run(reports, out="taken/out.jsonl")

    def test_another_model_does_all_again(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str]
    ) -> None:
        run(reports)
        run(reports, version="2")
        assert len(worked) == 3

    @pytest.mark.parametrize(("code", "again"), [("too-slow", True), ("no-libreoffice", True), ("damaged", False)])
    def test_a_failure_that_may_end_otherwise_is_tried_again(
        self,
        code: str,
        again: bool,
        reports: Path,
        run: Callable[..., BatchSummary],
        worked: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        from fazhi.data.readers import Code

        def refuse(path: Path) -> None:
            raise UnreadableError("no", Code(code), "否")

        monkeypatch.setattr(pool, "read_file", refuse)
        assert {failure.code for failure in run(reports).failures} == {code}
        run(reports)
        assert bool(worked) == again

    def test_a_batch_that_breaks_off_goes_on(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = batch.work_through

        def break_off(tasks: Iterable[Task], loaded: Load, workers: int) -> Iterator[Done]:
            yield next(iter(here(tasks, loaded, workers)))
            raise KeyboardInterrupt

        monkeypatch.setattr(batch, "work_through", break_off)
        with pytest.raises(KeyboardInterrupt):
            run(reports)
        assert worked == ["2023/b.txt"]
        monkeypatch.setattr(batch, "work_through", here)
        assert run(reports).already == 1
        assert worked == ["a.txt", "empty.txt"]

    @pytest.mark.parametrize("early", [True, False])
    def test_one_that_is_stopped_says_how_to_go_on(
        self,
        early: bool,
        reports: Path,
        run: Callable[..., BatchSummary],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def stop(*_: object) -> Iterator[Done]:
            raise KeyboardInterrupt

        monkeypatch.setattr(batch, "work_through" if early else "write_tags", stop)
        with pytest.raises(KeyboardInterrupt):
            run(reports)
        done = 0 if early else 3
        told = f"stopped: {done} of 3 files are done; the same command goes on from here\n"
        assert capsys.readouterr().err == told

    def test_files_of_several_folders_keep_apart(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary]
    ) -> None:
        other = tmp_path / "other" / "reports"
        other.mkdir(parents=True)
        (other / "a.txt").write_text("不。", encoding="utf-8")
        run(reports, other, reports / "a.txt")
        names = list(dict.fromkeys(row["document"] for row in rows_of(tmp_path / "out.jsonl")))
        first, second = (reports / "a.txt").as_posix(), (other / "a.txt").as_posix()
        assert names == ["reports/2023/b.txt", first, second]

    def test_what_is_missing_is_a_failure_among_the_others(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary]
    ) -> None:
        summary = run(reports / "a.txt", tmp_path / "none")
        assert [(failure.name, failure.code) for failure in summary.failures] == [(str(tmp_path / "none"), "not-found")]
        assert (summary.files, summary.tagged) == (1, 1)

    def test_a_file_that_goes_away_is_a_failure(
        self, reports: Path, run: Callable[..., BatchSummary], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = pool.read_file

        def vanish(path: Path) -> object:
            path.unlink()
            return read(path)

        monkeypatch.setattr(pool, "read_file", vanish)
        summary = run(reports / "a.txt", reports / "2023" / "b.txt")
        assert {failure.code for failure in summary.failures} == {"not-opened"}
        assert summary.failures[0].reason == "No such file or directory"

    def test_a_text_that_the_model_cannot_take_is_a_failure(
        self, reports: Path, run: Callable[..., BatchSummary], caplog: pytest.LogCaptureFixture
    ) -> None:
        (reports / "a.txt").write_text("错。", encoding="utf-8")
        summary = run(reports)
        assert [failure.code for failure in summary.failures] == ["not-tagged", "empty"]
        assert summary.failures[0].reason == "ValueError: no answer for this one"
        assert "a.txt could not be tagged" in caplog.text

    def test_a_link_to_nothing_is_a_failure_and_a_loop_is_passed_over(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary]
    ) -> None:
        (reports / "gone.docx").symlink_to(tmp_path / "none.docx")
        (reports / "2023" / "loop").symlink_to(reports)
        summary = run(reports)
        assert (summary.files, summary.tagged) == (4, 2)
        failed = FailedFile("gone.docx", "not-opened", "No such file or directory", "文件不存在。")
        assert failed in summary.failures

    def test_the_table_is_none_of_the_documents(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary], worked: list[str]
    ) -> None:
        (tmp_path / "out.jsonl").write_text("执法不严。", encoding="utf-8")
        with pytest.raises(BatchError, match="one of the documents"):
            run(reports, tmp_path / "out.jsonl")
        assert worked == []
        assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == "执法不严。"

    def test_a_table_inside_the_folder_is_not_read_again(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str]
    ) -> None:
        for out in ("reports/out.csv", "reports/out.xlsx", "reports/out.csv"):
            assert run(reports, out=out).files == 3
        assert worked == []

    def test_a_library_that_is_missing_is_told_before_any_work(
        self, reports: Path, run: Callable[..., BatchSummary], worked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "openpyxl", None)
        with pytest.raises(ExportError, match="openpyxl"):
            run(reports, out="out.xlsx")
        assert worked == []

    def test_of_many_failures_the_screen_has_the_first(
        self, tmp_path: Path, run: Callable[..., BatchSummary], capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(*(tmp_path / f"{number:02}.txt" for number in range(25)))
        told = capsys.readouterr().err
        assert "19.txt: no such file or folder" in told
        assert "20.txt" not in told
        assert "and 5 more" in told
        with failures_beside(tmp_path / "out.jsonl").open(encoding="utf-8-sig", newline="") as file:
            assert [row["chinese"] for row in csv.DictReader(file)] == ["没有这个文件或文件夹。"] * 25

    def test_standard_input_goes_into_no_common_table(self, run: Callable[..., BatchSummary]) -> None:
        with pytest.raises(BatchError, match="standard input"):
            run(Path("-"), Path("a"))

    def test_a_workbook_has_all_and_the_failures(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary]
    ) -> None:
        from openpyxl import load_workbook

        run(reports, out="out.xlsx")
        book = load_workbook(tmp_path / "out.xlsx")
        assert [row[0] for row in book["句子"].iter_rows(min_row=2, values_only=True)] == ["2023/b.txt"] + ["a.txt"] * 3
        assert [row[0] for row in book["失败"].iter_rows(min_row=2, values_only=True)] == ["empty.txt"]
        book.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out.xlsx", "out.xlsx.journal", "reports"]

    def test_the_journal_is_closed_whatever_happens(
        self, reports: Path, tmp_path: Path, run: Callable[..., BatchSummary], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(batch, "write_tags", fail)
        with pytest.raises(FazhiError, match="No space"):
            run(reports)
        base = sqlite3.connect(tmp_path / "out.jsonl.journal")
        assert base.execute("SELECT count(*) FROM done").fetchone() == (3,)
        base.close()


def test_a_batch_by_a_models_folder_takes_all_cores_and_names_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    monkeypatch.setattr(batch, "load_config", checked.append)
    monkeypatch.setattr(batch, "check_sums", checked.append)
    monkeypatch.setattr(batch, "version", lambda folder: "0123456789ab")
    monkeypatch.setattr(batch, "metadata", SimpleNamespace(version=lambda name: "9.9"))
    made = Batch.of_model(tmp_path / "out.csv", tmp_path / "model")
    assert checked == [tmp_path / "model"] * 2
    assert made.version == "0123456789ab of fazhi 9.9"
    assert made.workers == batch.cores()
    assert made.journal == tmp_path / "out.csv.journal"
    assert Batch.of_model(tmp_path / "out.csv", tmp_path / "model", workers=7).workers == 7
