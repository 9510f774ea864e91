import numpy as np
import pytest

from fazhi.model.predict import Logits
from fazhi.training.decide import fit_decision


def _sample(sharpness: float, units: int = 4000) -> tuple[Logits, np.ndarray, np.ndarray]:
    """Scores whose true temperature is `sharpness`: labels are drawn from the softened scores."""
    rng = np.random.default_rng(3)
    roles, topics = rng.normal(size=(units, 4)), rng.normal(size=(units, 4)) - 1
    probabilities = np.exp(roles) / np.exp(roles).sum(axis=1, keepdims=True)
    drawn = (probabilities.cumsum(axis=1) > rng.random((units, 1))).argmax(axis=1)
    has = rng.random((units, 4)) < 1 / (1 + np.exp(-topics))
    return Logits((roles * sharpness).astype(np.float32), (topics * sharpness).astype(np.float32)), drawn, has


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_temperatures_undo_over_and_underconfidence(sharpness: float) -> None:
    decision = fit_decision(*_sample(sharpness))
    assert decision.role_temperature == pytest.approx(sharpness, rel=0.15)
    assert decision.topic_temperature == pytest.approx(sharpness, rel=0.15)


def test_a_threshold_lies_between_those_that_have_the_topic_and_those_that_have_not() -> None:
    logits = np.full((100, 4), -3.0, np.float32)
    logits[:30] = -1.0
    has = np.zeros((100, 4), np.bool_)
    has[:30] = True
    decision = fit_decision(
        Logits(np.eye(4, dtype=np.float32)[np.arange(100) % 4] * 9, logits), np.arange(100) % 4, has
    )
    assert (decision.topics(decision.topic_probabilities(logits)) == has).all()


def test_what_is_not_marked_unsure_is_right_as_promised() -> None:
    logits, roles, topics = _sample(1.0)
    decision = fit_decision(Logits(logits.roles * 4, logits.topics), roles, topics)
    probabilities = decision.role_probabilities(logits.roles * 4)
    sure = probabilities.max(axis=1) >= decision.abstain_below
    assert not sure.all()
    if sure.any():
        assert (probabilities.argmax(axis=1) == roles)[sure].mean() >= 0.99
