import pytest
import torch
from torch import nn

from fazhi.training.perturbation import moved


def test_the_matrix_is_moved_by_epsilon_and_put_back_to_the_bit() -> None:
    torch.manual_seed(0)
    words, gradient = nn.Parameter(torch.randn(50, 8)), torch.randn(50, 8)
    before = words.detach().clone()
    with moved(words, gradient, 0.3):
        shift = words.detach() - before
    assert shift.norm().item() == pytest.approx(0.3, rel=1e-4)
    assert torch.cosine_similarity(shift.flatten(), gradient.flatten(), dim=0).item() == pytest.approx(1.0)
    assert torch.equal(words, before)


def test_without_a_gradient_it_stays() -> None:
    words = nn.Parameter(torch.ones(2, 2))
    with moved(words, torch.zeros(2, 2), 1.0):
        assert torch.equal(words, torch.ones(2, 2))
