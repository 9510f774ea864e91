"""A model's config and what was measured of it -> its card, README.md in the model folder, as model hubs read it.

Computes no score. The card is no part of the model: writing it anew leaves SHA256SUMS and the version alone.
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from fazhi.model.checkpoint import CARD, ModelConfig
from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.config import build_config
from fazhi.training.decide import PROMISED
from fazhi.training.encoders import BUILTIN
from fazhi.training.figures import interval, percent, pick

log = logging.getLogger(__name__)

NAME = "fazhi"
TAGS = ["chinese", "government-reports", "sentence-classification", "multi-label-classification", "onnx", "bert"]
E5 = "multilingual-e5-small"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+?(?:@.+)?")

# Of each figure: its name, its type on a hub, its key among the development figures, its place in an evaluation.
FIGURES = (
    ("Role accuracy", "accuracy", "role_accuracy", ("role", "accuracy")),
    ("Role macro F1, three roles", "f1", "role_macro_f1_3", ("role", "macro_f1_3")),
    ("Topic macro F1", "f1", "topics_macro_f1", ("topics", "macro_f1")),
    ("Role and topics right", "accuracy", "both", ("both",)),
    ("Role expected calibration error", "ece", "role_ece", ("calibration", "role", "ece")),
)


def write_card(folder: Path, config: ModelConfig, metrics: Mapping[str, Any] | None = None) -> None:
    """Write README.md in one step, with the figures of the test reports if they have been measured.

    A folder that cannot be written to keeps the card it has.
    """
    part = folder / f".{CARD}-{os.getpid()}"
    text = render_card(config, metrics)
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(folder / CARD)
    except OSError as error:
        log.warning("the model card is not brought up to date: %s", error)


def render_card(config: ModelConfig, metrics: Mapping[str, Any] | None = None) -> str:
    """The card's text; figures of documents that the model was trained on are left out."""
    training = config.training
    settings = training["settings"]
    own_rule = build_config(settings).own_rule
    dev = training["dev"][config.precision] if own_rule else None
    seen = bool(metrics and metrics["measured"]["seen"])
    seeds = metrics if metrics and not seen else None
    base = training.get("base_model")
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            front=_front(config, dev, seeds, base),
            roles=list(map(str, ROLES)),
            topics=list(map(str, TOPICS)),
            training=training,
            settings=settings,
            decision=config.decision,
            thresholds=", ".join(f"{t} {v:.2f}" for t, v in zip(TOPICS, config.decision.thresholds, strict=True)),
            promised=PROMISED,
            dev=dev,
            seeds=seeds,
            seen=seen,
            unseen=not (metrics or settings["include_test"]),
            own_rule=own_rule,
            rows=_rows(dev, seeds) if dev or seeds else [],
            base=base,
            origin=config.encoder.get("origin"),
        )
    )


def base_model(encoder: str, shape: Mapping[str, Any]) -> str | None:
    """The hub's name of the encoder that training begins with, as far as it is known there and then."""
    if encoder == BUILTIN or E5 in str(shape.get("origin", "")):
        return f"intfloat/{E5}"
    if HUB_NAME.fullmatch(encoder) and not Path(encoder).exists():
        return encoder.partition("@")[0]
    return None


def _rows(dev: Mapping[str, Any] | None, seeds: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [
        {"name": name, "dev": (dev or {}).get(key), "seeds": pick(seeds or {}, place)}
        for name, _, key, place in FIGURES
    ]


def _front(
    config: ModelConfig, dev: Mapping[str, Any] | None, seeds: Mapping[str, Any] | None, base: str | None
) -> str:
    """The front matter."""
    results = []
    for name, kind, key, place in FIGURES:
        if dev and dev.get(key) is not None:
            data = ("fazhi-authored", "Authored reports, invented", "dev", config.training["data"]["dev"])
            results.append(_result((name, kind), data, dev[key]))
        if seeds and pick(seeds, place)["value"] is not None:
            data = ("fazhi-seeds", "Real reports of government bodies", "test", seeds["measured"]["fingerprint"])
            results.append(_result((name, kind), data, pick(seeds, place)["value"]))
    card = ModelCardData(
        language="zh",
        license="mit" if base and E5 in base else "other",
        library_name=NAME,
        pipeline_tag="text-classification",
        base_model=base,
        tags=TAGS,
        model_name=NAME if results else None,
        eval_results=results or None,
    )
    return str(card.to_yaml())


def _result(metric: tuple[str, str], data: tuple[str, str, str, str], value: float) -> EvalResult:
    return EvalResult(
        task_type="text-classification",
        task_name="Role and topics of sentences",
        dataset_type=data[0],
        dataset_name=data[1],
        dataset_split=data[2],
        dataset_revision=data[3],
        metric_type=metric[1],
        metric_name=metric[0],
        metric_value=round(float(value), 4),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fazhi.training"),
        autoescape=False,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "interval": interval}
    return environment
