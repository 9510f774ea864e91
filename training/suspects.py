"""Units' vectors and gold labels -> the labels that are likely wrong, by confident learning.

Northcutt, Jiang and Chuang 2021 (arXiv:1911.00068), as cleanlab's `filter_by="confident_learning"` has it: each unit is
judged by regressions that have not seen its document, and each label by how sure they are of the units that bear it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.linear import Linear, Material
from fazhi.training.metrics import Bools, Floats, Ints

FOLDS = 10


@dataclass(frozen=True, slots=True)
class Suspect:
    """A unit, by its number in its document from 1; the labels it has and those that it may deserve.

    `probability` is that of the least probable label it has.
    """

    document: str
    number: int
    text: str
    given: str
    suggested: str
    probability: float


def unseen_probabilities(units: Material, seed: int) -> tuple[Floats, Floats]:
    """Probabilities of roles and topics, both [N, 4], from regressions on the other nine tenths of the documents."""
    roles, topics = np.zeros((len(units.homes), len(ROLES))), np.zeros((len(units.homes), len(TOPICS)))
    folds = GroupKFold(min(FOLDS, len(units.documents)), shuffle=True, random_state=seed)
    for training, asked in folds.split(units.vectors, groups=units.homes):
        linear = Linear(units.vectors[training], units.gold[training])
        roles[asked], topics[asked] = linear.probabilities(units.vectors[asked])
    return roles, topics


def confident_labels(probabilities: Floats, given: Ints) -> Ints:
    """The label that each unit should bear, [N]: its own unless the probabilities [N, K] are confident of another.

    They are confident of a label that is at least as probable as it is, in the mean, for the units that bear it.
    """
    labels = range(probabilities.shape[1])
    thresholds = [probabilities[given == label, label].mean() if (given == label).any() else np.inf for label in labels]
    confident = np.where(probabilities >= np.array(thresholds), probabilities, 0.0)
    best = confident.argmax(axis=1)
    own = probabilities[np.arange(len(given)), given]
    return np.where(confident.max(axis=1) > own, best, given)


def suspected_roles(units: Material, probabilities: Floats) -> list[Suspect]:
    """The least probable first."""
    given = units.gold.roles
    suggested = confident_labels(probabilities, given)
    own = probabilities[np.arange(len(given)), given]
    rows = [row for row in np.argsort(own, kind="stable").tolist() if suggested[row] != given[row]]
    return [_suspect(units, row, (ROLES[given[row]], ROLES[suggested[row]]), own[row]) for row in rows]


def suspected_topics(units: Material, probabilities: Floats) -> list[Suspect]:
    """Each topic judged by itself; units with one that is likely too much or missing, the least probable first."""
    given = units.gold.topics
    binary = [np.stack([1 - column, column], axis=1) for column in probabilities.T]
    suggested = np.stack(
        [confident_labels(pair, has.astype(np.int64)) == 1 for pair, has in zip(binary, given.T, strict=True)], axis=1
    )
    own = np.where(given, probabilities, 1 - probabilities)
    least = np.where(suggested != given, own, np.inf).min(axis=1)
    rows = [row for row in np.argsort(least, kind="stable").tolist() if np.isfinite(least[row])]
    return [_suspect(units, row, (_named(given[row]), _named(suggested[row])), least[row]) for row in rows]


def _suspect(units: Material, row: int, labels: tuple[str, str], probability: float) -> Suspect:
    home = int(units.homes[row])
    document = units.documents[home]
    position = row - int(np.searchsorted(units.homes, home))
    return Suspect(document.id, position + 1, document.units[position].text, *labels, float(probability))


def _named(has: Bools) -> str:
    return " ".join(_topics(has)) or "–"


def _topics(has: Bools) -> Iterator[str]:
    return (topic for topic, present in zip(TOPICS, has, strict=True) if present)
