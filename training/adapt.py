"""Unlabelled texts -> the encoder, pretrained further on them by guessing masked words; an ordinary encoder folder.

Continued pretraining on the texts of a field, as in Gururangan et al. 2020 (arXiv:2004.10964).
"""

import dataclasses
import hashlib
import json
import logging
import math
import shutil
import sys
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM, AutoTokenizer, Trainer, TrainingArguments, set_seed

from fazhi.model.checkpoint import sha256, write_sums
from fazhi.training.config import AdaptConfig, ConfigError
from fazhi.training.encoders import encoder_version, resolve_encoder
from fazhi.training.finetune import GiveMemoryBack, last_checkpoint, shared_arguments
from fazhi.training.folders import EncoderError, damaged, keep_others
from fazhi.training.masking import MaskedBlocks, Pieces, collate_masked
from fazhi.training.optimizer import Rates, adamw
from fazhi.training.texts import Blocks, TextError, cut_blocks, find_files, read_lines

log = logging.getLogger(__name__)

JUDGED = 256  # held-out blocks at most
ADAPTED = "adapted.json"  # what an adapted encoder's folder tells of its making; no other folder is ever replaced
LEAST = 16  # blocks of text, below which nothing can be learnt


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is trained on and in which order, and what is held out."""

    blocks: Blocks
    order: list[int]
    held_out: list[int]
    pieces: Pieces


class _MaskedTrainer(Trainer):
    """The Trainer, guessing at masked places alone and judged by the held-out blocks."""

    def __init__(self, judged: list[dict[str, Tensor]], untrained: Set[str], head_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._judged, self._untrained, self._head_rate = judged, untrained, head_rate
        self._places = torch.zeros(0, dtype=torch.long)
        network: Any = self.model
        # Pieces are guessed only where they are masked: a vocabulary's logits for every place take a third of a step.
        network.get_output_embeddings().register_forward_pre_hook(
            lambda _, given: (given[0].flatten(0, -2)[self._places],)
        )

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean over the masked places."""
        self._places = inputs["places"]
        outputs: Any = model(input_ids=inputs["input_ids"])
        loss = functional.cross_entropy(outputs.logits.float(), inputs["labels"])
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """What has no pretrained weights learns faster."""
        rates = Rates(self.args.learning_rate, self._head_rate, self.args.weight_decay)
        network: Any = model or self.model
        self.optimizer = adamw(network, lambda name: name in self._untrained, rates, betas=(0.9, 0.98))
        return self.optimizer

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Perplexity of the masked pieces of the held-out blocks, always masked alike."""
        network: Any = self.model
        network.eval()
        total, places = 0.0, 0
        with torch.inference_mode():
            for batch in self._judged:
                count = len(batch["labels"])
                total += count * float(self.compute_loss(network, self._prepare_inputs(dict(batch))))
                places += count
        figures = {f"{metric_key_prefix}_perplexity": math.exp(total / places)}
        self.log(figures)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures


def adapt(texts: Sequence[Path], config: AdaptConfig, artifacts: Path, out: Path) -> dict[str, Any]:
    """Pretrain the encoder further on `texts` and write it to `out`; a run that was killed is gone on with.

    Gives the facts that its card tells: files with their sha256, pieces, perplexity before and after. Raises TextError
    and EncoderError.
    """
    if Path(config.encoder).resolve() == out.resolve():
        raise EncoderError(f"{out} would be replaced by what comes of it: name another folder to write to")
    keep_others(out, ADAPTED)
    files = find_files(texts)
    sums = [[file.name, sha256(file)] for file in files]  # files in two folders may have one name
    start = resolve_encoder(config.encoder, artifacts / "encoders")
    known = {"settings": dataclasses.asdict(config), "texts": sums, "encoder": encoder_version(start)}
    if finished := _finished(out, known):
        log.info("%s is up to date with settings and texts", out)
        return finished
    tokenizer = AutoTokenizer.from_pretrained(start, trust_remote_code=False)
    plan = _plan(files, tokenizer, config)
    name = hashlib.sha256(json.dumps([known, version("fazhi")], sort_keys=True).encode()).hexdigest()[:12]
    run = artifacts / "runs" / f"adapt-{name}"
    begin = time.perf_counter()
    network, history = _fit(start, config, plan, run)
    perplexities = [entry["eval_perplexity"] for entry in history if "eval_perplexity" in entry]
    facts = {
        **known,
        "pieces": {"trained": len(plan.order) * config.length, "held_out": len(plan.held_out) * config.length},
        "perplexity": {"first": perplexities[0], "last": perplexities[-1]},
        "seconds": round(time.perf_counter() - begin),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "versions": {name: version(name) for name in ("fazhi", "torch", "transformers", "rjieba")},
    }
    draft = out.with_name(out.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    network.base_model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    (draft / ADAPTED).write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    write_sums(draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    for checkpoint in run.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    return facts


def _finished(out: Path, known: dict[str, Any]) -> dict[str, Any] | None:
    """The facts of an encoder that was adapted just so before."""
    if damaged(out, (ADAPTED, "model.safetensors")):
        return None
    facts: dict[str, Any] = json.loads((out / ADAPTED).read_text(encoding="utf-8"))
    return facts if all(facts.get(key) == value for key, value in known.items()) else None


def _plan(files: Sequence[Path], tokenizer: Any, config: AdaptConfig) -> _Plan:
    """Cut the files into blocks, hold some out, and draw the order of all passes."""
    if tokenizer.mask_token_id is None:
        raise EncoderError(f"the tokenizer of {config.encoder} has no mask: it cannot be pretrained further")
    if config.length + 2 > tokenizer.model_max_length:
        raise ConfigError(f"length must be at most {tokenizer.model_max_length - 2} for this encoder")
    pieces = Pieces(
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.mask_token_id,
        frozenset(tokenizer.all_special_ids),
        np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids),
    )
    cut = []
    for file in files:
        blocks = cut_blocks(
            read_lines(file), tokenizer.backend_tokenizer, pieces.sep, config.length, config.masking == "word"
        )
        log.info("%s: %d blocks of %d pieces", file.name, len(blocks.ids), config.length)
        cut.append(blocks)
    joined = Blocks(np.concatenate([b.ids for b in cut]), np.concatenate([b.starts for b in cut]))
    if len(joined.ids) < LEAST:
        raise TextError(f"{len(joined.ids)} blocks of {config.length} pieces are too little text to learn from")
    rng = np.random.default_rng(config.seed)
    held_out = rng.permutation(len(joined.ids))[: min(JUDGED, max(1, round(config.held_out * len(joined.ids))))]
    kept = np.ones(len(joined.ids), bool)
    kept[held_out] = False
    order: list[int] = []
    ends = np.cumsum([len(b.ids) for b in cut])
    queues = [rng.permutation(np.arange(end - len(b.ids), end)) for b, end in zip(cut, ends, strict=True)]
    queues = [queue[kept[queue]] for queue in queues]
    for number in range(config.passes):
        drawn = [_slice(queue, config.most_blocks or len(queue), number) for queue in queues]
        order += rng.permutation(np.concatenate(drawn)).tolist()
    return _Plan(joined, order, held_out.tolist(), pieces)


def _slice(queue: Any, most: int, number: int) -> Any:
    """A pass takes up where the last one ended, and begins anew when all has been taken."""
    most = min(most, len(queue))
    return np.take(queue, range(number * most, (number + 1) * most), mode="wrap")


def _fit(start: Path | str, config: AdaptConfig, plan: _Plan, run: Path) -> tuple[Any, list[dict[str, float]]]:
    set_seed(config.seed)
    network, loading = AutoModelForMaskedLM.from_pretrained(
        start,
        attn_implementation=config.attention,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    judged = MaskedBlocks(plan.blocks, plan.held_out, plan.pieces, config.masked, config.seed + 1)
    trainer = _MaskedTrainer(
        list(DataLoader(judged, config.batch, collate_fn=collate_masked)),
        frozenset(loading["missing_keys"]),
        config.head_rate,
        model=network,
        args=_arguments(config, max(1, len(plan.order) // config.batch), run),
        train_dataset=MaskedBlocks(plan.blocks, plan.order, plan.pieces, config.masked, config.seed),
        eval_dataset=judged,
        data_collator=collate_masked,
        callbacks=[GiveMemoryBack()],
    )
    last = last_checkpoint(run)
    if last:
        log.warning("going on from %s", last)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    if not trainer.state.log_history or "eval_perplexity" not in trainer.state.log_history[-1]:
        trainer.evaluate()
    trained: Any = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    return trained.float().cpu().eval(), trainer.state.log_history


def _arguments(config: AdaptConfig, steps: int, run: Path) -> TrainingArguments:
    return TrainingArguments(
        **shared_arguments(config, run),
        per_device_train_batch_size=config.batch,
        max_steps=steps,
        weight_decay=config.weight_decay,
        eval_strategy="steps",
        eval_steps=config.judge_every,
        eval_on_start=True,
        save_steps=config.save_every,
        save_total_limit=1,
    )
