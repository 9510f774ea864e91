"""The decision step refuses a model that does not say what its network says, or loses too much as int8."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fazhi.data.corpus import read_corpus
from fazhi.model.bert import load_network
from fazhi.model.checkpoint import load_config, load_predictor
from fazhi.training.config import TrainConfig, build_config
from fazhi.training.development import Development, ExportRefusedError
from fazhi.training.train import _decide


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return build_config(load_config(tiny_model).training["settings"])


@pytest.fixture
def development(tiny_model: Path, tiny_data: Path) -> Development:
    documents = [document for document in read_corpus(tiny_data / "authored") if document.split == "dev"]
    return Development(load_predictor(tiny_model).encoder, documents)


def test_the_network_the_model_was_made_of_is_taken(
    tiny_model: Path, development: Development, config: TrainConfig
) -> None:
    decision, figures = _decide(load_network(tiny_model), development, tiny_model, config)
    assert set(figures) == {"fp32", "int8"}
    assert decision == load_config(tiny_model).decision


def test_another_network_is_refused(tiny_model: Path, development: Development, config: TrainConfig) -> None:
    network = load_network(tiny_model)
    with torch.no_grad():
        network.role.bias[0] += 0.05
    with pytest.raises(ExportRefusedError, match=r"up to 0\.05"):
        _decide(network, development, tiny_model, config)


def test_a_loss_of_more_than_is_allowed_is_refused(
    tiny_model: Path, development: Development, config: TrainConfig
) -> None:
    network = load_network(tiny_model)
    with pytest.raises(ExportRefusedError, match="int8 loses"):
        _decide(network, development, tiny_model, replace(config, most_int8_loss=-200.0))
    _decide(network, development, tiny_model, replace(config, most_int8_loss=-200.0, precision="fp32"))
