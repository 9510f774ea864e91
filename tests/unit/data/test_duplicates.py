"""Near-duplicates: what all but repeats a test unit is found, and nothing else."""

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.duplicates import NGRAM, SHORTEST, near_duplicates
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import Role
from fazhi.model.normalize import normalize

TEST_UNIT = "全年共办理行政复议案件128件，审结119件，综合纠错率为8.4%。"
COPY = "全年共办理行政复议案件126件，审结119件，综合纠错率为8.4%。"
OTHER = "举办宪法宣传周活动，向群众发放宣传资料2000余份。"


def document(name: str, *texts: str, split: str = "train") -> LabelledDocument:
    units, start = [], 0
    for text in texts:
        units.append(LabelledUnit(start, start + len(text), text, False, Role.ACHIEVEMENT, ()))
        start += len(text) + 1
    return LabelledDocument(name, split, "\n".join(texts), tuple(units), "")


def jaccard(left: str, right: str) -> float:
    """The definition, by sets."""
    grams = [{text[i : i + NGRAM] for i in range(len(text) - NGRAM + 1)} for text in map(normalize, (left, right))]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


TEST = [document("s1", OTHER[:11], "二、存在的问题", split="test"), document("s2", TEST_UNIT, split="test")]


def test_a_near_copy_is_found_with_its_place_and_what_it_repeats() -> None:
    train = [document("A01", OTHER), document("A02", "二、存在的问题", OTHER, COPY)]
    (found,) = near_duplicates(train, TEST)
    assert (found.document, found.position, found.text) == ("A02", 2, COPY)
    assert (found.test_document, found.test_text) == ("s2", TEST_UNIT)
    assert found.similarity == pytest.approx(jaccard(COPY, TEST_UNIT))


def test_a_copy_in_another_script_and_width_is_found() -> None:
    traditional = "全年共辦理行政複議案件１２８件,審結119件，綜合糾錯率為8.4％。"
    (found,) = near_duplicates([document("A01", traditional)], TEST)
    assert found.similarity == pytest.approx(1.0)


def test_a_run_that_a_unit_repeats_counts_once() -> None:
    once, thrice = "开展执法检查，查处案件多起。", "开展执法检查，开展执法检查，开展执法检查，查处案件多起。"
    (found,) = near_duplicates([document("A01", thrice)], [document("s1", once, split="test")])
    assert found.similarity == pytest.approx(jaccard(once, thrice))


def test_the_unit_that_is_most_alike_is_named() -> None:
    test = [document("s1", COPY, TEST_UNIT, split="test")]
    (found,) = near_duplicates([document("A01", TEST_UNIT)], test)
    assert (found.test_text, found.similarity) == (TEST_UNIT, pytest.approx(1.0))


def test_short_units_are_passed_over() -> None:
    short, long = "甲乙丙丁戊己庚辛壬癸子", "甲乙丙丁戊己庚辛壬癸子丑"
    assert (len(short), len(long)) == (SHORTEST - 1, SHORTEST)
    assert near_duplicates([document("A01", short)], [document("s1", short, split="test")]) == []
    assert len(near_duplicates([document("A01", long)], [document("s1", long, split="test")])) == 1


def test_the_threshold_is_inclusive() -> None:
    similarity = near_duplicates([document("A01", COPY)], TEST)[0].similarity
    assert 0.6 < similarity < 1
    assert len(near_duplicates([document("A01", COPY)], TEST, similarity)) == 1
    assert near_duplicates([document("A01", COPY)], TEST, similarity + 1e-6) == []


def test_units_that_share_nothing_are_no_duplicates_whatever_the_threshold() -> None:
    assert near_duplicates([document("A01", OTHER)], [document("s1", TEST_UNIT, split="test")], threshold=0.0) == []


@pytest.mark.parametrize(("train", "test"), [([], TEST), (TEST, []), ([], []), ([document("A01")], TEST)])
def test_nothing_repeats_nothing(train: list[LabelledDocument], test: list[LabelledDocument]) -> None:
    assert near_duplicates(train, test) == []


def test_units_without_a_run_of_four_characters_are_no_duplicates() -> None:
    dots = "…" * SHORTEST
    assert near_duplicates([document("A01", dots)], [document("s1", dots, split="test")]) == []
