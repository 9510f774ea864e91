"""The tagger: the same predictions as the Predictor's, in order and as they come; who fails, leaves or is told to."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fazhi.model.checkpoint import load_predictor
from fazhi.model.decision import Decision
from fazhi.model.document import Document, bare_sentence, read_document
from fazhi.model.encode import Batch, Encoder
from fazhi.model.engine import Engine
from fazhi.model.predict import Predictor
from fazhi.serve.batcher import Limits
from fazhi.serve.errors import InferenceFailed, Overloaded, ShuttingDown
from fazhi.serve.tagger import INLINE, Encoded, ModelInfo, Tagger, Timing

MakeEncoder = Callable[..., Encoder]
LINES = [
    "一、主要工作及成效",
    "开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件，审结11件。",
    "（一）规范行政执法。",
    "推进一件事集成办理，上线政务服务事项35项。",
    "二、存在的问题",
    "部分乡镇执法人员力量不足。",
]
LONG = "开展执法案卷评查。\n" * 60


def report(seed: int, lines: int = 30) -> Document:
    return read_document("\n".join(random.Random(seed).choices(LINES, k=lines)))


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


class HeldEngine:
    """Another engine, each of whose batches needs a permit while it is held."""

    lanes = 1

    def __init__(self, engine: Engine) -> None:
        self.begun = 0
        self._engine = engine
        self._permits = threading.Semaphore(0)

    def run(self, batch: Batch) -> Any:
        self.begun += 1
        assert self._permits.acquire(timeout=10)
        return self._engine.run(batch)

    def release(self, batches: int = 1_000) -> None:
        self._permits.release(batches)

    async def wait(self, batches: int) -> None:
        """Wait until so many batches have begun."""
        while self.begun < batches:
            await asyncio.sleep(0.0005)


class Heard:
    """A gauge that keeps how much waits."""

    waiting = 0

    def queued(self, tokens: int) -> None:
        self.waiting = tokens

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        pass


@pytest.fixture
def gauge() -> Heard:
    return Heard()


@pytest.fixture
def predictor(make_encoder: MakeEncoder, fake_engine: Engine) -> Predictor:
    """Windows so small that documents need several."""
    encoder = make_encoder(window=128, unit=40, title=8, opening=10, heading=8, path=16, margin=1)
    return Predictor(encoder, fake_engine, Decision(abstain_below=0.6))


@pytest.fixture
def held(predictor: Predictor) -> HeldEngine:
    """The predictor's engine from now on."""
    predictor.engine = HeldEngine(predictor.engine)
    return predictor.engine


@asynccontextmanager
async def tagging(predictor: Predictor, gauge: Heard | None = None, **limits: Any) -> AsyncIterator[Tagger]:
    """A tagger at work, one window a batch and one batch at a time unless told otherwise."""
    wide = {"batch_tokens": 1, "queue_tokens": 10**9, "deadline": 1e6, "lanes": 1, "rate": 1e6}
    tagger = Tagger(predictor, ModelInfo("fazhi", "0"), Limits(**(wide | limits)), gauge or Heard())
    tagger.start()
    try:
        yield tagger
    finally:
        if isinstance(predictor.engine, HeldEngine):
            predictor.engine.release()
        await tagger.close()


async def encode(tagger: Tagger, *documents: Document) -> Encoded:
    return await tagger.encode(lambda: documents, [], Timing())


async def tag(tagger: Tagger, *documents: Document) -> Any:
    return await tagger.tag(await encode(tagger, *documents), Timing())


class TestPredictions:
    @pytest.mark.parametrize("lanes", [1, 3])
    @pytest.mark.parametrize("budget", [1, 300, 100_000])
    def test_they_are_the_predictors(self, predictor: Predictor, budget: int, lanes: int) -> None:
        documents = [report(seed, lines) for seed, lines in enumerate((30, 1, 0, 12))]

        async def story() -> None:
            async with tagging(predictor, batch_tokens=budget, lanes=lanes) as tagger:
                assert await tag(tagger, *documents) == predictor.predict(documents)

        play(story())

    def test_requests_at_once_share_batches_and_get_their_own(self, predictor: Predictor, held: HeldEngine) -> None:
        documents = [bare_sentence(LINES[1]), bare_sentence(LINES[1], ["二、存在的问题"]), bare_sentence(LINES[3])] * 3

        async def story() -> None:
            async with tagging(predictor, batch_tokens=1_000) as tagger:
                tasks = [asyncio.create_task(tag(tagger, document)) for document in documents]
                await held.wait(1)
                held.release()
                tagged = await asyncio.gather(*tasks)
            assert held.begun < len(documents)
            assert [predictions for (predictions,) in tagged] == predictor.predict(documents)

        play(story())

    def test_raw_scores_are_the_predictors(self, predictor: Predictor) -> None:
        documents = [report(1), Document((), report(1).outline), report(2, 3)]

        async def story() -> None:
            async with tagging(predictor) as tagger:
                scored = await tagger.score(await encode(tagger, *documents), Timing())
            for found, expected in zip(scored, predictor.logits(documents), strict=True):
                assert np.array_equal(found.roles, expected.roles)
                assert np.array_equal(found.topics, expected.topics)

        play(story())

    def test_a_real_models_scores_are_the_predictors(self, tiny_model: Path) -> None:
        predictor = load_predictor(tiny_model)
        documents = [report(seed) for seed in range(3)]

        async def story() -> None:
            async with tagging(predictor, batch_tokens=2_000, lanes=2) as tagger:
                scored = await tagger.score(await encode(tagger, *documents), Timing())
            for found, expected in zip(scored, predictor.logits(documents), strict=True):
                np.testing.assert_allclose(found.roles, expected.roles, atol=1e-4)
                np.testing.assert_allclose(found.topics, expected.topics, atol=1e-4)

        play(story())

    def test_no_documents_and_documents_without_units_need_no_model(self, predictor: Predictor, gauge: Heard) -> None:
        async def story() -> None:
            async with tagging(predictor, gauge) as tagger:
                assert await tag(tagger) == []
                assert await tag(tagger, read_document(""), read_document(" \n")) == [[], []]
                assert gauge.waiting == 0

        play(story())


