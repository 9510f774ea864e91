from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import TrainingArguments

from fazhi.model.bert import MultiHeadBert
from fazhi.model.encode import Encoder
from fazhi.model.predict import Logits
from fazhi.training.config import TrainConfig
from fazhi.training.examples import draw_batches, encode_example
from fazhi.training.finetune import Fit, TaggingTrainer, finetune, last_checkpoint, use_bf16
from fazhi.training.losses import Weights
from fazhi.training.sources import read_sources


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
    assert use_bf16(setting) is expected


def test_bf16_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for feature in ("avx512_bf16", "amx_bf16"):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda feature=feature: {feature: True})
        assert use_bf16("auto") is True
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert use_bf16("auto") is False


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


Weighed = dict[str, torch.Tensor]


@pytest.fixture
def fitted(
    tiny_encoder_folder: Path, tiny_data: Path, make_encoder: Callable[..., Encoder], tmp_path: Path
) -> Callable[..., Weighed]:
    """Fit a tiny network with some settings and give its weights; the judge may raise."""

    def fit(run: str, judge: Any = None, taught: float | None = None, **settings: Any) -> Weighed:
        config = TrainConfig(**{"passes": 2, "batch_tokens": 320, "bf16": "off", **settings})
        examples = [encode_example(make_encoder(), d, frozenset()) for d in read_sources(tiny_data, config).training]
        passes = draw_batches(make_encoder(), examples, config)
        if taught is not None:
            passes = [[[_with(window, taught) for window in batch] for batch in batches] for batches in passes]
        given = Fit(passes, Weights(torch.ones(4), torch.ones(4), 1.0), pad=0, judge=judge)
        return finetune(tiny_encoder_folder, config, given, tmp_path / run)[0].state_dict()

    return fit


def _with(window: Any, value: float) -> Any:
    answers = torch.full((len(window.roles), 4), value).numpy()
    return type(window)(window.window, window.roles, window.topics, Logits(answers, answers))


def _same(ours: Weighed, theirs: Weighed) -> bool:
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_average_is_judged_and_given_and_survives_a_kill(fitted: Callable[..., Weighed]) -> None:
    judged: list[Weighed] = []

    def judge_by(*choices: float) -> Callable[[MultiHeadBert, bool], dict[str, float]]:
        left = list(choices)

        def judge(network: MultiHeadBert, bf16: bool) -> dict[str, float]:
            judged.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
            return {"choice": left.pop(0)}  # an IndexError without any is as good as a kill

        return judge

    whole = fitted("whole", judge_by(0.4, 0.3), average=0.8)
    first, second = judged
    assert _same(whole, first)
    assert not _same(first, second)

    judged.clear()
    with pytest.raises(IndexError):
        fitted("killed", judge_by(0.4), average=0.8)
    resumed = fitted("killed", judge_by(0.3), average=0.8)
    assert len(judged) == 3
    assert all(map(_same, judged, (first, second, second)))
    assert _same(resumed, first)


def test_without_a_judge_the_last_average_is_given(fitted: Callable[..., Weighed]) -> None:
    slow, fast, plain = (fitted(f"{decay}", average=decay) for decay in (0.999, 1e-9, 0.0))
    assert not _same(slow, plain)
    for name, tensor in plain.items():
        torch.testing.assert_close(fast[name], tensor, rtol=1e-5, atol=1e-6)


def test_frozen_layers_keep_their_weights(fitted: Callable[..., Weighed]) -> None:
    first, later = (fitted(f"{steps}", frozen=0.5, max_steps=steps) for steps in (1, 3))
    changed = {name for name in first if not torch.equal(first[name], later[name])}
    assert any(name.startswith("encoder.encoder.layer.1.") for name in changed)
    assert not any(name.startswith(("encoder.embeddings.", "encoder.encoder.layer.0.")) for name in changed)


def test_fewer_layers_are_fitted(fitted: Callable[..., Weighed]) -> None:
    assert not any(".layer.1." in name for name in fitted("short", layers=1, max_steps=1))


def test_a_teacher_draws_the_answers_its_way(fitted: Callable[..., Weighed]) -> None:
    plain, ignored, drawn = (
        fitted(f"{taught}{share}", taught=taught, distill=share)
        for taught, share in ((None, 0.5), (9.0, 0.0), (9.0, 5.0))
    )
    assert _same(plain, ignored)
    assert (drawn["topic.bias"] > plain["topic.bias"]).all()


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_second_pass_sees_moved_embeddings(
    fitted: Callable[..., Weighed], monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    seen: list[torch.Tensor] = []
    loss = TaggingTrainer.compute_loss

    def spy(self: TaggingTrainer, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(model.encoder.get_input_embeddings().weight.detach().clone())
        return loss(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(TaggingTrainer, "compute_loss", spy)
    fitted("moved", adversarial=0.5, frozen=0.0, accumulate=accumulate, max_steps=1)
    assert len(seen) == 2 * accumulate
    for plain, shifted in zip(seen[::2], seen[1::2], strict=True):
        assert (shifted - plain).norm().item() == pytest.approx(0.5, rel=1e-4)
        assert torch.equal(plain, seen[0])
