"""A network's parameters -> AdamW in groups: fresh parts learn faster than pretrained ones, only matrices decay."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Rates:
    """The pretrained parts' learning rate, how many times as fast the fresh ones learn, and the weight decay."""

    rate: float
    fresh: float
    decay: float


def adamw(
    network: nn.Module, is_fresh: Callable[[str], bool], rates: Rates, betas: tuple[float, float] = (0.9, 0.999)
) -> torch.optim.AdamW:
    """Fused AdamW over what has a gradient; `is_fresh` tells by a parameter's name."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((is_fresh(name), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": rates.rate * (rates.fresh if fresh else 1.0),
                "weight_decay": rates.decay if matrix else 0.0,
            }
            for (fresh, matrix), parameters in groups.items()
        ],
        betas=betas,
        fused=True,
    )