class TestStream:
    def test_tags_come_in_the_order_of_documents_and_units(self, predictor: Predictor) -> None:
        documents = [report(1), report(2, 0), report(3, 5)]

        async def story() -> None:
            async with tagging(predictor, batch_tokens=400, lanes=3) as tagger:
                encoded = await encode(tagger, *documents)
                tags = [tags async for tags in tagger.stream(encoded, Timing())]
            units = [(part.document, unit) for part in tags for unit in range(part.first, part.last)]
            assert units == [
                (home, unit) for home, document in enumerate(documents) for unit in range(len(document.units))
            ]
            expected = [prediction for predictions in predictor.predict(documents) for prediction in predictions]
            assert [prediction for part in tags for prediction in part.predictions] == expected
            assert all(list(part.predictions) == predictor.decide(part.logits) for part in tags)

        play(story())

    def test_each_comes_as_soon_as_it_is_there(self, predictor: Predictor, held: HeldEngine) -> None:
        async def story() -> None:
            async with tagging(predictor) as tagger:
                stream = tagger.stream(await encode(tagger, report(1)), Timing())
                held.release(1)
                first = await anext(stream)
                assert (first.document, first.first) == (0, 0)
                assert held.begun <= 2
                held.release(1)
                second = await anext(stream)
                assert second.first == first.last
                assert held.begun <= 3
                await stream.aclose()

        play(story())

    def test_leaving_early_drops_the_rest(self, predictor: Predictor, held: HeldEngine, gauge: Heard) -> None:
        async def story() -> None:
            async with tagging(predictor, gauge) as tagger:
                encoded = await encode(tagger, report(1))
                assert len(encoded.windows[0]) > 3
                async with aclosing(tagger.stream(encoded, Timing())) as stream:
                    held.release(1)
                    await anext(stream)
                    await held.wait(2)
                    assert gauge.waiting > 0
                assert gauge.waiting == 0
                held.release()
                await tag(tagger, bare_sentence("完"))
                assert held.begun == 3  # the one that was read, the one under way, and the next request's

        play(story())

    def test_a_cancelled_request_drops_the_rest(self, predictor: Predictor, held: HeldEngine, gauge: Heard) -> None:
        async def story() -> None:
            async with tagging(predictor, gauge) as tagger:
                task = asyncio.create_task(tag(tagger, report(1)))
                await held.wait(1)
                assert gauge.waiting > 0
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled()
                assert gauge.waiting == 0

        play(story())

    def test_a_refusal_comes_before_the_first(self, predictor: Predictor, held: HeldEngine) -> None:
        async def story() -> None:
            async with tagging(predictor, queue_tokens=1) as tagger:
                tasks = [asyncio.create_task(tag(tagger, report(1)))]
                await held.wait(1)
                encoded = await encode(tagger, report(2))
                async with aclosing(tagger.stream(encoded, Timing())) as stream:
                    with pytest.raises(Overloaded):
                        await anext(stream)
                held.release()
                await asyncio.gather(*tasks)

        play(story())


class TestTiming:
    def test_every_part_is_filled(self, predictor: Predictor, held: HeldEngine) -> None:
        async def story() -> None:
            async with tagging(predictor) as tagger:
                other = asyncio.create_task(tag(tagger, bare_sentence("先")))
                await held.wait(1)
                timing = Timing()
                encoded = await tagger.encode(lambda: [bare_sentence("后")], ["一" * 1], timing)
                assert timing.encode > 0
                assert (timing.queue, timing.model) == (0, 0)
                task = asyncio.create_task(tagger.tag(encoded, timing))
                await asyncio.sleep(0.02)
                held.release(1)
                await held.wait(2)
                await asyncio.sleep(0.03)
                held.release(1)
                await asyncio.gather(task, other)
                assert 0.02 <= timing.queue < 1
                assert 0.03 <= timing.model < 1

        play(story())

    def test_it_grows_with_each_part_of_a_stream(self, predictor: Predictor) -> None:
        async def story() -> None:
            async with tagging(predictor) as tagger:
                timing, seen = Timing(), []
                async for _ in tagger.stream(await encode(tagger, report(1)), timing):
                    seen.append(timing.model)
                assert seen == sorted(seen)
                assert seen[0] > 0

        play(story())


