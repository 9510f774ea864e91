"""The decision rule's numbers: how logits become probabilities, and probabilities labels.

Fitted by training, applied by Predictor.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fazhi.model.labels import TOPICS

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decision:
    """Temperatures divide logits; a topic is given from its threshold up; a role below `abstain_below` is unsure."""

    role_temperature: float = 1.0
    topic_temperature: float = 1.0
    thresholds: tuple[float, ...] = (0.5,) * len(TOPICS)
    abstain_below: float = 0.0

    def role_probabilities(self, logits: npt.NDArray[np.floating]) -> Array:
        """Softmax over the last axis, [..., 4] -> [..., 4]."""
        scaled = logits.astype(np.float64) / self.role_temperature
        scaled -= scaled.max(axis=-1, keepdims=True)
        exponents = np.exp(scaled)
        return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))

    def topic_probabilities(self, logits: npt.NDArray[np.floating]) -> Array:
        """Sigmoid of each, [..., 4] -> [..., 4]; several topics are no rivals."""
        scaled = logits.astype(np.float64) / self.topic_temperature
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)))

    def topics(self, probabilities: Array) -> npt.NDArray[np.bool_]:
        """Which topics are given, [..., 4] -> [..., 4]."""
        return np.asarray(probabilities >= np.array(self.thresholds))
