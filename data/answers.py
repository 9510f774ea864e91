"""A report's problems -> the plans that answer each of them, or none.

A plan answers a problem when they share a topic (or neither has one) and either it stands where the problem is dealt
with, or their words are close: the cosine of TF-IDF weights of character 2- and 3-grams, weighed within the report, so
that what stands in every sentence counts little. Knows characters, labels and headings, not what a sentence means: an
answer is a hint, with its closeness beside it.
"""

import enum
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from fazhi.data.sentence import Sentence
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
NEAR = 0.1  # the closeness from which words are called close
BESIDE_BEST = 0.5  # a further plan is told when it is at least half as close as the closest
_WORDS = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"^(?:[（(]?[一二三四五六七八九十\d]+[）)、.．是]|第[一二三四五六七八九十]+[，、])+")


class Why(enum.StrEnum):
    """What speaks for an answer beside the topic: its place in the problem's passage, or words, close or loosely so."""

    BESIDE = "beside"
    CLOSE = "close"
    LOOSE = "loose"


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan's index among the units, how close its words are to the problem's (0 to 1), and the topics they share.

    `beside`: it comes next after the problem, in the passage that deals with it.
    """

    plan: int
    closeness: float
    topics: tuple[Topic, ...]
    beside: bool

    @property
    def why(self) -> Why:
        """What speaks for it."""
        if self.beside:
            return Why.BESIDE
        return Why.CLOSE if self.closeness >= NEAR else Why.LOOSE


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
        closeness = dict(zip(plans, _closeness(weights[problem], postings, len(plans)).round(4).tolist(), strict=True))
        beside = {plan for plan in _next_plans(units, problem) if _in_one_passage(units[problem], units[plan])}
        likely = beside.union(plan for plan, close in closeness.items() if close >= CLOSE)
        answers = (_answer(units, problem, plan, closeness[plan], plan in beside) for plan in likely)
        found.append(AnsweredProblem(problem, tuple(_best([answer for answer in answers if answer])[:most])))
    return found


def _answer(units: Sequence[Sentence], problem: int, plan: int, closeness: float, beside: bool) -> Answer | None:
    shared = _shared(units[problem], units[plan])
    if shared is None or not (beside or shared or closeness >= CLOSE_WITHOUT_TOPIC):
        return None
    return Answer(plan, closeness, shared, beside)


def _best(candidates: list[Answer]) -> list[Answer]:
    """Those that stand beside the problem, then those that are about as close as the closest."""
    candidates.sort(key=lambda answer: (not answer.beside, -answer.closeness, answer.plan))
    least = BESIDE_BEST * max((answer.closeness for answer in candidates), default=0.0)
    return [answer for answer in candidates if answer.beside or answer.closeness >= least]


def _next_plans(units: Sequence[Sentence], problem: int) -> list[int]:
    """The plans that come next after a problem, until there is another problem."""
    plans: list[int] = []
    for index in range(problem + 1, len(units)):
        if units[index].role is Role.PLAN:
            plans.append(index)
        elif plans and units[index].role is Role.PROBLEM:
            break
    return plans


def _in_one_passage(problem: Sentence, plan: Sentence) -> bool:
    """Whether the plan stands under the problem as its heading, or under a heading that both share.

    The outermost heading is that of a whole part of the report: sharing it says nothing.
    """
    above, here = tuple(plan.headings), tuple(problem.headings)
    own = (*here, problem.text)
    return above[: len(own)] == own or (len(here) > 1 and above == here)


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
