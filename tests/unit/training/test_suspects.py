"""Labels that were made wrong are found, and those that are right are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.linear import Material, material
from fazhi.training.suspects import confident_labels, suspected_roles, suspected_topics, unseen_probabilities

PER_DOCUMENT = 16
WRONG_ROLE, WRONG_TOPICS = (4, 5), (7, 2)


@pytest.fixture(scope="module")
def units() -> Material:
    """Twelve documents whose vectors say what their labels are, but for two units labelled wrong."""
    rng = np.random.default_rng(3)
    documents, vectors = [], []
    for number in range(12):
        labelled = []
        for place in range(PER_DOCUMENT):
            role, topic = place % 4, int(rng.integers(4))
            plain = 2.0 if (number, place) in (WRONG_ROLE, WRONG_TOPICS) else 1.0
            vectors.append([*plain * np.eye(4)[role], *plain * np.eye(4)[topic]])
            if (number, place) == WRONG_ROLE:
                role = (role + 1) % 4
            topics = () if (number, place) == WRONG_TOPICS else (TOPICS[topic],)
            text = f"{number}.{place}"
            labelled.append(LabelledUnit(place, place + 1, text, False, ROLES[role], topics))
        documents.append(LabelledDocument(f"A{number:02}", "train", "", tuple(labelled), ""))
    noise = rng.normal(0, 0.1, (len(vectors), 8))
    return material(documents, np.array(vectors + noise, np.float32))


def test_the_wrong_role_is_found(units: Material) -> None:
    roles, _ = unseen_probabilities(units, seed=1)
    found = suspected_roles(units, roles)
    assert [(s.document, s.number, s.text) for s in found] == [("A04", 6, "4.5")]
    assert (found[0].given, found[0].suggested) == (ROLES[2], ROLES[1])
    assert found[0].probability < 0.5


def test_the_missing_topic_is_found(units: Material) -> None:
    _, topics = unseen_probabilities(units, seed=1)
    found = suspected_topics(units, topics)
    assert [(s.document, s.number) for s in found] == [("A07", 3)]
    assert found[0].given == "–"
    assert found[0].suggested in TOPICS


def test_a_unit_is_judged_without_its_document(units: Material) -> None:
    """What one document alone teaches is unknown where that document is asked about."""
    roles = units.gold.roles.copy()
    alone = np.zeros((len(roles), 1), np.float32)
    alone[:PER_DOCUMENT, 0] = 100.0
    roles[:PER_DOCUMENT], roles[PER_DOCUMENT:] = 1, np.arange(len(roles) - PER_DOCUMENT) % 2 * 2
    changed = replace(
        units, vectors=np.concatenate([units.vectors, alone], axis=1), gold=replace(units.gold, roles=roles)
    )
    probabilities, _ = unseen_probabilities(changed, seed=1)
    assert probabilities[:PER_DOCUMENT, 1].max() == 0


def test_confidence_is_measured_by_each_labels_own_mean() -> None:
    given = np.array([0, 0, 0, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.2, 0.45, 0.55])
    suggested = confident_labels(np.stack([first, 1 - first], axis=1), given)
    # Means: 0.6 for label 0 and 0.6 for label 1. Unit 5 leans to label 0, but not by as much.
    assert suggested.tolist() == [0, 0, 1, 1, 1, 1]


def test_a_label_without_units_is_never_suggested() -> None:
    given = np.zeros(3, np.int64)
    assert confident_labels(np.array([[0.1, 0.9]] * 3), given).tolist() == [0, 0, 0]
