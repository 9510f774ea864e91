"""Predictor x labelled documents -> every figure of the report, and the worst errors in their context.

Each document's text goes the way of any text: segmentation and outline are the program's own, gold's heading flags are
used for a slice and for nothing else. Knows no page and no file.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from fazhi.data.corpus import LabelledDocument, fingerprint
from fazhi.data.gold import read_gold
from fazhi.data.schema import LabelledUnit
from fazhi.model.document import Document, bare_sentence
from fazhi.model.labels import ROLES, TOPICS, Topic
from fazhi.model.predict import Prediction, Predictor
from fazhi.training.baselines import run_baselines
from fazhi.training.decide import PROMISED
from fazhi.training.invariance import measure_invariance
from fazhi.training.metrics import (
    Bools,
    Ints,
    Tags,
    as_json,
    calibration,
    confusion,
    coverage,
    headline,
    per_label,
    score,
    selective,
    tags_of,
    tally,
)
from fazhi.training.slices import slices

log = logging.getLogger(__name__)

WORST = 30


@dataclass(frozen=True, slots=True)
class Mistake:
    """A unit tagged wrongly, in its place; `number` counts the document's units from 1.

    `probability` is that of the wrong role, or of the wrong decision on `topic` (given or withheld).
    """

    document: str
    number: int
    headings: tuple[str, ...]
    before: str
    after: str
    gold: LabelledUnit
    predicted: Prediction
    topic: Topic | None
    probability: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`metrics` is what metrics.json holds; the mistakes stand in order of the predictor's confidence in them."""

    metrics: dict[str, Any]
    wrong_roles: list[Mistake]
    wrong_topics: list[Mistake]


@dataclass(frozen=True, slots=True)
class _Sample:
    """The documents as gold has them and as the program reads them; units of all documents one after another."""

    documents: Sequence[LabelledDocument]
    read: list[Document]
    units: list[LabelledUnit]
    gold: Tags
    home: Ints


