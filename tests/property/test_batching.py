"""What holds for all jobs, lanes and budgets: every item gets its own answer once, in order, within the budget."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from fazhi.serve.batcher import Batcher, Limits
from fazhi.serve.errors import InferenceFailed

Item = tuple[int, int, int]  # the number of its job, its place there, its size

JOBS = st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=8)


class Recorder:
    """Answers each item with itself, but fails on the culprits; keeps the batches, and is the gauge as well."""

    def __init__(self, culprits: frozenset[tuple[int, int]] = frozenset()) -> None:
        self.batches: list[Sequence[Item]] = []
        self.answered: Counter[Item] = Counter()
        self.tokens = 0
        self._culprits = culprits
        self._lock = threading.Lock()

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        with self._lock:
            self.batches.append(items)
            if any(item[:2] in self._culprits for item in items):
                raise ValueError(items)
            self.answered.update(items)
        return list(items)

    def queued(self, tokens: int) -> None:
        self.tokens = tokens

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        pass


def numbered(jobs: list[list[int]]) -> list[list[Item]]:
    return [[(job, place, size) for place, size in enumerate(sizes)] for job, sizes in enumerate(jobs)]


def make(recorder: Recorder, lanes: int, budget: int) -> Batcher[Item, Item]:
    limits = Limits(budget, queue_tokens=10**9, deadline=1e6, lanes=lanes, rate=1e4)
    return Batcher[Item, Item](recorder, lambda item: item[2], limits, recorder)


async def ask(batcher: Batcher[Item, Item], items: Sequence[Item], patience: int = 1_000) -> list[object]:
    """The outcomes of the first items, of as many as the caller has patience for."""
    async with batcher.submit(items) as job:
        return await asyncio.gather(*job.answers[:patience], return_exceptions=True)


@settings(deadline=None)
@given(
    jobs=JOBS.map(numbered),
    lanes=st.integers(1, 3),
    budget=st.integers(1, 200),
    culprits=st.frozensets(st.tuples(st.integers(0, 7), st.integers(0, 11)), max_size=3),
)
def test_every_item_is_answered_once_with_its_own_answer_in_order(
    jobs: list[list[Item]], lanes: int, budget: int, culprits: frozenset[tuple[int, int]]
) -> None:
    recorder = Recorder(culprits)

    async def story() -> list[list[object]]:
        batcher = make(recorder, lanes, budget)
        batcher.start()
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*(ask(batcher, items) for items in jobs))
            await batcher.close()
        return outcomes

    for items, outcomes in zip(jobs, asyncio.run(story()), strict=True):
        for item, outcome in zip(items, outcomes, strict=True):
            assert isinstance(outcome, InferenceFailed) if item[:2] in culprits else outcome == item
    assert recorder.answered == Counter(item for items in jobs for item in items if item[:2] not in culprits)
    for batch in recorder.batches:
        assert len(batch) == 1 or max(size for *_, size in batch) * len(batch) <= budget
    assert recorder.tokens == 0


@settings(deadline=None)
@given(
    jobs=JOBS.map(numbered),
    lanes=st.integers(1, 3),
    budget=st.integers(1, 200),
    patience=st.lists(st.integers(0, 12), min_size=8, max_size=8),
)
def test_those_who_leave_early_take_nothing_from_those_who_stay(
    jobs: list[list[Item]], lanes: int, budget: int, patience: list[int]
) -> None:
    recorder = Recorder()

    async def story() -> list[list[object]]:
        batcher = make(recorder, lanes, budget)
        batcher.start()
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*map(ask, [batcher] * len(jobs), jobs, patience))
            assert recorder.tokens == 0
            await batcher.close()
        return outcomes

    assert asyncio.run(story()) == [items[:most] for items, most in zip(jobs, patience, strict=False)]
    assert max(recorder.answered.values(), default=1) == 1
