"""The Word summary: what stands under which heading, and what a reader is told of each sentence."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.exports import ExportError, TaggedReport, TaggedUnit, write_summary
from fazhi.model.labels import ROLES, TOPICS, Role, Topic


def unit(text: str, role: Role, *topics: Topic, **more: Any) -> TaggedUnit:
    return TaggedUnit(0, len(text), text, False, role, topics, **more)


REPORT = TaggedReport(
    "甲.docx",
    (
        unit("甲县2023年法治政府建设情况报告", Role.OTHER),
        unit("开展以案释法16场。", Role.ACHIEVEMENT, Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION, page=2),
        unit("制定规范性文件3件。", Role.ACHIEVEMENT, unsure=True),
        unit("执法人员力量不足。", Role.PROBLEM, Topic.ENFORCEMENT, corrected=True),
        unit("窗口少。", Role.PROBLEM, Topic.APPROVAL),
        unit("充实执法人员力量。", Role.PLAN, Topic.ENFORCEMENT),
    ),
    title="甲县2023年法治政府建设情况报告",
    notes=("图片未读",),
)


def sections(path: Path) -> dict[str, list[str]]:
    """The paragraphs under each heading; a second-level heading is named with the one above it."""
    import docx

    found: dict[str, list[str]] = {}
    first = here = ""
    for paragraph in docx.Document(str(path)).paragraphs:
        if paragraph.style.name in ("Title", "Heading 1"):
            first = here = paragraph.text
            found[here] = []
        elif paragraph.style.name == "Heading 2":
            here = f"{first} > {paragraph.text}"
            found[here] = []
        else:
            found[here].append(paragraph.text)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("word") / "summary.docx"
    write_summary(REPORT, path)
    return path


def test_it_begins_with_the_title_a_caution_and_what_the_reader_noted(written: Path) -> None:
    title, *others = sections(written)
    assert title == REPORT.title
    caution, note = sections(written)[title]
    assert "需复核" in caution
    assert note == "图片未读"
    assert others[0] == "统计"


def test_sentences_stand_under_their_role_and_topics(written: Path) -> None:
    found = sections(written)
    assert found["成效（2句） > 执法（1句）"] == ["开展以案释法16场。（第2页；另有：普法）"]
    assert found["成效（2句） > 普法（1句）"] == ["开展以案释法16场。（第2页；另有：执法）"]
    assert found["成效（2句） > 无主题（1句）"] == ["制定规范性文件3件。（需复核）"]
    assert found["问题（2句） > 执法（1句）"] == ["执法人员力量不足。（已更正）"]
    assert found["计划（1句） > 执法（1句）"] == ["充实执法人员力量。", "其他（标题、日期等）1句，未列出。"]


def test_problems_stand_with_their_plans_or_the_note_that_there_is_none(written: Path) -> None:
    lines = sections(written)["问题与计划对照（2句，1句未见对应的计划）"]
    assert lines[0] == "执法人员力量不足。（已更正）"
    assert lines[1].startswith("→ 充实执法人员力量。（相近程度")
    assert lines[2:] == ["窗口少。", "○ 未见对应的计划"]


def test_every_part_is_told_with_evidence_or_with_what_was_looked_for(written: Path) -> None:
    found = {name: lines for name, lines in sections(written).items() if name.startswith("应有内容核对 > ")}
    assert len(found) == 5
    (achievements,) = [lines for name, lines in found.items() if "主要举措和成效" in name]
    assert achievements == [
        "主要举措和成效：有，共2句",
        "开展以案释法16场。（第2页）",
        "制定规范性文件3件。（需复核）",
    ]
    for name, lines in found.items():
        assert len(lines) >= 2
        if name.endswith("：未见"):
            assert any(line.startswith("查找过：") for line in lines)


def test_the_counts_are_a_table_of_roles_and_topics(written: Path) -> None:
    import docx

    (table,) = docx.Document(str(written)).tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0] == ["", "句数", *TOPICS]
    assert [row[0] for row in rows[1:]] == [*ROLES, "合计"]
    assert rows[1][1:] == ["2", "1", "0", "0", "1"]
    assert rows[-1][1:] == ["6", "3", "0", "1", "1"]


def test_chinese_has_one_font_in_every_style_used(written: Path) -> None:
    styles = zipfile.ZipFile(written).read("word/styles.xml").decode("utf-8")
    assert styles.count('w:eastAsia="宋体"') >= 5


def test_a_report_without_title_or_problems_is_called_by_its_name(tmp_path: Path) -> None:
    bare = TaggedReport("乙\x00.txt", (unit("开展\x0b执法。", Role.ACHIEVEMENT, Topic.ENFORCEMENT),))
    write_summary(bare, tmp_path / "new" / "summary.docx")
    found = sections(tmp_path / "new" / "summary.docx")
    assert next(iter(found)) == "乙.txt"
    assert found["成效（1句） > 执法（1句）"][0] == "开展执法。"
    assert not any(name.startswith("问题与计划") for name in found)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["summary.docx"]


def test_a_very_long_title_is_taken(tmp_path: Path) -> None:
    write_summary(replace(REPORT, title="长" * 400), tmp_path / "summary.docx")
    assert next(iter(sections(tmp_path / "summary.docx"))) == "长" * 400


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(ExportError, match=r"docx.* not installed: pip install 'fazhi\[documents\]'"):
        write_summary(REPORT, tmp_path / "summary.docx")
