"""Jobs of many items -> batches for one blocking callable. Knows neither BERT nor HTTP.

There is no timer: the next batch gathers while the one before runs. A batch begins with the item that is due first and
is filled with those of like size among the next ones, so that little of it is padding. A long job's items are due one
after another, so that short jobs pass it, but each becomes the first in the end. What has no caller left is dropped.
"""

import asyncio
import logging
import time
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from fazhi.serve.errors import InferenceFailed, Overloaded, ServeError, ShuttingDown

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")

STRETCH = 8.0  # a job's items are due over this many times the time that it would take alone
LOOKAHEAD = 4  # of the items due next, how many for each that goes into a batch may be chosen from
PADDING = 16  # tokens of padding that one more item may cost: a batch of its own takes no longer than these
SMOOTHING = 0.1  # of the newest batch in the mean speed


class Gauge(Protocol):
    """Whoever wants to know of the queue and of the batches."""

    def queued(self, tokens: int) -> None:
        """Hear how much is waiting."""

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        """Hear of a batch that was run: its padded tokens, its items and its duration."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may run and wait. `rate`, in tokens a second, is a first guess that is soon replaced by what is seen."""

    batch_tokens: int
    queue_tokens: int
    deadline: float
    lanes: int
    rate: float


@dataclass(slots=True, eq=False)
class Job(Generic[Answer]):
    """One caller's items: a future for each answer, and when the first was begun (loop time)."""

    answers: list[asyncio.Future[Answer]]
    entered: float
    begun: float | None = None
    gone: bool = False


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    item: Item
    size: int
    due: float
    job: Job[Answer]
    answer: asyncio.Future[Answer] = field(repr=False)


class Batcher(Generic[Item, Answer]):
    """Runs `run` on batches of items, `lanes` of them at once, each in a thread of its own."""

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        size: Callable[[Item], int],
        limits: Limits,
        gauge: Gauge,
    ) -> None:
        self._run, self._size, self._limits, self._gauge = run, size, limits, gauge
        self._waiting: list[_Waiting[Item, Answer]] = []  # by when they are due
        self._tokens = 0  # of those waiting
        self._rate = limits.rate
        self._arrived = asyncio.Event()
        self._closed = False
        self._threads = ThreadPoolExecutor(limits.lanes, thread_name_prefix="model")
        self._lanes: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work; needs a running loop."""
        self._lanes = [asyncio.create_task(self._work()) for _ in range(self._limits.lanes)]

    async def close(self) -> None:
        """Answer whoever still waits with ShuttingDown, let the running batches end, and stop."""
        self._closed = True
        for waiting in self._waiting:
            _settle(waiting.answer, ShuttingDown())
        self._waiting.clear()
        self._count(-self._tokens)
        self._arrived.set()
        await asyncio.gather(*self._lanes)
        self._threads.shutdown()

    @asynccontextmanager
    async def submit(self, items: Sequence[Item]) -> AsyncIterator[Job[Answer]]:
        """Let items wait their turn; leaving the block drops those that have not had it.

        Raises Overloaded if too much waits already, or if they could not be answered within the deadline.
        """
        job = self._enter(items)
        try:
            yield job
        finally:
            self._leave(job)

    def _enter(self, items: Sequence[Item]) -> Job[Answer]:
        if self._closed:
            raise ShuttingDown
        loop = asyncio.get_running_loop()
        sizes = [self._size(item) for item in items]
        job = Job[Answer]([loop.create_future() for _ in items], loop.time())
        # Due within half the deadline at the latest, and then behind at most half a deadline's work: done in time.
        patience = self._limits.deadline / 2
        alone = sum(sizes) / self._rate
        stretch = min(STRETCH, patience / alone) if alone else 0.0
        last = job.entered + stretch * sum(sizes[:-1]) / self._rate
        wait = self._ahead(last) / self._rate
        if self._waiting and (self._tokens + sum(sizes) > self._limits.queue_tokens or wait + alone > patience):
            raise Overloaded(retry_after=wait)
        before = 0
        for item, size, answer in zip(items, sizes, job.answers, strict=True):
            due = job.entered + stretch * before / self._rate
            insort(self._waiting, _Waiting(item, size, due, job, answer), key=lambda waiting: waiting.due)
            before += size
        self._count(before)
        self._arrived.set()
        return job

    def _ahead(self, due: float) -> int:
        """Tokens waiting that are due before that."""
        last = bisect_left(self._waiting, due, key=lambda waiting: waiting.due)
        return self._tokens if last == len(self._waiting) else sum(waiting.size for waiting in self._waiting[:last])

    def _leave(self, job: Job[Answer]) -> None:
        job.gone = True
        for answer in job.answers:
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # seen, so that asyncio does not complain of it
        if any(answer.cancelled() for answer in job.answers):
            dropped = [waiting.size for waiting in self._waiting if waiting.job is job]
            self._waiting = [waiting for waiting in self._waiting if waiting.job is not job]
            self._count(-sum(dropped))

    def _count(self, tokens: int) -> None:
        self._tokens += tokens
        self._gauge.queued(self._tokens)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            batch = self._gather()
            if not batch:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            for waiting in batch:
                waiting.job.begun = waiting.job.begun or loop.time()
            for waiting, answer in await loop.run_in_executor(self._threads, self._answers, batch):
                _settle(waiting.answer, answer)

    def _gather(self) -> list[_Waiting[Item, Answer]]:
        """Take the next batch out of those waiting."""
        if not self._waiting:
            return []
        first = self._waiting[0]
        fitting = max(1, self._limits.batch_tokens // max(1, first.size))
        near = self._waiting[1 : 1 + LOOKAHEAD * fitting]
        batch, longest = [first], first.size
        for waiting in sorted(near, key=lambda waiting: abs(waiting.size - first.size)):
            padded = max(longest, waiting.size) * (len(batch) + 1)
            if padded <= self._limits.batch_tokens and padded - longest * len(batch) - waiting.size <= PADDING:
                batch.append(waiting)
                longest = max(longest, waiting.size)
        taken = set(map(id, batch))
        self._waiting[: 1 + len(near)] = [waiting for waiting in near if id(waiting) not in taken]
        self._count(-sum(waiting.size for waiting in batch))
        return batch

    def _answers(
        self, batch: Sequence[_Waiting[Item, Answer]]
    ) -> list[tuple[_Waiting[Item, Answer], Answer | ServeError]]:
        """Run one batch, in a model thread; if that fails, each item by itself, so that one of them harms no other."""
        try:
            begin = time.perf_counter()
            answers = self._run([waiting.item for waiting in batch])
            seconds = time.perf_counter() - begin
            answered = list(zip(batch, answers, strict=True))
            self._ran(batch, seconds)
        except BaseException:  # whatever it is, it must end neither the lane nor the callers' patience
            log.exception("a batch failed", extra={"items": len(batch)})
            if len(batch) == 1:
                return [(batch[0], InferenceFailed())]
            return [pair for waiting in batch if not waiting.job.gone for pair in self._answers([waiting])]
        return list(answered)

    def _ran(self, batch: Sequence[_Waiting[Item, Answer]], seconds: float) -> None:
        speed = sum(waiting.size for waiting in batch) / max(seconds, 1e-6) * self._limits.lanes
        self._rate += SMOOTHING * (speed - self._rate)
        self._gauge.ran(max(waiting.size for waiting in batch) * len(batch), len(batch), seconds)


def _settle(answer: asyncio.Future[Answer], result: Answer | ServeError) -> None:
    if not answer.done():
        if isinstance(result, ServeError):
            answer.set_exception(result)
        else:
            answer.set_result(result)
