"""Labelled documents -> the batches and label weights of a whole run.

All is drawn before the run starts, so that it can be repeated, and resumed where it was cut short.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import read_gold
from fazhi.data.schema import LabelledUnit
from fazhi.model.encode import EncodedDocument, Encoder, Window, collate, pack, without
from fazhi.model.labels import ROLES, TOPICS, Role
from fazhi.model.normalize import normalize
from fazhi.model.predict import Logits
from fazhi.training.config import TrainConfig
from fazhi.training.losses import IGNORED, Weights
from fazhi.training.metrics import tags_of

# Marks of the future, the guideline's and those that stand in training plans: a measure with one is no achievement.
_TENSE = re.compile(
    "将|下一步|下步|进一步|计划|力争|拟|要|继续|争取|明年|来年|今后|年内|年底|月底|未来|尽快|即将|接下来|目标|打算|前完成|达到|到20|到今年"
)


@dataclass(frozen=True, slots=True)
class Example:
    """An encoded document with its labels: `roles` [units] and `topics` [units, 4]."""

    encoded: EncodedDocument
    roles: npt.NDArray[np.int64]
    topics: npt.NDArray[np.float32]
    reversed: "Example | None" = None  # its tenseless plans, as achievements


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    """A window and the labels of the units it shows."""

    window: Window
    roles: npt.NDArray[np.int64]
    topics: npt.NDArray[np.float32]
    taught: Logits | None = None  # a teacher's answers


TrainingBatch = list[LabelledWindow]


def gold(document: LabelledDocument) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """A document's labels as arrays: roles [units], topics [units, 4]."""
    tags = tags_of(document.units)
    return tags.roles, tags.topics.astype(np.float32)


def encode_example(encoder: Encoder, document: LabelledDocument, dropped: frozenset[int]) -> Example:
    """Encode a document as the predictor would, leaving out the units at the `dropped` positions."""
    encoded = encoder.encode(read_gold(document))
    kept = [i for i in range(len(document.units)) if i not in dropped]
    roles, topics = gold(document)
    example = Example(_only(encoded, kept), roles[kept], topics[kept])
    return replace(example, reversed=_reversed(example, [document.units[i] for i in kept], encoder.cues))


def _only(encoded: EncodedDocument, kept: Sequence[int]) -> EncodedDocument:
    return replace(
        encoded,
        paths=tuple(encoded.paths[i] for i in kept),
        sections=tuple(encoded.sections[i] for i in kept),
        units=tuple(encoded.units[i] for i in kept),
    )


def _reversed(
    example: Example, units: Sequence[LabelledUnit], cues: Mapping[Role | None, tuple[int, ...]]
) -> "Example | None":
    """The units planned without a mark of tense, as they would read in a section on what was done.

    By the guideline the same words are a plan under 三、下一步打算 and an achievement under 一、主要工作.
    """
    plans = [i for i, unit in enumerate(units) if unit.role is Role.PLAN and not _TENSE.search(normalize(unit.text))]
    if not plans:
        return None
    done = replace(_only(example.encoded, plans), title=(), opening=(), kind=cues[Role.ACHIEVEMENT])
    roles = np.full(len(plans), ROLES.index(Role.ACHIEVEMENT))
    return Example(without(done, headings=True, sections=True), roles, example.topics[plans])


def draw_batches(encoder: Encoder, examples: Sequence[Example], config: TrainConfig) -> list[list[TrainingBatch]]:
    """The batches of every pass, in the order they are trained on; the same arguments give the same batches."""
    return [
        _draw_pass(encoder, examples, config, random.Random(f"{config.seed}/{number}"))
        for number in range(config.passes)
    ]


def _draw_pass(
    encoder: Encoder, examples: Sequence[Example], config: TrainConfig, rng: random.Random
) -> list[TrainingBatch]:
    """All units once in windows of random size and context, some once more on their own; like lengths together."""
    windows = [window for example in examples for window in _draw_windows(encoder, example, config, rng)]
    rng.shuffle(windows)  # so that windows of one length meet others in every pass
    groups = pack([window.window for window in windows], config.batch_tokens)
    rng.shuffle(groups)
    return [[windows[index] for index in group] for group in groups]


