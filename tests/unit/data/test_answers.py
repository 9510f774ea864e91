"""Problems and the plans that answer them: who may answer whom, in what order, and when nobody does."""

from dataclasses import dataclass, replace

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
    headings: tuple[str, ...] = ()


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
        *(Said(PLAN, f"充实执法人员力量{more}。", (ENFORCEMENT,)) for more in ("", "和装备")),
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


def test_one_that_is_far_less_close_than_the_closest_is_left_out() -> None:
    units = [
        REPORT[1],
        Said(PLAN, "充实执法人员力量，提高持证上岗率。", (ENFORCEMENT,)),
        Said(PLAN, "组织执法检查，开展案卷评查，完善裁量基准，规范文书制作。", (ENFORCEMENT,)),
    ]
    assert plans(answered_problems(units)[0]) == [1]
    assert plans(answered_problems([units[0], units[2]])[0]) == [1]


WITHOUT_WORDS = Said(PLAN, "拟增编两名。", (ENFORCEMENT,))


@pytest.mark.parametrize(
    ("here", "there", "beside"),
    [
        (("二、问题整改",), ("二、问题整改", REPORT[1].text), True),
        (("二、问题整改", "（一）执法"), ("二、问题整改", "（一）执法"), True),
        (("二、问题整改",), ("二、问题整改",), False),
        (("二、问题整改", "（一）执法"), ("二、问题整改", "（二）审批"), False),
        ((), (), False),
    ],
)
def test_a_plan_in_the_passage_of_its_problem_needs_no_common_words(
    here: tuple[str, ...], there: tuple[str, ...], beside: bool
) -> None:
    problem, plan = replace(REPORT[1], headings=here), replace(WITHOUT_WORDS, headings=there)
    (found,) = answered_problems([problem, plan])
    assert [answer.beside for answer in found.answers] == [True] * beside
    (found,) = answered_problems([plan, problem])
    assert found.answers == ()


def test_the_plan_of_the_next_problem_is_not_that_of_the_one_before() -> None:
    passage = ("二、问题整改", "（一）执法")
    units = [replace(unit, headings=passage) for unit in (REPORT[1], WITHOUT_WORDS, REPORT[1], WITHOUT_WORDS)]
    assert [plans(found) for found in answered_problems(units)] == [[1], [3]]


def test_a_plan_beside_its_problem_comes_first() -> None:
    passage = ("二、问题整改", "（一）执法")
    units = [replace(REPORT[1], headings=passage), replace(WITHOUT_WORDS, headings=passage), REPORT[5]]
    assert plans(answered_problems(units)[0]) == [1, 2]
    assert plans(answered_problems(units, most=1)[0]) == [1]


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
