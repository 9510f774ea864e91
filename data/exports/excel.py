"""Tagged reports -> a workbook for people: sentences, counts, problems with their plans, the parts found, and failures.

Headers are Chinese. Rows are written as they come, whatever their number.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fazhi.data.answers import AnsweredProblem, answered_problems
from fazhi.data.completeness import completeness
from fazhi.data.exports.report import Counts, FailedFile, TaggedReport, count
from fazhi.data.exports.sheet import Column, Sheet
from fazhi.data.exports.wording import CAUTION, NO_PLAN, ON_ANSWERS, ON_PARTS, STATES, WHY, shown, sought
from fazhi.model.labels import ROLES, TOPICS

FAILED = "失败"
YES = "是"
FILLS = dict(zip(map(str, ROLES), ("E2F0D9", "FBE5D6", "DDEBF7", "EDEDED"), strict=True))  # behind the role's name

DOCUMENT = Column("文件", 24)
PLACE = Column("位置", 10, wrapped=True)
SENTENCES = (
    DOCUMENT,
    Column("序号", 6),
    PLACE,
    Column("上级标题", 24, wrapped=True),
    Column("句子", 64, wrapped=True),
    Column("性质", 8, fills=FILLS),
    Column("主题", 12, wrapped=True),
    Column("需复核", 10, fills={YES: "FFE699"}),
    Column("把握", 8, aside=True),
    Column("已更正", 10),
    Column("是标题", 10),
    Column("页眉页脚等", 14),
    Column("起始字符", 12),
    Column("终止字符", 12),
)
COUNTS = (
    Column("文件", 36, wrapped=True),
    Column("句数", 8),
    *(Column(label, 8) for label in (*ROLES, *TOPICS)),
    Column("需复核", 10),
    Column("未找到计划的问题", 12),
    Column("说明", 40, wrapped=True),
    *(Column(f"{role}·{topic}", 13, aside=True) for role in ROLES for topic in TOPICS),
)
ANSWERS = (
    DOCUMENT,
    Column("问题句", 54, wrapped=True),
    Column("共同主题", 12, wrapped=True),
    Column("对应的计划句", 54, wrapped=True),
    Column("依据", 12),
)
PARTS = (
    DOCUMENT,
    Column("应有内容", 30, wrapped=True),
    Column("方面", 22, wrapped=True),
    Column("结果", 10),
    Column("依据词", 14, wrapped=True),
    Column("证据句", 60, wrapped=True),
    PLACE,
)
FAILURES = (Column("文件", 40, wrapped=True), Column("代码", 18), Column("原因", 80, wrapped=True))
NOTES = (Column("工作表", 14), Column("说明", 110, wrapped=True))
ABOUT = (
    ("句子", "每句一行。性质：成效、问题、计划、其他；主题：执法、复议、审批、普法，可有几个，也可没有。"),
    ("句子", "需复核：模型对性质把握不大，请人工核对。把握：模型认为性质正确的概率。已更正：经人工改定。"),
    ("句子", CAUTION),
    ("统计", "每个文件一行，末行合计。一句可有几个主题，各主题之和可以不等于句数。"),
    ("问题与计划", ON_ANSWERS),
    ("完整性", ON_PARTS),
)


def write_xlsx(reports: Iterable[TaggedReport], failures: Iterable[FailedFile], path: Path) -> None:
    """Write all sheets in one pass over the reports; `failures` is read last."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheets: list[Sheet] = []
    try:
        _fill(book, sheets, reports, failures)
    except BaseException:
        for sheet in sheets:
            with suppress(Exception):
                sheet.close()  # left open it would complain whenever it is forgotten
        raise
    book.save(path)


def _fill(book: Any, sheets: list[Sheet], reports: Iterable[TaggedReport], failures: Iterable[FailedFile]) -> None:
    made = {"句子": SENTENCES, "统计": COUNTS, "问题与计划": ANSWERS, "完整性": PARTS}
    sheets += [Sheet(book, title, columns) for title, columns in made.items()]
    sentences, counts, answers, parts = sheets
    total, unanswered = Counts(), 0
    for report in reports:
        problems = answered_problems(report.units)
        without_plan = sum(not problem.answers for problem in problems)
        sentences.add(_sentences(report))
        counts.add([_counts(report.name, count(report.units), without_plan, report.notes)])
        answers.add(_answers(report, problems))
        parts.add(_parts(report))
        total.add(report.units)
        unanswered += without_plan
    counts.add([_counts("合计", total, unanswered, ())], bold=True)
    if failed := [(failure.name, failure.code, failure.chinese) for failure in failures]:
        sheets.append(Sheet(book, FAILED, FAILURES))
        sheets[-1].add(failed)
    sheets.append(Sheet(book, "说明", NOTES))
    sheets[-1].add(ABOUT)
    for sheet in sheets:
        sheet.close(without=sheet is counts)


def _sentences(report: TaggedReport) -> Iterable[Sequence[Any]]:
    for number, unit in enumerate(report.units, 1):
        yield (
            report.name,
            number,
            unit.place,
            " / ".join(unit.headings),
            unit.text,
            str(unit.role),
            "；".join(unit.topics),
            YES if unit.unsure else "",
            None if unit.certainty is None else float(unit.certainty),
            YES if unit.corrected else "",
            YES if unit.heading else "",
            YES if unit.furniture else "",
            unit.start,
            unit.end,
        )


def _counts(name: str, counts: Counts, unanswered: int, notes: Sequence[str]) -> Sequence[Any]:
    labels = [*(counts.roles[role] for role in ROLES), *(counts.topics[topic] for topic in TOPICS)]
    return (name, counts.units, *labels, counts.unsure, unanswered, "；".join(notes), *counts.both.values())


def _answers(report: TaggedReport, problems: Sequence[AnsweredProblem]) -> Iterable[Sequence[Any]]:
    """One row for each problem and plan that answers it; one that says so where none was found."""
    for problem in problems:
        text = report.units[problem.problem].text
        for answer in problem.answers:
            yield report.name, text, "；".join(answer.topics), report.units[answer.plan].text, WHY[answer.why]
        if not problem.answers:
            yield report.name, text, "", NO_PLAN, ""


def _parts(report: TaggedReport) -> Iterable[Sequence[Any]]:
    """A row for each sentence shown as evidence; one that says what was looked for where there is none."""
    for part in completeness(report.units).parts:
        name = part.part.name + ("（如有）" if part.part.optional else "")
        for found in part.aspects:
            begin = (report.name, name, found.aspect.name, STATES[found.state])
            for item in shown(found, report.units):
                unit = report.units[item.unit]
                yield *begin, item.cue or str(unit.role), unit.text, unit.place
            if not found.evidence:
                yield *begin, "", f"查找过：{sought(found.aspect.roles, found.aspect.cues)}", ""
