"""Documents and settings -> a trained model's folder: encoder, fit, export, decision rule, each step timed.

Sees no test document's labels.
"""

import dataclasses
import hashlib
import json
import logging
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from fazhi.model.bert import MultiHeadBert, TorchEngine
from fazhi.model.checkpoint import ONNX, SUMS, TOKENIZER, WEIGHTS, ModelConfig, load_config, write_sums
from fazhi.model.decision import Decision
from fazhi.model.encode import Encoder
from fazhi.model.engine import OnnxEngine
from fazhi.training.card import base_model, write_card
from fazhi.training.config import ConfigError, TrainConfig
from fazhi.training.development import Development, check_int8, check_same
from fazhi.training.encoders import encoder_version, resolve_encoder
from fazhi.training.examples import Example, draw_batches, encode_example, label_weights
from fazhi.training.export import export_onnx
from fazhi.training.finetune import Fit, finetune, use_bf16
from fazhi.training.sources import Sources
from fazhi.training.start import check_encoding, check_unseen, origin
from fazhi.training.teacher import load_teacher, teach, teacher_version
from fazhi.training.tokenizer import load_encoder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run's folders lie: the model's, and `artifacts` with the encoder cache and the unfinished runs."""

    model: Path
    artifacts: Path


@dataclass(slots=True)
class Steps:
    """Seconds of each step, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step and say when it begins and ends."""
        log.info("%s ...", name)
        begin = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begin, 1)
        log.info("%s: %.1f s, at most %d MB so far", name, self.seconds[name], peak_memory_mb())


def is_current(config: TrainConfig, sources: Sources, folder: Path) -> bool:
    """Whether the folder holds a finished model of these settings and these data."""
    if not (folder / SUMS).is_file():
        return False
    training = load_config(folder).training
    return bool(
        training["settings"] == dataclasses.asdict(config)
        and training["data"] == sources.fingerprints()
        and training.get("encoder", "") == encoder_version(config.encoder)
        and training.get("start", "") == origin(config)
        and training.get("teacher", "") == teacher_version(config)
    )


def train(config: TrainConfig, sources: Sources, places: Places) -> None:
    """Fine-tune, export, fit the decision rule and write the model's folder; goes on where a killed run stopped.

    Raises EncoderError, ExportRefusedError, and ConfigError where the decision rule has nothing to be fitted on or the
    settings' start does not do.
    """
    inherited = _check(config, sources, places)
    steps = Steps()
    with steps.step("encoder"):
        start = resolve_encoder(config.encoder, places.artifacts / "encoders")
        encoder = load_encoder(start, config)
        check_encoding(config, encoder)
        teacher = load_teacher(config, sources, encoder)
    with steps.step("data"):
        examples = [encode_example(encoder, d, sources.dropped(d.id)) for d in sources.training]
        development = Development(encoder, sources.split("dev"))
        fit = _fit(config, sources, examples, development)
    if teacher:
        with steps.step("teacher"):
            fit = dataclasses.replace(fit, passes=teach(teacher, fit.passes))
    run = places.artifacts / "runs" / _run_name(config, sources)
    with steps.step("fit"):
        network, history = finetune(start, config, fit, run)
    if int(os.environ.get("RANK", "0")) != 0:
        return  # of several processes one writes
    draft = places.model.with_name(places.model.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with steps.step("export"):
        export_onnx(network, draft)
    with steps.step("decision"):
        decision, figures = _decide(network, development, draft, config)
    facts = {
        **_facts(config, sources, examples),
        "base_model": base_model(config.encoder, _shape(network)),
        "seconds": steps.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "dev": figures,
        "history": history,
    }
    rule = inherited or decision
    _write(draft, network, encoder, ModelConfig(encoder.config, rule, _shape(network), config.precision, facts))
    shutil.rmtree(places.model, ignore_errors=True)
    draft.rename(places.model)
    for checkpoint in run.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)  # the TensorBoard log stays


def one_process(command: str) -> None:
    """Refuse to be one of several processes, of which only the first writes a model; raises ConfigError."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(f"{command} trains in one process: call it without torchrun")


