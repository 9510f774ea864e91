"""The batcher: who is answered what and when, what runs together, who is turned away, and how it ends."""

import asyncio
import gc
import itertools
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from fazhi.serve.batcher import Batcher, Job, Limits, log
from fazhi.serve.errors import InferenceFailed, Overloaded, ServeError, ShuttingDown

Item = tuple[str, int]  # its name, which is its answer as well, and its size


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a test's story, which may neither hang nor leave a failure behind that nobody asked for."""
    complaints: list[dict[str, Any]] = []

    async def told() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(10):
            await story

    gc.freeze()  # so that the collection below is quick
    try:
        asyncio.run(told())
        gc.collect()
    finally:
        gc.unfreeze()
    assert complaints == []


class Model:
    """A blocking callable that keeps its batches; while it is held, each of them needs a permit to end."""

    def __init__(self, held: bool = False, answers: Callable[[list[Item]], Any] | None = None) -> None:
        self.batches: list[list[Item]] = []
        self.most_at_once = 0
        self._answers = answers or (lambda items: [name for name, _ in items])
        self._permits = threading.Semaphore(0 if held else 1_000)
        self._lock = threading.Lock()
        self._running = 0

    def __call__(self, items: Sequence[Item]) -> Any:
        with self._lock:
            self.batches.append(list(items))
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            assert self._permits.acquire(timeout=10)
            return self._answers(list(items))
        finally:
            with self._lock:
                self._running -= 1

    def release(self, batches: int = 1_000) -> None:
        self._permits.release(batches)

    async def begun(self, batches: int) -> None:
        """Wait until so many batches have begun."""
        while len(self.batches) < batches:
            await asyncio.sleep(0.0005)

    @property
    def names(self) -> list[list[str]]:
        return [[name for name, _ in batch] for batch in self.batches]

    @property
    def sizes(self) -> list[list[int]]:
        return [[size for _, size in batch] for batch in self.batches]


@dataclass
class Heard:
    """A gauge that keeps what it is told."""

    waiting: list[int] = field(default_factory=list)
    batches: list[tuple[int, int, float]] = field(default_factory=list)

    def queued(self, tokens: int) -> None:
        self.waiting.append(tokens)

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        self.batches.append((tokens, items, seconds))


@asynccontextmanager
async def batching(model: Model, gauge: Heard | None = None, **limits: Any) -> AsyncIterator[Batcher[Item, str]]:
    """A batcher at work with one lane, a budget of 100 and room for everything, unless told otherwise."""
    wide = {"batch_tokens": 100, "queue_tokens": 10**9, "deadline": 1e6, "lanes": 1, "rate": 1e6}
    batcher = Batcher[Item, str](model, lambda item: item[1], Limits(**(wide | limits)), gauge or Heard())
    batcher.start()
    try:
        yield batcher
    finally:
        model.release()
        await batcher.close()


async def ask(batcher: Batcher[Item, str], *items: Item) -> list[str]:
    async with batcher.submit(items) as job:
        return [await answer for answer in job.answers]


async def outcomes(job: Job[str]) -> list[str | BaseException]:
    return await asyncio.gather(*job.answers, return_exceptions=True)


async def asked(batcher: Batcher[Item, str], *items: Item) -> "asyncio.Task[list[str]]":
    """Ask, and go on once the items wait."""
    task = asyncio.create_task(ask(batcher, *items))
    await asyncio.sleep(0)
    return task


def numbered(size: int, count: int, prefix: str = "") -> list[Item]:
    return [(f"{prefix}{number}", size) for number in range(count)]


