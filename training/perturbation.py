"""A word-embedding matrix and its gradient -> the same matrix, moved for a moment to where the loss is higher."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def moved(words: nn.Parameter, gradient: Tensor, epsilon: float) -> Iterator[None]:
    """Move the matrix by `epsilon` along its gradient, and put it back to the bit.

    Fast gradient method: Miyato et al. 2017 (arXiv:1605.07725), with the whole matrix in place of each text's vectors.
    """
    kept = words.detach().clone()
    with torch.no_grad():
        words.add_(epsilon * gradient / gradient.norm().clamp(min=1e-12))
    try:
        yield
    finally:
        with torch.no_grad():
            words.copy_(kept)