def peak_memory_mb() -> int:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _check(config: TrainConfig, sources: Sources, places: Places) -> Decision | None:
    """Refuse, before anything is done, what could only fail in the end; gives the decision rule if it is another's."""
    inherited = _inherited_decision(config)
    check_unseen(config, sources)
    for name, other in (("start", config.start), ("teacher", config.teacher)):
        if other and Path(other).resolve() == places.model.resolve():
            raise ConfigError(f"{name}: {other} would be overwritten by what comes of it; name another model folder")
    return inherited


def _fit(config: TrainConfig, sources: Sources, examples: list[Example], development: Development) -> Fit:
    """What the fit is shown, and what judges its passes: nothing where the development documents are trained on."""
    lent = [e for e, d in zip(examples, sources.training, strict=True) if d.id in sources.lent]
    shown = examples + lent * (config.test_weight - 1)
    return Fit(
        passes=draw_batches(development.encoder, shown, config),
        weights=label_weights(shown, config),
        pad=development.encoder.config.pad,
        judge=development.judge if config.own_rule else None,
    )


def _inherited_decision(config: TrainConfig) -> Decision | None:
    """A model trained on the development documents takes its decision rule from one that was not."""
    if config.own_rule:
        return None
    if not config.decision_from:
        raise ConfigError(
            "training on the development or test documents needs decision_from=FOLDER, a model made without them"
        )
    other = load_config(Path(config.decision_from))
    if other.training["settings"]["include_dev"]:
        raise ConfigError(
            f"{config.decision_from} was trained on the development documents: its decision rule is no guide"
        )
    return other.decision


def _run_name(config: TrainConfig, sources: Sources) -> str:
    """Another setting, corpus or version of the program is another run; the same is gone on with."""
    known = json.dumps(
        [
            dataclasses.asdict(config),
            sources.fingerprints(),
            version("fazhi"),
            encoder_version(config.encoder),
            origin(config),
            teacher_version(config),
        ],
        sort_keys=True,
    )
    return hashlib.sha256(known.encode()).hexdigest()[:12]


def _decide(
    network: MultiHeadBert, development: Development, draft: Path, config: TrainConfig
) -> tuple[Decision, dict[str, dict[str, float]]]:
    """Fit the decision rule on the model that will be served, and check it against the network it came from."""
    engines = {precision: OnnxEngine(draft / file) for precision, file in ONNX.items()}
    first = dataclasses.replace(development, documents=development.documents[:1])  # torch is slow: one will do
    check_same(first.logits(TorchEngine(network)), first.logits(engines["fp32"]))
    decided = {precision: development.decide(engine) for precision, engine in engines.items()}
    figures = {name: figures for name, (_, figures) in decided.items()}
    if config.precision == "int8":
        check_int8(figures, config.most_int8_loss)
    return decided[config.precision][0], figures


def _facts(config: TrainConfig, sources: Sources, examples: list[Example]) -> dict[str, Any]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {
        "settings": dataclasses.asdict(config),
        "encoder": encoder_version(config.encoder),
        "start": origin(config),
        "teacher": teacher_version(config),
        "data": sources.fingerprints(),
        "further": [corpus.facts() for corpus in sources.further],
        "documents": {"training": len(sources.training), "dev": len(sources.split("dev"))},
        "units": {
            "training": sum(len(example.roles) for example in examples),
            "dev": sum(len(document.units) for document in sources.split("dev")),
        },
        "near_duplicates": [dataclasses.asdict(repeat) for repeat in sources.repeats],
        "bf16": use_bf16(config.bf16),
        "device": f"{device}, {platform.machine()}",
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "versions": {name: version(name) for name in ("fazhi", "torch", "transformers", "onnxruntime", "tokenizers")},
    }


def _shape(network: MultiHeadBert) -> dict[str, Any]:
    settings: Any = network.encoder.config
    return dict(settings.to_diff_dict())


def _write(folder: Path, network: MultiHeadBert, encoder: Encoder, config: ModelConfig) -> None:
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, str(folder / WEIGHTS))
    encoder.tokenizer.save(str(folder / TOKENIZER))
    config.save(folder)
    figures = json.dumps(config.training["dev"], ensure_ascii=False, indent=2)
    (folder / "metrics.json").write_text(figures + "\n", encoding="utf-8")
    write_sums(folder)
    write_card(folder, config)  # without a sum: `fazhi evaluate` completes it, and the version stays
