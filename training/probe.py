"""Authored documents and frozen encoders -> what the documents teach, told by logistic regressions, as Markdown.

Cheap where a training is dear: encoders compared, a learning curve, each set of documents left out, labels to look at
again. Reads no seed: the figures, of the development documents, rank choices and do not say how good a model is.
"""

import logging
import random
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fazhi.data.corpus import LabelledDocument, read_corpus
from fazhi.data.schema import CorpusError
from fazhi.data.split import of_split
from fazhi.training.figures import cell, percent, points
from fazhi.training.linear import Judged, Material, judge, material
from fazhi.training.metrics import Floats
from fazhi.training.suspects import Suspect, suspected_roles, suspected_topics, unseen_probabilities
from fazhi.training.vectors import load_pretrained, load_trained, unit_vectors

log = logging.getLogger(__name__)

SHARES = (8, 4, 2)
DRAWS = 3
LISTED = 60
SEED = 13


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoder to probe: `builtin`, a folder or a hub name, or that of a trained model's folder."""

    name: str
    trained: bool = False


def probe(choices: Sequence[Choice], root: Path, cache: Path) -> str:
    """Compare all encoders, and ask the first of them the other questions; raises CorpusError, EncoderError."""
    documents = _authored(root)
    lines: list[str] = []
    first: Material | None = None
    for choice in choices:
        log.info("%s: vectors ...", choice.name)
        begin = time.perf_counter()
        frozen = load_trained(Path(choice.name)) if choice.trained else load_pretrained(choice.name, cache)
        units = material(documents, unit_vectors(frozen, documents))
        log.info("%s: vectors of %d units in %.0f s", choice.name, len(units.homes), time.perf_counter() - begin)
        first = first or units
        lines.append(_compared(choice, units))
        log.info("%s", lines[-1])
    assert first, "at least one encoder"
    page = [*_opening(documents), *_encoders(lines, choices), *_questions(first)]
    return "\n".join(page)


def _authored(root: Path) -> list[LabelledDocument]:
    """Training and development documents, each split with one at least."""
    documents = of_split(read_corpus(root / "authored"), "train", "dev")
    if {document.split for document in documents} != {"train", "dev"}:
        splits = sorted({document.split for document in documents})
        raise CorpusError(root / "authored" / "index.jsonl", None, "documents of train and of dev", splits)
    return documents


def _opening(documents: Sequence[LabelledDocument]) -> list[str]:
    sides = []
    for name, words in (("train", "training"), ("dev", "development")):
        chosen = of_split(documents, name)
        sides.append(f"{len(chosen)} {words} documents ({sum(len(d.units) for d in chosen):,} units)")
    return [
        "# What the authored documents teach",
        "",
        f"Logistic regressions on a frozen encoder's vectors of {' and '.join(sides)}; role is the macro-F1 of three",
        "roles, topics that of four topics, both the share of units with role and topics right, all on the development",
        "documents. The seeds were not read. The figures rank encoders and documents; a tuned model's are higher.",
    ]


def _compared(choice: Choice, units: Material) -> str:
    """One line: with the middle layer, and by the last layer alone."""
    training = units.places("train")
    last = replace(units, vectors=units.vectors[:, : units.vectors.shape[1] // 2])
    both, alone = judge(units, training).figures, judge(last, training).figures
    return _row([cell(choice.name) + (" (trained)" if choice.trained else ""), *_percents(both), *_percents(alone)])


def _encoders(lines: Sequence[str], choices: Sequence[Choice]) -> list[str]:
    section = [
        "",
        "## Encoders",
        "",
        *_head(
            ["encoder", "role", "topics", "both", "last layer alone: role", "last layer: topics", "last layer: both"]
        ),
        *lines,
    ]
    if len(choices) > 1:
        section += ["", f"What follows is of {cell(choices[0].name)}."]
    if choices[0].trained:
        section += [
            "",
            "That encoder was trained on these labels: below, it finds less fault with them than it should.",
        ]
    return section


def _questions(units: Material) -> list[str]:
    """Every section that one encoder's vectors answer."""
    whole = judge(units, units.places("train"))
    log.info("learning curve ...")
    curve = _learning_curve(units, whole)
    log.info("sets of documents left out ...")
    left_out = _left_out(units, whole)
    log.info("suspected labels ...")
    roles, topics = unseen_probabilities(units, SEED)
    return [
        *curve,
        *left_out,
        *_suspects("roles", suspected_roles(units, roles), len(units.homes)),
        *_suspects("topics", suspected_topics(units, topics), len(units.homes)),
    ]


def _learning_curve(units: Material, whole: Judged) -> list[str]:
    training = units.places("train")
    rows = []
    for share in SHARES:
        count = max(1, round(len(training) / share))
        draws = [random.Random(f"{SEED}/{share}/{draw}").sample(training, count) for draw in range(DRAWS)]
        figures = np.stack([judge(units, draw).figures for draw in draws])
        size = round(float(np.mean([_size(units, draw) for draw in draws])))
        rows.append(_row([f"1/{share}", count, f"{size:,}", *map(_spread, figures.T)]))
    rows.append(_row(["all", len(training), f"{_size(units, training):,}", *_percents(whole.figures)]))
    return [
        "",
        "## More documents",
        "",
        f"Mean of {DRAWS} random draws of whole documents, in brackets the lowest and the highest.",
        "",
        *_head(["share", "documents", "units", "role", "topics", "both"]),
        *rows,
    ]


def _left_out(units: Material, whole: Judged) -> list[str]:
    """What each set of documents, those with one first letter, adds to the others."""
    training = units.places("train")
    rows = []
    for letter in sorted({units.documents[place].id[0] for place in training}):
        group = [place for place in training if units.documents[place].id[0] == letter]
        rest = [place for place in training if place not in group]
        if not rest:
            continue
        without = judge(units, rest)
        lost, won = int((whole.right & ~without.right).sum()), int((without.right & ~whole.right).sum())
        changes = [points(float(change)) for change in without.figures - whole.figures]
        rows.append(_row([letter, len(group), f"{_size(units, group):,}", *changes, f"−{lost} +{won}"]))
    return [
        "",
        "## A set of documents left out",
        "",
        "Sets are the first letters of document ids; changes are in points against all training documents, so a set is",
        "of use where they are negative. The last column counts the units with role and topics right: lost and won.",
        "",
        *_head(["set", "documents", "units", "role", "topics", "both", "lost, won"]),
        *rows,
    ]


def _suspects(kind: str, suspects: Sequence[Suspect], total: int) -> list[str]:
    rows = [
        _row([s.document, s.number, f"{s.probability:.3f}", s.given, s.suggested, cell(s.text)])
        for s in suspects[:LISTED]
    ]
    return [
        "",
        f"## Suspected {kind}",
        "",
        f"{len(suspects):,} of {total:,} units of both splits, by regressions that had not seen the unit's document;",
        f"at most {LISTED}, the least probable label first. A unit's number is its line in `labels/<document>.jsonl`.",
        "",
        *_head(["document", "unit", "probability", "given", "suggested", "text"]),
        *rows,
    ]


def _size(units: Material, places: Collection[int]) -> int:
    return int(units.rows(places).sum())


def _percents(figures: Floats) -> list[str]:
    return [percent(float(figure)) for figure in figures]


def _spread(figures: Floats) -> str:
    return f"{percent(float(figures.mean()))} ({percent(float(figures.min()))} to {percent(float(figures.max()))})"


def _head(names: Sequence[str]) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
