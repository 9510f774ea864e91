"""The development split: figures to choose by, the decision rule, and the check of an export.

Knows no settings' origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import read_gold
from fazhi.model.bert import MultiHeadBert, TorchEngine
from fazhi.model.decision import Decision
from fazhi.model.encode import Encoder
from fazhi.model.engine import Engine
from fazhi.model.errors import FazhiError
from fazhi.model.predict import Logits, Predictor
from fazhi.training.decide import fit_decision
from fazhi.training.metrics import Tags, calibration, headline, tags_of, tally


class ExportRefusedError(FazhiError):
    """The exported model is not what the network is, or int8 is worse by more than the settings allow."""


MOST_APART = 0.01  # logits


@dataclass(frozen=True, slots=True)
class Development:
    """Development documents with one encoder; every figure is of their units in document context."""

    encoder: Encoder
    documents: Sequence[LabelledDocument]

    @property
    def gold(self) -> Tags:
        """The gold tags of all units in order."""
        return tags_of(unit for document in self.documents for unit in document.units)

    def logits(self, engine: Engine) -> Logits:
        """Scores of all units in order."""
        predictor = Predictor(self.encoder, engine, Decision())
        scored = predictor.logits([read_gold(document) for document in self.documents])
        return Logits(np.concatenate([s.roles for s in scored]), np.concatenate([s.topics for s in scored]))

    def figures(self, logits: Logits, decision: Decision) -> dict[str, float]:
        """Headline figures, in points of 1, under a decision rule."""
        given = Tags(logits.roles.argmax(axis=1), decision.topics(decision.topic_probabilities(logits.topics)))
        gold = self.gold
        scores = headline(tally(gold, given, np.zeros(len(gold), dtype=np.int64), resamples=0))
        return {
            **{f"role_{name}": scores["role"][name]["value"] for name in scores["role"]},
            **{f"topics_{name}": scores["topics"][name]["value"] for name in scores["topics"]},
            "both": scores["both"]["value"],
        }

    def judge(self, network: MultiHeadBert, bf16: bool) -> dict[str, float]:
        """Figures of a network in training; `choice`, the mean of the two headline scores, says which pass is best."""
        figures = self.figures(self.logits(TorchEngine(network, bf16)), Decision())
        return {**figures, "choice": (figures["role_macro_f1_3"] + figures["topics_macro_f1"]) / 2}

    def decide(self, engine: Engine) -> tuple[Decision, dict[str, float]]:
        """The decision rule fitted on an engine's own scores, and the figures under it.

        Besides those of `figures`: the calibration error of roles, and on what share of units the promise of
        `fit_decision` holds, that is of units not marked unsure, with the accuracy of their roles.
        """
        logits, gold = self.logits(engine), self.gold
        decision = fit_decision(logits, gold.roles, gold.topics)
        confidence = decision.role_probabilities(logits.roles).max(axis=1)
        right = logits.roles.argmax(axis=1) == gold.roles
        sure = confidence >= decision.abstain_below
        return decision, {
            **self.figures(logits, decision),
            "role_ece": calibration(confidence, right)["ece"],
            "sure_share": round(float(sure.mean()), 6),
            "sure_role_accuracy": round(float(right[sure].mean()), 6) if sure.any() else 0.0,
        }


def check_same(network: Logits, exported: Logits) -> None:
    """Compare the exported fp32 model with the network it was made of; raises ExportRefusedError past `MOST_APART`."""
    pairs = ((network.roles, exported.roles), (network.topics, exported.topics))
    apart = float(np.max([np.abs(ours - theirs).max(initial=0) for ours, theirs in pairs]))
    if not apart <= MOST_APART:  # NaN too
        raise ExportRefusedError(
            f"the exported model's scores are up to {apart:.3g} from the network's ({MOST_APART} allowed): "
            "take the torch, onnx and onnxruntime of requirements.lock"
        )


def check_int8(figures: dict[str, dict[str, float]], most: float) -> None:
    """Compare int8 with fp32, each under its own decision rule; raises ExportRefusedError past `most` points."""
    for name in ("role_macro_f1_3", "role_macro_f1", "topics_macro_f1"):
        lost = 100 * (figures["fp32"][name] - figures["int8"][name])
        if lost > most:
            raise ExportRefusedError(
                f"int8 loses {lost:.2f} points of {name} on the development split "
                f"(fp32 {figures['fp32'][name]:.4f}, int8 {figures['int8'][name]:.4f}; {most} allowed): "
                "export with --set precision=fp32, or train otherwise"
            )
