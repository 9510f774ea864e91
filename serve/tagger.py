"""Documents -> predictions, by one model and its queue. Knows no HTTP.

Documents are read and encoded before the queue, so that a text that cannot be is nobody else's trouble.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from fazhi.model.document import Document
from fazhi.model.encode import Window
from fazhi.model.predict import Logits, Prediction, Predictor
from fazhi.serve.batcher import Batcher, Gauge, Limits
from fazhi.serve.errors import ShuttingDown

INLINE = 2_000  # characters that are encoded at once, in a millisecond or two, without the way to a thread
EACH = 50  # characters in whose time a text is looked at, however short it is


@dataclass(slots=True)
class Timing:
    """Seconds that one request spent being encoded, waiting for the model, and in it."""

    encode: float = 0.0
    queue: float = 0.0
    model: float = 0.0


@dataclass(frozen=True, slots=True)
class Encoded:
    """Documents and each one's windows, ready for the queue."""

    documents: Sequence[Document]
    windows: Sequence[Sequence[Window]]


@dataclass(frozen=True, slots=True)
class Tags:
    """Units [first, last) of one document with their scores and predictions."""

    document: int
    first: int
    last: int
    logits: Logits
    predictions: Sequence[Prediction]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model folder says of itself, for those who ask."""

    name: str
    version: str
    facts: dict[str, object] = field(default_factory=dict)


class Tagger:
    """One loaded model: encodes in a thread of its own, queues windows, decides."""

    def __init__(self, predictor: Predictor, info: ModelInfo, limits: Limits, gauge: Gauge) -> None:
        self.predictor = predictor
        self.info = info
        self.users = 0  # requests that hold this model
        self._batcher = Batcher[Window, Logits](predictor.run, lambda window: len(window.ids), limits, gauge)
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._closed = False

    def start(self) -> None:
        """Begin to work; needs a running loop."""
        self._batcher.start()

    async def close(self) -> None:
        """Stop; whoever still waits is answered ShuttingDown."""
        self._closed = True
        await self._batcher.close()
        await asyncio.to_thread(self._encoding.shutdown)  # a text may still be on its way through

    async def encode(self, read: Callable[[], Sequence[Document]], texts: Iterable[str], timing: Timing) -> Encoded:
        """Read documents, which are made of these texts, and cut them into windows; raises what `read` raises."""
        if self._closed:
            raise ShuttingDown
        begin = time.perf_counter()
        if sum(len(text) + EACH for text in texts) <= INLINE:
            encoded = self._encode(read)
        else:
            encoded = await asyncio.get_running_loop().run_in_executor(self._encoding, self._encode, read)
        timing.encode = time.perf_counter() - begin
        return encoded

    def _encode(self, read: Callable[[], Sequence[Document]]) -> Encoded:
        documents = read()
        return Encoded(documents, [self.predictor.encoder.windows(document) for document in documents])

    async def stream(self, encoded: Encoded, timing: Timing) -> AsyncGenerator[Tags, None]:
        """Yield tags in the order of the documents and their units, each as soon as it is there.

        Close it (contextlib.aclosing) when leaving early: what has not run is then dropped. Raises ServeError.
        """
        homes = [(home, window) for home, windows in enumerate(encoded.windows) for window in windows]
        async with self._batcher.submit([window for _, window in homes]) as job:
            clock = asyncio.get_running_loop().time
            for (home, window), answer in zip(homes, job.answers, strict=True):
                logits = await answer
                begun = job.begun or job.entered
                timing.queue, timing.model = begun - job.entered, clock() - begun
                yield Tags(home, *window.answered, logits, self.predictor.decide(logits))

    async def tag(self, encoded: Encoded, timing: Timing) -> list[list[Prediction]]:
        """Predictions of every unit of every document, in order; raises ServeError."""
        parts: list[list[Prediction]] = [[] for _ in encoded.documents]
        async for tags in self.stream(encoded, timing):
            parts[tags.document] += tags.predictions
        return parts

    async def score(self, encoded: Encoded, timing: Timing) -> list[Logits]:
        """Raw scores of every unit of every document, in order; raises ServeError."""
        parts: list[list[Logits]] = [[] for _ in encoded.documents]
        async for tags in self.stream(encoded, timing):
            parts[tags.document].append(tags.logits)
        return [_joined(part) for part in parts]


def _joined(parts: Sequence[Logits]) -> Logits:
    if not parts:
        return Logits(np.empty((0, 4), np.float32), np.empty((0, 4), np.float32))
    return Logits(np.concatenate([part.roles for part in parts]), np.concatenate([part.topics for part in parts]))