class TestEncoding:
    @pytest.mark.parametrize("characters", [1, INLINE + 1])
    def test_a_document_that_cannot_be_read_fails_alone_and_before_the_queue(
        self, predictor: Predictor, held: HeldEngine, characters: int
    ) -> None:
        def read() -> Sequence[Document]:
            raise ValueError("unreadable")

        async def story() -> None:
            async with tagging(predictor) as tagger:
                task = asyncio.create_task(tag(tagger, bare_sentence("先")))
                await held.wait(1)
                with pytest.raises(ValueError, match="unreadable"):
                    await tagger.encode(read, ["一" * characters], Timing())
                held.release()
                assert await task == predictor.predict([bare_sentence("先")])
                encoded = await tagger.encode(lambda: [report(1)], ["一" * characters], Timing())
                assert await tagger.tag(encoded, Timing()) == predictor.predict([report(1)])

        play(story())

    def test_a_long_text_is_encoded_in_a_thread_while_the_loop_stays_free(self, predictor: Predictor) -> None:
        free, threads = threading.Event(), list[threading.Thread]()

        def read() -> Sequence[Document]:
            threads.append(threading.current_thread())
            assert free.wait(5)
            return [read_document(LONG)]

        async def story() -> None:
            async with tagging(predictor) as tagger:
                asyncio.get_running_loop().call_later(0.01, free.set)
                encoded = await tagger.encode(read, ["一" * (INLINE + 1)], Timing())
                assert threads[0] is not threading.current_thread()
                assert await tagger.tag(encoded, Timing()) == predictor.predict([read_document(LONG)])

        play(story())

    def test_a_short_text_does_not_wait_behind_a_long_one(self, predictor: Predictor) -> None:
        free = threading.Event()

        def read() -> Sequence[Document]:
            assert free.wait(5)
            return []

        async def story() -> None:
            async with tagging(predictor) as tagger:
                long = asyncio.create_task(tagger.encode(read, ["一" * (INLINE + 1)], Timing()))
                await asyncio.sleep(0.01)
                assert await tag(tagger, bare_sentence("短")) == predictor.predict([bare_sentence("短")])
                assert not long.done()
                free.set()
                await long

        play(story())


def test_a_failing_model_fails_the_request_and_no_other(predictor: Predictor) -> None:
    class Failing:
        def __init__(self, engine: Engine) -> None:
            self._engine = engine

        def run(self, batch: Batch) -> Any:
            if (batch.ids == predictor.encoder.tokenizer.token_to_id("宗")).any():
                raise RuntimeError("no such unit")
            return self._engine.run(batch)

    expected = predictor.predict([report(1, 1)])
    predictor.engine = Failing(predictor.engine)

    async def story() -> None:
        async with tagging(predictor, batch_tokens=1_000) as tagger:
            outcomes = await asyncio.gather(
                tag(tagger, report(1, 1)), tag(tagger, bare_sentence(LINES[1])), return_exceptions=True
            )
            assert outcomes[0] == expected
            assert isinstance(outcomes[1], InferenceFailed)

    play(story())


class TestClose:
    def test_the_waiting_are_told_and_nothing_is_taken_after_it(self, predictor: Predictor, held: HeldEngine) -> None:
        async def story() -> None:
            async with tagging(predictor) as tagger:
                encoded = await encode(tagger, report(1))
                task = asyncio.create_task(tagger.tag(encoded, Timing()))
                await held.wait(1)
                closing = asyncio.create_task(tagger.close())
                held.release()
                with pytest.raises(ShuttingDown):
                    await task
                await closing
                with pytest.raises(ShuttingDown):
                    await tagger.tag(encoded, Timing())
                for characters in (1, INLINE + 1):
                    with pytest.raises(ShuttingDown):
                        await tagger.encode(lambda: [report(1)], ["一" * characters], Timing())

        play(story())

    def test_the_loop_stays_free_while_a_text_is_still_being_encoded(self, predictor: Predictor) -> None:
        free = threading.Event()

        def read() -> Sequence[Document]:
            assert free.wait(5)
            return [report(1)]

        async def story() -> None:
            async with tagging(predictor) as tagger:
                encoding = asyncio.create_task(tagger.encode(read, ["一" * (INLINE + 1)], Timing()))
                await asyncio.sleep(0.01)
                closing = asyncio.create_task(tagger.close())
                await asyncio.sleep(0.01)
                assert not closing.done()
                free.set()
                await closing
                with pytest.raises(ShuttingDown):
                    await tagger.tag(await encoding, Timing())

        play(story())

    def test_it_leaves_no_thread_behind(self, predictor: Predictor) -> None:
        async def story() -> None:
            async with tagging(predictor, lanes=2) as tagger:
                await tagger.tag(await tagger.encode(lambda: [report(1)], ["一" * (INLINE + 1)], Timing()), Timing())
            names = [thread.name for thread in threading.enumerate()]
            assert not [name for name in names if name.startswith(("model", "encode"))]

        play(story())
