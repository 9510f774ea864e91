"""The figures of the report, against scikit-learn and by hand."""

import json
import time
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.training.metrics import (
    Bools,
    Ints,
    Tags,
    as_json,
    calibration,
    confusion,
    coverage,
    headline,
    per_label,
    score,
    selective,
    tags_of,
    tally,
)


def random_tags(units: int, seed: int, wrong: float = 0.25) -> tuple[Tags, Tags, Ints]:
    """Gold, a prediction that is wrong now and then, and the documents the units belong to."""
    rng = np.random.default_rng(seed)
    gold = Tags(rng.integers(0, 4, units), rng.random((units, 4)) < 0.3)
    roles = np.where(rng.random(units) < wrong, rng.integers(0, 4, units), gold.roles)
    topics = np.where(rng.random((units, 4)) < wrong / 2, ~gold.topics, gold.topics)
    return gold, Tags(roles, topics), np.sort(rng.integers(0, 5, units))


def flat(scores: dict[str, Any]) -> list[dict[str, float]]:
    return [*scores["role"].values(), *scores["topics"].values(), scores["both"]]


@pytest.mark.parametrize("seed", range(4))
def test_headline_agrees_with_scikit_learn(seed: int) -> None:
    gold, predicted, documents = random_tags(300, seed)
    scores = headline(tally(gold, predicted, documents, resamples=10))
    right = gold.roles == predicted.roles
    expected = {
        "accuracy": reference.accuracy_score(gold.roles, predicted.roles),
        "macro_f1_3": reference.f1_score(gold.roles, predicted.roles, labels=[0, 1, 2], average="macro"),
        "macro_f1": reference.f1_score(gold.roles, predicted.roles, average="macro"),
        "micro": reference.f1_score(gold.topics, predicted.topics, average="micro"),
        "macro": reference.f1_score(gold.topics, predicted.topics, average="macro"),
        "exact": reference.accuracy_score(gold.topics, predicted.topics),
        "both": np.mean(right & (gold.topics == predicted.topics).all(axis=1)),
    }
    for found, wanted in zip(flat(scores), expected.values(), strict=True):
        assert found["value"] == pytest.approx(wanted, abs=1e-6)


def test_per_label_and_confusion_agree_with_scikit_learn() -> None:
    gold, predicted, documents = random_tags(400, 7)
    table = per_label(tally(gold, predicted, documents, resamples=10))
    for group, truth, guess in (("role", gold.roles, predicted.roles), ("topics", gold.topics, predicted.topics)):
        wanted = reference.precision_recall_fscore_support(truth, guess)
        for index, row in enumerate(table[group].values()):
            found = (row["precision"], row["recall"], row["f1"]["value"], row["support"])
            assert found == pytest.approx([column[index] for column in wanted], abs=1e-6)
    matrices = confusion(gold, predicted)
    assert matrices["role"] == reference.confusion_matrix(gold.roles, predicted.roles).tolist()
    assert (
        list(matrices["topics"].values())
        == reference.multilabel_confusion_matrix(gold.topics, predicted.topics).tolist()
    )
    assert list(table["role"]) == list(ROLES)
    assert list(table["topics"]) == list(TOPICS)


