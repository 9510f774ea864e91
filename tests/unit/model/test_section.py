"""What an outline says of roles: sections that name one, and the document's kind where none does."""

import pytest

from fazhi.model.labels import Role
from fazhi.model.outline import Outline
from fazhi.model.section import kind_role, named_role


@pytest.mark.parametrize(
    ("headings", "role"),
    [
        (("一、2021年主要工作及成效",), Role.ACHIEVEMENT),
        (("二、存在的问题和不足",), Role.PROBLEM),
        (("三、下一步打算",), Role.PLAN),
        (("三、2022年工作安排",), Role.PLAN),
        (("三、下一步打算", "（一）健全决策机制。"), Role.PLAN),
        (("一、主要工作", "（二）存在的短板"), Role.PROBLEM),
        (("二、存在問題", "（一）執法力量"), Role.PROBLEM),
        (("一、围绕提升决策水平，健全科学决策机制",), None),
        (("（五）聚焦突出问题，强化执法监督",), None),
        (("一、加强组织领导",), None),
        ((), None),
    ],
)
def test_the_nearest_heading_that_names_a_role_decides(headings: tuple[str, ...], role: Role | None) -> None:
    assert named_role(headings) is role


def test_a_sentence_used_as_heading_names_no_section() -> None:
    assert named_role(("（一）" + "行政执法人员法治思维和依法行政能力全面提升" * 2 + "存在问题",)) is None


@pytest.mark.parametrize(
    ("title", "opening", "role"),
    [
        ("槐岭县2020年依法行政工作要点", "", Role.PLAN),
        ("某区2025年法治政府建设工作安排", "", Role.PLAN),
        ("年度法治政府建設(依法行政)工作總結", "", Role.ACHIEVEMENT),
        ("市商务局工作总结暨下年工作安排", "", Role.ACHIEVEMENT),
        ("", "2023年，我局认真履职。现将有关情况报告如下：", Role.ACHIEVEMENT),
        ("", "现将全年工作要点印发如下：", Role.PLAN),
        ("", "", None),
    ],
)
def test_a_summary_tells_what_was_done_and_a_programme_what_is_planned(
    title: str, opening: str, role: Role | None
) -> None:
    assert kind_role(Outline(title, opening, (), ())) is role
