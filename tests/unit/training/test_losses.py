from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from fazhi.training.losses import IGNORED, Weights, distillation_loss, tagging_loss

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


def test_what_is_off_changes_no_bit() -> None:
    torch.manual_seed(0)
    outputs = (torch.randn(1, 5, 4), torch.randn(1, 5, 4))
    roles, topics = torch.tensor([[0, 1, 2, 3, 0]]), torch.randint(2, (1, 5, 4)).float()
    weights = Weights(torch.rand(4), torch.rand(4) + 1, topic_loss=2.0)
    plain = functional.cross_entropy(outputs[0][0], roles[0], weight=weights.roles, reduction="sum") / 5
    plain += 2.0 * functional.binary_cross_entropy_with_logits(outputs[1], topics, pos_weight=weights.topics)
    assert torch.equal(tagging_loss(outputs, roles, topics, weights), plain)


def test_smoothing_moves_roles_and_topics_towards_even() -> None:
    outputs = (torch.tensor([[[2.0, 0, 0, 0]]]), torch.tensor([[[3.0, -3, -3, -3]]]))
    roles, topics = torch.tensor([[0]]), torch.tensor([[[1.0, 0, 0, 0]]])
    loss = tagging_loss(outputs, roles, topics, replace(EVEN, smoothing=0.2))
    aims = torch.tensor([0.85, 0.05, 0.05, 0.05])
    expected = -(aims * outputs[0][0, 0].log_softmax(0)).sum()
    given = outputs[1][0, 0].sigmoid()
    aims = torch.tensor([0.9, 0.1, 0.1, 0.1])
    expected -= (aims * given.log() + (1 - aims) * (1 - given).log()).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_focal_exponent_makes_sure_answers_count_less() -> None:
    roles, weights = torch.tensor([[0]]), replace(EVEN, topic_gamma=2.0)
    right = torch.tensor([[[1.0, 0, 0, 0]]])
    logits = torch.tensor([[[2.0, -1, 0.5, -200]]], requires_grad=True)
    loss = tagging_loss((torch.tensor([[[500.0, 0, 0, 0]]]), logits), roles, right, weights)
    missed = torch.tensor([1 - torch.sigmoid(torch.tensor(2.0)), *torch.sigmoid(torch.tensor([-1, 0.5, -200]))])
    assert loss.item() == pytest.approx((missed**2 * -(1 - missed).log()).mean().item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.isfinite().all()
    assert gradient[0, 0, 0] < 0 < gradient[0, 0, 1]


def test_a_student_that_answers_as_its_teacher_has_least_to_learn() -> None:
    torch.manual_seed(0)
    there = torch.tensor([[True, True, False]])
    taught = (torch.randn(1, 3, 4), torch.randn(1, 3, 4))
    topic_entropy = functional.binary_cross_entropy(taught[1][there].sigmoid(), taught[1][there].sigmoid())
    assert distillation_loss(taught, taught, there).item() == pytest.approx(topic_entropy.item(), rel=1e-5)

    other = (taught[0] + torch.randn(1, 3, 4), taught[1])
    soft, aims = ((pair[0][there] / 2).softmax(1) for pair in (other, taught))
    divergence = (aims * (aims / soft).log()).sum(1).mean()
    expected = 4 * divergence + topic_entropy
    assert distillation_loss(other, taught, there).item() == pytest.approx(expected.item(), rel=1e-4)
    other[0][0, 2] += 100
    assert distillation_loss(other, taught, there).item() == pytest.approx(expected.item(), rel=1e-4)
