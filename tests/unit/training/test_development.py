"""The figures that go with a fitted decision rule, from logits made by hand."""

import numpy as np
import pytest

from fazhi.model.encode import Batch
from fazhi.model.engine import Engine
from fazhi.model.predict import Logits
from fazhi.training.development import Development, ExportRefusedError, check_int8, check_same
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


@pytest.mark.parametrize("apart", [0.02, float("nan")])
def test_an_export_that_says_otherwise_is_refused(apart: float) -> None:
    roles, topics = np.ones((3, 4), np.float32), np.zeros((3, 4), np.float32)
    check_same(Logits(roles, topics), Logits(roles + np.float32(0.001), topics))
    other = topics.copy()
    other[1, 2] = apart
    with pytest.raises(ExportRefusedError, match=r"up to .* from the network's \(0\.01 allowed\)"):
        check_same(Logits(roles, topics), Logits(roles, other))


def test_an_int8_model_that_loses_too_much_is_refused() -> None:
    good = {"role_macro_f1_3": 0.95, "role_macro_f1": 0.95, "topics_macro_f1": 0.94}
    check_int8({"fp32": good, "int8": {**good, "topics_macro_f1": 0.936}}, most=0.5)
    with pytest.raises(ExportRefusedError, match=r"loses 0\.60 points of topics_macro_f1 .* precision=fp32"):
        check_int8({"fp32": good, "int8": {**good, "topics_macro_f1": 0.934}}, most=0.5)


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
