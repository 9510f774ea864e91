"""What the model was unsure of -> the units worth a person's look. Knows scores and characters; no database."""

from collections import Counter
from collections.abc import Iterable, Sequence

from fazhi.data.feedback.records import ReviewUnit
from fazhi.model.normalize import normalize
from fazhi.model.predict import Prediction

NGRAM = 3
PER_DOCUMENT = 5  # so that one odd report does not fill the list
POOL = 10  # candidates for each unit asked for
SHORTEST = 6  # a page number or a date teaches nothing
AROUND = 80  # characters of the text shown before and after

Place = tuple[str, int, int]  # a document's digest, start and end


def margin(prediction: Prediction) -> float:
    """How much likelier the model's answer is than the next, in the role or topic it knows least: 0 even, 1 certain."""
    first, second = sorted(prediction.role_scores, reverse=True)[:2]
    return min([first - second, *(abs(2 * score - 1) for score in prediction.topic_scores)])


def pool(places: Iterable[Place], count: int, per_document: int) -> list[Place]:
    """The first places, enough to choose `count` units from and at most `per_document` of each; reads no further."""
    taken: Counter[str] = Counter()
    chosen: list[Place] = []
    for place in places if count > 0 else ():
        if taken[place[0]] < per_document:
            taken[place[0]] += 1
            chosen.append(place)
            if len(chosen) == POOL * count:
                break
    return chosen


def spread(candidates: Sequence[ReviewUnit], count: int) -> list[ReviewUnit]:
    """Choose up to `count`, greedily: each time the most unsure that is least like any chosen before."""
    grams = [_grams(unit.text) for unit in candidates]
    holders: dict[str, list[int]] = {}
    for index, own in enumerate(grams):
        for gram in own:
            holders.setdefault(gram, []).append(index)
    nearest = [0.0] * len(grams)  # likeness to the most alike of the chosen: the Jaccard index
    waiting = dict.fromkeys(range(len(grams)))
    chosen: list[ReviewUnit] = []
    while waiting and len(chosen) < count:
        best = max(waiting, key=lambda index: (1 - candidates[index].margin) * (1 - nearest[index]))
        del waiting[best]
        chosen.append(candidates[best])
        for other, shared in Counter(index for gram in grams[best] for index in holders[gram]).items():
            nearest[other] = max(nearest[other], shared / (len(grams[best]) + len(grams[other]) - shared))
    return chosen


def _grams(text: str) -> frozenset[str]:
    plain = normalize(text)
    return frozenset(plain[i : i + NGRAM] for i in range(max(1, len(plain) - NGRAM + 1)))
