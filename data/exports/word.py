"""A tagged report -> a Word summary for people, in Chinese: what it has, its problems with their plans, its sentences.

Counts, parts and problems stand first, then the sentences grouped by role and topic; those without a role of their own
are counted and not repeated.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fazhi.data.answers import AnsweredProblem, answered_problems
from fazhi.data.completeness import FoundAspect, completeness
from fazhi.data.exports.cells import printable
from fazhi.data.exports.page import Column, Paper
from fazhi.data.exports.report import Counts, TaggedReport, TaggedUnit, count
from fazhi.data.exports.wording import CAUTION, EVIDENCE, NO_PLAN, ON_ANSWERS, ON_PARTS, STATES, WHY, shown, sought
from fazhi.data.exports.write import ExportError, whole
from fazhi.model.labels import ROLES, TOPICS, Role, Topic

UNSURE, CORRECTED, NO_TOPIC = "需复核", "已更正", "无主题"
NUMERALS = "一二三四五六七"
PARTS = (Column("应有内容", 38), Column("结果", 16), Column("依据", 116))
ANSWERS = (Column("问题句", 78), Column("对应的计划句", 92))


def write_summary(report: TaggedReport, out: Path) -> None:
    """Write the .docx; raises ExportError where python-docx is missing."""
    try:
        paper = Paper(report.title or report.name)
    except ModuleNotFoundError as error:
        raise ExportError(
            f"writing .docx needs {error.name}, which is not installed: pip install 'fazhi[documents]'"
        ) from error
    counts = count(report.units)
    problems = answered_problems(report.units)
    paper.small(f"标注摘要。来源文件：{report.name}")
    paper.small(CAUTION)
    for note in report.notes:
        paper.small(f"读取说明：{note}")
    number = iter(NUMERALS)
    _add_counts(paper, f"{next(number)}、概况", counts)
    _add_parts(paper, f"{next(number)}、应有内容核对", report)
    if problems:
        _add_answers(paper, f"{next(number)}、问题与计划对照", report, problems)
    for role in ROLES:
        if role is not Role.OTHER and counts.roles[role]:
            _add_role(paper, f"{next(number)}、{role}", [unit for unit in report.units if unit.role is role])
    if others := counts.roles[Role.OTHER]:
        paper.small(f"另有“{Role.OTHER}”（标题、日期等）{others}句，未列出。")
    whole(out, paper.save)


def _add_counts(paper: Paper, heading: str, counts: Counts) -> None:
    """In words, and as a table of roles and topics."""
    paper.heading(heading, 1)
    by_role = "、".join(f"{role}{counts.roles[role]}句" for role in ROLES)
    doubt = f"其中{counts.unsure}句标有“{UNSURE}”" if counts.unsure else f"没有标“{UNSURE}”的句子"
    paper.text(f"全文{counts.units}句：{by_role}；{doubt}。一句可有几个主题，也可没有。")
    table = paper.table((Column("性质", 30), Column("句数", 28), *(Column(topic, 28) for topic in TOPICS)))
    for role in ROLES:
        table.row([role, counts.roles[role], *(counts.both[role, topic] for topic in TOPICS)], numbers=True)
    table.row(["合计", counts.units, *counts.topics.values()], numbers=True, bold=True)


def _add_parts(paper: Paper, heading: str, report: TaggedReport) -> None:
    """What a yearly report must contain, each with the sentences that speak of it."""
    found = completeness(report.units)
    paper.heading(heading, 1)
    paper.small(f"{ON_PARTS}依据：{found.guide.source}。")
    table = paper.table(PARTS)
    for part in found.parts:
        for aspect in part.aspects:
            name = aspect.aspect.name + ("（如有）" if part.part.optional else "")
            evidence = table.row([name, STATES[aspect.state], ""])[-1]
            _add_evidence(paper, evidence, report, aspect)


def _add_evidence(paper: Paper, cell: Any, report: TaggedReport, found: FoundAspect) -> None:
    if not found.evidence:
        paper.into(cell, [(f"查找过：{sought(found.aspect.roles, found.aspect.cues)}", True)])
        return
    for item in shown(found, report.units):
        paper.into(cell, _pieces(report.units[item.unit]))
    if len(found.evidence) > EVIDENCE:
        paper.into(cell, [(f"等共{len(found.evidence)}句", True)])


def _add_answers(paper: Paper, heading: str, report: TaggedReport, problems: Sequence[AnsweredProblem]) -> None:
    """Every problem beside the plans that answer it, or the note that none was found."""
    paper.heading(heading, 1)
    without = sum(not problem.answers for problem in problems)
    paper.text(f"{len(problems)}句问题" + (f"，其中{without}句{NO_PLAN}。" if without else "，都找到了对应的计划。"))
    paper.small(ON_ANSWERS)
    table = paper.table(ANSWERS)
    for problem in problems:
        asked, answered = table.row(["", ""])
        paper.into(asked, _pieces(report.units[problem.problem]))
        for answer in problem.answers:
            text, remarks = _pieces(report.units[answer.plan], WHY[answer.why])
            paper.into(answered, [(f"→ {text[0]}", False), remarks])
        if not problem.answers:
            paper.into(answered, [(f"○ {NO_PLAN}", False)])


def _add_role(paper: Paper, heading: str, units: Sequence[TaggedUnit]) -> None:
    paper.heading(f"{heading}（{len(units)}句）", 1)
    for topic, group in _by_topic(units):
        paper.heading(f"{topic or NO_TOPIC}（{len(group)}句）", 2)
        for unit in group:
            others = [other for other in unit.topics if other is not topic]
            paper.item(_pieces(unit, f"另有：{'、'.join(others)}" if others else ""))


def _by_topic(units: Sequence[TaggedUnit]) -> Iterator[tuple[Topic | None, list[TaggedUnit]]]:
    """The units of each topic, and last those of none; one of two topics stands under both."""
    for topic in TOPICS:
        if group := [unit for unit in units if topic in unit.topics]:
            yield topic, group
    if group := [unit for unit in units if not unit.topics]:
        yield None, group


def _pieces(unit: TaggedUnit, more: str = "") -> tuple[tuple[str, bool], tuple[str, bool]]:
    """A sentence and, as an aside, what a reader should know of it: its place, whether to look at it."""
    known = [unit.place, more, UNSURE if unit.unsure else "", CORRECTED if unit.corrected else ""]
    remarks = "；".join(filter(None, known))
    return (printable(unit.text), False), (f"（{remarks}）" if remarks else "", True)
