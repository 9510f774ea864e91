"""Leave one test document out at a time: train on the others too, and see what a few real reports add.

This is the one protocol that trains on test documents, each time on all but the one it then judges. With a `start` each
fold goes on from that model, which has seen no test document, instead of from the pretrained encoder: what some real
reports bring on top of it, in minutes, beside its own figures on the same documents.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import read_gold
from fazhi.model.checkpoint import load_predictor
from fazhi.model.predict import Predictor
from fazhi.training.config import ConfigError, TrainConfig
from fazhi.training.figures import interval
from fazhi.training.metrics import Tags, score, tags_of
from fazhi.training.sources import Sources, hold_out
from fazhi.training.start import check_unseen
from fazhi.training.train import Places, is_current, one_process, train

log = logging.getLogger(__name__)


def crossval(config: TrainConfig, sources: Sources, artifacts: Path) -> dict[str, Any]:
    """Train once for each test document, and score all of them together and each alone.

    A fold that is finished is kept under `artifacts/crossval/` (`crossval-start/`), so that a killed run goes on.
    Raises ConfigError for a start that has seen what it is judged on.
    """
    one_process("crossval")
    if config.include_test:
        raise ConfigError("crossval holds the test documents out one by one: include_test cannot be set")
    check_unseen(config, sources)
    documents = sources.split("test")
    given: list[Tags] = []
    for document in documents:
        fold = hold_out(sources, document.id, config)
        places = Places(artifacts / folder_name(config) / document.id, artifacts)
        log.info("fold %s", document.id)
        if not is_current(config, fold, places.model):
            train(config, fold, places)
        given.extend(_tag(load_predictor(places.model), [document]))
    figures = _figures(documents, given)
    if config.start:
        figures["start"] = _figures(documents, _tag(load_predictor(Path(config.start)), documents))
    return figures


def folder_name(config: TrainConfig) -> str:
    """What the folds' folder and the report are called: those with a start stand beside those without."""
    return "crossval-start" if config.start else "crossval"


def _tag(predictor: Predictor, documents: Sequence[LabelledDocument]) -> list[Tags]:
    return [tags_of(answers) for answers in predictor.predict([read_gold(document) for document in documents])]


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
    """The table of a cross-validation: all documents together, then each as the one left out.

    Under each line stands, where there is one, the model started from on the same documents.
    """
    lines = [
        "| left out | units | role accuracy | role macro-F1 (three) | topic macro-F1 | both right |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    before = _rows(figures["start"]) if "start" in figures else {}
    for name, row in _rows(figures).items():
        lines.append(_line(name, row))
        if name in before:
            lines.append(_line("– the model started from", before[name]))
    return "\n".join(lines)


def _rows(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    units = sum(row["units"] for row in figures["per_document"].values())
    return {"all, each left out once": {"units": units, **figures}, **figures["per_document"]}


def _line(name: str, row: dict[str, Any]) -> str:
    scores = (row["role"]["accuracy"], row["role"]["macro_f1_3"], row["topics"]["macro_f1"], row["both"])
    return f"| {name} | {row['units']} | " + " | ".join(interval(s) for s in scores) + " |"
