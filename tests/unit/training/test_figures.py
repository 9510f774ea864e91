"""Figures found in nested tables, and as they are written."""

import pytest

from fazhi.training.figures import at, interval, percent, pick, points

SCORE = {"value": 0.951, "low": 0.934, "high": 0.966}


def test_a_score_is_found_with_its_interval_or_has_no_value() -> None:
    metrics = {"role": {"accuracy": SCORE}, "ece": 0.02, "note": "none"}
    assert pick(metrics, ("role", "accuracy")) == SCORE
    assert pick(metrics, ("ece",)) == {"value": 0.02, "low": None, "high": None}
    for path in (("role", "missing"), ("ece", "deeper"), ("note",)):
        assert pick(metrics, path)["value"] is None
    assert at(metrics, ("note",)) == "none"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.9312), "93.1"),
        (percent(0.9312, 2), "93.12"),
        (percent(None), "–"),
        (interval(SCORE), "95.1 (93.4 to 96.6)"),
        (interval({"value": 0.02, "low": None, "high": None}), "2.0"),
        (points(-0.012), "−1.2"),
        (points(0.0001), "±0.0"),
    ],
)
def test_shares_are_written_in_per_cent(written: str, expected: str) -> None:
    assert written == expected
