"""Coverage of the guideline's terms: what holds a term, what is counted, and like texts with unlike topics."""

from collections import Counter

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.coverage import (
    FEWEST_DOCUMENTS,
    FEWEST_UNITS,
    MOST_CASES,
    SHORTEST,
    Coverage,
    comparable,
    coverage_table,
    like_case_table,
    term_coverage,
    term_pattern,
)
from fazhi.data.schema import LabelledUnit
from fazhi.data.terms import TERMS
from fazhi.model.labels import Role, Topic

Labelled = tuple[str, tuple[Topic, ...]]
ENFORCEMENT, RECONSIDERATION, APPROVAL, EDUCATION = Topic


def document(name: str, *units: Labelled, split: str = "train", role: Role = Role.ACHIEVEMENT) -> LabelledDocument:
    labelled, start = [], 0
    for text, topics in units:
        labelled.append(LabelledUnit(start, start + len(text), text, False, role, topics))
        start += len(text) + 1
    return LabelledDocument(name, split, "\n".join(text for text, _ in units), tuple(labelled), "")


def holds(text: str, term: str) -> bool:
    return term_pattern(term).search(comparable(text)) is not None


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("落实八五普法规划。", "八五普法"),
        ("落实“八五”普法规划。", "八五普法"),
        ('落实"八五"普法规划。', "八五普法"),
        ("落實「八五」普法規劃。", "八五普法"),
        ("落实 八 五 普 法 规划。", "八五普法"),
        ("学习《民法典》。", "学习…民法典"),
        ("组织《宪法》宣传周活动。", "宪法宣传周"),
        ("学习民法典。", "学习…民法典"),
        ("学习宣传贯彻民法典。", "学习…民法典"),
        ("推行“双随机、一公开”监管。", "双随机…一公开"),
        ("开展法律进机关活动。", "法律进…"),
        ("开展“法律进……”活动。", "法律进…"),
        ("开展法律“进学校”活动。", "法律进…"),
        ("开展法律进机关活动。", "法律进……"),
        ("价格涨至1.5倍。", "1.5倍"),
    ],
)
def test_a_text_holds_a_term(text: str, term: str) -> None:
    assert holds(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("落实七五普法规划。", "八五普法"),
        ("组织学习，宣传民法典。", "学习…民法典"),
        ("组织学习；宣传民法典。", "学习…民法典"),
        ("民法典学习。", "学习…民法典"),
        ("开展法律宣传。", "法律进…"),
        ("八五，普法。", "八五普法"),
        ("价格涨至1件5倍。", "1.5倍"),
    ],
)
def test_a_text_does_not_hold_a_term(text: str, term: str) -> None:
    assert not holds(text, term)


REPORTS = [
    document(
        "A01",
        ("开展“行政检查”三次，又行政检查两次。", (ENFORCEMENT,)),
        ("行政检查与以案释法。", (ENFORCEMENT, EDUCATION)),
        ("行政检查组已成立。", ()),
    ),
    document(
        "A02", ("行政检查有力。", (ENFORCEMENT,)), ("抓好信访。", ()), ("信访与复议。", (RECONSIDERATION,)), split="dev"
    ),
    document("s1", ("行政检查很多。", (ENFORCEMENT,)), ("信访很多。", ()), split="test"),
]


def test_units_are_counted_once_over_train_and_dev_only() -> None:
    (found,) = term_coverage(REPORTS, {ENFORCEMENT: ("行政检查",)})
    assert (found.topic, found.term, found.documents) == (ENFORCEMENT, "行政检查", 2)
    assert found.labels == Counter({(ENFORCEMENT,): 2, (ENFORCEMENT, EDUCATION): 1, (): 1})
    assert (found.units, found.carrying) == (4, 3)


def test_a_term_without_a_topic_is_carried_by_units_without_any() -> None:
    (found,) = term_coverage(REPORTS, {None: ("信访",)})
    assert (found.units, found.carrying, found.documents) == (2, 1, 1)


def test_terms_keep_their_order_and_stand_under_each_of_their_topics() -> None:
    found = term_coverage(REPORTS, {EDUCATION: ("以案释法", "行政检查"), ENFORCEMENT: ("行政检查", "柔性执法")})
    assert [(row.topic, row.term, row.units, row.carrying) for row in found] == [
        (EDUCATION, "以案释法", 1, 1),
        (EDUCATION, "行政检查", 4, 1),
        (ENFORCEMENT, "行政检查", 4, 3),
        (ENFORCEMENT, "柔性执法", 0, 0),
    ]


