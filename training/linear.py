"""Units' vectors and gold labels -> logistic regressions, and how many of other units' labels they find.

Knows no encoder. Classes are not balanced, so that the probabilities can be read as such.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fazhi.data.corpus import LabelledDocument
from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.metrics import Bools, Floats, Ints, Tags, headline, tags_of, tally
from fazhi.training.vectors import Vectors

C = 0.03  # the same for every encoder, so that no choice is made on the development documents


@dataclass(frozen=True, slots=True)
class Material:
    """The units of all documents one after another: vectors [N, H], gold tags, and the place of each one's document."""

    documents: Sequence[LabelledDocument]
    vectors: Vectors
    gold: Tags
    homes: Ints

    def places(self, split: str) -> list[int]:
        """Where the documents of one split stand."""
        return [place for place, document in enumerate(self.documents) if document.split == split]

    def rows(self, places: Collection[int]) -> Bools:
        """Which units stand in the documents at these places."""
        return np.isin(self.homes, list(places))


def material(documents: Sequence[LabelledDocument], vectors: Vectors) -> Material:
    """Put documents and the vectors of their units together."""
    homes = np.repeat(np.arange(len(documents)), [len(document.units) for document in documents])
    return Material(documents, vectors, tags_of(unit for document in documents for unit in document.units), homes)


class Linear:
    """Logistic regressions over standardised vectors: a multinomial one for the role, one for each topic."""

    def __init__(self, vectors: Vectors, gold: Tags) -> None:
        self._scaler = StandardScaler().fit(vectors)
        features = self._scaler.transform(vectors)
        self._role = _fit(features, gold.roles, len(ROLES))
        self._topics = [_fit(features, gold.topics[:, topic].astype(np.int64), 2) for topic in range(len(TOPICS))]

    def probabilities(self, vectors: Vectors) -> tuple[Floats, Floats]:
        """Of each role, and of each topic, both [N, 4]."""
        features = self._scaler.transform(vectors)
        return self._role(features), np.stack([topic(features)[:, 1] for topic in self._topics], axis=1)

    def tags(self, vectors: Vectors) -> Tags:
        """The most probable role, and the topics more probable than not."""
        roles, topics = self.probabilities(vectors)
        return Tags(roles.argmax(axis=1), topics > 0.5)


def _fit(features: Vectors, labels: Ints, classes: int) -> Callable[[Vectors], Floats]:
    """Give features -> probabilities [N, classes]; classes that the labels lack have none."""
    known = np.unique(labels)
    model = LogisticRegression(C=C, max_iter=2000) if len(known) > 1 else None
    if model:
        model.fit(features, labels)

    def answer(asked: Vectors) -> Floats:
        probabilities = np.zeros((len(asked), classes))
        probabilities[:, known] = model.predict_proba(asked) if model else 1.0
        return probabilities

    return answer


@dataclass(frozen=True, slots=True)
class Judged:
    """Role macro-F1 (three roles), topic macro-F1 and the share with both right; and which units have both right."""

    figures: Floats
    right: Bools


def judge(units: Material, places: Collection[int]) -> Judged:
    """Learn from the documents at these places and answer for the development documents."""
    training, asked = units.rows(places), units.rows(units.places("dev"))
    given = Linear(units.vectors[training], units.gold[training]).tags(units.vectors[asked])
    gold = units.gold[asked]
    scores = headline(tally(gold, given, np.zeros(len(gold), dtype=np.int64), resamples=0))
    figures = [score["value"] for score in (scores["role"]["macro_f1_3"], scores["topics"]["macro_f1"], scores["both"])]
    right = (given.roles == gold.roles) & (given.topics == gold.topics).all(axis=1)
    return Judged(np.array(figures), right)
