"""Documents -> predictions, for evaluation, command line and service alike.

The one place where the decision rule is applied.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fazhi.model.decision import Decision
from fazhi.model.document import Document
from fazhi.model.encode import Encoder, Window, collate, pack
from fazhi.model.engine import Engine
from fazhi.model.labels import ROLES, TOPICS, Role, Topic


@dataclass(frozen=True, slots=True)
class Prediction:
    """A unit's tags; scores are probabilities, in the order of the labels. `unsure` says that a person should look."""

    role: Role
    topics: tuple[Topic, ...]
    role_scores: tuple[float, ...]
    topic_scores: tuple[float, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class Logits:
    """Raw scores of units in order: both [units, 4]."""

    roles: npt.NDArray[np.float32]
    topics: npt.NDArray[np.float32]


class Predictor:
    """Encoder, engine and decision rule together."""

    def __init__(self, encoder: Encoder, engine: Engine, decision: Decision, max_tokens: int = 512) -> None:
        self.encoder = encoder
        self.engine = engine
        self.decision = decision
        self.max_tokens = max_tokens

    def predict(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None = None
    ) -> list[list[Prediction]]:
        """Tag every unit of every document; `progress` is told the units done, batch by batch."""
        return [self.decide(logits) for logits in self.logits(documents, progress)]

    def logits(self, documents: Sequence[Document], progress: Callable[[int], None] | None = None) -> list[Logits]:
        """Score every unit of every document; windows of all documents share batches."""
        windows: list[Window] = []
        homes: list[int] = []
        for home, document in enumerate(documents):
            cut = self.encoder.windows(document)
            windows += cut
            homes += [home] * len(cut)
        scored = [
            Logits(np.empty((len(d.units), len(ROLES)), np.float32), np.empty((len(d.units), len(TOPICS)), np.float32))
            for d in documents
        ]
        groups = pack(windows, self.max_tokens)
        with ThreadPoolExecutor(self.engine.lanes) as lanes:
            answers = lanes.map(self.run, ([windows[i] for i in group] for group in groups))
            for group, answered in zip(groups, answers, strict=True):
                for index, logits in zip(group, answered, strict=True):
                    first, last = windows[index].answered
                    scored[homes[index]].roles[first:last] = logits.roles
                    scored[homes[index]].topics[first:last] = logits.topics
                if progress:
                    progress(sum(windows[i].answered[1] - windows[i].answered[0] for i in group))
        return scored

    def run(self, windows: Sequence[Window]) -> list[Logits]:
        """Score one batch: for each window the units that it answers for, in order."""
        roles, topics = self.engine.run(collate(windows, self.encoder.config.pad))
        answered = []
        for row, window in enumerate(windows):
            places = slice(window.answered[0] - window.units[0], window.answered[1] - window.units[0])
            answered.append(Logits(roles[row, places], topics[row, places]))
        return answered

    def decide(self, logits: Logits) -> list[Prediction]:
        """Apply the decision rule to one document's scores."""
        role_scores = self.decision.role_probabilities(logits.roles)
        topic_scores = self.decision.topic_probabilities(logits.topics)
        given = self.decision.topics(topic_scores)
        return [
            Prediction(
                role=ROLES[int(role.argmax())],
                topics=tuple(topic for topic, has in zip(TOPICS, gives, strict=True) if has),
                role_scores=tuple(role.tolist()),
                topic_scores=tuple(topic.tolist()),
                unsure=bool(role.max() < self.decision.abstain_below),
            )
            for role, topic, gives in zip(role_scores, topic_scores, given, strict=True)
        ]
