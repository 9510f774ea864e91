import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, ElectraConfig, ElectraModel, RobertaConfig, RobertaModel

from fazhi.model.bert import MultiHeadBert, build
from fazhi.training.config import ConfigError
from fazhi.training.layers import freeze_layers, keep_layers

SHAPE = {"vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}


def _bert(layers: int) -> BertModel:
    return BertModel(BertConfig(**SHAPE, num_hidden_layers=layers))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(6, [0, 2, 4, 7, 9, 11]), (4, [0, 4, 7, 11]), (2, [0, 11]), (1, [0]), (12, list(range(12))), (0, list(range(12)))],
)
def test_kept_layers_are_evenly_spaced(count: int, expected: list[int]) -> None:
    encoder = _bert(12)
    before = list(encoder.encoder.layer)
    keep_layers(encoder, count)
    assert [before.index(layer) for layer in encoder.encoder.layer] == expected
    assert encoder.config.num_hidden_layers == len(expected)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra"])
def test_a_shorter_network_is_built_again_from_its_config(kind: str) -> None:
    kinds = {
        "bert": (BertModel, BertConfig),
        "roberta": (RobertaModel, RobertaConfig),
        "electra": (ElectraModel, ElectraConfig),
    }
    model, config = kinds[kind]
    encoder = model(config(**SHAPE, num_hidden_layers=4))
    keep_layers(encoder, 3)
    network = MultiHeadBert(encoder, 8, 0.0).eval()
    again = build(encoder.config.to_diff_dict()).eval()
    again.load_state_dict(network.state_dict())
    ids, owners = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[-1, 0, 0, 1]])
    inputs = (ids, torch.ones_like(ids), owners, torch.arange(2))
    torch.testing.assert_close(again(*inputs), network(*inputs))


def test_frozen_are_the_embeddings_and_the_first_layers() -> None:
    encoder = _bert(3)
    freeze_layers(encoder, 0.7)
    learnt = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert learnt == {name for name, _ in encoder.named_parameters() if name.startswith("encoder.layer.2.")}


@pytest.mark.parametrize(("layers", "share"), [(2, 0.0), (2, 0.34)])
def test_a_share_below_one_layer_freezes_nothing(layers: int, share: float) -> None:
    encoder = _bert(layers)
    freeze_layers(encoder, share)
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_another_kind_of_encoder_is_not_frozen() -> None:
    encoder = nn.Linear(2, 2)
    freeze_layers(encoder, 1.0)
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_layers_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(ConfigError, match="layers must be at most the encoder's 2 layers, found 3"):
        keep_layers(_bert(2), 3)
    with pytest.raises(ConfigError, match="layers=1 needs an encoder built like BERT, found Linear"):
        keep_layers(nn.Linear(2, 2), 1)
