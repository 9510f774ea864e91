"""A report's problems -> the plans that answer each of them, or none.

A plan answers a problem when they share a topic (or neither has one) and either it stands where the problem is dealt
with, or their words are close: the cosine of TF-IDF weights of character 2- and 3-grams, weighed within the report, so
that what stands in every sentence counts little. Knows characters, labels and headings, not what a sentence means: an
answer is a hint, with its closeness beside it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fazhi.model.labels import Role, Topic
from fazhi.model.normalize import normalize

NGRAMS = (2, 3)
MOST = 3  # plans told for one problem
# The least closeness. Where neither has a topic the words alone must tell more. Chosen on 56 problems of the authored
# development documents, each judged against all plans of its report: the first plan told answers 33 of them and touches
# 6, it is off for 5, and of the 12 left without a plan 6 do have one. With 0.04 and 0.08, 19 of 27 would have one.
# Of 46 others 26, 6, 5, and 3 of 9 (tests/unit/data/test_answers_judged.py).
CLOSE = 0.01
CLOSE_WITHOUT_TOPIC = 0.02
BESIDE_BEST = 0.5  # a further plan is told when it is at least half as close as the closest
_IN_TURN = (Role.PROBLEM, Role.PLAN)
_WORDS = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"^(?:[（(]?[一二三四五六七八九十\d]+[）)、.．是]|第[一二三四五六七八九十]+[，、])+")


class Sentence(Protocol):
    """What is asked of a unit here."""

    @property
    def text(self) -> str:
        """The sentence."""
        ...

    @property
    def role(self) -> Role:
        """Its role."""
        ...

    @property
    def topics(self) -> Sequence[Topic]:
        """Its topics."""
        ...

    @property
    def headings(self) -> Sequence[str]:
        """The headings above it, outermost first."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan's index among the units, how close its words are to the problem's (0 to 1), and the topics they share.

    `beside`: it comes next after the problem, in the passage that deals with it.
    """

    plan: int
    closeness: float
    topics: tuple[Topic, ...]
    beside: bool


@dataclass(frozen=True, slots=True)
class AnsweredProblem:
    """A problem's index among the units, and the plans that answer it, closest first; empty where there is none."""

    problem: int
    answers: tuple[Answer, ...]


Weights = Mapping[str, float]


def answered_problems(units: Sequence[Sentence], most: int = MOST) -> list[AnsweredProblem]:
    """Every problem of a report in order, each with at most `most` plans."""
    problems = [index for index, unit in enumerate(units) if unit.role is Role.PROBLEM]
    plans = [index for index, unit in enumerate(units) if unit.role is Role.PLAN]
    if not problems or not plans:
        return [AnsweredProblem(problem, ()) for problem in problems]
    weights = _weigh([_grams(unit.text) for unit in units])
    postings = _postings([weights[plan] for plan in plans])
    found = []
    for problem in problems:
        closeness = _closeness(weights[problem], postings, len(plans))
        candidates = [
            answer
            for plan, close in zip(plans, closeness, strict=True)
            if (answer := _answer(units, problem, plan, round(float(close), 4)))
        ]
        found.append(AnsweredProblem(problem, tuple(_best(candidates)[:most])))
    return found


def _answer(units: Sequence[Sentence], problem: int, plan: int, closeness: float) -> Answer | None:
    shared = _shared(units[problem], units[plan])
    if shared is None:
        return None
    beside = _stands_beside(units, problem, plan)
    if not beside and closeness < (CLOSE if shared else CLOSE_WITHOUT_TOPIC):
        return None
    return Answer(plan, closeness, shared, beside)


def _best(candidates: list[Answer]) -> list[Answer]:
    """Those that stand beside the problem, then those that are about as close as the closest."""
    candidates.sort(key=lambda answer: (not answer.beside, -answer.closeness, answer.plan))
    least = BESIDE_BEST * max((answer.closeness for answer in candidates), default=0.0)
    return [answer for answer in candidates if answer.beside or answer.closeness >= least]


def _stands_beside(units: Sequence[Sentence], problem: int, plan: int) -> bool:
    """Whether the plan comes next after the problem, under it as its heading or under a heading that both share.

    The outermost heading is that of a whole part of the report: sharing it says nothing.
    """
    above, here = tuple(units[plan].headings), tuple(units[problem].headings)
    own = (*here, units[problem].text)
    if plan < problem or not (above[: len(own)] == own or (len(here) > 1 and above == here)):
        return False
    between = [unit.role for unit in units[problem + 1 : plan] if unit.role in _IN_TURN]
    return between == sorted(between, key=_IN_TURN.index)


def _shared(problem: Sentence, plan: Sentence) -> tuple[Topic, ...] | None:
    """The topics in common: none of them where neither has one, None where they speak of different things."""
    shared = tuple(topic for topic in Topic if topic in problem.topics and topic in plan.topics)
    return shared if shared or not (problem.topics or plan.topics) else None


def _grams(text: str) -> Counter[str]:
    words = _WORDS.findall(_NUMBER.sub("", normalize(text)))
    return Counter(word[at : at + n] for word in words for n in NGRAMS for at in range(len(word) - n + 1))


def _weigh(counted: Sequence[Counter[str]]) -> list[Weights]:
    """TF-IDF of each sentence, as unit vectors: logarithmic counts, smoothed document frequencies."""
    frequency = Counter(gram for grams in counted for gram in grams)
    weighed: list[Weights] = []
    for grams in counted:
        raw = {
            gram: (1 + log(times)) * (1 + log((1 + len(counted)) / (1 + frequency[gram])))
            for gram, times in grams.items()
        }
        length = sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        weighed.append({gram: weight / length for gram, weight in raw.items()})
    return weighed


Postings = Mapping[str, tuple[list[int], list[float]]]


def _postings(weights: Sequence[Weights]) -> Postings:
    """For each gram the vectors that hold it, and how much it weighs in them."""
    postings: dict[str, tuple[list[int], list[float]]] = {}
    for place, vector in enumerate(weights):
        for gram, weight in vector.items():
            places, held = postings.setdefault(gram, ([], []))
            places.append(place)
            held.append(weight)
    return postings


def _closeness(vector: Weights, postings: Postings, count: int) -> npt.NDArray[np.float64]:
    """The cosine of a vector with each of the `count` indexed ones."""
    cosine = np.zeros(count)
    for gram, weight in vector.items():
        if gram in postings:
            places, held = postings[gram]
            cosine[places] += weight * np.asarray(held)
    return cosine