class TestAnswers:
    def test_each_item_gets_its_own_answer_in_order(self) -> None:
        async def story() -> None:
            async with batching(Model()) as batcher:
                assert await ask(batcher, ("a", 3), ("b", 90), ("c", 1), ("a", 3)) == ["a", "b", "c", "a"]
                assert await ask(batcher, ("d", 1)) == ["d"]

        play(story())

    def test_no_items_are_answered_at_once_and_run_nothing(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                assert await ask(batcher) == []
                assert model.batches == []

        play(story())

    def test_items_without_a_size_are_answered_too(self) -> None:
        async def story() -> None:
            async with batching(Model()) as batcher:
                assert await ask(batcher, ("a", 0), ("b", 0), ("c", 5)) == ["a", "b", "c"]

        play(story())

    def test_a_long_jobs_answers_come_one_by_one(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher, batcher.submit(numbered(100, 3)) as job:
                model.release(1)
                assert await job.answers[0] == "0"
                assert [answer.done() for answer in job.answers] == [True, False, False]

        play(story())

    def test_a_job_knows_when_it_came_and_when_its_turn_was(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                async with batcher.submit(numbered(100, 2)) as job:
                    await asyncio.sleep(0.02)
                    assert job.begun is None
                    model.release(1)
                    await model.begun(2)
                    begun = job.begun
                    assert begun
                    assert begun - job.entered >= 0.02
                    model.release()
                    await job.answers[1]
                    assert job.begun == begun  # that of its first item
                await first

        play(story())


class TestBatches:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("budget", [1, 64, 200])
    def test_longest_times_count_is_within_the_budget_or_the_item_is_alone(self, seed: int, budget: int) -> None:
        items = [(str(number), size) for number, size in enumerate(random.Random(seed).choices(range(1, 120), k=150))]

        async def story() -> None:
            model = Model()
            async with batching(model, batch_tokens=budget) as batcher:
                assert await ask(batcher, *items) == [name for name, _ in items]
            assert all(len(sizes) == 1 or max(sizes) * len(sizes) <= budget for sizes in model.sizes)
            assert sorted(itertools.chain(*model.batches)) == sorted(items)

        play(story())

    def test_a_batch_is_filled_up_to_the_budget(self) -> None:
        async def story() -> None:
            model = Model()
            async with batching(model, batch_tokens=40) as batcher:
                await ask(batcher, *numbered(10, 10))
            assert [len(batch) for batch in model.batches] == [4, 4, 2]

        play(story())

    def test_an_item_larger_than_the_budget_goes_alone(self) -> None:
        async def story() -> None:
            model = Model()
            async with batching(model, batch_tokens=50) as batcher:
                await ask(batcher, ("small", 49), ("large", 51), ("larger", 5000), ("small too", 1))
            assert ["large"] in model.names
            assert ["larger"] in model.names

        play(story())

    def test_the_first_runs_at_once_and_the_next_batch_gathers_meanwhile(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 10))
                await model.begun(1)
                others = [await asked(batcher, (name, 10)) for name in "abc"]
                assert model.names == [["first"]]
                model.release()
                assert await asyncio.gather(first, *others) == [["first"], ["a"], ["b"], ["c"]]
            assert model.names == [["first"], ["a", "b", "c"]]

        play(story())

    def test_like_sizes_go_together(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, batch_tokens=200) as batcher:
                first = await asked(batcher, ("first", 200))
                await model.begun(1)
                mixed = [await asked(batcher, (f"{size}", size)) for size in (10, 50) * 8]
                model.release()
                await asyncio.gather(first, *mixed)
            assert sorted(model.sizes[1:]) == [[10] * 8, [50] * 4, [50] * 4]

        play(story())

    def test_a_short_item_is_not_padded_to_a_long_one(self) -> None:
        """The model takes as long over padding as over words, and longer than over one batch more."""

        async def story() -> None:
            model = Model(held=True)
            async with batching(model, batch_tokens=1_000) as batcher:
                first = await asked(batcher, ("first", 1_000))
                await model.begun(1)
                unlike = [await asked(batcher, (name, size)) for name, size in (("a", 10), ("b", 200), ("c", 12))]
                model.release()
                await asyncio.gather(first, *unlike)
            assert model.names[1:] == [["a", "c"], ["b"]]

        play(story())

    def test_the_nearest_in_size_go_with_the_first(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, batch_tokens=40) as batcher:
                first = await asked(batcher, ("first", 40))
                await model.begun(1)
                sizes = enumerate((10, 13, 9, 12, 10, 10))
                waiting = [await asked(batcher, (str(number), size)) for number, size in sizes]
                model.release()
                await asyncio.gather(first, *waiting)
            assert model.sizes[1:] == [[10, 10, 10, 9], [13, 12]]

        play(story())

    def test_lanes_run_at_once_and_no_more_than_there_are(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, lanes=2) as batcher:
                task = await asked(batcher, *numbered(100, 5))
                await model.begun(2)
                await asyncio.sleep(0.02)
                assert len(model.batches) == 2
                model.release()
                assert await task == ["0", "1", "2", "3", "4"]
            assert model.most_at_once == 2

        play(story())

    def test_one_lane_runs_one_batch_at_a_time(self) -> None:
        async def story() -> None:
            model = Model()
            async with batching(model) as batcher:
                await asyncio.gather(*(ask(batcher, (str(number), 60)) for number in range(20)))
            assert len(model.batches) == 20
            assert model.most_at_once == 1

        play(story())


class TestTurns:
    def test_short_jobs_pass_a_long_one(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=100) as batcher:  # a second for each of the long job's items
                long = await asked(batcher, *numbered(100, 20, "long"))
                await model.begun(1)
                short = [await asked(batcher, (name, 100)) for name in ("short", "shorter")]
                model.release(3)
                assert await asyncio.gather(*short) == [["short"], ["shorter"]]
                assert not long.done()
                assert model.names[:3] == [["long0"], ["short"], ["shorter"]]
                model.release()
                assert await long == [name for name, _ in numbered(100, 20, "long")]

        play(story())

    def test_jobs_alike_take_turns_in_the_order_they_came(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                tasks = [await asked(batcher, (str(number), 100)) for number in range(5)]
                model.release()
                await asyncio.gather(*tasks)
            assert model.names == [["0"], ["1"], ["2"], ["3"], ["4"]]

        play(story())

    def test_the_long_job_ends_although_short_ones_never_cease(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=50_000) as batcher:
                long = await asked(batcher, *numbered(100, 20, "long"))  # due within a third of a second
                stream = []
                while not long.done():
                    stream.append(await asked(batcher, (f"short{len(stream)}", 100)))
                    model.release(1)
                    await model.begun(len(stream))
                    await asyncio.sleep(0)
                assert await long == [name for name, _ in numbered(100, 20, "long")]
                before = list(itertools.takewhile(lambda names: names != ["long19"], model.names))
                assert len(before) > 30  # of which 19 are the long job's
                model.release()
                await asyncio.gather(*stream)

        play(story())

    def test_after_half_the_deadline_nothing_passes_a_long_job_any_more(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=10_000, deadline=0.1) as batcher:
                long = await asked(batcher, *numbered(100, 4, "long"))
                await model.begun(1)
                await asyncio.sleep(0.06)
                late = await asked(batcher, ("late", 100))
                model.release()
                await asyncio.gather(long, late)
            assert model.names == [["long0"], ["long1"], ["long2"], ["long3"], ["late"]]

        play(story())


class TestCallersGone:
    def test_leaving_drops_what_has_not_run(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge) as batcher:
                async with batcher.submit(numbered(100, 5, "gone")) as job:
                    model.release(1)
                    assert await job.answers[0] == "gone0"
                    await model.begun(2)
                assert gauge.waiting[-1] == 0
                assert all(answer.done() for answer in job.answers)
                model.release()
                assert await ask(batcher, ("next", 100)) == ["next"]
            assert model.names == [["gone0"], ["gone1"], ["next"]]

        play(story())

    def test_a_cancelled_caller_is_dropped_and_others_keep_their_place(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                stays, goes, stays_too = [await asked(batcher, (name, 50)) for name in ("stays", "goes", "stays too")]
                goes.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await goes
                assert gauge.waiting[-1] == 100
                model.release()
                assert await asyncio.gather(first, stays, stays_too) == [["first"], ["stays"], ["stays too"]]
            assert model.names == [["first"], ["stays", "stays too"]]

        play(story())

    def test_a_timeout_drops_the_caller(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 100))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(ask(batcher, ("late", 100)), 0.01)
                model.release()
                await first
                assert await ask(batcher, ("next", 100)) == ["next"]
            assert model.names == [["first"], ["next"]]

        play(story())

    def test_a_caller_that_leaves_during_its_batch_disturbs_no_other(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                goes, stays = [await asked(batcher, (name, 50)) for name in ("goes", "stays")]
                model.release(1)
                await model.begun(2)
                goes.cancel()
                await asyncio.wait({goes})
                model.release()
                assert await asyncio.gather(first, stays) == [["first"], ["stays"]]
            assert model.names == [["first"], ["goes", "stays"]]

        play(story())

    def test_an_exception_of_the_callers_own_drops_it_and_is_not_swallowed(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge) as batcher:
                with pytest.raises(ValueError, match="mine"):
                    async with batcher.submit(numbered(100, 2)):
                        raise ValueError("mine")
                assert gauge.waiting[-1] == 0

        play(story())


def fail_on(*names: str, error: BaseException | None = None) -> Callable[[list[Item]], list[str]]:
    def answer(items: list[Item]) -> list[str]:
        if any(name in names for name, _ in items):
            raise error or ValueError(f"cannot take {names}")
        return [name for name, _ in items]

    return answer


class TestFailures:
    def test_only_the_culprit_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        async def story() -> None:
            model = Model(answers=fail_on("bad"))
            async with batching(model) as batcher, batcher.submit([("a", 20), ("bad", 20), ("c", 20)]) as job:
                a, bad, c = await outcomes(job)
                assert (a, c) == ("a", "c")
                assert isinstance(bad, InferenceFailed)
            assert model.names == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]

        play(story())
        assert [record.levelname for record in caplog.records if record.name.endswith("batcher")] == ["ERROR"] * 2
        assert "cannot take" in caplog.text

    def test_other_callers_of_the_batch_do_not_notice(self) -> None:
        async def story() -> None:
            model = Model(held=True, answers=fail_on("bad"))
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                before, bad, after = [await asked(batcher, (name, 30)) for name in ("before", "bad", "after")]
                model.release()
                assert await asyncio.gather(first, before, after) == [["first"], ["before"], ["after"]]
                with pytest.raises(InferenceFailed):
                    await bad

        play(story())

    def test_who_leaves_during_a_failing_batch_is_not_run_again(self) -> None:
        async def story() -> None:
            model = Model(held=True, answers=fail_on("bad"))
            async with batching(model) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                goes, bad = [await asked(batcher, (name, 50)) for name in ("goes", "bad")]
                model.release(1)
                await model.begun(2)
                goes.cancel()
                await asyncio.wait({goes})
                model.release()
                await first
                with pytest.raises(InferenceFailed):
                    await bad
            assert model.names == [["first"], ["goes", "bad"], ["bad"]]

        play(story())

    @pytest.mark.parametrize(
        "error",
        [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), StopIteration(), MemoryError()],
        ids=repr,
    )
    def test_whatever_is_raised_callers_are_answered_and_the_next_job_works(self, error: BaseException) -> None:
        async def story() -> None:
            async with batching(Model(answers=fail_on("bad", error=error))) as batcher:
                with pytest.raises(InferenceFailed):
                    await ask(batcher, ("bad", 10))
                assert await ask(batcher, ("good", 10)) == ["good"]

        play(story())

    @pytest.mark.parametrize("answers", [lambda items: [], lambda items: ["x"] * 9, lambda items: None])
    def test_a_wrong_number_of_answers_is_a_failure_not_a_hang(self, answers: Callable[[list[Item]], Any]) -> None:
        async def story() -> None:
            gauge = Heard()
            async with batching(Model(answers=answers), gauge) as batcher:
                async with batcher.submit([("a", 10), ("b", 10)]) as job:
                    assert [type(outcome) for outcome in await outcomes(job)] == [InferenceFailed] * 2
                assert gauge.batches == []

        play(story())

    def test_answers_too_few_for_a_batch_are_given_to_nobody(self) -> None:
        async def story() -> None:
            model = Model(answers=lambda items: [name for name, _ in items][-2:])
            async with batching(model) as batcher:
                assert await ask(batcher, *numbered(20, 4)) == ["0", "1", "2", "3"]

        play(story())

    def test_failures_that_nobody_waits_for_are_not_complained_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(log, "disabled", True)  # pytest keeps what is logged, and with it the failures

        async def story() -> None:
            async with batching(Model(answers=fail_on("0", "1", "2"))) as batcher:
                async with batcher.submit(numbered(100, 3)) as job:
                    await asyncio.wait(job.answers)
                with pytest.raises(InferenceFailed):
                    await ask(batcher, *numbered(20, 3))

        play(story())

    def test_a_gauge_that_fails_leaves_nobody_waiting(self) -> None:
        class Broken(Heard):
            def ran(self, tokens: int, items: int, seconds: float) -> None:
                raise OSError("no space left")

        async def story() -> None:
            async with batching(Model(), Broken()) as batcher:
                for _ in range(2):
                    with pytest.raises(InferenceFailed):
                        await ask(batcher, ("a", 10), ("b", 10))

        play(story())


class TestOverload:
    def test_more_than_the_queue_holds_is_refused_and_does_not_wait(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge, queue_tokens=250, rate=10) as batcher:
                tasks = [await asked(batcher, ("first", 100))]
                await model.begun(1)
                tasks += [await asked(batcher, (name, 100)) for name in ("second", "third")]
                with pytest.raises(Overloaded) as caught:
                    await ask(batcher, ("too much", 51))
                assert caught.value.retry_after == 20  # seconds until the 200 tokens have run
                assert gauge.waiting[-1] == 200
                tasks.append(await asked(batcher, ("fits", 50)))
                model.release()
                await asyncio.gather(*tasks)
            assert ["too much"] not in model.names

        play(story())

    def test_what_could_not_be_done_within_half_the_deadline_is_refused(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=100, deadline=4) as batcher:  # 200 tokens in half of it
                tasks = [await asked(batcher, ("first", 100))]
                await model.begun(1)
                tasks.append(await asked(batcher, ("second", 120)))
                with pytest.raises(Overloaded) as caught:
                    await ask(batcher, ("too late", 81))
                assert caught.value.retry_after == 2  # 1.2 seconds, rounded up
                tasks.append(await asked(batcher, ("in time", 80)))
                model.release()
                await asyncio.gather(*tasks)

        play(story())

    def test_what_passes_a_long_job_is_not_refused_because_of_it(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=100, deadline=10) as batcher:  # 500 tokens in half of it
                tasks = [await asked(batcher, ("first", 10))]
                await model.begun(1)
                tasks.append(await asked(batcher, *[(f"long {number}", 10) for number in range(49)]))
                with pytest.raises(Overloaded):
                    await ask(batcher, *[(f"also long {number}", 10) for number in range(49)])
                tasks.append(await asked(batcher, ("short", 300)))
                model.release()
                await asyncio.gather(*tasks)
                assert model.names.index(["short"]) < 5

        play(story())

    def test_where_nothing_waits_nobody_is_refused(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, rate=1, deadline=1, queue_tokens=10) as batcher:
                first = await asked(batcher, ("first", 1000))
                await model.begun(1)
                second = await asked(batcher, ("second", 1000))  # one that runs does not wait
                with pytest.raises(Overloaded):
                    await ask(batcher, ("third", 1))
                model.release()
                assert await asyncio.gather(first, second) == [["first"], ["second"]]
                assert await ask(batcher, *numbered(100, 5)) == ["0", "1", "2", "3", "4"]

        play(story())

    def test_those_who_have_gone_make_room_at_once(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model, queue_tokens=100) as batcher:
                first = await asked(batcher, ("first", 100))
                await model.begun(1)
                goes = await asked(batcher, ("goes", 100))
                with pytest.raises(Overloaded):
                    await ask(batcher, ("next", 100))
                goes.cancel()
                await asyncio.wait({goes})
                following = await asked(batcher, ("next", 100))
                model.release()
                assert await asyncio.gather(first, following) == [["first"], ["next"]]

        play(story())

    def test_the_first_guess_of_the_speed_gives_way_to_what_is_seen(self) -> None:
        async def story() -> None:
            model = Model()
            async with batching(model, rate=1, deadline=20) as batcher:
                for number in range(5):  # thousands of tokens a second, and not one
                    await ask(batcher, (f"{number}", 1000))
                model._permits = threading.Semaphore(0)
                tasks = [await asked(batcher, ("running", 100))]
                await model.begun(6)
                tasks += [await asked(batcher, (name, 100)) for name in ("waiting", "accepted")]
                model.release()
                await asyncio.gather(*tasks)

        play(story())


class TestClose:
    def test_the_waiting_are_told_and_the_running_end(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge, lanes=2) as batcher, batcher.submit(numbered(100, 5)) as job:
                await model.begun(2)
                closing = asyncio.create_task(batcher.close())
                results = [asyncio.ensure_future(answer) for answer in job.answers]
                done, _ = await asyncio.wait(results[2:])
                assert {type(answer.exception()) for answer in done} == {ShuttingDown}
                assert gauge.waiting[-1] == 0
                assert not closing.done()
                model.release()
                await closing
                assert (await outcomes(job))[:2] == ["0", "1"]
            assert len(model.batches) == 2

        play(story())

    def test_nothing_is_taken_after_it(self) -> None:
        async def story() -> None:
            model = Model(held=True)
            async with batching(model) as batcher:
                running = await asked(batcher, ("running", 100))
                await model.begun(1)
                closing = asyncio.create_task(batcher.close())
                await asyncio.sleep(0)
                with pytest.raises(ShuttingDown):
                    await ask(batcher, ("late", 1))
                model.release()
                assert await running == ["running"]
                await closing
                with pytest.raises(ShuttingDown):
                    await ask(batcher)

        play(story())

    def test_it_ends_idle_lanes_and_their_threads_and_may_be_repeated(self) -> None:
        async def story() -> None:
            before = threading.active_count()
            async with batching(Model(), lanes=3) as batcher:
                await ask(batcher, *numbered(100, 9))
                await batcher.close()
                await batcher.close()
            assert threading.active_count() == before
            assert asyncio.all_tasks() == {asyncio.current_task()}

        play(story())

    def test_one_that_never_began_closes_too(self) -> None:
        async def story() -> None:
            batcher = Batcher[Item, str](Model(), len, Limits(1, 1, 1.0, 1, 1.0), Heard())
            await batcher.close()

        play(story())

    def test_what_it_raises_is_an_error_that_can_be_answered(self) -> None:
        assert all(issubclass(error, ServeError) for error in (InferenceFailed, Overloaded, ShuttingDown))


class TestGauge:
    def test_it_hears_of_what_waits_and_of_every_batch(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True), Heard()
            async with batching(model, gauge, batch_tokens=60) as batcher:
                first = await asked(batcher, ("first", 50))
                await model.begun(1)
                others = await asked(batcher, ("a", 25), ("b", 30), ("c", 100))
                assert gauge.waiting == [50, 0, 155]
                model.release()
                await asyncio.gather(first, others)
            assert gauge.waiting[-1] == 0
            assert [batch[:2] for batch in gauge.batches] == [(50, 1), (60, 2), (100, 1)]  # the padded tokens
            assert all(seconds > 0 for _, _, seconds in gauge.batches)

        play(story())

    def test_nothing_waits_in_the_end_whatever_happened(self) -> None:
        async def story() -> None:
            model, gauge = Model(held=True, answers=fail_on("a1", "b7")), Heard()
            async with batching(model, gauge, queue_tokens=900, lanes=2) as batcher:
                tasks = [await asked(batcher, *numbered(30, 10, prefix)) for prefix in "abcd"]
                for task in tasks[1:3]:
                    task.cancel()
                with suppress(Overloaded):
                    await ask(batcher, *numbered(100, 9, "e"))
                model.release()
                await asyncio.gather(*tasks, return_exceptions=True)
                assert gauge.waiting[-1] == 0
                assert min(gauge.waiting) == 0
                assert await ask(batcher, *numbered(100, 9, "f")) == [name for name, _ in numbered(100, 9, "f")]
                assert gauge.waiting[-1] == 0

        play(story())