def test_a_label_without_support_counts_nought_in_a_corpus_and_not_at_all_in_a_slice() -> None:
    gold = Tags(np.array([0, 0, 1]), np.zeros((3, 4), np.bool_))
    predicted = Tags(np.array([0, 1, 1]), np.zeros((3, 4), np.bool_))
    documents = np.zeros(3, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = reference.f1_score(gold.roles, predicted.roles, labels=[0, 1, 2, 3], average="macro", zero_division=0)
    assert score(gold, predicted, documents)["role"]["macro_f1"]["value"] == pytest.approx(whole, abs=1e-6)
    assert score(gold, predicted, documents)["topics"]["macro_f1"]["value"] == 0
    sliced = score(gold, predicted, documents, occurring=True)
    assert sliced["role"]["macro_f1"]["value"] == pytest.approx(2 * whole, abs=1e-5)
    assert sliced["topics"]["macro_f1"] == sliced["topics"]["micro_f1"] == {"value": None, "low": None, "high": None}


def test_intervals_hold_their_value_and_are_of_the_size_theory_says() -> None:
    gold, predicted, documents = random_tags(600, 3)
    scores = score(gold, predicted, documents)
    for found in flat(scores):
        assert found["low"] < found["value"] < found["high"]
    accuracy = scores["role"]["accuracy"]
    normal = 1.96 * np.sqrt(accuracy["value"] * (1 - accuracy["value"]) / 600)
    assert accuracy["high"] - accuracy["low"] == pytest.approx(2 * normal, rel=0.15)


def test_bootstrap_is_seeded() -> None:
    gold, predicted, documents = random_tags(120, 5)
    assert score(gold, predicted, documents, seed=1) == score(gold, predicted, documents, seed=1)
    assert score(gold, predicted, documents, seed=1) != score(gold, predicted, documents, seed=2)


def test_bootstrap_keeps_every_document_at_its_length() -> None:
    gold = Tags(np.zeros(10, np.int64), np.zeros((10, 4), np.bool_))
    predicted = Tags(np.array([0] * 7 + [1] * 3), np.zeros((10, 4), np.bool_))
    documents = np.array([0] * 7 + [1] * 3)  # one document wholly right, one wholly wrong
    accuracy = score(gold, predicted, documents)["role"]["accuracy"]
    assert accuracy == {"value": 0.7, "low": 0.7, "high": 0.7}


def test_bootstrap_is_fast() -> None:
    gold, predicted, documents = random_tags(2000, 1)
    begin = time.perf_counter()
    score(gold, predicted, documents)
    assert time.perf_counter() - begin < 3


def test_unlike_lengths_are_refused() -> None:
    gold, predicted, documents = random_tags(10, 1)
    with pytest.raises(ValueError, match="10 gold units, 9 predicted"):
        tally(gold, predicted[:9], documents)


def test_tags_are_read_off_whatever_bears_them() -> None:
    units = [LabelledUnit(0, 1, "a", False, Role.PLAN, (Topic.LEGAL_EDUCATION, Topic.ENFORCEMENT))]
    tags = tags_of(units)
    assert tags.roles.tolist() == [2]
    assert tags.topics.tolist() == [[True, False, False, True]]
    assert tags_of([]).topics.shape == (0, 4)


def test_calibration_by_hand() -> None:
    probabilities = np.array([0.95, 0.95, 0.55, 0.55, 1.0, 0.0])
    outcomes = np.array([True, False, True, False, True, False])
    found = calibration(probabilities, outcomes, bins=10)
    # (0.9, 1]: stated 2.9 / 3, observed 2 / 3; (0.5, 0.6]: 0.55 against 0.5; [0, 0.1]: 0 against 0
    assert found["ece"] == pytest.approx((3 * 0.3 + 2 * 0.05) / 6, abs=1e-6)
    assert [point["count"] for point in found["points"]] == [1, 2, 3]
    assert found["points"][-1]["observed"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_bin_is_closed_above() -> None:
    (point,) = calibration(np.array([0.5, 0.3]), np.array([True, False]), bins=2)["points"]
    assert (point["from"], point["to"], point["count"]) == (0, 0.5, 2)


def test_calibration_of_honest_probabilities_is_small_and_of_boasts_large() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(20000)
    assert calibration(probabilities, rng.random(20000) < probabilities)["ece"] < 0.02
    assert calibration(np.ones(100), np.zeros(100, np.bool_))["ece"] == 1
    assert calibration(np.empty(0), np.empty(0, np.bool_)) == {"ece": 0, "bins": 15, "points": []}


def test_coverage_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    wrong: Bools = np.array([False, False, True, False, True])
    found = coverage(confidence, wrong)
    assert found["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 4 + 2 / 5) / 5, abs=1e-6)
    assert found["points"][-1] == {"coverage": 1.0, "units": 5, "error": 0.4}
    assert found["points"][3]["error"] == 0
    assert coverage(confidence[::-1], wrong)["aurc"] > found["aurc"]
    assert coverage(np.empty(0), np.empty(0, np.bool_)) == {"aurc": None, "points": []}


def test_the_error_that_is_left_at_less_coverage() -> None:
    confidence = np.linspace(1, 0.5, 20)
    wrong: Bools = np.isin(np.arange(20), [3, 16, 17, 18, 19])
    nine, eight = selective(coverage(confidence, wrong)["points"])
    assert nine == {
        "coverage": 0.9,
        "units": 18,
        "error": pytest.approx(3 / 18, abs=1e-6),
        **left(3 / 18 / 0.25, False),
    }
    assert eight == {"coverage": 0.8, "units": 16, "error": 1 / 16, **left(0.25, True)}
    exactly = selective(coverage(confidence, np.isin(np.arange(20), [0, 1, 2, 3, 4, 5, 6, 7, 18, 19]))["points"])
    assert [row["halved"] for row in exactly] == [False, False]
    half = coverage(np.linspace(1, 0.5, 10), np.isin(np.arange(10), [1, 2, 3, 4, 5, 8, 9, 7, 6]))["points"]
    half[8]["error"] = half[-1]["error"] / 2
    assert selective(half)[0]["halved"]


def test_no_error_is_not_divided_by() -> None:
    flawless = selective(coverage(np.linspace(1, 0.5, 10), np.zeros(10, np.bool_))["points"])
    assert [(row["error"], row["of_all"], row["halved"]) for row in flawless] == [(0, None, True)] * 2
    assert selective([]) == []


def left(share: float, halved: bool) -> dict[str, Any]:
    return {"of_all": pytest.approx(share, abs=1e-5), "halved": halved}


def test_json_refuses_not_a_number() -> None:
    assert json.loads(as_json({"成效": 1})) == {"成效": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"value": float("nan")})
