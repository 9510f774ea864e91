"""Regressions on vectors: they learn what can be learnt, and answer where a label is missing."""

import numpy as np
import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.linear import Linear, judge, material
from fazhi.training.metrics import Tags
from fazhi.training.vectors import Vectors

PER_DOCUMENT = 80


def _documents(splits: str) -> tuple[list[LabelledDocument], Vectors]:
    """Documents whose units' vectors spell out their labels."""
    documents, vectors = [], []
    for number, split in enumerate(splits.split()):
        units = []
        for place in range(PER_DOCUMENT):
            role, topic = place % 4, (place + number) % 4
            units.append(LabelledUnit(2 * place, 2 * place + 1, "句", False, ROLES[role], (TOPICS[topic],)))
            vectors.append([*np.eye(4)[role], *np.eye(4)[topic]])
        documents.append(LabelledDocument(f"A{number:02}", split, "句 " * PER_DOCUMENT, tuple(units), ""))
    noise = np.random.default_rng(1).normal(0, 0.01, (len(vectors), 8))
    return documents, np.array(vectors + noise, np.float32)


def test_what_vectors_spell_out_is_learnt() -> None:
    units = material(*_documents("train dev train train train dev"))
    judged = judge(units, units.places("train"))
    assert judged.figures == pytest.approx(np.ones(3))
    assert judged.right.tolist() == [True] * 2 * PER_DOCUMENT


def test_only_the_documents_named_are_learnt_from() -> None:
    documents, vectors = _documents("train train dev")
    units = material(documents, vectors)
    assert units.rows([1]).nonzero()[0].tolist() == list(range(PER_DOCUMENT, 2 * PER_DOCUMENT))
    vectors[:PER_DOCUMENT] = np.nan  # a document that must not be read
    assert np.isfinite(judge(material(documents, vectors), [1]).figures).all()


def test_a_label_that_is_never_or_always_there_is_answered_for() -> None:
    vectors = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    roles = np.array([0, 2] * 6)
    topics = np.zeros((12, 4), bool)
    topics[:, 1] = True
    topics[:6, 3] = True
    given_roles, given_topics = Linear(vectors, Tags(roles, topics)).probabilities(vectors)
    assert given_roles.sum(axis=1) == pytest.approx(np.ones(12))
    assert given_roles[:, [1, 3]].max() == 0
    assert given_topics[:, :3].tolist() == [[0, 1, 0]] * 12
    assert 0 < given_topics[:, 3].min() < given_topics[:, 3].max() < 1
    one = Linear(vectors, Tags(np.full(12, 2), topics))
    assert one.tags(vectors).roles.tolist() == [2] * 12
