from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import TrainerControl, TrainerState, TrainingArguments

from fazhi.training.average import Average


def _follow(average: Average, network: nn.Linear, value: float, folder: Path) -> None:
    nn.init.constant_(network.weight, value)
    average.on_step_end(TrainingArguments(output_dir=str(folder)), TrainerState(), TrainerControl())


def test_it_follows_the_weights_slowly_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    average = Average(network, 0.9)
    _follow(average, network, 1.0, tmp_path)
    assert average.network.weight.item() == 1.0
    _follow(average, network, 2.0, tmp_path)
    assert average.network.weight.item() == pytest.approx(1.1)
    average.save(tmp_path)

    resumed = Average(network, 0.9)
    resumed.load(tmp_path)
    for one in (average, resumed):
        _follow(one, network, 3.0, tmp_path)
        assert one.network.weight.item() == pytest.approx(0.9 * 1.1 + 0.1 * 3)
    assert network.weight.item() == 3.0
    assert torch.equal(average.network.weight, resumed.network.weight)