@pytest.mark.parametrize(
    ("units", "documents", "thin"),
    [
        (FEWEST_UNITS, FEWEST_DOCUMENTS, False),
        (FEWEST_UNITS - 1, FEWEST_DOCUMENTS, True),
        (FEWEST_UNITS, FEWEST_DOCUMENTS - 1, True),
        (0, 0, True),
    ],
)
def test_a_term_in_few_units_or_few_documents_is_thin(units: int, documents: int, thin: bool) -> None:
    assert Coverage(None, "信访", documents, Counter({(): units})).thin is thin


def test_the_table_names_other_topics_by_frequency_and_marks_thin_terms() -> None:
    enough = Coverage(
        ENFORCEMENT,
        "监管",
        1200,
        Counter({(ENFORCEMENT,): 1100, (): 2, (ENFORCEMENT, APPROVAL): 3, (APPROVAL,): 2}),
    )
    table = coverage_table([enough, Coverage(None, "信访", 2, Counter({(): 2, (RECONSIDERATION,): 1}))])
    assert table.splitlines() == [
        "| topic | term | units | with the topic | documents | other topics of these units | thin |",
        "|---|---|--:|--:|--:|---|---|",
        "| 执法 | 监管 | 1,107 | 1,103 | 1,200 | 执法+审批 3, no topic 2, 审批 2 |  |",
        "| no topic | 信访 | 3 | 2 | 2 | 复议 1 | yes |",
    ]


def rows(table: str) -> list[str]:
    head, rule, *body = table.splitlines()
    assert (head, rule) == ("| text | topics and where |", "|---|---|")
    return body


def test_like_texts_with_unlike_topics_are_listed_with_their_places() -> None:
    table = like_case_table(
        [
            document("A01", ("加强行政执法监督。", (ENFORCEMENT,)), ("加強行政執法監督｡", (ENFORCEMENT,))),
            document("B01", ("加强 行政执法 监督。", ()), split="dev"),
        ]
    )
    assert rows(table) == ["| 加强行政执法监督。 | no topic: B01; 执法: A01, A01 |"]


def test_roles_alone_make_no_unlike_case() -> None:
    done, planned = (
        document(role, ("加强行政执法监督。", (ENFORCEMENT,)), role=role) for role in (Role.PLAN, Role.PROBLEM)
    )
    assert like_case_table([done, planned]) == "None."


def test_test_documents_are_no_like_cases() -> None:
    unit = "加强行政执法监督。"
    assert (
        like_case_table([document("A01", (unit, ())), document("s1", (unit, (ENFORCEMENT,)), split="test")]) == "None."
    )


def test_short_texts_are_no_like_cases() -> None:
    short, long = "甲" * (SHORTEST - 1), "乙" * SHORTEST
    table = like_case_table([document("A01", (short, ()), (long, ()), (short, (APPROVAL,)), (long, (APPROVAL,)))])
    assert rows(table) == [f"| {long} | no topic: A01; 审批: A01 |"]


def test_the_most_frequent_cases_come_first_and_the_rest_is_cut() -> None:
    texts = [f"第{number:03}号事项已办结。" for number in range(MOST_CASES + 5)]
    often = texts[-1]
    units: list[Labelled] = [(text, topics) for text in texts for topics in ((), (APPROVAL,))]
    body = rows(like_case_table([document("A01", *units, (often, ()))]))
    assert [row.split(" | ")[0] for row in body] == [f"| {text}" for text in (often, *texts[: MOST_CASES - 1])]


def test_a_bar_in_a_like_text_does_not_break_the_table() -> None:
    (row,) = rows(like_case_table([document("A01", ("办理许可|备案事项。", ()), ("办理许可|备案事项。", (APPROVAL,)))]))
    assert row == r"| 办理许可\|备案事项。 | no topic: A01; 审批: A01 |"


def test_the_terms_cover_every_topic_and_none_stands_twice_under_one() -> None:
    assert set(TERMS) == {*Topic, None}
    for group in TERMS.values():
        assert len(group) == len(set(group)) > 8
    assert {"行政处罚", "双随机…一公开"} <= set(TERMS[ENFORCEMENT])
    assert {"败诉率", "旁听庭审"} <= set(TERMS[RECONSIDERATION])
    assert {"放管服", "权责清单"} <= set(TERMS[APPROVAL])
    assert {EDUCATION, "八五普法", "法律进…", "旁听庭审"} <= set(TERMS[EDUCATION])
    assert {"依法行政", "检察建议"} <= set(TERMS[None])


def test_every_term_is_found_in_itself() -> None:
    assert [term for group in TERMS.values() for term in group if not holds(term.replace("…", ""), term)] == []
