"""The figures that go with a fitted decision rule, from logits made by hand."""

import numpy as np
import pytest

from fazhi.model.encode import Batch
from fazhi.model.engine import Engine
from fazhi.model.predict import Logits
from fazhi.training.development import Development
from fazhi.training.metrics import Tags, calibration

UNITS = 400


class Engineless:
    lanes = 1

    def run(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("logits are given")


class ByHand(Development):
    """Sure and right in three quarters of the units; in the last, unsure and right in every second."""

    @property
    def gold(self) -> Tags:
        return Tags(np.arange(UNITS) % 4, np.zeros((UNITS, 4), np.bool_))

    def logits(self, engine: Engine) -> Logits:
        said = np.arange(UNITS) % 4
        last = np.arange(UNITS) >= 300
        said[last & (np.arange(UNITS) // 4 % 2 == 0)] += 1
        roles = np.zeros((UNITS, 4), np.float32)
        roles[np.arange(UNITS), said % 4] = np.where(last, np.linspace(3, 1, UNITS), np.linspace(9, 6, UNITS))
        return Logits(roles, np.full((UNITS, 4), -3, np.float32))


def test_the_promise_holds_on_the_share_that_is_told() -> None:
    development = ByHand(None, [])  # type: ignore[arg-type]
    decision, figures = development.decide(Engineless())
    assert figures["sure_share"] == pytest.approx(
        300 / UNITS, abs=0.02
    )  # a wrong one or two are still within the promise
    assert figures["sure_role_accuracy"] >= 0.99
    assert figures["role_accuracy"] == pytest.approx(352 / UNITS)
    logits = development.logits(Engineless())
    confidence = decision.role_probabilities(logits.roles).max(axis=1)
    right = logits.roles.argmax(axis=1) == development.gold.roles
    assert figures["role_ece"] == calibration(confidence, right)["ece"] > 0
