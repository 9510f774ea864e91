"""What a model must beat: each baseline does what its name says."""

import warnings
from collections.abc import Sequence

import numpy as np
import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.segment import segment
from fazhi.training.baselines import BASELINES, heading_rule, majority, run_baselines, tfidf, tfidf_context

DONE, LACK, PLAN, OTHER = Role
ENFORCE, RECONSIDER, APPROVE, TEACH = Topic

REPORT = """云岭县2021年法治政府建设工作报告
一、主要工作
(一)规范执法行为
组织检查组下乡12次。
全年办理行政复议案件9件。
二、存在的问题
(一)法制审核力量单一
个别单位重视程度一般。
三、下一步打算
加强以案释法。
推进政务服务一网通办。
"""
ROWS = [
    (OTHER, ()),
    (OTHER, ()),
    (DONE, (ENFORCE,)),
    (DONE, (ENFORCE,)),
    (DONE, (RECONSIDER,)),
    (OTHER, ()),
    (LACK, ()),
    (LACK, ()),
    (OTHER, ()),
    (PLAN, (TEACH,)),
    (PLAN, (APPROVE,)),
]


def labelled(text: str, rows: Sequence[tuple[Role, tuple[Topic, ...]]], name: str = "d") -> LabelledDocument:
    units = tuple(
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, role, topics)
        for unit, (role, topics) in zip(segment(text), rows, strict=True)
    )
    return LabelledDocument(name, "train", text, units, "")


def other_places(count: int) -> list[LabelledDocument]:
    """The same report with other figures, so that there is something to learn from."""
    return [
        labelled(REPORT.replace("12", str(20 + i)).replace("9件", f"{30 + i}件"), ROWS, f"t{i}") for i in range(count)
    ]


def test_majority_gives_every_unit_the_commonest_role_and_topics() -> None:
    tags = majority([labelled(REPORT, ROWS)], [labelled(REPORT, ROWS)])
    assert {ROLES[i] for i in tags.roles} == {OTHER}
    assert not tags.topics.any()


def test_heading_rule_takes_role_and_topics_from_the_headings() -> None:
    tags = heading_rule([], [labelled(REPORT, ROWS)])
    assert [ROLES[i] for i in tags.roles] == [role for role, _ in ROWS]
    named = [tuple(TOPICS[i] for i in np.flatnonzero(row)) for row in tags.topics]
    assert named[2] == named[3] == (ENFORCE,)
    assert ENFORCE in named[4]  # by its heading
    assert RECONSIDER in named[4]  # by its own words
    assert named[9:] == [(TEACH,), (APPROVE,)]


def test_the_nearest_heading_that_names_a_role_decides() -> None:
    text = "二、存在的问题\n(一)下一步打算\n加强检查。\n(二)其他方面\n检查较少。\n"
    rows = [(OTHER, ()), (OTHER, ()), (PLAN, ()), (LACK, ()), (LACK, ())]
    assert [ROLES[i] for i in heading_rule([], [labelled(text, rows)]).roles] == [role for role, _ in rows]


def test_heading_rule_reads_traditional_characters() -> None:
    text = "三、下一步打算\n加強行政執法。\n"
    tags = heading_rule([], [labelled(text, [(OTHER, ()), (PLAN, (ENFORCE,))])])
    assert [ROLES[i] for i in tags.roles] == [OTHER, PLAN]
    assert tags.topics.tolist() == [[False] * 4, [True, False, False, False]]


@pytest.mark.parametrize("baseline", [tfidf, tfidf_context])
def test_learned_baselines_learn(baseline: object) -> None:
    assert callable(baseline)
    tags = baseline(other_places(6), [labelled(REPORT, ROWS)])
    assert [ROLES[i] for i in tags.roles] == [role for role, _ in ROWS]
    assert tags.topics[4].tolist() == [False, True, False, False]


def test_only_context_tells_apart_what_reads_the_same() -> None:
    text = "一、主要工作\n加强行政监督检查。\n三、下一步打算\n加强行政监督检查。\n"
    rows = [(OTHER, ()), (DONE, ()), (OTHER, ()), (PLAN, ())]
    train = [labelled(text, rows, f"t{i}") for i in range(5)]
    test = [labelled(text, rows)]
    assert [ROLES[i] for i in tfidf_context(train, test).roles] == [role for role, _ in rows]
    alone = tfidf(train, test).roles
    assert alone[1] == alone[3]


def test_a_label_never_seen_is_never_given() -> None:
    text = "一、主要工作\n开展检查。\n"
    train = [labelled(text, [(DONE, ()), (DONE, ())], f"t{i}") for i in range(3)]
    for name, tags in run_baselines(train, [labelled(text, [(OTHER, (ENFORCE,)), (LACK, (TEACH,))])]).items():
        assert not tags.topics.any(), name
        if name != "heading_rule":
            assert {ROLES[i] for i in tags.roles} == {DONE}, name


def test_all_run_in_the_shape_of_the_test_documents_and_without_a_warning() -> None:
    test = [labelled(REPORT, ROWS, "a"), labelled(REPORT, ROWS, "b")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run_baselines(other_places(3), test)
    assert list(found) == list(BASELINES) == ["majority", "heading_rule", "tfidf", "tfidf_context"]
    for tags in found.values():
        assert tags.roles.shape == (22,)
        assert tags.topics.shape == (22, 4)
        assert tags.roles.dtype == np.int64
        assert tags.topics.dtype == np.bool_


def test_gold_labels_of_test_documents_are_not_looked_at() -> None:
    honest = labelled(REPORT, ROWS)
    lying = labelled(REPORT, [(LACK, tuple(Topic))] * len(ROWS))
    for name, baseline in BASELINES.items():
        left, right = baseline(other_places(3), [honest]), baseline(other_places(3), [lying])
        assert left.roles.tolist() == right.roles.tolist(), name
        assert left.topics.tolist() == right.topics.tolist(), name
