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


def sections(path: Path) -> dict[str, list[Any]]:
    """What stands under each heading: paragraphs as texts, tables as rows of texts.

    A second-level heading is named with the one above it.
    """
    import docx
    from docx.table import Table

    found: dict[str, list[Any]] = {}
    first = here = ""
    for item in docx.Document(str(path)).iter_inner_content():
        if isinstance(item, Table):
            found[here] += [[cell.text for cell in row.cells] for row in item.rows]
        elif item.style.name in ("Title", "Heading 1"):
            first = here = item.text
            found[here] = []
        elif item.style.name == "Heading 2":
            here = f"{first} > {item.text}"
            found[here] = []
        else:
            found[here].append(item.text)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("word") / "summary.docx"
    write_summary(REPORT, path)
    return path


def test_it_begins_with_the_title_its_file_a_caution_and_what_the_reader_noted(written: Path) -> None:
    title, *others = sections(written)
    assert title == REPORT.title
    source, caution, note = sections(written)[title]
    assert source.endswith("甲.docx")
    assert "需复核" in caution
    assert note.endswith("图片未读")
    assert others[:3] == ["一、概况", "二、应有内容核对", "三、问题与计划对照"]


def test_sentences_stand_under_their_role_and_topics(written: Path) -> None:
    found = sections(written)
    assert found["四、成效（2句） > 执法（1句）"] == ["开展以案释法16场。（第2页；另有：普法）"]
    assert found["四、成效（2句） > 普法（1句）"] == ["开展以案释法16场。（第2页；另有：执法）"]
    assert found["四、成效（2句） > 无主题（1句）"] == ["制定规范性文件3件。（需复核）"]
    assert found["五、问题（2句） > 执法（1句）"] == ["执法人员力量不足。（已更正）"]
    last = found["六、计划（1句） > 执法（1句）"]
    assert last[0] == "充实执法人员力量。"
    assert "1句，未列出" in last[1]


def test_problems_stand_beside_their_plans_or_the_note_that_none_was_found(written: Path) -> None:
    said, caution, *rows = sections(written)["三、问题与计划对照"]
    assert said == "2句问题，其中1句未找到对应的计划。"
    assert "人工判断" in caution
    assert rows == [
        ["问题句", "对应的计划句"],
        ["执法人员力量不足。（已更正）", "→ 充实执法人员力量。（用词相近）"],
        ["窗口少。", "○ 未找到对应的计划"],
    ]


def test_every_part_is_told_with_evidence_or_with_what_was_looked_for(written: Path) -> None:
    _, header, *rows = sections(written)["二、应有内容核对"]
    assert header == ["应有内容", "结果", "依据"]
    names = ["主要举措和成效", "存在的不足", "原因", "党政主要负责人", "下一年度", "其他需要报告的情况（如有）"]
    assert all(row[0].startswith(name) for row, name in zip(rows, names, strict=True))
    assert rows[0][1:] == ["● 有", "开展以案释法16场。（第2页）\n制定规范性文件3件。（需复核）"]
    for _, state, evidence in rows:
        assert evidence
        assert (state == "○ 未见") == evidence.startswith("查找过：")


def test_further_evidence_is_counted(tmp_path: Path) -> None:
    units = tuple(unit(f"开展检查{number}次。", Role.ACHIEVEMENT) for number in range(5))
    write_summary(TaggedReport("a", units), tmp_path / "summary.docx")
    evidence = sections(tmp_path / "summary.docx")["二、应有内容核对"][2][2]
    assert evidence.splitlines() == ["开展检查0次。", "开展检查1次。", "开展检查2次。", "等共5句"]


def test_a_plan_in_the_passage_of_a_problem_is_called_so(tmp_path: Path) -> None:
    passage = ("二、问题", "（一）执法")
    units = (unit("队员少。", Role.PROBLEM, headings=passage), unit("拟增编。", Role.PLAN, headings=passage))
    write_summary(TaggedReport("a", units), tmp_path / "summary.docx")
    rows = sections(tmp_path / "summary.docx")["三、问题与计划对照"]
    assert rows[0] == "1句问题，都找到了对应的计划。"
    assert rows[-1] == ["队员少。", "→ 拟增编。（紧随该问题）"]


def test_the_counts_are_a_sentence_and_a_table_of_roles_and_topics(written: Path) -> None:
    said, *rows = sections(written)["一、概况"]
    assert said.startswith("全文6句：成效2句、问题2句、计划1句、其他1句；其中1句标有“需复核”。")
    assert rows[0] == ["性质", "句数", *TOPICS]
    assert [row[0] for row in rows[1:]] == [*ROLES, "合计"]
    assert rows[1][1:] == ["2", "1", "0", "0", "1"]
    assert rows[-1][1:] == ["6", "3", "0", "1", "1"]


def test_it_is_a4_in_chinese_type_with_page_numbers_and_headers_on_every_page(written: Path) -> None:
    with zipfile.ZipFile(written) as package:
        styles, body = (package.read(f"word/{name}.xml").decode("utf-8") for name in ("styles", "document"))
        footers = [package.read(name).decode("utf-8") for name in package.namelist() if "footer" in name]
    assert styles.count('w:eastAsia="宋体"') >= 2
    assert styles.count('w:eastAsia="黑体"') >= 3
    assert 'w:lang w:val="en-US" w:eastAsia="zh-CN"' in styles
    assert body.count("<w:tblHeader/>") == 3
    assert 'w:w="11906" w:h="16838"' in body
    assert any("PAGE" in footer for footer in footers)


def test_a_report_without_title_or_problems_is_called_by_its_name(tmp_path: Path) -> None:
    bare = TaggedReport("乙\x00.txt", (unit("开展\x0b执法。", Role.ACHIEVEMENT, Topic.ENFORCEMENT),))
    write_summary(bare, tmp_path / "new" / "summary.docx")
    found = sections(tmp_path / "new" / "summary.docx")
    assert next(iter(found)) == "乙.txt"
    assert found["三、成效（1句） > 执法（1句）"] == ["开展执法。"]
    assert not any("问题与计划" in name for name in found)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["summary.docx"]


def test_a_very_long_title_is_taken(tmp_path: Path) -> None:
    write_summary(replace(REPORT, title="长" * 400), tmp_path / "summary.docx")
    assert next(iter(sections(tmp_path / "summary.docx"))) == "长" * 400


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(ExportError, match=r"docx.* not installed: pip install 'fazhi\[documents\]'"):
        write_summary(REPORT, tmp_path / "summary.docx")
