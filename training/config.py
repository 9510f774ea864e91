"""Every setting of a training run, in one frozen dataclass; read from TOML and `key=value`, saved with the model."""

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fazhi.model.encode import Budgets
from fazhi.model.errors import FazhiError


class ConfigError(FazhiError):
    """A setting that does not exist or cannot have the value given."""


@dataclass(frozen=True, slots=True)
class TrainConfig(Budgets):
    """Settings of one run, the budgets of a window among them."""

    encoder: str = "builtin"
    start: str = ""  # a model folder: the fit goes on from its whole network (training/start)
    seed: int = 13

    # How the training windows of one pass are drawn (training/examples).
    passes: int = 2
    batch_tokens: int = 1536
    shortest_window: float = 0.6
    drop_document: float = 0.2
    drop_headings: float = 0.35
    drop_cues: float = 0.1
    reversed_plans: float = 0.4
    bare_units: float = 0.1

    # The fit (training/finetune).
    learning_rate: float = 1.5e-4
    head_rate: float = 10.0
    weight_decay: float = 0.01
    warmup: float = 0.06
    accumulate: int = 1
    max_grad_norm: float = 1.0
    head_dropout: float = 0.1
    encoder_dropout: float = 0.0  # inside the encoder it costs half of a CPU's forward pass
    attention: str = "eager"  # backward through fused attention is slower than eager in bf16 on CPUs
    role_balance: float = 0.5  # class weights are frequency ** -balance
    topic_balance: float = 0.5  # positive weights are (negatives / positives) ** balance
    topic_loss: float = 2.0
    bf16: str = "auto"  # auto, on, off
    patience: int = 2
    max_steps: int = 0  # 0: all passes
    checkpoints: int = 4  # a pass
    layers: int = 0  # of the encoder, evenly spaced; 0: all (training/layers)
    frozen: float = 0.34  # share of the layers, from below, that stay as pretrained, the embeddings with them
    teacher: str = ""  # a model folder whose soft answers are learnt beside the labels (training/teacher)
    distill: float = 0.5  # their share in the loss
    smoothing: float = 0.0  # of labels
    topic_gamma: float = 0.0  # the focal exponent of topics
    average: float = 0.0  # the weights' moving average is the model, with this decay a step; 0: the weights are
    adversarial: float = 0.0  # how far word embeddings are moved for a second backward pass; 0: none is made

    # What is trained on, and how the choice is made.
    dev_share: float = 0.0  # 0: the split of the index; else the share of documents drawn anew for dev, by the seed
    near_duplicate: float = 0.6
    include_dev: bool = False
    include_test: bool = False
    test_weight: int = 1  # times a pass shows the test documents that are trained on, of which there are few
    decision_from: str = ""  # a model folder; needed when the development documents are trained on

    # The export (training/export).
    precision: str = "int8"  # int8 or fp32
    most_int8_loss: float = 0.5  # points of macro-F1

    @property
    def own_rule(self) -> bool:
        """Whether the development documents are kept from training, so that a decision rule can be fitted on them."""
        return not (self.include_dev or self.include_test)


@dataclass(frozen=True, slots=True)
class AdaptConfig:
    """Settings of continued pretraining (training/adapt)."""

    encoder: str = "builtin"
    seed: int = 13
    length: int = 254  # pieces of a block, without the two that enclose it
    passes: int = 2
    most_blocks: int = 0  # of one file in a pass, which takes up where the last one ended; 0: all
    masking: str = "word"  # word or piece
    masked: float = 0.2
    held_out: float = 0.01
    batch: int = 8  # blocks
    learning_rate: float = 1e-4
    head_rate: float = 10.0  # times as much for what guesses the words, which starts untrained
    weight_decay: float = 0.01
    warmup: float = 0.06
    attention: str = "eager"
    bf16: str = "auto"
    judge_every: int = 200  # steps
    save_every: int = 100


