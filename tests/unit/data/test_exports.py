"""Tagged reports as tables: every format read back, formulas disarmed, files whole or not at all."""

import codecs
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.exports import (
    SUFFIXES,
    ExportError,
    FailedFile,
    TaggedReport,
    TaggedUnit,
    failures_beside,
    parquet,
    tagged_report,
    write_tags,
)
from fazhi.data.exports import sheet as layout
from fazhi.data.exports.cells import cell_text, guarded
from fazhi.data.readers import Block, Kind, Place, Reading
from fazhi.model.document import read_document
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Predictor

TEXT = "云溪县2022年法治政府建设情况报告\n一、主要工作\n开展执法案卷评查；办理“行政复议”案件12件，\n"
SCORES = {str(label): round(0.9 - place / 10, 1) for place, label in enumerate((*ROLES, *TOPICS))}
FAILED = FailedFile("坏.pdf", "damaged", "the file is damaged", "文件已损坏。")
DANGEROUS = ["=1+1", "+8613800000000", "-1", "@SUM(A1)", "＝1+1", "\t=1", "#N/A", '=HYPERLINK("http://x.example")']


def unit(text: str, role: Role, *topics: Topic, **more: Any) -> TaggedUnit:
    return TaggedUnit(0, len(text), text, False, role, topics, scores=SCORES, **more)


REPORT = TaggedReport(
    "2023/甲.docx",
    (
        unit(
            "执法人员力量不足。",
            Role.PROBLEM,
            Topic.ENFORCEMENT,
            unsure=True,
            headings=("二、问题", "（一）执法"),
            page=3,
        ),
        unit("充实执法人员力量。", Role.PLAN, Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION, paragraph=12, corrected=True),
        unit("窗口少。", Role.PROBLEM, Topic.APPROVAL, page=2, table=(1, 2, 3)),
        unit("第1页", Role.OTHER, furniture=True),
    ),
    title="甲县报告",
    notes=("图片未读",),
)


