"""Plans found for problems of the authored development documents, against what a reader judged of every pair.

A line of answers_judged.jsonl is a problem, the plans of its report that answer it and those that only touch it, by the
numbers of units, from 0. The least closeness was chosen on the one set; the other was read afterwards.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from fazhi.data.answers import answered_problems
from fazhi.model.document import read_document
from fazhi.model.labels import Role, Topic

AUTHORED = Path(__file__).parents[3] / "data" / "authored"
JUDGED = [json.loads(line) for line in Path(__file__).with_name("answers_judged.jsonl").read_text("utf-8").splitlines()]


@dataclass(frozen=True)
class Said:
    text: str
    role: Role
    topics: tuple[Topic, ...]
    headings: tuple[str, ...]


@cache
def plans_found(name: str) -> dict[int, list[int]]:
    """The plans told for every problem of a document, by its gold labels."""
    document = read_document((AUTHORED / "documents" / f"{name}.txt").read_bytes().decode("utf-8"))
    lines = (AUTHORED / "labels" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    units = [
        Said(label["text"], Role(label["role"]), tuple(map(Topic, label["topics"])), headings)
        for label, headings in zip(map(json.loads, lines), document.outline.headings, strict=True)
    ]
    return {found.problem: [answer.plan for answer in found.answers] for found in answered_problems(units)}


def outcome(judged: dict[str, list[int]], found: list[int]) -> str:
    """What the first plan is worth, or what it is worth that there is none."""
    if not found:
        return "missed" if judged["answers"] else "rightly none"
    return next((worth for worth in ("answers", "touches") if found[0] in judged[worth]), "off")


@pytest.mark.parametrize(("which", "answered", "off", "missed"), [("chosen on", 33, 5, 6), ("held out", 26, 5, 3)])
def test_most_first_plans_answer_their_problem(which: str, answered: int, off: int, missed: int) -> None:
    found = [
        (judged, plans_found(judged["document"])[judged["problem"]]) for judged in JUDGED if judged["set"] == which
    ]
    outcomes = Counter(outcome(judged, plans) for judged, plans in found)
    worth = Counter(
        next((kind for kind in ("answers", "touches") if plan in judged[kind]), "off")
        for judged, plans in found
        for plan in plans
    )
    print(f"{which}: {len(found)} problems, first plan {dict(outcomes)}; all plans told {dict(worth)}")
    assert outcomes["answers"] >= answered
    assert outcomes["off"] <= off
    assert outcomes["missed"] <= missed
