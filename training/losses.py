"""Logits and labels -> the loss of a batch, and the weights that make rare labels count."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

IGNORED = -100  # the role of a place that holds no unit


@dataclass(frozen=True, slots=True)
class Weights:
    """Role weights [4], mean 1 over the training units; topic positive weights [4]; the topics' share in the loss."""

    roles: Tensor
    topics: Tensor
    topic_loss: float


def tagging_loss(outputs: tuple[Tensor, Tensor], roles: Tensor, topics: Tensor, weights: Weights) -> Tensor:
    """Role cross-entropy plus topic binary cross-entropy, each a mean over units.

    Logits are [B, U, 4], `roles` [B, U] with IGNORED where a place is empty, `topics` [B, U, 4].
    """
    there = roles != IGNORED
    role_logits, topic_logits = (logits[there].float() for logits in outputs)
    role_loss = functional.cross_entropy(
        role_logits, roles[there], weight=weights.roles.to(roles.device), reduction="sum"
    )
    topic_loss = functional.binary_cross_entropy_with_logits(
        topic_logits, topics[there], pos_weight=weights.topics.to(topics.device)
    )
    return role_loss / there.sum() + weights.topic_loss * topic_loss
