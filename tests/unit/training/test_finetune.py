from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import TrainingArguments

from fazhi.model.bert import MultiHeadBert
from fazhi.training.config import TrainConfig
from fazhi.training.finetune import Fit, TaggingTrainer, last_checkpoint, use_bf16
from fazhi.training.losses import Weights


def _checkpoint(run: Path, step: int, state: str | None) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    if state is not None:
        (folder / "trainer_state.json").write_text(state, encoding="utf-8")
    return folder


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    whole = _checkpoint(tmp_path, 90, "{}")
    _checkpoint(tmp_path, 80, "{}")
    _checkpoint(tmp_path, 100, None)
    _checkpoint(tmp_path, 110, '{"epoch": ')
    assert last_checkpoint(tmp_path) == whole


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "never") is None
    _checkpoint(tmp_path, 5, None)
    assert last_checkpoint(tmp_path) is None


@pytest.mark.parametrize(("setting", "expected"), [("on", True), ("off", False)])
def test_bf16_by_setting(setting: str, expected: bool) -> None:
    assert use_bf16(TrainConfig(bf16=setting)) is expected


def test_bf16_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for feature in ("avx512_bf16", "amx_bf16"):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda feature=feature: {feature: True})
        assert use_bf16(TrainConfig()) is True
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert use_bf16(TrainConfig()) is False


def test_heads_learn_faster_and_vectors_do_not_decay(tmp_path: Path) -> None:
    network = MultiHeadBert(nn.Linear(8, 8), hidden=8, dropout=0.0)
    fit = Fit([[]], Weights(torch.ones(4), torch.ones(4), 1.0), pad=0, judge=None)
    config = TrainConfig(head_rate=10.0, weight_decay=0.01)
    arguments = TrainingArguments(output_dir=str(tmp_path), learning_rate=1e-4, use_cpu=True, report_to=[])
    trainer = TaggingTrainer(fit, config, model=network, args=arguments, train_dataset=[])
    rates = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in trainer.create_optimizer().param_groups
        for parameter in group["params"]
    }
    assert rates[id(network.encoder.weight)] == (1e-4, 0.01)
    assert rates[id(network.encoder.bias)] == (1e-4, 0.0)
    assert rates[id(network.role.weight)] == (1e-3, 0.01)
    assert rates[id(network.topic.bias)] == (1e-3, 0.0)
    assert len(rates) == len(list(network.parameters()))
