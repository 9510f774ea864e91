"""Arrays -> numbers: gold and predicted tags in, scores with bootstrap intervals out. Knows no model and no text.

Labels without support. Over a whole corpus a label that gold never has counts in a macro average with F1 0, as in
scikit-learn with `zero_division=0`. In a slice, which may be small, the macro average runs over the labels that occur
in gold (`occurring=True`), and what is then defined for no label is None.

Intervals. The bootstrap draws units with replacement within each document, so every resample has every document at its
own length. The interval is the percentile interval, widened where need be to hold the value itself. It tells how far
the figure depends on which sentences these documents happen to have, not how far other documents would differ.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fazhi.model.labels import ROLES, TOPICS, Role, Topic

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Interval = dict[str, float | None]

RESAMPLES = 1000
LEVEL = 0.95
BINS = 15
KEPT = (0.9, 0.8)  # the coverages at which the error should be half that of all units
MAIN_ROLES = tuple(index for index, role in enumerate(ROLES) if role is not Role.OTHER)

# The columns of a tally: for each label the units rightly given it, given it, and having it; then units wholly right.
_COLUMNS = {
    "role": (slice(0, 4), slice(4, 8), slice(8, 12)),
    "topics": (slice(12, 16), slice(16, 20), slice(20, 24)),
}
_EXACT, _BOTH = 24, 25


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of units in order: `roles` [N] are places in ROLES, `topics` [N, 4] say which of TOPICS."""

    roles: Ints
    topics: Bools

    def __len__(self) -> int:
        return len(self.roles)

    def __getitem__(self, chosen: Bools | Ints | slice) -> "Tags":
        return Tags(self.roles[chosen], self.topics[chosen])


class Tagged(Protocol):
    """Anything that bears tags: a labelled unit, a prediction."""

    @property
    def role(self) -> Role: ...  # noqa: D102
    @property
    def topics(self) -> tuple[Topic, ...]: ...  # noqa: D102


def tags_of(tagged: Iterable[Tagged]) -> Tags:
    """Read the tags off labelled units or predictions, in order."""
    items = list(tagged)
    roles = np.array([ROLES.index(item.role) for item in items], dtype=np.int64)
    topics = np.array([[topic in item.topics for topic in TOPICS] for item in items], dtype=np.bool_)
    return Tags(roles, topics.reshape(-1, len(TOPICS)))


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts per label, [1 + resamples, 26]: the sample itself in row 0, its resamples below; `units` in each."""

    counts: Floats
    units: int

    def per_label(self, group: str) -> tuple[Floats, Floats, Floats]:
        """Units rightly given each label, given it, and having it, each [1 + resamples, 4]."""
        hits, given, gold = _COLUMNS[group]
        return self.counts[:, hits], self.counts[:, given], self.counts[:, gold]


def tally(gold: Tags, predicted: Tags, strata: Ints, resamples: int = RESAMPLES, seed: int = 0) -> Tally:
    """Count hits, in the sample and in `resamples` draws of units within strata (documents, by number)."""
    if not len(gold) == len(predicted) == len(strata):
        raise ValueError(f"{len(gold)} gold units, {len(predicted)} predicted, {len(strata)} strata")
    indicators = _indicators(gold, predicted)
    counts = np.zeros((1 + resamples, indicators.shape[1]))
    rng = np.random.default_rng(seed)
    for stratum in np.unique(strata):
        rows = indicators[strata == stratum]
        counts[0] += rows.sum(axis=0)
        times = rng.multinomial(len(rows), np.full(len(rows), 1.0 / len(rows)), size=resamples)
        counts[1:] += times.astype(np.float64) @ rows
    return Tally(counts, len(gold))


def _indicators(gold: Tags, predicted: Tags) -> Floats:
    """One row a unit, [N, 26], in the order of the tally's columns: counts are weighted sums of rows."""
    labels = np.arange(len(ROLES))
    role_gold, role_given = gold.roles[:, None] == labels, predicted.roles[:, None] == labels
    exact = (gold.topics == predicted.topics).all(axis=1)
    columns = (
        *(role_gold & role_given, role_given, role_gold),
        *(gold.topics & predicted.topics, predicted.topics, gold.topics),
        *(exact[:, None], (exact & (gold.roles == predicted.roles))[:, None]),
    )
    return np.concatenate(columns, axis=1).astype(np.float64)


def headline(counted: Tally, occurring: bool = False) -> dict[str, Any]:
    """Give the scores that stand for a whole: role, topics, and both right at once, each with its interval."""
    hits, given, gold = counted.per_label("role")
    topic_hits, topic_given, topic_gold = counted.per_label("topics")
    main = list(MAIN_ROLES)
    micro = _f1(topic_hits.sum(axis=1), topic_given.sum(axis=1), topic_gold.sum(axis=1))
    if occurring:
        micro = np.where(topic_given.sum(axis=1) + topic_gold.sum(axis=1) > 0, micro, np.nan)
    units = np.full(len(counted.counts), float(counted.units))
    return {
        "role": {
            "accuracy": interval(_ratio(hits.sum(axis=1), units)),
            "macro_f1_3": interval(_macro(hits[:, main], given[:, main], gold[:, main], occurring)),
            "macro_f1": interval(_macro(hits, given, gold, occurring)),
        },
        "topics": {
            "micro_f1": interval(micro),
            "macro_f1": interval(_macro(topic_hits, topic_given, topic_gold, occurring)),
            "exact_match": interval(_ratio(counted.counts[:, _EXACT], units)),
        },
        "both": interval(_ratio(counted.counts[:, _BOTH], units)),
    }


