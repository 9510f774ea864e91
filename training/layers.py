"""A pretrained encoder -> a shorter one, or one whose lower layers stay as they are. Knows no heads and no data."""

import logging
from typing import Any

import numpy as np
from torch import nn

from fazhi.training.config import ConfigError

log = logging.getLogger(__name__)


def keep_layers(encoder: nn.Module, count: int) -> None:
    """Leave `count` layers, from two on the first and the last among them and the others evenly between; 0 leaves all.

    Of twelve, six are the layers 0 2 4 7 9 11, nearly every other: Sanh et al. 2019, DistilBERT (arXiv:1910.01108).
    """
    if not count:
        return
    stack = _stack("layers", count, encoder)
    kept = np.linspace(0, len(stack) - 1, count).round().astype(int)
    base: Any = encoder
    base.base_model.encoder.layer = nn.ModuleList(stack[i] for i in kept)
    base.config.num_hidden_layers = count  # the model folder is loaded by it


def freeze_layers(encoder: nn.Module, share: float) -> None:
    """Give no gradient to the embeddings and the first `share` of the layers, rounded down; below one, to none.

    An encoder that is not built like BERT is left as it is.
    """
    stack = _find_stack(encoder)
    if share and not stack:
        log.warning("frozen=%s: %s is not built like BERT, all of it is trained", share, type(encoder).__name__)
    count = int(share * len(stack)) if stack else 0
    if not stack or not count:
        return
    encoder.requires_grad_(False)
    for layer in list(stack)[count:]:
        layer.requires_grad_(True)


def _stack(setting: str, count: int, encoder: nn.Module) -> nn.ModuleList:
    stack = _find_stack(encoder)
    if not stack:
        raise ConfigError(f"{setting}={count} needs an encoder built like BERT, found {type(encoder).__name__}")
    if count > len(stack):
        raise ConfigError(f"{setting} must be at most the encoder's {len(stack)} layers, found {count}")
    return stack


def _find_stack(encoder: nn.Module) -> nn.ModuleList | None:
    stack = getattr(getattr(getattr(encoder, "base_model", None), "encoder", None), "layer", None)
    return stack if isinstance(stack, nn.ModuleList) else None
