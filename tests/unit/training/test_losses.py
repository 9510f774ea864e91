import pytest
import torch

from fazhi.training.losses import IGNORED, Weights, tagging_loss

EVEN = Weights(torch.ones(4), torch.ones(4), topic_loss=1.0)


def test_empty_places_do_not_count() -> None:
    torch.manual_seed(0)
    outputs = (torch.randn(2, 3, 4), torch.randn(2, 3, 4))
    roles, topics = torch.tensor([[0, 1, IGNORED], [2, IGNORED, IGNORED]]), torch.zeros(2, 3, 4)
    loss = tagging_loss(outputs, roles, topics, EVEN)
    outputs[0][0, 2] += 100
    outputs[1][1, 1:] += 100
    assert torch.equal(loss, tagging_loss(outputs, roles, topics, EVEN))


def test_it_is_the_mean_over_units_of_role_and_topic_entropies() -> None:
    outputs = (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
    loss = tagging_loss(outputs, torch.tensor([[0, 3]]), torch.ones(1, 2, 4), EVEN)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(4.0)).item() + torch.log(torch.tensor(2.0)).item())


def test_a_rare_label_weighs_more() -> None:
    outputs = (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4))
    heavy = Weights(torch.tensor([1.0, 3.0, 1.0, 1.0]), torch.ones(4), topic_loss=0.0)
    common, rare = (tagging_loss(outputs, torch.tensor([[role]]), torch.zeros(1, 1, 4), heavy) for role in (0, 1))
    assert rare.item() == pytest.approx(3 * common.item())
