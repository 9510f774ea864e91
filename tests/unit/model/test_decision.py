"""Logits to probabilities, and probabilities to labels."""

import warnings

import numpy as np
import pytest

from fazhi.model.decision import Decision

LOGITS = np.array([[2.0, 0.0, -1.0, 0.5], [-3.0, 4.0, 4.0, 0.0]], dtype=np.float32)


def test_role_probabilities_are_a_softmax() -> None:
    exponents = np.exp(LOGITS.astype(np.float64))
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(Decision().role_probabilities(LOGITS), expected, rtol=1e-12)


def test_topic_probabilities_are_a_sigmoid_of_each() -> None:
    expected = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    np.testing.assert_allclose(Decision().topic_probabilities(LOGITS), expected, rtol=1e-12)


def test_temperatures_divide_the_logits_each_its_own() -> None:
    warm = Decision(role_temperature=2.0, topic_temperature=0.5)
    np.testing.assert_allclose(warm.role_probabilities(LOGITS), Decision().role_probabilities(LOGITS / 2))
    np.testing.assert_allclose(warm.topic_probabilities(LOGITS), Decision().topic_probabilities(LOGITS * 2))


@pytest.mark.parametrize("size", [1e4, 3e38])
def test_the_largest_logits_give_probabilities_without_a_warning(size: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = np.array([size, -size, 0.0, size], dtype=np.float32)
        np.testing.assert_allclose(Decision().role_probabilities(logits), [0.5, 0, 0, 0.5])
        np.testing.assert_allclose(Decision().topic_probabilities(logits), [1, 0, 0.5, 1])


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 3, 4)])
def test_any_leading_shape_is_kept(shape: tuple[int, ...]) -> None:
    logits = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    decision = Decision()
    roles, topics = decision.role_probabilities(logits), decision.topic_probabilities(logits)
    assert roles.shape == topics.shape == decision.topics(topics).shape == shape
    np.testing.assert_allclose(roles.sum(axis=-1), 1.0)


def test_the_logits_given_are_not_changed() -> None:
    logits = LOGITS.astype(np.float64)
    Decision(role_temperature=2.0).role_probabilities(logits)
    Decision(topic_temperature=2.0).topic_probabilities(logits)
    np.testing.assert_array_equal(logits, LOGITS)


def test_a_topic_is_given_from_its_own_threshold_up() -> None:
    decision = Decision(thresholds=(0.5, 0.3, 0.8, 0.0))
    given = decision.topics(np.array([[0.5, 0.3, 0.8, 0.0], [0.49, 0.29, 0.79, 0.0], [0.6, 0.1, 0.9, 1.0]]))
    assert given.tolist() == [[True] * 4, [False, False, False, True], [True, False, True, True]]


def test_the_plain_rule_gives_what_is_likelier_than_not_and_is_never_unsure() -> None:
    assert Decision().thresholds == (0.5, 0.5, 0.5, 0.5)
    assert Decision().abstain_below == 0.0
