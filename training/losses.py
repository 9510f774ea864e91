"""Logits and labels -> the loss of a batch, and the weights that make rare labels count."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # the role of a place that holds no unit
TEMPERATURE = 2.0  # of a teacher's roles


@dataclass(frozen=True, slots=True)
class Weights:
    """Role weights [4], mean 1 over the training units; topic positive weights [4]; the topics' share in the loss.

    Off by default: label smoothing and the focal exponent of topics.
    """

    roles: Tensor
    topics: Tensor
    topic_loss: float
    smoothing: float = 0.0
    topic_gamma: float = 0.0


def tagging_loss(outputs: tuple[Tensor, Tensor], roles: Tensor, topics: Tensor, weights: Weights) -> Tensor:
    """Role cross-entropy plus topic binary cross-entropy, each a mean over units.

    Logits are [B, U, 4], `roles` [B, U] with IGNORED where a place is empty, `topics` [B, U, 4].
    """
    there = roles != IGNORED
    role_logits, topic_logits = (logits[there].float() for logits in outputs)
    role_loss = functional.cross_entropy(
        role_logits,
        roles[there],
        weight=weights.roles.to(roles.device),
        reduction="sum",
        label_smoothing=weights.smoothing,
    )
    topic_loss = functional.binary_cross_entropy_with_logits(
        topic_logits,
        topics[there] * (1 - weights.smoothing) + weights.smoothing / 2,
        pos_weight=weights.topics.to(topics.device),
        reduction="none" if weights.topic_gamma else "mean",
    )
    if weights.topic_gamma:
        topic_loss = (topic_loss * _focus(topic_logits, topics[there], weights.topic_gamma)).mean()
    return role_loss / there.sum() + weights.topic_loss * topic_loss


def distillation_loss(outputs: tuple[Tensor, Tensor], taught: tuple[Tensor, Tensor], there: Tensor) -> Tensor:
    """How far the answers [B, U, 4] are from a teacher's: roles by KL divergence, topics by cross-entropy.

    Roles are softened by TEMPERATURE, whose square keeps their gradients to scale (Hinton et al. 2015, section 2).
    """
    (roles, topics), (taught_roles, taught_topics) = (
        [logits[there].float() for logits in pair] for pair in (outputs, taught)
    )
    role_loss = functional.kl_div(
        functional.log_softmax(roles / TEMPERATURE, dim=-1),
        functional.log_softmax(taught_roles / TEMPERATURE, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    topic_loss = functional.binary_cross_entropy_with_logits(topics, taught_topics.sigmoid())
    return TEMPERATURE**2 * role_loss + topic_loss


def _focus(logits: Tensor, topics: Tensor, gamma: float) -> Tensor:
    """The focal factor (1 - p) ** gamma, p what the true answer is given (Lin et al. 2017, arXiv:1708.02002)."""
    return torch.exp(gamma * functional.logsigmoid(logits * (1 - 2 * topics)))
