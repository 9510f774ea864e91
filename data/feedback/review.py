"""What the model was unsure of -> the units worth a person's look. Knows scores and characters; no database."""

from collections.abc import Sequence

from fazhi.data.feedback.records import ReviewUnit
from fazhi.model.normalize import normalize
from fazhi.model.predict import Prediction

NGRAM = 3
PER_DOCUMENT = 5  # so that one odd report does not fill the list
POOL = 10  # candidates for each unit asked for
SHORTEST = 6  # a page number or a date teaches nothing
AROUND = 80  # characters of the text shown before and after

Grams = frozenset[str]


def margin(prediction: Prediction) -> float:
    """How far the model is from answering otherwise: 0 undecided, 1 certain, in the role or topic it knows least."""
    first, second = sorted(prediction.role_scores, reverse=True)[:2]
    return min([first - second, *(abs(2 * score - 1) for score in prediction.topic_scores)])


def spread(candidates: Sequence[ReviewUnit], count: int) -> list[ReviewUnit]:
    """Choose up to `count`: each time the unit that is most unsure and least like those chosen before."""
    waiting = [(unit, _grams(unit.text)) for unit in candidates]
    nearest = [0.0] * len(waiting)  # likeness to the most alike of the chosen
    chosen: list[ReviewUnit] = []
    while waiting and len(chosen) < count:
        worth = [(1 - unit.margin) * (1 - like) for (unit, _), like in zip(waiting, nearest, strict=True)]
        best = worth.index(max(worth))
        unit, grams = waiting.pop(best)
        nearest.pop(best)
        chosen.append(unit)
        nearest = [max(like, _likeness(grams, other)) for (_, other), like in zip(waiting, nearest, strict=True)]
    return chosen


def _grams(text: str) -> Grams:
    plain = normalize(text)
    return frozenset(plain[i : i + NGRAM] for i in range(max(1, len(plain) - NGRAM + 1)))


def _likeness(left: Grams, right: Grams) -> float:
    """The Jaccard index."""
    return len(left & right) / len(left | right)