def _draw_windows(
    encoder: Encoder, example: Example, config: TrainConfig, rng: random.Random
) -> Iterator[LabelledWindow]:
    budget = int(config.window * rng.uniform(config.shortest_window, 1.0))
    for first, last in encoder.tile(example.encoded, budget, 0):
        uncued = rng.random() < config.drop_cues
        shown = without(
            replace(example.encoded, kind=()) if uncued else example.encoded,
            document=rng.random() < config.drop_document,
            headings=rng.random() < config.drop_headings,
            sections=uncued,
        )
        yield _labelled(encoder.window(shown, first, last, 0), example)
    if example.reversed:
        for first, last in encoder.tile(example.reversed.encoded, budget, 0):
            if rng.random() < config.reversed_plans:
                yield _labelled(encoder.window(example.reversed.encoded, first, last, 0), example.reversed)
    for index in range(len(example.encoded.units)):
        if rng.random() < config.bare_units:
            alone = rng.random() < 0.5
            bare = replace(example.encoded, kind=())
            shown = without(bare, document=True, headings=alone, sections=alone)
            yield _labelled(encoder.window(shown, index, index + 1, 0), example)


def _labelled(window: Window, example: Example) -> LabelledWindow:
    shown = list(window.units)
    return LabelledWindow(window, example.roles[shown], example.topics[shown])


def label_weights(examples: Sequence[Example], config: TrainConfig) -> Weights:
    """Weigh labels by a power of their rarity in the training units, so that rare ones count."""
    roles = np.concatenate([example.roles for example in examples])
    topics = np.concatenate([example.topics for example in examples])
    counts = np.bincount(roles, minlength=len(ROLES))
    weights = np.maximum(counts, 1.0) ** -config.role_balance
    weights *= counts.sum() / (weights * counts).sum()
    positive = np.maximum(topics.sum(axis=0), 1)
    positives = (np.maximum(len(topics) - positive, 1) / positive) ** config.topic_balance
    return Weights(
        torch.tensor(weights).float(),
        torch.tensor(positives).float(),
        config.topic_loss,
        smoothing=config.smoothing,
        topic_gamma=config.topic_gamma,
    )


@dataclass(frozen=True, slots=True)
class Collator:
    """Training batches -> one batch of tensors, as the Trainer's data collator."""

    pad: int

    def __call__(self, batches: Sequence[TrainingBatch]) -> dict[str, Tensor]:
        """Pad windows to one length and labels to one number of units."""
        windows = [window for batch in batches for window in batch]
        batch = collate([window.window for window in windows], self.pad)
        roles = np.full((len(windows), batch.units), IGNORED, dtype=np.int64)
        topics = np.zeros((len(windows), batch.units, len(TOPICS)), dtype=np.float32)
        for row, window in enumerate(windows):
            roles[row, : len(window.roles)] = window.roles
            topics[row, : len(window.topics)] = window.topics
        return self._taught(windows, batch.units) | {
            "input_ids": torch.from_numpy(batch.ids),
            "attention_mask": torch.from_numpy(batch.mask),
            "owners": torch.from_numpy(batch.owners),
            "places": torch.arange(batch.units),
            "roles": torch.from_numpy(roles),
            "topics": torch.from_numpy(topics),
        }

    @staticmethod
    def _taught(windows: Sequence[LabelledWindow], units: int) -> dict[str, Tensor]:
        """A teacher's answers, where there is one."""
        taught = [window.taught for window in windows if window.taught]
        if len(taught) < len(windows):
            return {}
        roles = np.zeros((len(windows), units, len(ROLES)), dtype=np.float32)
        topics = np.zeros((len(windows), units, len(TOPICS)), dtype=np.float32)
        for row, logits in enumerate(taught):
            roles[row, : len(logits.roles)] = logits.roles
            topics[row, : len(logits.topics)] = logits.topics
        return {"taught_roles": torch.from_numpy(roles), "taught_topics": torch.from_numpy(topics)}
