"""A report's problems -> the plans that answer each of them, or none.

A plan answers a problem when they share a topic (or neither has one) and their words are close: the cosine of TF-IDF
weights of character 2- and 3-grams, weighed within the report, so that what stands in every sentence counts little.
Knows characters and labels, not what a sentence means: an answer is a hint, with its closeness beside it.
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
# Below it two sentences share words that any two share. Without a common topic the words alone must tell more.
CLOSE = 0.04
CLOSE_WITHOUT_TOPIC = 0.08
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


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan's index among the units, how close its words are to the problem's (0 to 1), and the topics they share."""

    plan: int
    closeness: float
    topics: tuple[Topic, ...]


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
            Answer(plan, round(float(close), 4), shared)
            for plan, close in zip(plans, closeness, strict=True)
            if (shared := _shared(units[problem], units[plan])) is not None
            and close >= (CLOSE if shared else CLOSE_WITHOUT_TOPIC)
        ]
        candidates.sort(key=lambda answer: (-answer.closeness, answer.plan))
        found.append(AnsweredProblem(problem, tuple(candidates[:most])))
    return found


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
