"""An outline -> what it says of each unit's role: the section that names one, or else the document's kind.

By the guideline a measure without tense takes its section's role; under headings that name none, the document's kind
decides: what a summary tells was done, what a programme tells is planned. The words are those of the guideline and of
the authored training documents. Knows no unit's own text.
"""

import re

from fazhi.model.labels import Role
from fazhi.model.normalize import normalize
from fazhi.model.outline import Outline

LONGEST = 30  # a longer heading is a sentence, not a section's name
_PROBLEM = re.compile("问题|不足|短板|困难|薄弱|差距")
_WORK_ON_PROBLEMS = re.compile("解决|化解|围绕|聚焦|针对|导向|整治|补齐|兜底|夯实|纠治")
_PLAN = re.compile("下一步|下步|下一阶段|打算|计划|安排|目标|思路|展望|努力方向|明年|来年|今后")
_ACHIEVEMENT = re.compile("成效|成绩|做法|举措|开展情况|完成情况|落实情况|主要工作|工作总结|履职|履行|亮点|回顾")
_PROGRAMME = re.compile("要点|安排|计划|方案|任务")
_SUMMARY = re.compile("总结|报告|情况")


def named_role(headings: tuple[str, ...]) -> Role | None:
    """The role named by the nearest heading that names one; headings stand outermost first."""
    for heading in reversed(headings):
        text = normalize(heading)
        if len(text) > LONGEST:
            continue
        if _PROBLEM.search(text) and not _WORK_ON_PROBLEMS.search(text):
            return Role.PROBLEM
        if _PLAN.search(text):
            return Role.PLAN
        if _ACHIEVEMENT.search(text):
            return Role.ACHIEVEMENT
    return None


def kind_role(outline: Outline) -> Role | None:
    """The role of what a document tells, by its title or, without one, its opening; None where there is neither."""
    text = normalize(outline.title or outline.opening[-30:])
    if not text:
        return None
    return Role.PLAN if _PROGRAMME.search(text) and not _SUMMARY.search(text) else Role.ACHIEVEMENT
