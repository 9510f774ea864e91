"""Training seeds -> one model each, measured on the test documents, and how far its figures depend on the seed.

Chooses nothing: the spread says which differences between two single runs mean anything. Knows no command line.
"""

import dataclasses
import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fazhi.model.checkpoint import load_config, load_predictor, version
from fazhi.training.config import ConfigError, TrainConfig
from fazhi.training.evaluate import evaluate
from fazhi.training.figures import at, percent
from fazhi.training.sources import Sources
from fazhi.training.train import Places, is_current, one_process, train

log = logging.getLogger(__name__)

Figures = dict[str, float | None]

# The row's name, and where `Evaluation.metrics` has it. What is not there is shown as missing.
SEEDS = {
    "role accuracy": ("role", "accuracy", "value"),
    "role macro-F1 (three)": ("role", "macro_f1_3", "value"),
    "topic macro-F1": ("topics", "macro_f1", "value"),
    "both right": ("both", "value"),
    "bare sentences, role accuracy": ("slices", "context", "none", "role", "accuracy", "value"),
    "bare sentences, topic macro-F1": ("slices", "context", "none", "topics", "macro_f1", "value"),
    "ECE of roles": ("calibration", "role", "ece"),
}
DEV = {"role macro-F1 (three)": "role_macro_f1_3", "topic macro-F1": "topics_macro_f1", "both right": "both"}
COVERAGES = (1.0, 0.9)
PER_DOCUMENT = {"role accuracy": ("role", "accuracy", "value"), "topic micro-F1": ("topics", "micro_f1", "value")}


def read_seeds(text: str) -> list[int]:
    """`13,14,15` as numbers; raises ConfigError."""
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"seeds must be whole numbers between commas, as in 13,14,15, found {text!r}") from error
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds must differ, found {text!r}")
    return seeds


def repeat(config: TrainConfig, sources: Sources, artifacts: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Train once for each seed and measure each model; gives what repeat.json holds.

    A model that is finished is kept under `artifacts/repeat/`, so that a killed run goes on. The documents of each
    split are the same for all seeds.
    """
    one_process("repeat")
    if config.include_test:
        raise ConfigError("repeat measures on the test documents: include_test cannot be set")
    runs: dict[int, Figures] = {}
    models: dict[int, dict[str, Any]] = {}
    for seed in seeds:
        chosen = dataclasses.replace(config, seed=seed)
        places = Places(artifacts / "repeat" / str(seed), artifacts)
        log.info("seed %d", seed)
        if not is_current(chosen, sources, places.model):
            train(chosen, sources, places)
        trained = load_config(places.model)
        metrics = evaluate(load_predictor(places.model), sources.split("test")).metrics
        runs[seed] = figures(trained.training["dev"][trained.precision], metrics)
        models[seed] = {"model": version(places.model), "seconds": trained.training["seconds"]}
    return {
        "settings": {k: v for k, v in dataclasses.asdict(config).items() if k != "seed"},
        "data": sources.fingerprints(),
        "models": models,
        "figures": {name: _summary({seed: row.get(name) for seed, row in runs.items()}) for name in _names(runs)},
    }


def figures(dev: Mapping[str, float], metrics: Mapping[str, Any]) -> Figures:
    """The rows of one model: of its own development figures, and of what `evaluate` measured."""
    found: Figures = {f"dev, {name}": dev.get(key) for name, key in DEV.items()}
    found |= {f"seeds, {name}": _number(metrics, path) for name, path in SEEDS.items()}
    points = {point["coverage"]: point["error"] for point in metrics.get("coverage", {}).get("points", [])}
    found |= {f"seeds, role error at {share:.0%} coverage": points.get(share) for share in COVERAGES}
    for name, row in metrics.get("invariance", {}).items():
        found[f"seeds, roles changed {name}"] = _number(row, ("role_changed",))
    documents = metrics.get("per_document", {})
    for name, path in PER_DOCUMENT.items():
        scores = {document: _number(row, path) for document, row in documents.items()}
        known = [value for value in scores.values() if value is not None]
        found[f"{name} by document, mean"] = statistics.fmean(known) if known else None
        found[f"{name} by document, worst"] = min(known, default=None)
        found |= {f"{name}, {document}": value for document, value in scores.items()}
    return found


def _number(metrics: Mapping[str, Any], path: Sequence[str]) -> float | None:
    found = at(metrics, path)
    return float(found) if isinstance(found, int | float) else None


def _names(runs: Mapping[int, Figures]) -> list[str]:
    return list(dict.fromkeys(name for row in runs.values() for name in row))


def _summary(by_seed: Mapping[int, float | None]) -> dict[str, Any]:
    """Mean, sample standard deviation and extremes over the seeds; all None where a seed has no figure."""
    values = [value for value in by_seed.values() if value is not None]
    whole = len(values) == len(by_seed)
    return {
        "by_seed": dict(by_seed),
        "mean": statistics.fmean(values) if whole else None,
        "sd": statistics.stdev(values) if whole and len(values) > 1 else None,
        "min": min(values) if whole else None,
        "max": max(values) if whole else None,
    }


def as_markdown(repeated: Mapping[str, Any]) -> str:
    """The table of all figures, in percent: each seed, mean ± sample standard deviation, least and most."""
    seeds = list(repeated["models"])
    lines = [
        "| % | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean ± sd | min | max |",
        "|---|" + "--:|" * (len(seeds) + 3),
    ]
    for name, row in repeated["figures"].items():
        sd = f" ± {100 * row['sd']:.1f}" if row["sd"] is not None else ""
        cells = [percent(row["by_seed"][seed]) for seed in seeds]
        cells += [percent(row["mean"]) + sd, percent(row["min"]), percent(row["max"])]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