def evaluate(
    predictor: Predictor,
    documents: Sequence[LabelledDocument],
    train: Sequence[LabelledDocument] = (),
    facts: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure a predictor; with `train` (the model's own training documents) the baselines too. `facts` are shown."""
    as_json(dict(facts or {}))  # what cannot be stored had better fail before the work than after it
    seconds: dict[str, float] = {}
    with _timed(seconds, "reading"):
        sample = _read(documents)
    with _timed(seconds, "tagging documents"):
        answers = predictor.predict(sample.read)
        predictions = list(chain.from_iterable(answers))
    with _timed(seconds, "tagging without context"):
        contexts = {"document": tags_of(predictions), **_with_less_context(predictor, sample)}
    with _timed(seconds, "tagging variants"):
        invariance = measure_invariance(predictor, documents, sample.read, answers)
    with _timed(seconds, "baselines"):
        baselines = run_baselines(train, documents) if train else {}
    with _timed(seconds, "figures"):
        metrics = _figures(sample, predictions, contexts, baselines)
    metrics["invariance"] = invariance
    metrics["measured"] = _measured(documents, train)
    metrics["facts"] = {**(facts or {}), "evaluation_seconds": {k: round(v, 2) for k, v in seconds.items()}}
    wrong_roles, wrong_topics = _mistakes(sample, predictions)
    return Evaluation(metrics, wrong_roles, wrong_topics)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - begin
    log.info("%s: %.1f s", step, seconds[step])


def _read(documents: Sequence[LabelledDocument]) -> _Sample:
    if not any(document.units for document in documents):
        raise ValueError("there is nothing to evaluate: no document has a unit")
    read = [read_gold(document) for document in documents]
    units = [unit for document in documents for unit in document.units]
    home = np.repeat(np.arange(len(documents)), [len(document.units) for document in documents])
    return _Sample(documents, read, units, tags_of(units), home)


def _with_less_context(predictor: Predictor, sample: _Sample) -> dict[str, Tags]:
    """Tag the same units alone: with the headings above them, and with nothing at all."""
    paths = [path for document in sample.read for path in document.outline.headings]
    alone = {
        "headings": [bare_sentence(unit.text, path) for unit, path in zip(sample.units, paths, strict=True)],
        "none": [bare_sentence(unit.text) for unit in sample.units],
    }
    return {name: tags_of(chain.from_iterable(predictor.predict(read))) for name, read in alone.items()}


def _figures(
    sample: _Sample, predictions: Sequence[Prediction], contexts: Mapping[str, Tags], baselines: Mapping[str, Tags]
) -> dict[str, Any]:
    gold, given, home = sample.gold, tags_of(predictions), sample.home
    confidence = np.array([max(p.role_scores) for p in predictions])
    wrong = gold.roles != given.roles
    unsure = np.array([p.unsure for p in predictions])
    topic_scores = np.array([p.topic_scores for p in predictions])
    counted = tally(gold, given, home)
    kept = coverage(confidence, wrong)

    def part(chosen: Bools, tags: Tags = given) -> dict[str, Any]:
        return {"units": int(chosen.sum()), **score(gold[chosen], tags[chosen], home[chosen], occurring=True)}

    everything = np.ones(len(gold), np.bool_)
    sliced = {
        name: {value: part(chosen) for value, chosen in masks.items()}
        for name, masks in slices(sample.documents).items()
    }
    sliced["context"] = {name: part(everything, tags) for name, tags in contexts.items()}
    return {
        **headline(counted),
        "baselines": {name: score(gold, tags, home) for name, tags in baselines.items()},
        "per_label": per_label(counted),
        "per_document": {
            document.id: {"note": document.note, **part(home == place)}
            for place, document in enumerate(sample.documents)
            if document.units
        },
        "slices": sliced,
        "confusion": confusion(gold, given),
        "calibration": {
            "role": calibration(confidence, ~wrong),
            "topics": calibration(topic_scores.ravel(), gold.topics.ravel()),
        },
        "coverage": {
            **kept,
            "selective": selective(kept["points"]),
            "unsure": _unsure(wrong, unsure),
            "promised": _promised(part(~unsure), len(gold)),
        },
    }


def _unsure(wrong: Bools, unsure: Bools) -> dict[str, Any]:
    """How much the predictor marks as unsure, and how often it errs on what it marks and on the rest."""
    return {
        "share": round(float(unsure.mean()), 6),
        "error_sure": round(float(wrong[~unsure].mean()), 6) if (~unsure).any() else None,
        "error_unsure": round(float(wrong[unsure].mean()), 6) if unsure.any() else None,
    }


def _promised(sure: Mapping[str, Any], units: int) -> dict[str, Any]:
    """What the mark of unsure roles promises of the units without it, and what these are: how many, and how right."""
    nothing = {"value": None, "low": None, "high": None}
    return {
        "accuracy": PROMISED,
        "units": sure["units"],
        "share": round(sure["units"] / units, 6),
        "role_accuracy": sure["role"]["accuracy"] if sure["units"] else nothing,
    }


def _measured(documents: Sequence[LabelledDocument], train: Sequence[LabelledDocument]) -> dict[str, Any]:
    """Say what was measured on what; `seen` lists documents that the model was trained on, and should be empty."""
    known = {document.text for document in train}
    return {
        "documents": len(documents),
        "units": sum(len(document.units) for document in documents),
        "splits": sorted({document.split for document in documents}),
        "fingerprint": fingerprint(documents),
        "train_documents": len(train),
        "train_units": sum(len(document.units) for document in train),
        "seen": [document.id for document in documents if document.text in known],
    }


def _mistakes(sample: _Sample, predictions: Sequence[Prediction]) -> tuple[list[Mistake], list[Mistake]]:
    """Find the wrong roles and the wrong topics that the predictor is surest of."""
    roles: list[Mistake] = []
    topics: list[Mistake] = []
    places = [
        (labelled, index, path)
        for labelled, document in zip(sample.documents, sample.read, strict=True)
        for index, path in enumerate(document.outline.headings)
    ]
    for place, gold, answer in zip(places, sample.units, predictions, strict=True):
        if answer.role != gold.role:
            roles.append(_mistake(place, answer, None, answer.role_scores[ROLES.index(answer.role)]))
        doubts = {t: _sureness(answer, t) for t in TOPICS if (t in answer.topics) != (t in gold.topics)}
        if doubts:
            topics.append(_mistake(place, answer, *max(doubts.items(), key=lambda item: item[1])))
    return _surest(roles), _surest(topics)


def _mistake(
    place: tuple[LabelledDocument, int, tuple[str, ...]], answer: Prediction, topic: Topic | None, probability: float
) -> Mistake:
    document, index, path = place
    before = document.units[index - 1].text if index else ""
    after = document.units[index + 1].text if index + 1 < len(document.units) else ""
    return Mistake(document.id, index + 1, path, before, after, document.units[index], answer, topic, probability)


def _sureness(answer: Prediction, topic: Topic) -> float:
    probability = answer.topic_scores[TOPICS.index(topic)]
    return probability if topic in answer.topics else 1 - probability


def _surest(mistakes: list[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: -mistake.probability)[:WORST]
