"""Batches -> a fine-tuned network, by transformers' Trainer.

Knows windows and weights; reads no corpus and writes no model folder.
"""

import ctypes
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import (
    AutoModel,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from fazhi.model.bert import MultiHeadBert
from fazhi.training.average import Average
from fazhi.training.config import AdaptConfig, TrainConfig
from fazhi.training.examples import Collator, TrainingBatch
from fazhi.training.layers import freeze_layers, keep_layers
from fazhi.training.losses import IGNORED, Weights, distillation_loss, tagging_loss
from fazhi.training.optimizer import Rates, adamw
from fazhi.training.perturbation import moved
from fazhi.training.start import load_start

log = logging.getLogger(__name__)

Judge = Callable[[MultiHeadBert, bool], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit is given: the batches of each pass, label weights, the padding id, and who judges the network."""

    passes: list[list[TrainingBatch]]
    weights: Weights
    pad: int
    judge: Judge | None  # (network, bf16) -> figures on the development split, `choice` among them


class _Batches(Dataset[TrainingBatch]):
    def __init__(self, batches: list[TrainingBatch]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> TrainingBatch:
        return self._batches[index]


class TaggingTrainer(Trainer):
    """The Trainer with this project's loss, heads that learn faster than the encoder, and its own judge."""

    def __init__(self, fit: Fit, config: TrainConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fit = fit
        self.settings = config
        self.average = Average(kwargs["model"], config.average) if config.average else None
        if self.average:
            self.add_callback(self.average)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Forward and backward; with `adversarial` once more, where the word embeddings make the loss worse."""
        if not self.settings.adversarial:
            return super().training_step(model, inputs, num_items_in_batch)
        network: Any = self.accelerator.unwrap_model(model)
        words = network.encoder.get_input_embeddings().weight
        before = 0.0 if words.grad is None else words.grad.clone()  # of the batches accumulated so far
        loss = super().training_step(model, inputs, num_items_in_batch)
        with moved(words, words.grad - before, self.settings.adversarial):
            super().training_step(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean over the batch's units; the Trainer divides by the batches accumulated."""
        roles, topics = inputs.pop("roles"), inputs.pop("topics")
        taught = [inputs.pop(name) for name in ("taught_roles", "taught_topics") if name in inputs]
        outputs = model(**inputs)
        loss = tagging_loss(outputs, roles, topics, self.fit.weights)
        if taught:
            loss = loss + self.settings.distill * distillation_loss(outputs, (taught[0], taught[1]), roles != IGNORED)
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Heads learn faster than the encoder."""
        rates = Rates(self.args.learning_rate, self.settings.head_rate, self.settings.weight_decay)
        network: Any = model or self.model
        self.optimizer = adamw(network, lambda name: "encoder." not in name, rates)
        return self.optimizer

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Figures of the development split through the one Predictor."""
        assert self.fit.judge
        network = self.average.network if self.average else self.accelerator.unwrap_model(self.model)
        network.eval()
        figures = {f"{metric_key_prefix}_{k}": v for k, v in self.fit.judge(network, self.args.bf16).items()}
        self.log(figures)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """The average goes beside the weights, before the state that makes a checkpoint complete."""
        super()._save(output_dir, state_dict)
        if self.average and self.args.should_save:
            self.average.save(Path(output_dir or str(self.args.output_dir)))

    def trained(self) -> MultiHeadBert:
        """The network that the fit has come to: of the best judgement, if there was one."""
        best = self.state.best_model_checkpoint
        if self.average and best:
            self.average.load(Path(best))
        # Mixed precision lives in a wrapper around forward, which an export would trace.
        network: MultiHeadBert = (
            self.average.network if self.average else self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        )
        return network


class _SaveOften(TrainerCallback):
    """Save between judgements too, so that a killed run loses minutes."""

    def __init__(self, every: int) -> None:
        self._every = every

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Ask for a checkpoint every so many steps."""
        if state.global_step % self._every == 0:
            control.should_save = True


class GiveMemoryBack(TrainerCallback):
    """Return freed pages to the system: glibc keeps those of every batch shape it has met, gigabytes in a run."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Trim every few steps; it takes milliseconds."""
        if self._trim and state.global_step % 10 == 0:
            self._trim(0)


def finetune(
    encoder: Path | str, config: TrainConfig, fit: Fit, run: Path
) -> tuple[MultiHeadBert, list[dict[str, float]]]:
    """Train and give the network of the best pass with the log; a run that was cut short is gone on with."""
    set_seed(config.seed)
    network = _start(encoder, config)
    keep_layers(network.encoder, config.layers)
    freeze_layers(network.encoder, config.frozen)
    arguments = _arguments(config, fit, run)
    callbacks: list[TrainerCallback] = [
        _SaveOften(max(1, int(arguments.save_steps) // config.checkpoints)),
        GiveMemoryBack(),
    ]
    if fit.judge:
        callbacks.append(EarlyStoppingCallback(config.patience))
    trainer = TaggingTrainer(
        fit,
        config,
        model=network,
        args=arguments,
        train_dataset=_Batches([batch for batches in fit.passes for batch in batches]),
        eval_dataset=_Batches([]),  # the judge has its own documents; the Trainer only asks that there be something
        data_collator=Collator(fit.pad),
        callbacks=callbacks,
    )
    last = last_checkpoint(run)
    if last:
        log.warning("going on from %s", last)
        if trainer.average:
            trainer.average.load(last)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return trainer.trained().float().cpu().eval(), trainer.state.log_history


def last_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run: trainer_state.json is written last, so one cut short lacks it."""
    found = sorted(run.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in reversed(found):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def _start(encoder: Path | str, config: TrainConfig) -> MultiHeadBert:
    """The pretrained encoder with fresh heads; its pooler, which no head reads, is left out. Or the start, whole."""
    if config.start:
        return load_start(config, encoder)
    body = AutoModel.from_pretrained(
        encoder,
        attn_implementation=config.attention,
        hidden_dropout_prob=config.encoder_dropout,
        attention_probs_dropout_prob=config.encoder_dropout,
        use_safetensors=True,
        dtype=torch.float32,
    )
    return MultiHeadBert(body, body.config.hidden_size, config.head_dropout)


def _arguments(config: TrainConfig, fit: Fit, run: Path) -> TrainingArguments:
    world = int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun and accelerate launch set it
    batches = sum(len(batches) for batches in fit.passes)
    a_pass = max(1, batches // (config.accumulate * world * config.passes))
    steps = config.max_steps or a_pass * config.passes  # a last step beyond them would be judged once more
    return TrainingArguments(
        **shared_arguments(config, run),
        per_device_train_batch_size=1,  # an item is a batch already, filled by word pieces
        gradient_accumulation_steps=config.accumulate,
        max_steps=steps,
        max_grad_norm=config.max_grad_norm,
        eval_strategy="steps" if fit.judge else "no",
        eval_steps=min(a_pass, steps),
        save_strategy="steps",
        save_steps=min(a_pass, steps),
        save_total_limit=2,
        load_best_model_at_end=fit.judge is not None,
        metric_for_best_model="eval_choice",
        greater_is_better=True,
        ddp_find_unused_parameters=False,
    )


def shared_arguments(config: TrainConfig | AdaptConfig, run: Path) -> dict[str, Any]:
    """What every fit asks of the Trainer: data in the order it was drawn in, a log, the device's precision."""
    return {
        "output_dir": str(run),
        "train_sampling_strategy": "sequential",
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": config.warmup,
        "use_cpu": not torch.accelerator.is_available(),
        "bf16": use_bf16(config.bf16),
        "logging_steps": 10,
        "disable_tqdm": False,
        "report_to": ["tensorboard"],
        "seed": config.seed,
        "remove_unused_columns": False,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def use_bf16(wanted: str) -> bool:
    """Whether to compute in bfloat16: by setting, or where GPU or CPU have it in hardware."""
    if wanted != "auto":
        return wanted == "on"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
