"""Files in, tagged files out: what is found, what is written where, and what one bad file does to the others."""

import codecs
import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from fazhi.data import tagging
from fazhi.data.readers import Block, Kind, Place, Reading
from fazhi.data.tagging import (
    Failure,
    Output,
    OutputError,
    Source,
    Tagged,
    documents,
    find_sources,
    tag,
    tag_paths,
    write_file,
)
from fazhi.model.document import read_document
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor

TEXT = "云溪县2022年法治政府建设情况报告\n一、主要工作\n开展执法案卷评查；办理“行政复议”案件12件，\n"
FIELDS = ["document", "start", "end", "text", "heading", "role", "topics", "unsure", "scores"]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder with three reports, two of them deeper, and what is no report."""
    root = tmp_path / "reports"
    for name in ("a.txt", "2023/b.TXT", "2023/county/a.txt", "2023/notes.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(TEXT, encoding="utf-8")
    (root / "folder.txt").mkdir()
    return root


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def expected_rows(predictor: Predictor, name: str) -> list[dict[str, object]]:
    document = read_document(TEXT)
    (predictions,) = predictor.predict([document])
    tagged = Tagged(Source(Path(name), Path(name)), document.units, predictions)
    return [json.loads(json.dumps(row)) for row in tagged.rows()]


class TestFindSources:
    def test_a_file_is_taken_as_it_is_named_whatever_its_suffix(self, reports: Path) -> None:
        path = reports / "2023" / "notes.md"
        assert list(find_sources([path])) == [Source(path, Path("notes"))]

    def test_a_folder_gives_its_texts_in_order_and_their_places(self, reports: Path) -> None:
        assert list(find_sources([reports])) == [
            Source(reports / "2023" / "b.TXT", Path("2023/b")),
            Source(reports / "2023" / "county" / "a.txt", Path("2023/county/a")),
            Source(reports / "a.txt", Path("a")),
        ]

    def test_a_dash_is_standard_input(self) -> None:
        assert list(find_sources([Path("-")])) == [Source(Path("-"), Path("stdin"))]

    def test_what_is_missing_is_a_failure_among_the_others(self, reports: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        found = list(find_sources([tmp_path / "none", tmp_path / "empty", reports / "a.txt"]))
        kinds = ".txt .docx .pdf .html .htm .doc .wps"
        assert found == [
            Failure(tmp_path / "none", "no such file or folder"),
            Failure(tmp_path / "empty", f"the folder holds no file of those that are read ({kinds})"),
            Source(reports / "a.txt", Path("a")),
        ]

    def test_a_folder_gives_every_kind_that_is_read_and_no_lock_or_hidden_file(self, tmp_path: Path) -> None:
        for name in ("a.docx", "b.PDF", "c.html", "d.wps", "~$a.docx", ".a.docx", "e.xlsx", "f.md"):
            (tmp_path / name).write_text(TEXT, encoding="utf-8")
        names = [source.name.as_posix() for source in find_sources([tmp_path]) if isinstance(source, Source)]
        assert names == ["a", "b", "c", "d"]

    def test_files_that_differ_in_the_suffix_alone_keep_it(self, reports: Path) -> None:
        (reports / "2023" / "b.docx").write_text(TEXT, encoding="utf-8")
        names = [source.name.as_posix() for source in find_sources([reports]) if isinstance(source, Source)]
        assert names == ["2023/b.TXT", "2023/b.docx", "2023/county/a", "a"]


class TestOutput:
    @pytest.mark.parametrize(
        ("style", "path", "several", "expected"),
        [
            (None, None, False, "table"),
            (None, None, True, "table"),
            ("csv", None, True, "csv"),
            ("jsonl", None, False, "jsonl"),
            (None, "tags.csv", False, "csv"),
            (None, "tags.CSV", False, "csv"),
            (None, "tags.jsonl", False, "jsonl"),
            (None, "tags.txt", False, "jsonl"),
            (None, "tags", True, "jsonl"),
            ("csv", "tags", True, "csv"),
            ("csv", "tags.jsonl", False, "csv"),
            (None, "tags.xlsx", False, "xlsx"),
            (None, "tags.parquet", False, "parquet"),
            ("xlsx", "tags", True, "xlsx"),
        ],
    )
    def test_the_style_is_as_asked_or_as_the_path_suggests(
        self, style: str | None, path: str | None, several: bool, expected: str
    ) -> None:
        place = Path(path) if path else None
        assert Output(style, place).resolved(several) == Output(expected, place)

    @pytest.mark.parametrize("several", [False, True])
    def test_a_table_goes_into_no_file(self, several: bool) -> None:
        with pytest.raises(OutputError, match="a table is for the screen"):
            Output("table", Path("tags")).resolved(several)

    @pytest.mark.parametrize("style", ["xlsx", "parquet"])
    def test_a_workbook_is_not_for_the_screen(self, style: str) -> None:
        with pytest.raises(OutputError, match=f"{style} is for files"):
            Output(style, None).resolved(several=False)

    @pytest.mark.parametrize("suffix", ["xlsx", "parquet", "jsonl", "csv", "XLSX"])
    def test_a_file_that_is_named_takes_several_documents_as_one_table(self, tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"tags.{suffix}"
        assert Output(None, out).takes_all(several=True)
        assert Output(suffix.lower(), out).takes_all(several=True)
        assert not Output(None, out).takes_all(several=False)
        out.mkdir()
        assert not Output(None, out).takes_all(several=True)

    def test_a_folder_or_the_screen_takes_them_one_by_one(self, tmp_path: Path) -> None:
        assert not Output(None, tmp_path / "tags").takes_all(several=True)
        assert not Output("jsonl", tmp_path / "tags.txt").takes_all(several=True)
        assert not Output("jsonl", None).takes_all(several=True)

    def test_a_file_is_not_named_otherwise_than_its_style(self) -> None:
        with pytest.raises(OutputError, match="leave one out"):
            Output("csv", Path("tags.xlsx")).takes_all(several=True)

    @pytest.mark.parametrize("name", ["tags.csv", "tags.jsonl", "tags.xlsx", "there"])
    def test_several_documents_do_not_go_into_one_file_one_by_one(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "there").write_text("", encoding="utf-8")
        with pytest.raises(OutputError, match="is one file"):
            Output(None, tmp_path / name).resolved(several=True)
        assert Output(None, tmp_path / name).resolved(several=False).path == tmp_path / name

    def test_a_folder_that_cannot_be_opened_is_told_and_the_others_are_read(
        self, reports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scan = os.scandir

        def closed(folder: str) -> object:
            if Path(folder).name == "county":
                raise PermissionError(13, "Permission denied", folder)
            return scan(folder)

        monkeypatch.setattr(os, "scandir", closed)
        found = list(find_sources([reports]))
        county = reports / "2023" / "county"
        assert found[0] == Failure(county, "Permission denied")
        assert [source.path.name for source in found[1:]] == ["b.TXT", "a.txt"]


class TestTag:
    def test_a_bad_file_among_good_ones_is_told_and_the_others_go_on(
        self, reports: Path, fake_predictor: Predictor
    ) -> None:
        (reports / "2023" / "b.TXT").write_bytes(b"\x00\x01")
        results = list(tag([*find_sources([reports]), Failure(Path("x"), "no such file")], fake_predictor))
        assert [type(result) for result in results] == [Failure, Tagged, Tagged, Failure]
        assert results[0] == Failure(
            reports / "2023" / "b.TXT", "the file is not text (control or unassigned characters in it)"
        )
        assert results[3] == Failure(Path("x"), "no such file")
        for result in results[1:3]:
            assert isinstance(result, Tagged)
            rows = expected_rows(fake_predictor, result.source.name.as_posix())
            assert [json.loads(json.dumps(row)) for row in result.rows()] == rows

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
    def test_a_file_that_may_not_be_read_is_told(self, reports: Path, fake_predictor: Predictor) -> None:
        (reports / "a.txt").chmod(0)
        (result,) = tag(find_sources([reports / "a.txt"]), fake_predictor)
        assert result == Failure(reports / "a.txt", "Permission denied")

    def test_a_file_that_goes_away_is_told(self, reports: Path, fake_predictor: Predictor) -> None:
        sources = list(find_sources([reports]))
        (reports / "a.txt").unlink()
        assert list(tag(sources, fake_predictor))[2] == Failure(reports / "a.txt", "No such file or directory")

    def test_more_documents_than_go_together_keep_their_order(self, tmp_path: Path, fake_predictor: Predictor) -> None:
        count = 2 * tagging.TOGETHER + 3
        for number in range(count):
            (tmp_path / f"{number:02}.txt").write_text(f"办理案件{number}件。" * (number % 3 + 1), encoding="utf-8")
        told: list[int] = []
        results = list(tag(find_sources([tmp_path]), fake_predictor, told.append))
        assert [result.source.name for result in results if isinstance(result, Tagged)] == [
            Path(f"{number:02}") for number in range(count)
        ]
        for number, result in enumerate(results):
            assert isinstance(result, Tagged)
            assert [unit.text for unit in result.units] == [f"办理案件{number}件。"] * (number % 3 + 1)
        assert sum(told) == sum(number % 3 + 1 for number in range(count))


class TestWriting:
    @pytest.mark.parametrize("style", ["jsonl", "csv"])
    def test_a_folder_keeps_its_structure(self, reports: Path, fake_predictor: Predictor, style: str) -> None:
        out = reports.parent / "tags"
        assert tag_paths([reports], fake_predictor, Output(style, out)) == []
        found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        assert found == [f"2023/b.{style}", f"2023/county/a.{style}", f"a.{style}"]

    def test_one_document_goes_into_the_file_named(self, reports: Path, fake_predictor: Predictor) -> None:
        out = reports.parent / "new" / "tags.jsonl"
        assert tag_paths([reports / "a.txt"], fake_predictor, Output(None, out)) == []
        assert rows_of(out) == expected_rows(fake_predictor, "a")

    def test_one_document_goes_below_a_folder_that_is_there(self, reports: Path, fake_predictor: Predictor) -> None:
        assert tag_paths([reports / "a.txt"], fake_predictor, Output(None, reports)) == []
        assert rows_of(reports / "a.jsonl") == expected_rows(fake_predictor, "a")

    def test_a_name_with_points_keeps_them(self, reports: Path, fake_predictor: Predictor) -> None:
        (reports / "a.txt").rename(reports / "v1.2.txt")
        assert tag_paths([reports], fake_predictor, Output("csv", reports.parent / "tags")) == []
        assert (reports.parent / "tags" / "v1.2.csv").is_file()

    def test_jsonl_has_a_units_place_tags_and_scores(self, reports: Path, fake_predictor: Predictor) -> None:
        out = reports.parent / "tags.jsonl"
        tag_paths([reports / "a.txt"], fake_predictor, Output(None, out))
        rows = rows_of(out)
        assert len(rows) == 4
        for row in rows:
            assert list(row) == FIELDS
            assert TEXT[row["start"] : row["end"]] == row["text"]  # type: ignore[misc]
            assert row["role"] in list(ROLES)
            scores = row["scores"]
            assert isinstance(scores, dict)
            assert list(scores) == [*ROLES, *TOPICS]
            assert all(0 <= score <= 1 for score in scores.values())
            assert row["topics"] == [topic for topic in TOPICS if scores[topic] >= 0.5]
        assert [row["heading"] for row in rows] == [True, True, False, False]

    def test_a_csv_begins_with_a_bom_and_reads_back(self, reports: Path, fake_predictor: Predictor) -> None:
        out = reports.parent / "tags.csv"
        tag_paths([reports / "a.txt"], fake_predictor, Output(None, out))
        assert out.read_bytes().startswith(codecs.BOM_UTF8)
        with out.open(encoding="utf-8-sig", newline="") as file:
            cells = list(csv.DictReader(file))
        assert len(cells) == 4
        assert list(cells[0]) == [*FIELDS[:-1], *ROLES, *TOPICS]
        for cell, row in zip(cells, expected_rows(fake_predictor, "a"), strict=True):
            assert {name: cell[name] for name in FIELDS[:6]} == {name: str(row[name]) for name in FIELDS[:6]}
            assert cell["topics"].split(";") == (row["topics"] or [""])
            assert {label: float(cell[label]) for label in (*ROLES, *TOPICS)} == row["scores"]

    def test_one_document_goes_into_a_workbook(self, reports: Path, fake_predictor: Predictor) -> None:
        from openpyxl import load_workbook

        assert tag_paths([reports / "a.txt"], fake_predictor, Output(None, reports / "a.xlsx")) == []
        book = load_workbook(reports / "a.xlsx")
        texts = [row[4] for row in book["句子"].iter_rows(min_row=2, values_only=True)]
        assert texts == [unit.text for unit in read_document(TEXT).units]
        book.close()

    def test_a_folder_becomes_a_folder_of_workbooks(self, reports: Path, fake_predictor: Predictor) -> None:
        out = reports.parent / "tags"
        assert tag_paths([reports], fake_predictor, Output("xlsx", out)) == []
        found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        assert found == ["2023/b.xlsx", "2023/county/a.xlsx", "a.xlsx"]

    @pytest.mark.parametrize("style", ["jsonl", "csv"])
    def test_units_of_a_page_say_where_they_stand(
        self, style: str, tmp_path: Path, fake_predictor: Predictor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blocks = (Block(0, 35, Kind.FURNITURE, Place(page=1)), Block(35, 99, Kind.PARAGRAPH, Place(page=2)))
        monkeypatch.setattr(documents, "read_file", lambda path: Reading(TEXT, blocks, "pdf"))
        (tmp_path / "a.pdf").touch()
        out = tmp_path / f"a.{style}"
        assert tag_paths([tmp_path / "a.pdf"], fake_predictor, Output(None, out)) == []
        if style == "jsonl":
            rows = rows_of(out)
            assert list(rows[0]) == [*FIELDS, "page", "paragraph", "table", "furniture"]
            assert [row["page"] for row in rows] == [1, 1, 1, 2]
            assert [row["furniture"] for row in rows] == [True, True, True, False]
        else:
            with out.open(encoding="utf-8-sig", newline="") as file:
                cells = list(csv.DictReader(file))
            assert [cell["page"] for cell in cells] == ["1", "1", "1", "2"]

    def test_a_text_that_looks_like_a_formula_is_marked_in_a_csv(
        self, tmp_path: Path, fake_predictor: Predictor
    ) -> None:
        (tmp_path / "a.txt").write_text("=1+1。\n+执法。", encoding="utf-8")
        assert tag_paths([tmp_path / "a.txt"], fake_predictor, Output(None, tmp_path / "a.csv")) == []
        with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [cell["text"] for cell in csv.DictReader(file)] == ["'=1+1。", "'+执法。"]

    def test_documents_of_one_name_do_not_overwrite_each_other(
        self, reports: Path, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, second, out = reports / "a.txt", reports / "2023" / "county" / "a.txt", reports.parent / "tags"
        failures = tag_paths([first, second], fake_predictor, Output(None, out))
        reason = f"its tags would overwrite {out / 'a.jsonl'}, those of another document of that name"
        assert failures == [Failure(second, reason)]
        assert [path.name for path in out.iterdir()] == ["a.jsonl"]
        assert f"{second}: {reason}\n" == capsys.readouterr().err

    @pytest.mark.parametrize("style", ["jsonl", "xlsx"])
    def test_a_document_is_not_overwritten_with_its_tags(
        self, reports: Path, fake_predictor: Predictor, style: str
    ) -> None:
        path = reports / "a.txt"
        reason = "its tags would overwrite the document itself: name another file"
        assert tag_paths([path], fake_predictor, Output(style, path)) == [Failure(path, reason)]
        assert path.read_text(encoding="utf-8") == TEXT

    def test_tags_from_an_earlier_run_are_written_anew(self, reports: Path, fake_predictor: Predictor) -> None:
        out = reports.parent / "tags.jsonl"
        out.write_text("old", encoding="utf-8")
        assert tag_paths([reports / "a.txt"], fake_predictor, Output(None, out)) == []
        assert len(rows_of(out)) == 4

    def test_a_place_that_cannot_be_written_is_told_and_the_others_go_on(
        self, reports: Path, fake_predictor: Predictor
    ) -> None:
        out = reports.parent / "tags"
        out.mkdir()
        (out / "2023").write_text("a file where a folder must be", encoding="utf-8")
        failures = tag_paths([reports], fake_predictor, Output(None, out))
        assert [failure.path for failure in failures] == [out / "2023/b.jsonl", out / "2023/county/a.jsonl"]
        assert rows_of(out / "a.jsonl")

    def test_a_file_is_written_whole_or_not_at_all(
        self, reports: Path, fake_predictor: Predictor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = reports.parent / "tags.jsonl"
        out.write_text("old", encoding="utf-8")
        write = Path.write_text

        def break_off(path: Path, text: str, **options: str) -> None:
            write(path, text[: len(text) // 2], encoding="utf-8")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", break_off)
        failures = tag_paths([reports / "a.txt"], fake_predictor, Output(None, out))
        assert failures == [Failure(out, "No space left on device")]
        assert out.read_text(encoding="utf-8") == "old"

    def test_no_draft_is_left(self, reports: Path, fake_predictor: Predictor) -> None:
        (result,) = tag(find_sources([reports / "a.txt"]), fake_predictor)
        assert isinstance(result, Tagged)
        write_file(result, reports / "tags" / "a.csv", "csv")
        assert [path.name for path in (reports / "tags").iterdir()] == ["a.csv"]


class TestScreen:
    def shown(
        self, paths: Sequence[Path], style: str | None, predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> str:
        assert tag_paths(paths, predictor, Output(style, None)) == []
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    def test_jsonl_of_several_documents_is_one_stream(
        self, reports: Path, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows = [json.loads(line) for line in self.shown([reports], "jsonl", fake_predictor, capsys).splitlines()]
        names = ["2023/b", "2023/county/a", "a"]
        assert rows == [row for name in names for row in expected_rows(fake_predictor, name)]

    def test_csv_of_several_documents_has_one_header(
        self, reports: Path, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = self.shown([reports], "csv", fake_predictor, capsys)
        assert not out.startswith("\ufeff")
        cells = list(csv.DictReader(io.StringIO(out, newline="")))
        assert [cell["document"] for cell in cells] == ["2023/b"] * 4 + ["2023/county/a"] * 4 + ["a"] * 4

    def test_a_table_shows_every_unit(
        self,
        reports: Path,
        fake_predictor: Predictor,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("COLUMNS", "160")
        out = self.shown([reports / "a.txt"], None, fake_predictor, capsys)
        assert all(unit.text in out for unit in read_document(TEXT).units)

    def test_brackets_in_names_and_texts_are_no_markup(
        self, tmp_path: Path, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "[bold]a[red].txt"
        path.write_text("完成[/red]清理[bold]。", encoding="utf-8")
        out = self.shown([path], None, fake_predictor, capsys)
        assert "[bold]a[red]" in out
        assert "完成[/red]清理[bold]。" in out

    def test_standard_input_is_read_as_bytes(
        self, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode("gb18030"))))
        out = self.shown([Path("-")], "jsonl", fake_predictor, capsys)
        assert [json.loads(line) for line in out.splitlines()] == expected_rows(fake_predictor, "stdin")

    def test_failures_go_to_stderr_each_on_one_line(
        self, tmp_path: Path, fake_predictor: Predictor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        missing = tmp_path / ("very-long-name-" * 12 + "[red].txt")
        assert len(tag_paths([missing], fake_predictor, Output("jsonl", None))) == 1
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", f"{missing}: no such file or folder\n")