def cells_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every sheet's rows below its header, by the header's titles."""
    from openpyxl import load_workbook

    book = load_workbook(path)
    sheets = {}
    for sheet in book:
        header, *rows = sheet.iter_rows(values_only=True)
        sheets[sheet.title] = [dict(zip(header, row, strict=True)) for row in rows]
    book.close()
    return sheets


class TestReport:
    def test_units_predictions_and_places_come_together(self, fake_predictor: Predictor) -> None:
        document = read_document(TEXT)
        (predictions,) = fake_predictor.predict([document])
        blocks = (Block(0, 18, Kind.FURNITURE, Place(page=1)), Block(19, 99, Kind.TABLE, Place(2, None, (1, 1, 2))))
        report = tagged_report("a.pdf", document, predictions, Reading(TEXT, blocks, "pdf", ("一页",)))
        assert [one.text for one in report.units] == [one.text for one in document.units]
        assert [one.role for one in report.units] == [prediction.role for prediction in predictions]
        assert [one.headings for one in report.units] == list(document.outline.headings)
        assert [one.page for one in report.units] == [1, 2, 2, 2]
        assert [one.furniture for one in report.units] == [True, False, False, False]
        assert report.units[1].table == (1, 1, 2)
        assert (report.title, report.notes) == (document.outline.title, ("一页",))
        for one, prediction in zip(report.units, predictions, strict=True):
            assert tuple(one.scores.values()) == (*prediction.role_scores, *prediction.topic_scores)
            assert one.certainty == max(prediction.role_scores)

    def test_without_a_reading_no_place_is_known(self, fake_predictor: Predictor) -> None:
        document = read_document(TEXT)
        report = tagged_report("a", document, fake_predictor.predict([document])[0])
        assert {one.place for one in report.units} == {""}

    def test_places_are_said_in_words(self) -> None:
        assert [one.place for one in REPORT.units] == ["第3页", "第12段", "第2页表1第2行第3列", ""]

    def test_a_corrected_unit_has_no_certainty(self) -> None:
        assert REPORT.units[1].certainty is None


class TestLines:
    def test_jsonl_has_every_field(self, tmp_path: Path) -> None:
        write_tags([REPORT, replace(REPORT, name="乙.txt")], tmp_path / "out.jsonl")
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [row["document"] for row in rows] == ["2023/甲.docx"] * 4 + ["乙.txt"] * 4
        assert rows[:4] == [json.loads(json.dumps(row)) for row in REPORT.rows()]
        assert rows[0]["headings"] == ["二、问题", "（一）执法"]
        assert rows[1]["topics"] == [Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION]
        assert rows[2]["table"] == [1, 2, 3]

    def test_csv_begins_with_a_bom_and_reads_back(self, tmp_path: Path) -> None:
        write_tags([REPORT], tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_bytes().startswith(codecs.BOM_UTF8)
        with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["text"] for row in rows] == [one.text for one in REPORT.units]
        assert [row["topics"] for row in rows] == ["执法", "执法;普法", "审批", ""]
        assert rows[0]["headings"] == "二、问题 / （一）执法"
        assert (rows[2]["page"], rows[2]["table"], rows[1]["paragraph"]) == ("2", "1.2.3", "12")
        assert {name: float(rows[0][name]) for name in SCORES} == SCORES

    @pytest.mark.parametrize("text", [text for text in DANGEROUS if text != "#N/A"])
    def test_csv_marks_what_would_be_a_formula(self, text: str, tmp_path: Path) -> None:
        write_tags([TaggedReport(text, (unit(text, Role.OTHER, headings=(text,)),))], tmp_path / "out.csv")
        with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
            (row,) = csv.DictReader(file)
        assert {row["document"], row["text"], row["headings"]} == {"'" + text}

    def test_only_texts_are_marked(self) -> None:
        assert [guarded(value) for value in (-1, 0.5, "", "一=1", True)] == [-1, 0.5, "", "一=1", True]

    def test_units_without_scores_have_empty_cells(self, tmp_path: Path) -> None:
        report = TaggedReport("a", (replace(REPORT.units[0], scores={}),))
        write_tags([report], tmp_path / "out.csv")
        with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
            (row,) = csv.DictReader(file)
        assert {row[name] for name in SCORES} == {""}


class TestParquet:
    def test_it_reads_back_with_its_types(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import pyarrow.parquet

        monkeypatch.setattr(parquet, "TOGETHER", 6)
        reports = [replace(REPORT, name=name) for name in "甲乙丙"]
        write_tags(reports, tmp_path / "out.parquet")
        file = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet")
        assert file.num_row_groups == 2
        rows = file.read().to_pylist()
        assert [row["document"] for row in rows] == [name for name in "甲乙丙" for _ in range(4)]
        for row, expected in zip(rows, REPORT.rows(), strict=False):
            assert row.pop("scores") == pytest.approx(expected.pop("scores"))
            assert row == {**expected, "document": "甲"}
        file.close()

    def test_units_without_scores_have_none(self, tmp_path: Path) -> None:
        import pyarrow.parquet

        write_tags([TaggedReport("a", (replace(REPORT.units[0], scores={}),))], tmp_path / "out.parquet")
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()[0]["scores"] is None


class TestWorkbook:
    def test_its_sheets_read_back(self, tmp_path: Path) -> None:
        write_tags([REPORT, replace(REPORT, name="乙.txt", notes=())], tmp_path / "out.xlsx", [FAILED])
        sheets = cells_of(tmp_path / "out.xlsx")
        assert list(sheets) == ["句子", "统计", "问题与计划", "完整性", "失败", "说明"]
        sentences = sheets["句子"]
        assert [row["句子"] for row in sentences] == [one.text for one in REPORT.units] * 2
        assert sentences[0]["上级标题"] == "二、问题 / （一）执法"
        assert [row["性质"] for row in sentences[:4]] == [str(one.role) for one in REPORT.units]
        assert [row["主题"] for row in sentences[:3]] == ["执法", "执法；普法", "审批"]
        assert [row["需复核"] for row in sentences[:2]] == ["是", None]
        assert [row["位置"] for row in sentences[:3]] == ["第3页", "第12段", "第2页表1第2行第3列"]
        assert [row["把握"] for row in sentences[:2]] == [pytest.approx(0.8), None]
        assert sheets["失败"] == [{"文件": "坏.pdf", "代码": "damaged", "原因": "文件已损坏。"}]

    def test_counts_add_up(self, tmp_path: Path) -> None:
        write_tags([REPORT, replace(REPORT, name="乙.txt")], tmp_path / "out.xlsx")
        first, second, total = cells_of(tmp_path / "out.xlsx")["统计"]
        assert (first["文件"], first["句数"], first["问题"], first["问题·审批"], first["普法"]) == (
            REPORT.name,
            4,
            2,
            1,
            1,
        )
        assert (first["需复核"], first["未找到计划的问题"], first["说明"]) == (1, 1, "图片未读")
        for title in set(first) - {"文件", "说明"}:
            assert total[title] == first[title] + second[title]

    def test_problems_stand_beside_the_plans_that_answer_them(self, tmp_path: Path) -> None:
        write_tags([REPORT], tmp_path / "out.xlsx")
        rows = cells_of(tmp_path / "out.xlsx")["问题与计划"]
        assert [(row["问题句"], row["对应的计划句"]) for row in rows] == [
            ("执法人员力量不足。", "充实执法人员力量。"),
            ("窗口少。", "未找到对应的计划"),
        ]

    def test_completeness_shows_sentences_or_what_was_looked_for(self, tmp_path: Path) -> None:
        write_tags([REPORT], tmp_path / "out.xlsx")
        rows = cells_of(tmp_path / "out.xlsx")["完整性"]
        assert [row["证据句"] for row in rows if row["方面"] == "存在的不足"] == ["执法人员力量不足。", "窗口少。"]
        for row in rows:
            assert ("未见" in row["结果"]) == row["证据句"].startswith("查找过：")

    def test_whole_sentences_are_shown_before_headings(self, tmp_path: Path) -> None:
        units = [replace(unit(f"{number}", Role.PLAN), heading=number < 2) for number in range(5)]
        write_tags([TaggedReport("a", tuple(units))], tmp_path / "out.xlsx")
        rows = cells_of(tmp_path / "out.xlsx")["完整性"]
        assert [row["证据句"] for row in rows if row["方面"] == "下一年度的主要安排"] == ["2", "3", "4"]

    def test_the_header_stays_in_sight_and_roles_are_coloured_beside_their_names(self, tmp_path: Path) -> None:
        from openpyxl import load_workbook

        write_tags([REPORT], tmp_path / "out.xlsx")
        book = load_workbook(tmp_path / "out.xlsx")
        assert {sheet.freeze_panes for sheet in book} == {"B2"}
        assert book["句子"].auto_filter.ref == "A1:N5"
        ranges, unsure = book["句子"].conditional_formatting
        assert (str(ranges.sqref), str(unsure.sqref)) == ("F2:F5", "H2:H5")
        assert [rule.formula for rule in ranges.rules] == [[f'"{role}"'] for role in ROLES]
        book.close()

    def test_it_prints_on_pages_that_are_read(self, tmp_path: Path) -> None:
        from openpyxl import load_workbook

        write_tags([REPORT, REPORT], tmp_path / "out.xlsx")
        book = load_workbook(tmp_path / "out.xlsx")
        for sheet in book:
            assert (sheet.print_title_rows, sheet.page_setup.orientation) == ("$1:$1", "landscape")
            assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
            assert all(sheet.cell(2, place).alignment.vertical == "top" for place in range(1, 3))
        assert book["句子"].print_area == "'句子'!$A$1:$H$9"
        assert [book["统计"].cell(row, 1).font.bold for row in (3, 4)] == [False, True]
        assert book["统计"].auto_filter.ref == "A1:AC3"  # the sums stay below, however it is sorted
        book.close()

    @pytest.mark.parametrize(("length", "lines"), [(5, 1), (31, 1), (32, 2), (93, 3), (20_000, 27)])
    def test_a_row_is_as_high_as_its_text(self, length: int, lines: int, tmp_path: Path) -> None:
        from openpyxl import load_workbook

        write_tags([TaggedReport("a", (unit("长" * length, Role.OTHER),))], tmp_path / "out.xlsx")
        book = load_workbook(tmp_path / "out.xlsx")
        assert book["句子"].row_dimensions[2].height == 15 * lines
        book.close()

    @pytest.mark.parametrize("text", DANGEROUS)
    def test_no_text_becomes_a_formula(self, text: str, tmp_path: Path) -> None:
        from openpyxl import load_workbook

        report = TaggedReport(text, (unit(text, Role.OTHER, headings=(text,)),), notes=(text,))
        write_tags([report], tmp_path / "out.xlsx", [FailedFile(text, text, text, text)])
        book = load_workbook(tmp_path / "out.xlsx")
        held = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == text]
        assert len(held) >= 7
        assert {cell.data_type for cell in held} == {"s"}
        assert all(cell.quotePrefix for cell in held) == (text != "#N/A")
        book.close()

    def test_what_a_cell_cannot_hold_is_left_out(self, tmp_path: Path) -> None:
        report = TaggedReport(
            "a", (unit("开展\x00执法\x1f。\ud800", Role.ACHIEVEMENT), unit("长" * 40_000, Role.OTHER))
        )
        write_tags([report], tmp_path / "out.xlsx")
        texts = [row["句子"] for row in cells_of(tmp_path / "out.xlsx")["句子"]]
        assert texts == ["开展执法。", "长" * 32_766 + "…"]

    def test_a_full_sheet_goes_on_in_another(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layout, "MOST_ROWS", 4)
        write_tags([REPORT, REPORT], tmp_path / "out.xlsx")
        sheets = cells_of(tmp_path / "out.xlsx")
        assert [len(sheets[title]) for title in ("句子", "句子 2", "句子 3")] == [3, 3, 2]
        assert {"说明", "说明 2", "完整性 2"} < set(sheets)
        texts = [row["句子"] for title in ("句子", "句子 2", "句子 3") for row in sheets[title]]
        assert texts == [one.text for one in REPORT.units] * 2

    def test_one_that_is_broken_off_while_a_row_is_written_says_why(self, tmp_path: Path) -> None:
        broken = replace(REPORT.units[0], text=None)
        with pytest.raises(AttributeError, match="NoneType"):
            write_tags([REPORT, TaggedReport("a", (broken,))], tmp_path / "out.xlsx")
        assert list(tmp_path.iterdir()) == []

    def test_a_workbook_of_nothing_opens(self, tmp_path: Path) -> None:
        write_tags([], tmp_path / "out.xlsx")
        assert cells_of(tmp_path / "out.xlsx")["句子"] == []

    def test_cell_text_keeps_what_fits(self) -> None:
        assert cell_text("甲\n乙\t" + "长" * 32_000) == "甲\n乙\t" + "长" * 32_000


class TestFiles:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_a_table_is_written_whole_or_not_at_all(self, suffix: str, tmp_path: Path) -> None:
        out = tmp_path / "new" / f"out{suffix}"
        write_tags([REPORT], out)
        before = out.read_bytes()

        def break_off() -> Iterator[TaggedReport]:
            yield REPORT
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space left"):
            write_tags(break_off(), out)
        assert [path.name for path in out.parent.iterdir()] == [out.name]
        assert out.read_bytes() == before

    @pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".xlsx"])
    def test_failures_stand_beside_a_table_without_sheets(self, suffix: str, tmp_path: Path) -> None:
        out = tmp_path / f"out{suffix}"
        write_tags([REPORT], out, [FAILED, FailedFile("=x", "y", "z", "")])
        with failures_beside(out).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows[0] == {"document": "坏.pdf", "code": "damaged", "reason": FAILED.reason, "chinese": FAILED.chinese}
        assert rows[1]["document"] == "'=x"
        write_tags([REPORT], out)
        assert not failures_beside(out).exists()

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_failures_may_be_found_while_reports_are_read(self, suffix: str, tmp_path: Path) -> None:
        out, failures = tmp_path / f"out{suffix}", list[FailedFile]()

        def reports() -> Iterator[TaggedReport]:
            yield REPORT
            failures.append(FAILED)

        write_tags(reports(), out, failures)
        if suffix == ".xlsx":
            assert len(cells_of(out)["失败"]) == 1
        else:
            assert "坏.pdf" in failures_beside(out).read_text(encoding="utf-8-sig")

    def test_a_style_may_be_given_apart_from_the_name(self, tmp_path: Path) -> None:
        write_tags([REPORT], tmp_path / "out.txt", style="jsonl")
        assert json.loads((tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()[0])["document"] == REPORT.name

    def test_another_kind_of_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ExportError, match=r"\.xlsx, \.csv, \.jsonl, \.parquet"):
            write_tags([REPORT], tmp_path / "out.xls")

    @pytest.mark.parametrize(("suffix", "library"), [(".xlsx", "openpyxl"), (".parquet", "pyarrow")])
    def test_a_missing_library_is_named(
        self, suffix: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == library]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ExportError, match=rf"{library}.* not installed: pip install 'fazhi\[documents\]'"):
            write_tags([REPORT], tmp_path / f"out{suffix}")
        assert list(tmp_path.iterdir()) == []
