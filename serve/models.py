"""The model that is served now, and its exchange for another. Knows no HTTP.

The other is loaded beside it and probed, then takes its place; if anything fails, the one before goes on.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fazhi.model.checkpoint import CheckpointError, load_config, load_predictor, version
from fazhi.model.document import read_document
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor
from fazhi.serve.errors import ShuttingDown
from fazhi.serve.tagger import ModelInfo, Tagger

NAME = "fazhi"
METRICS = "metrics.json"
_PROBE = """某县法治政府建设情况报告
一、主要做法
办理行政复议案件12件，组织法治宣传3场。
二、下一步打算
继续规范行政执法。
"""
_TOLD = ("command", "date", "data", "documents", "units", "versions")  # of what config.json says of the training


class ProbeError(CheckpointError):
    """A model that loads, and then answers nonsense."""


def describe(folder: Path) -> ModelInfo:
    """What a model folder says of itself: data fingerprints, headline metrics, thresholds."""
    config = load_config(folder)
    facts: dict[str, object] = {key: config.training[key] for key in _TOLD if key in config.training}
    path = folder / METRICS
    metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    facts["metrics"] = metrics.get(config.precision, {})
    facts["precision"] = config.precision
    facts["thresholds"] = dict(zip(map(str, TOPICS), config.decision.thresholds, strict=True))
    facts["abstain_below"] = config.decision.abstain_below
    return ModelInfo(NAME, version(folder), facts)


def load(folder: Path) -> tuple[Predictor, ModelInfo]:
    """The predictor of a model folder with what the folder says of it; raises CheckpointError."""
    info = describe(folder)
    predictor = load_predictor(folder)
    if version(folder) != info.version:
        raise CheckpointError(f"{folder} was replaced while it was read: load it again")
    return predictor, info


def probe(predictor: Predictor) -> float:
    """Tag a small report and give the speed in word pieces a second; raises ProbeError."""
    document = read_document(_PROBE)
    windows = predictor.encoder.windows(document)
    predictor.run(windows)  # the first run is slower
    begin = time.perf_counter()
    scored = predictor.run(windows)
    seconds = time.perf_counter() - begin
    found = [(logits.roles.shape, logits.topics.shape) for logits in scored]
    units = [last - first for first, last in (window.answered for window in windows)]
    expected = [((count, len(ROLES)), (count, len(TOPICS))) for count in units]
    if found != expected:
        raise ProbeError(f"the model answered the probe with the shapes {found}, expected {expected}")
    if not all(np.isfinite(logits.roles).all() and np.isfinite(logits.topics).all() for logits in scored):
        raise ProbeError("the model's answer to the probe is not finite")
    return sum(len(window.ids) for window in windows) / max(seconds, 1e-6)


class Models:
    """Holds the current Tagger. `make` loads and probes one; it is called in a thread."""

    def __init__(self, make: Callable[[], Tagger]) -> None:
        self._make = make
        self._current: Tagger | None = None
        self._replaced: set[Tagger] = set()  # still in use
        self._closed = False
        self._exchange = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether there is a model to answer."""
        return self._current is not None

    @property
    def info(self) -> ModelInfo:
        """What is served now."""
        assert self._current
        return self._current.info

    @contextmanager
    def lease(self) -> Iterator[Tagger]:
        """The current model, which stays alive until the block ends, whatever is swapped meanwhile."""
        tagger = self._current
        assert tagger
        tagger.users += 1
        try:
            yield tagger
        finally:
            tagger.users -= 1
            self._end_unused()

    async def load(self) -> ModelInfo:
        """Load anew and swap; raises what loading raises, and then the old model goes on."""
        async with self._exchange:
            if self._closed:
                raise ShuttingDown
            fresh = await asyncio.to_thread(self._make)
            fresh.start()
            if self._current:
                self._replaced.add(self._current)
            self._current = fresh
            self._end_unused()
            return fresh.info

    async def close(self) -> None:
        """Stop; whoever still waits for the model is told."""
        async with self._exchange:
            self._closed = True
            taggers = [*self._replaced, *([self._current] if self._current else [])]
            self._replaced.clear()
            await asyncio.gather(*(tagger.close() for tagger in taggers), *self._ending)

    def _end_unused(self) -> None:
        for tagger in [tagger for tagger in self._replaced if not tagger.users]:
            self._replaced.remove(tagger)
            task = asyncio.create_task(tagger.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
