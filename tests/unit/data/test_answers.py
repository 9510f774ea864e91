"""Problems and the plans that answer them: who may answer whom, in what order, and when nobody does."""

from dataclasses import dataclass

import pytest

from fazhi.data.answers import AnsweredProblem, answered_problems
from fazhi.model.labels import Role, Topic

PROBLEM, PLAN, DONE = Role.PROBLEM, Role.PLAN, Role.ACHIEVEMENT
ENFORCEMENT, RECONSIDERATION, APPROVAL = Topic.ENFORCEMENT, Topic.RECONSIDERATION, Topic.APPROVAL


@dataclass(frozen=True)
class Said:
    role: Role
    text: str
    topics: tuple[Topic, ...] = ()


REPORT = [
    Said(DONE, "全年组织执法案卷评查两次。", (ENFORCEMENT,)),
    Said(PROBLEM, "一是执法人员力量不足，持证上岗率不高。", (ENFORCEMENT,)),
    Said(PROBLEM, "二是政务服务窗口排队时间长。", (APPROVAL,)),
    Said(PROBLEM, "三是法律顾问作用发挥不够。"),
    Said(PLAN, "增加政务服务窗口，推行错时服务。", (APPROVAL,)),
    Said(PLAN, "充实执法人员力量，年内实现全员持证上岗。", (ENFORCEMENT,)),
    Said(PLAN, "推动法律顾问参与重大决策。"),
    Said(PLAN, "开展执法案卷评查。", (ENFORCEMENT, RECONSIDERATION)),
]


def plans(found: AnsweredProblem) -> list[int]:
    return [answer.plan for answer in found.answers]


def test_each_problem_finds_the_plan_for_it() -> None:
    found = answered_problems(REPORT)
    assert [problem.problem for problem in found] == [1, 2, 3]
    assert [plans(problem)[0] for problem in found] == [5, 4, 6]
    assert [problem.answers[0].topics for problem in found] == [(ENFORCEMENT,), (APPROVAL,), ()]
    assert all(0 < answer.closeness <= 1 for problem in found for answer in problem.answers)


def test_the_closest_comes_first_and_no_more_than_asked_for() -> None:
    units = [
        REPORT[1],
        *(Said(PLAN, f"充实执法人员力量{more}。", (ENFORCEMENT,)) for more in ("", "和装备经费车辆保障")),
    ]
    (found,) = answered_problems(units)
    assert plans(found) == [1, 2]
    assert found.answers[0].closeness > found.answers[1].closeness
    assert plans(answered_problems(units, most=1)[0]) == [1]


def test_the_same_words_under_another_topic_are_no_answer() -> None:
    units = [REPORT[1], Said(PLAN, REPORT[1].text, (APPROVAL,)), Said(PLAN, REPORT[1].text)]
    assert plans(answered_problems(units)[0]) == []
    assert plans(answered_problems([REPORT[3], Said(PLAN, REPORT[3].text, (APPROVAL,))])[0]) == []


def test_a_common_topic_without_common_words_is_no_answer() -> None:
    units = [REPORT[1], Said(PLAN, "制定轻微违法不予处罚清单。", (ENFORCEMENT,))]
    assert plans(answered_problems(units)[0]) == []


@pytest.mark.parametrize("role", [DONE, Role.OTHER])
def test_only_plans_answer(role: Role) -> None:
    assert plans(answered_problems([REPORT[1], Said(role, REPORT[5].text, (ENFORCEMENT,))])[0]) == []


def test_a_report_without_problems_has_nothing_to_answer() -> None:
    assert answered_problems([unit for unit in REPORT if unit.role is not PROBLEM]) == []
    assert answered_problems([]) == []


def test_identical_words_are_as_close_as_can_be() -> None:
    (found,) = answered_problems([REPORT[3], Said(PLAN, "（三）法律顾问作用发挥不够")])
    assert found.answers[0].closeness == 1.0


def test_script_and_width_do_not_matter() -> None:
    (found,) = answered_problems([REPORT[3], Said(PLAN, "３．法律顧問作用發揮不夠！")])
    assert found.answers[0].closeness == 1.0


def test_sentences_without_words_are_taken() -> None:
    (found,) = answered_problems([Said(PROBLEM, "1.2%"), Said(PLAN, "——"), Said(PLAN, "好")])
    assert found.answers == ()
