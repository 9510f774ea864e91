"""A model's folder and the corpora -> a report, and the model's card completed: what `fazhi evaluate` does.

A model that has its report is not measured again.
"""

import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fazhi.model.checkpoint import ModelConfig, load_config, load_predictor, version
from fazhi.training.card import write_card
from fazhi.training.config import ConfigError, build_config
from fazhi.training.evaluate import evaluate
from fazhi.training.figures import interval
from fazhi.training.report import previous_metrics, publish
from fazhi.training.sources import Sources, read_sources
from fazhi.training.train import peak_memory_mb


def assess(model: Path, data: Path, reports: Path, *, name: str, force: bool) -> str:
    """Measure a model on the seeds and publish the report; gives the line to print."""
    predictor = load_predictor(model)
    config = load_config(model)
    latest = reports / "latest"
    before = previous_metrics(reports)
    if before and not force and before.get("facts", {}).get("model") == version(model):
        write_card(model, config, before)
        return f"{latest}/report.html is of this model (`make eval` measures it again)"
    sources = read_sources(data, build_config(config.training["settings"]))
    if sources.fingerprints()["test"] != config.training["data"]["test"]:
        raise ConfigError(f"{data}/seeds is not what {model} was kept away from: train again, or name its own data")
    evaluation = evaluate(predictor, sources.split("test"), sources.training, _facts(config, sources, model))
    evaluation.metrics["facts"]["evaluation_peak_memory_mb"] = peak_memory_mb()
    folder = publish(evaluation, reports, name)
    write_card(model, config, evaluation.metrics)
    scores = evaluation.metrics
    return "\n".join(
        [
            f"role macro-F1 (three roles) {interval(scores['role']['macro_f1_3'])} %, "
            f"topic macro-F1 {interval(scores['topics']['macro_f1'])} %, both right {interval(scores['both'])} %",
            f"report: {folder}/report.html",
        ]
    )


def _facts(config: ModelConfig, sources: Sources, model: Path) -> dict[str, Any]:
    """What the report says of how the model came about, beside its scores."""
    training = config.training
    thresholds = config.decision.thresholds
    return {
        "model": version(model),
        "encoder": training["settings"]["encoder"],
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "evaluated_precision": config.precision,
        "training_command": training["command"],
        "training_date": training["date"],
        "training_device": training["device"] + (", bfloat16" if training["bf16"] else ", float32"),
        "seconds": training["seconds"],
        "training_peak_memory_mb": training["peak_memory_mb"],
        "development_documents_trained_on": training["settings"]["include_dev"],
        "units": training["units"],
        "documents": training["documents"],
        "near_duplicates_dropped": [
            f"{repeat.document}: {repeat.text} ({repeat.similarity:.2f}, {repeat.test_document}: {repeat.test_text})"
            for repeat in sources.repeats
        ],
        "data_fingerprints": training["data"],
        "settings": training["settings"],
        "decision": {
            "role_temperature": config.decision.role_temperature,
            "topic_temperature": config.decision.topic_temperature,
            "thresholds": list(thresholds),
            "unsure_below": config.decision.abstain_below,
            "sure_on_development_documents": _sure_share(training, config.precision),
        },
        "export_on_development_documents": training["dev"],
        "versions": training["versions"],
    }


def _sure_share(training: Mapping[str, Any], precision: str) -> float | None:
    """On what share of development units the decision rule's promise held; None where the rule is another model's."""
    if not build_config(training["settings"]).own_rule:
        return None
    share: float | None = training["dev"][precision].get("sure_share")
    return share
