"""Segmentation against the gold units of both corpora, character by character."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fazhi.model.segment import segment

DATA = Path(__file__).parents[2] / "data"


def documents(corpus: str) -> Iterator[tuple[str, str, list[dict[str, object]]]]:
    root = DATA / corpus
    for line in (root / "index.jsonl").read_text(encoding="utf-8").splitlines():
        name = json.loads(line)["id"]
        with (root / "documents" / f"{name}.txt").open(encoding="utf-8", newline="") as file:
            text = file.read()
        labels = (root / "labels" / f"{name}.jsonl").read_text(encoding="utf-8")
        yield name, text, [json.loads(label) for label in labels.splitlines()]


@pytest.mark.parametrize(("corpus", "units"), [("seeds", 651), ("authored", 14_829)])
def test_gold_units_are_reproduced(corpus: str, units: int) -> None:
    count = 0
    for name, text, gold in documents(corpus):
        found = [(unit.start, unit.end, unit.text) for unit in segment(text)]
        assert found == [(unit["start"], unit["end"], unit["text"]) for unit in gold], name
        count += len(found)
    assert count == units


@pytest.mark.parametrize(("corpus", "at_least"), [("seeds", 0.95), ("authored", 0.97)])
def test_heading_flags_agree_with_gold(corpus: str, at_least: float) -> None:
    """F1 of the flag: rules from the training documents; the gold flags themselves are not without slips."""
    both = found = wanted = 0
    for _, text, gold in documents(corpus):
        for unit, label in zip(segment(text), gold, strict=True):
            both += unit.heading and bool(label["heading"])
            found += unit.heading
            wanted += bool(label["heading"])
    assert 2 * both / (found + wanted) >= at_least
