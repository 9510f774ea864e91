"""Leave one test document out at a time: train on the others too, and see what a few real reports add.

This is the one protocol that trains on test documents, each time on all but the one it then judges.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fazhi.data.corpus import LabelledDocument
from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import read_document
from fazhi.training.config import TrainConfig
from fazhi.training.metrics import Tags, score, tags_of
from fazhi.training.sources import Sources, hold_out
from fazhi.training.train import Places, is_current, train

log = logging.getLogger(__name__)


def crossval(config: TrainConfig, sources: Sources, artifacts: Path) -> dict[str, Any]:
    """Train once for each test document, and score all of them together and each alone.

    A fold that is finished is kept under `artifacts/crossval/`, so that a killed run goes on.
    """
    documents = sources.split("test")
    given: list[Tags] = []
    for document in documents:
        fold = hold_out(sources, document.id, config)
        places = Places(artifacts / "crossval" / document.id, artifacts)
        log.info("fold %s", document.id)
        if not is_current(config, fold, places.model):
            train(config, fold, places)
        (predictions,) = load_predictor(places.model).predict([read_document(document.text)])
        given.append(tags_of(predictions))
    return _figures(documents, given)


def _figures(documents: Sequence[LabelledDocument], given: Sequence[Tags]) -> dict[str, Any]:
    gold = [tags_of(document.units) for document in documents]
    home = np.concatenate([np.full(len(tags), number) for number, tags in enumerate(gold)])
    per_document = {
        document.id: {"units": len(g), **score(g, p, np.zeros(len(g), np.int64), occurring=True)}
        for document, g, p in zip(documents, gold, given, strict=True)
    }
    return {**score(_join(gold), _join(given), home), "per_document": per_document}


def _join(tags: Sequence[Tags]) -> Tags:
    return Tags(np.concatenate([t.roles for t in tags]), np.concatenate([t.topics for t in tags]))


def as_markdown(figures: dict[str, Any]) -> str:
    """The table of a cross-validation: all documents together, then each as the one left out."""
    lines = [
        "| left out | units | role accuracy | role macro-F1 (three) | topic macro-F1 | both right |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    units = sum(row["units"] for row in figures["per_document"].values())
    for name, row in {"all, each left out once": {"units": units, **figures}, **figures["per_document"]}.items():
        scores = (row["role"]["accuracy"], row["role"]["macro_f1_3"], row["topics"]["macro_f1"], row["both"])
        lines.append(f"| {name} | {row['units']} | " + " | ".join(_percent(s) for s in scores) + " |")
    return "\n".join(lines)


def _percent(interval: dict[str, float | None]) -> str:
    value, low, high = interval["value"], interval["low"], interval["high"]
    if value is None or low is None or high is None:
        return "–"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