def read_adapt_config(settings: Iterable[str] = (), **given: Any) -> AdaptConfig:
    """Defaults, then keywords that are not None, then `key=value` settings; raises ConfigError."""
    values = {key: value for key, value in given.items() if value is not None} | dict(map(_split, settings))
    config = AdaptConfig(**_converted(AdaptConfig, values))
    _check_choices(
        config, {"bf16": ("auto", "on", "off"), "attention": ("eager", "sdpa"), "masking": ("word", "piece")}
    )
    _check_least_one(config, ("length", "passes", "batch", "judge_every", "save_every"))
    _check_shares(config, ("warmup",))
    _check_from_zero(config, ("learning_rate", "head_rate", "weight_decay", "most_blocks"))
    for key in ("masked", "held_out"):
        if not 0 < getattr(config, key) < 1:
            raise ConfigError(f"{key} must lie between 0 and 1, found {getattr(config, key)}")
    return config


def read_config(path: Path | None, settings: Iterable[str] = (), **given: Any) -> TrainConfig:
    """Defaults, then the TOML file, then keywords that are not None, then `key=value` settings; raises ConfigError."""
    values: dict[str, Any] = {}
    if path:
        try:
            values.update(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
    values.update({key: value for key, value in given.items() if value is not None})
    return build_config(values | dict(map(_split, settings)))


def build_config(values: Mapping[str, Any]) -> TrainConfig:
    """Check names, types and ranges; text is read as the field's type."""
    config = TrainConfig(**_converted(TrainConfig, values))
    _check_choices(
        config, {"bf16": ("auto", "on", "off"), "precision": ("int8", "fp32"), "attention": ("eager", "sdpa")}
    )
    _check_least_one(
        config,
        ("passes", "batch_tokens", "window", "unit", "accumulate", "checkpoints", "patience", "test_weight"),
    )
    _check_shares(
        config,
        (
            "dev_share",
            "shortest_window",
            "drop_document",
            "drop_headings",
            "drop_cues",
            "reversed_plans",
            "bare_units",
            "warmup",
            "head_dropout",
            "encoder_dropout",
            "frozen",
        ),
    )
    _check_from_zero(config, ("layers", "distill", "topic_gamma", "adversarial"))
    _check_from_zero(config, ("smoothing", "average"), below=1.0)
    if config.adversarial and config.frozen:
        raise ConfigError(
            "adversarial needs the gradient of the word embeddings, which `frozen` freezes: set frozen=0 too"
        )
    context = config.title + config.opening + config.path + 16  # [cls], a [sep] after each part, the cues
    if config.window < config.unit + context:
        raise ConfigError(f"window must hold a unit and its context ({config.unit} + {context}), found {config.window}")
    return config


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(f"expected key=value, found {setting!r}")
    return key.strip(), value.strip()


def _converted(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            raise ConfigError(f"no setting {key!r}; there are {', '.join(fields)}")
    return {key: _convert(key, value, type(fields[key].default)) for key, value in values.items()}


def _check_choices(config: Any, choices: Mapping[str, tuple[str, ...]]) -> None:
    for key, allowed in choices.items():
        if getattr(config, key) not in allowed:
            raise ConfigError(f"{key} must be one of {', '.join(allowed)}, found {getattr(config, key)!r}")


def _check_least_one(config: Any, keys: tuple[str, ...]) -> None:
    for key in keys:
        if getattr(config, key) < 1:
            raise ConfigError(f"{key} must be at least 1, found {getattr(config, key)}")


def _check_shares(config: Any, keys: tuple[str, ...]) -> None:
    for key in keys:
        if not 0 <= getattr(config, key) <= 1:
            raise ConfigError(f"{key} must lie between 0 and 1, found {getattr(config, key)}")


def _check_from_zero(config: Any, keys: tuple[str, ...], below: float = math.inf) -> None:
    for key in keys:
        if not 0 <= getattr(config, key) < below:
            most = f" and below {below}" if math.isfinite(below) else ""
            raise ConfigError(f"{key} must be at least 0{most}, found {getattr(config, key)}")


def _convert(key: str, value: Any, kind: type) -> Any:
    if isinstance(value, str) and kind is not str:
        words = {"true": True, "false": False}
        try:
            value = words[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError) as error:
            raise ConfigError(f"{key} must be of type {kind.__name__}, found {value!r}") from error
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{key} must be of type {kind.__name__}, found {value!r}")
    return value
