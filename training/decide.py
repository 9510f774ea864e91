"""Logits and gold labels of the development split -> the decision rule's numbers. Knows no text."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from fazhi.model.decision import Decision
from fazhi.model.labels import TOPICS
from fazhi.model.predict import Logits

PROMISED = 0.99  # the accuracy of roles that are not marked unsure
GRID = np.round(np.arange(0.10, 0.901, 0.01), 2)


def fit_decision(logits: Logits, roles: npt.NDArray[np.int64], topics: npt.NDArray[np.bool_]) -> Decision:
    """Fit temperatures by likelihood, thresholds by F1, and the mark of unsure roles by accuracy on what is left.

    Temperature scaling as in Guo et al. 2017, "On Calibration of Modern Neural Networks".
    `logits` of [units], `roles` [units], `topics` [units, 4].
    """
    role_temperature = _temperature(lambda t: _role_loss(logits.roles, roles, t))
    topic_temperature = _temperature(lambda t: _topic_loss(logits.topics, topics, t))
    scaled = Decision(role_temperature, topic_temperature)
    probabilities = scaled.topic_probabilities(logits.topics)
    thresholds = tuple(_threshold(probabilities[:, i], topics[:, i]) for i in range(len(TOPICS)))
    confidence = scaled.role_probabilities(logits.roles)
    unsure = _unsure_below(confidence.max(axis=1), confidence.argmax(axis=1) == roles)
    return Decision(role_temperature, topic_temperature, thresholds, unsure)


def _temperature(loss: object) -> float:
    found = minimize_scalar(lambda log_t: loss(np.exp(log_t)), bounds=(np.log(0.2), np.log(5.0)), method="bounded")  # type: ignore[operator]
    return float(np.exp(found.x))


def _role_loss(logits: npt.NDArray[np.float32], roles: npt.NDArray[np.int64], temperature: float) -> float:
    chosen = Decision(role_temperature=temperature).role_probabilities(logits)[np.arange(len(roles)), roles]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def _topic_loss(logits: npt.NDArray[np.float32], topics: npt.NDArray[np.bool_], temperature: float) -> float:
    given = Decision(topic_temperature=temperature).topic_probabilities(logits)
    chosen = np.where(topics, given, 1 - given)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def _threshold(probability: npt.NDArray[np.float64], has: npt.NDArray[np.bool_]) -> float:
    """The middle of the thresholds whose F1 is within a hair of the best: the peak itself is chance."""
    given = probability[:, None] >= GRID[None, :]
    right = (given & has[:, None]).sum(axis=0)
    f1 = 2 * right / np.maximum(given.sum(axis=0) + has.sum(), 1)
    good = GRID[f1 >= f1.max() - 0.002]
    return float(np.median(good))


def _unsure_below(confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> float:
    """The lowest confidence above which roles are right as often as promised; 1 where no confidence is high enough."""
    order = np.argsort(-confidence)
    accuracy = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(accuracy >= PROMISED)
    return float(confidence[order[kept[-1]]]) if len(kept) else 1.0
