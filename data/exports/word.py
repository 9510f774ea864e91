"""A tagged report -> a Word summary for people: counts, then sentences grouped by role and topic, problems with plans.

Chinese throughout. Sentences without a role of their own are counted and not repeated.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fazhi.data.answers import answered_problems
from fazhi.data.completeness import FoundAspect, completeness
from fazhi.data.exports.cells import printable
from fazhi.data.exports.report import Counts, TaggedReport, TaggedUnit, count
from fazhi.data.exports.wording import EVIDENCE, NO_PLAN, STATES, sought
from fazhi.data.exports.write import ExportError, whole
from fazhi.model.labels import ROLES, TOPICS, Role, Topic

FONT = "宋体"
UNSURE, CORRECTED, NO_TOPIC = "需复核", "已更正", "无主题"
CAUTION = "各句的性质和主题由模型标注，标有“需复核”的请人工核对；标注说明句子讲的是什么，不说明所讲是否属实。"
ON_PARTS = "以下按规定应有的各项内容列出找到的句子，供核对；“未见”只表示没有找到，不是结论。"


def write_summary(report: TaggedReport, out: Path) -> None:
    """Write the .docx; raises ExportError where python-docx is missing."""
    try:
        import docx
    except ModuleNotFoundError as error:
        raise ExportError(
            f"writing .docx needs {error.name}, which is not installed: pip install 'fazhi[documents]'"
        ) from error
    page = docx.Document()
    _use_font(page)
    title = report.title or report.name
    page.core_properties.author, page.core_properties.title = "fazhi", printable(title)[:255]
    page.add_heading(printable(title), 0)
    page.add_paragraph(CAUTION)
    for note in report.notes:
        page.add_paragraph(printable(note))
    counts = count(report.units)
    page.add_heading("统计", 1)
    page.add_paragraph(f"共{counts.units}句，其中{counts.unsure}句需复核。")
    _add_counts(page, counts)
    for role in ROLES:
        if role is not Role.OTHER and counts.roles[role]:
            _add_role(page, role, [unit for unit in report.units if unit.role is role])
    page.add_paragraph(f"{Role.OTHER}（标题、日期等）{counts.roles[Role.OTHER]}句，未列出。")
    _add_answers(page, report)
    _add_parts(page, report)
    whole(out, lambda draft: page.save(str(draft)))


def _use_font(page: Any) -> None:
    """Chinese characters in one font in every style that is used; Word would choose one by its own language."""
    from docx.oxml.ns import qn

    for name in ("Normal", "Title", "Heading 1", "Heading 2", "List Bullet", "List Bullet 2"):
        fonts = page.styles[name].element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), FONT)


def _add_counts(page: Any, counts: Counts) -> None:
    """Roles down, topics across."""
    table = page.add_table(rows=1, cols=2 + len(TOPICS), style="Table Grid")
    _fill(table.rows[0], ["", "句数", *TOPICS])
    for role in ROLES:
        _fill(table.add_row(), [role, counts.roles[role], *(counts.both[role, topic] for topic in TOPICS)])
    _fill(table.add_row(), ["合计", counts.units, *counts.topics.values()])


def _fill(row: Any, values: Sequence[object]) -> None:
    for cell, value in zip(row.cells, values, strict=True):
        cell.text = str(value)


def _add_role(page: Any, role: Role, units: Sequence[TaggedUnit]) -> None:
    page.add_heading(f"{role}（{len(units)}句）", 1)
    for topic, group in _by_topic(units):
        page.add_heading(f"{topic or NO_TOPIC}（{len(group)}句）", 2)
        for unit in group:
            page.add_paragraph(_sentence(unit, topic), style="List Bullet")


def _by_topic(units: Sequence[TaggedUnit]) -> Iterator[tuple[Topic | None, list[TaggedUnit]]]:
    """The units of each topic, and last those of none; one of two topics stands under both."""
    for topic in TOPICS:
        if group := [unit for unit in units if topic in unit.topics]:
            yield topic, group
    if group := [unit for unit in units if not unit.topics]:
        yield None, group


def _sentence(unit: TaggedUnit, topic: Topic | None = None) -> str:
    """A sentence with what a reader should know of it: its place, its other topics, whether to look at it."""
    others = [other for other in unit.topics if other is not topic] if topic else []
    known = [
        unit.place,
        f"另有：{'、'.join(others)}" if others else "",
        UNSURE if unit.unsure else "",
        CORRECTED if unit.corrected else "",
    ]
    remarks = "；".join(filter(None, known))
    return printable(unit.text) + (f"（{remarks}）" if remarks else "")


def _add_answers(page: Any, report: TaggedReport) -> None:
    """Every problem, and below it the plans that answer it or the note that none does."""
    problems = answered_problems(report.units)
    if not problems:
        return
    without = sum(not problem.answers for problem in problems)
    page.add_heading(f"问题与计划对照（{len(problems)}句，{without}句{NO_PLAN}）", 1)
    for problem in problems:
        page.add_paragraph(_sentence(report.units[problem.problem]), style="List Bullet")
        for answer in problem.answers:
            plan = printable(report.units[answer.plan].text)
            page.add_paragraph(f"→ {plan}（相近程度{answer.closeness:.0%}）", style="List Bullet 2")
        if not problem.answers:
            page.add_paragraph(f"○ {NO_PLAN}", style="List Bullet 2")


def _add_parts(page: Any, report: TaggedReport) -> None:
    found = completeness(report.units)
    page.add_heading("应有内容核对", 1)
    page.add_paragraph(f"{ON_PARTS}依据：{found.guide.source}。")
    for part in found.parts:
        optional = "（如有）" if part.part.optional else ""
        page.add_heading(f"{part.part.name}{optional}：{STATES[part.state]}", 2)
        for aspect in part.aspects:
            _add_aspect(page, report, aspect)


def _add_aspect(page: Any, report: TaggedReport, found: FoundAspect) -> None:
    number = f"，共{len(found.evidence)}句" if found.evidence else ""
    page.add_paragraph(f"{found.aspect.name}：{STATES[found.state]}{number}")
    for item in found.evidence[:EVIDENCE]:
        cue = f"〔{item.cue}〕" if item.cue else ""
        page.add_paragraph(cue + _sentence(report.units[item.unit]), style="List Bullet")
    if not found.evidence:
        page.add_paragraph(f"查找过：{sought(found.aspect.roles, found.aspect.cues)}", style="List Bullet")