def score(gold: Tags, predicted: Tags, strata: Ints, occurring: bool = False, seed: int = 0) -> dict[str, Any]:
    """Tally and headline in one."""
    return headline(tally(gold, predicted, strata, seed=seed), occurring)


def per_label(counted: Tally) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 (with its interval) of every role and topic; support is how often gold has the label."""
    table: dict[str, dict[str, Any]] = {}
    for group, labels in (("role", ROLES), ("topics", TOPICS)):
        hits, given, gold = counted.per_label(group)
        f1 = _f1(hits, given, gold)
        table[group] = {
            str(label): {
                "precision": _plain(_ratio(hits[0], given[0])[index]),
                "recall": _plain(_ratio(hits[0], gold[0])[index]),
                "f1": interval(f1[:, index]),
                "support": int(gold[0, index]),
                "predicted": int(given[0, index]),
            }
            for index, label in enumerate(labels)
        }
    return table


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, with 0 for 0 / 0."""
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(part.shape, whole.shape)), where=whole > 0)


def _f1(hits: Floats, given: Floats, gold: Floats) -> Floats:
    return _ratio(2.0 * hits, given + gold)


def _macro(hits: Floats, given: Floats, gold: Floats, occurring: bool) -> Floats:
    """Mean F1 over labels, [R, labels] -> [R]; not a number where no label counts."""
    counts = gold > 0 if occurring else np.ones_like(gold, dtype=np.bool_)
    total = counts.sum(axis=1)
    mean = _ratio(np.where(counts, _f1(hits, given, gold), 0.0).sum(axis=1), total.astype(np.float64))
    return np.where(total > 0, mean, np.nan)


def _plain(number: float) -> float | None:
    """Make it a number JSON can hold, short enough to read."""
    return None if math.isnan(number) else round(float(number), 6)


def interval(samples: Floats) -> Interval:
    """Give the value of the sample, which stands first, and the percentile interval of its resamples."""
    value = float(samples[0])
    drawn = samples[1:][~np.isnan(samples[1:])]
    if math.isnan(value) or not len(drawn):
        return {"value": _plain(value), "low": None, "high": None}
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return {"value": _plain(value), "low": _plain(min(low, value)), "high": _plain(max(high, value))}


def confusion(gold: Tags, predicted: Tags) -> dict[str, Any]:
    """Roles: rows gold, columns predicted. Topics, one by one: [[neither, predicted only], [gold only, both]]."""
    roles = np.zeros((len(ROLES), len(ROLES)), np.int64)
    np.add.at(roles, (gold.roles, predicted.roles), 1)
    topics = {}
    for index, topic in enumerate(TOPICS):
        has, given = gold.topics[:, index], predicted.topics[:, index]
        topics[str(topic)] = [
            [int((~has & ~given).sum()), int((~has & given).sum())],
            [int((has & ~given).sum()), int((has & given).sum())],
        ]
    return {"labels": [str(role) for role in ROLES], "role": roles.tolist(), "topics": topics}


def calibration(probabilities: Floats, outcomes: Bools, bins: int = BINS) -> dict[str, Any]:
    """Give the expected calibration error over equal-width bins, closed above, and the points of the reliability curve.

    For roles give the top label's probability and whether it was right; for topics every topic's probability, pooled,
    and whether gold has it.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.digitize(probabilities, edges[1:-1], right=True)
    count = np.bincount(places, minlength=bins).astype(np.float64)
    stated = _ratio(np.bincount(places, weights=probabilities, minlength=bins).astype(np.float64), count)
    observed = _ratio(np.bincount(places, weights=outcomes, minlength=bins).astype(np.float64), count)
    gap = (count * np.abs(stated - observed)).sum() / max(1.0, count.sum())
    points = [
        {
            "from": _plain(edges[i]),
            "to": _plain(edges[i + 1]),
            "stated": _plain(stated[i]),
            "observed": _plain(observed[i]),
            "count": int(count[i]),
        }
        for i in np.flatnonzero(count)
    ]
    return {"ece": _plain(gap), "bins": bins, "points": points}


def coverage(confidence: Floats, wrong: Bools) -> dict[str, Any]:
    """Error among the most confident 10, 20, ... 100 % of units; AURC is the mean error over every coverage k / N.

    Units of one confidence are taken in their order.
    """
    if not len(wrong):
        return {"aurc": None, "points": []}
    sorted_wrong = wrong[np.argsort(-confidence, kind="stable")].astype(np.float64)
    risk = np.cumsum(sorted_wrong) / np.arange(1, len(wrong) + 1)
    points = []
    for tenth in range(1, 11):
        kept = max(1, round(len(wrong) * tenth / 10))
        points.append({"coverage": tenth / 10, "units": kept, "error": _plain(risk[kept - 1])})
    return {"aurc": _plain(risk.mean()), "points": points}


def selective(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compare the error at 90 and 80 % coverage with that of all units, given the points of `coverage`.

    `of_all` is the part of the error that is left; None where there was none to begin with.
    """
    table = []
    for point in points:
        if point["coverage"] in KEPT:
            every = points[-1]["error"]
            left = _plain(point["error"] / every) if every else None
            table.append({**point, "of_all": left, "halved": left is None or left <= 0.5})
    return sorted(table, key=lambda row: -row["coverage"])


def as_json(metrics: dict[str, Any]) -> str:
    """Write nested figures as text; refuses what JSON cannot say, such as NaN."""
    return json.dumps(metrics, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
