"""The served model: what its folder says, what a probe refuses, and how it is exchanged under way."""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fazhi.model.checkpoint import CONFIG, ONNX, CheckpointError, load_config, version, write_sums
from fazhi.model.decision import Decision
from fazhi.model.document import bare_sentence
from fazhi.model.encode import Batch, Encoder
from fazhi.model.engine import Engine
from fazhi.model.labels import TOPICS
from fazhi.model.predict import Predictor
from fazhi.serve.batcher import Limits
from fazhi.serve.errors import ShuttingDown
from fazhi.serve.models import METRICS, Models, ProbeError, describe, load, probe
from fazhi.serve.tagger import ModelInfo, Tagger, Timing

SENTENCE = bare_sentence("办理行政复议案件12件。")


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


class Deaf:
    """A gauge that keeps nothing."""

    def queued(self, tokens: int) -> None:
        pass

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        pass


class Watched(Tagger):
    """A tagger that knows whether it is closed."""

    closed = False

    async def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True
        await super().close()


class Maker:
    """Makes one tagger after another, each named by its number; fails, or waits for `free`, when told to."""

    def __init__(self, predictor: Predictor) -> None:
        self.made: list[Watched] = []
        self.free = threading.Event()
        self.free.set()
        self.error: Exception | None = None
        self.at_once = self.most_at_once = 0
        self._predictor = predictor

    def __call__(self) -> Tagger:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.free.wait(5)
        self.at_once -= 1
        if self.error:
            raise self.error
        info = ModelInfo("fazhi", str(len(self.made)))
        limits = Limits(batch_tokens=500, queue_tokens=10**6, deadline=60.0, lanes=1, rate=1e4)
        self.made.append(Watched(self._predictor, info, limits, Deaf()))
        return self.made[-1]

    @property
    def closed(self) -> list[bool]:
        return [tagger.closed for tagger in self.made]


@pytest.fixture
def maker(fake_predictor: Predictor) -> Maker:
    return Maker(fake_predictor)


async def works(tagger: Tagger) -> bool:
    encoded = await tagger.encode(lambda: [SENTENCE], ["一"], Timing())
    return await tagger.tag(encoded, Timing()) == tagger.predictor.predict([SENTENCE])


async def settled() -> None:
    """Let what was begun in the background end: old models are closed there."""
    while any(task.get_coro().__qualname__ == "Watched.close" for task in asyncio.all_tasks()):
        await asyncio.sleep(0.001)


class TestExchange:
    def test_there_is_none_before_the_first_is_loaded(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            assert not models.ready
            assert (await models.load()).version == "0"
            assert models.ready
            assert models.info.version == "0"
            with models.lease() as tagger:
                assert tagger is maker.made[0]
                assert await works(tagger)
            await models.close()
            assert maker.closed == [True]

        play(story())

    def test_a_lease_keeps_the_old_model_until_its_last_user_leaves(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            with models.lease() as old:
                with models.lease() as same:
                    assert same is old
                    await models.load()
                    assert models.info.version == "1"
                    with models.lease() as fresh:
                        assert fresh is maker.made[1]
                        assert await works(fresh)
                    assert await works(old)
                await settled()
                assert maker.closed == [False, False]
                assert await works(old)
            await settled()
            assert maker.closed == [True, False]
            await models.close()
            assert maker.closed == [True, True]

        play(story())

    def test_a_request_under_way_is_answered_by_the_model_that_it_began_with(self, maker: Maker) -> None:
        async def request(models: Models) -> str:
            with models.lease() as tagger:
                encoded = await tagger.encode(lambda: [SENTENCE] * 50, ["一"], Timing())
                async for _ in tagger.stream(encoded, Timing()):
                    await asyncio.sleep(0)
                return tagger.info.version

        async def story() -> None:
            models = Models(maker)
            await models.load()
            early = [asyncio.create_task(request(models)) for _ in range(5)]
            await asyncio.sleep(0)
            await models.load()
            late = [asyncio.create_task(request(models)) for _ in range(5)]
            assert await asyncio.gather(*early, *late) == ["0"] * 5 + ["1"] * 5
            await settled()
            assert maker.closed == [True, False]
            await models.close()

        play(story())

    def test_an_old_model_without_users_is_closed_at_once(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            for _ in range(3):
                await models.load()
            await settled()
            assert maker.closed == [True, True, False]
            await models.close()

        play(story())

    def test_a_failing_request_gives_its_lease_back(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            with suppress(ValueError), models.lease():
                await models.load()
                raise ValueError
            await settled()
            assert maker.closed == [True, False]
            await models.close()

        play(story())

    def test_a_failed_load_is_raised_and_the_old_model_goes_on(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            maker.error = CheckpointError("damaged")
            with pytest.raises(CheckpointError, match="damaged"):
                await models.load()
            assert models.ready
            assert models.info.version == "0"
            with models.lease() as tagger:
                assert await works(tagger)
            maker.error = None
            assert (await models.load()).version == "1"
            await models.close()

        play(story())

    def test_a_first_load_that_fails_leaves_none(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            maker.error = ProbeError("nonsense")
            with pytest.raises(ProbeError):
                await models.load()
            assert not models.ready
            await models.close()

        play(story())

    def test_loads_at_once_happen_one_after_another(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            infos = await asyncio.gather(*(models.load() for _ in range(4)))
            assert maker.most_at_once == 1
            assert [info.version for info in infos] == ["0", "1", "2", "3"]
            assert models.info.version == "3"
            await settled()
            assert maker.closed == [True, True, True, False]
            await models.close()

        play(story())

    def test_requests_are_answered_while_another_model_loads(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            maker.free.clear()
            loading = asyncio.create_task(models.load())
            await asyncio.sleep(0.01)
            with models.lease() as tagger:
                assert await works(tagger)
            assert not loading.done()
            maker.free.set()
            assert (await loading).version == "1"
            await models.close()

        play(story())


class TestClose:
    def test_whoever_waits_is_told_on_the_model_before_too(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            with models.lease() as old:
                await models.load()
                with models.lease() as fresh:
                    await models.close()
                    for tagger in (old, fresh):
                        with pytest.raises(ShuttingDown):
                            await works(tagger)
            await settled()
            assert maker.closed == [True, True]

        play(story())

    def test_it_waits_for_a_load_under_way_and_nothing_is_loaded_after_it(self, maker: Maker) -> None:
        async def story() -> None:
            models = Models(maker)
            await models.load()
            maker.free.clear()
            loading = asyncio.create_task(models.load())
            await asyncio.sleep(0.01)
            closing = asyncio.create_task(models.close())
            late = asyncio.create_task(models.load())
            await asyncio.sleep(0.01)
            assert not closing.done()
            maker.free.set()
            await asyncio.gather(loading, closing)
            with pytest.raises(ShuttingDown):
                await late
            assert maker.closed == [True, True]

        play(story())

    def test_where_nothing_was_loaded_there_is_nothing_to_do(self, maker: Maker) -> None:
        async def story() -> None:
            await Models(maker).close()

        play(story())


class Twisted:
    """The fake engine's answers, changed."""

    def __init__(self, engine: Engine, twist: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self._engine, self._twist = engine, twist

    def run(self, batch: Batch) -> Any:
        return self._twist(*self._engine.run(batch))


class TestProbe:
    def test_it_gives_a_speed(self, fake_predictor: Predictor) -> None:
        assert probe(fake_predictor) > 0

    @pytest.mark.parametrize(
        "twist",
        [
            lambda roles, topics: (roles * np.nan, topics),
            lambda roles, topics: (roles, np.where(topics == topics.max(), np.inf, topics)),
        ],
    )
    def test_it_refuses_answers_that_are_not_finite(
        self, fake_predictor: Predictor, fake_engine: Engine, twist: Callable[[Any, Any], tuple[Any, Any]]
    ) -> None:
        fake_predictor.engine = Twisted(fake_engine, twist)
        with pytest.raises(ProbeError, match="not finite"):
            probe(fake_predictor)

    @pytest.mark.parametrize(
        "twist",
        [
            lambda roles, topics: (roles[..., :3], topics),
            lambda roles, topics: (roles, np.concatenate([topics, topics], axis=-1)),
            lambda roles, topics: (roles[:, :-1], topics),
            lambda roles, topics: (roles, topics[:, :-1]),
        ],
        ids=["three roles", "eight topics", "a unit's role missing", "a unit's topics missing"],
    )
    def test_it_refuses_answers_of_another_shape(
        self, fake_predictor: Predictor, fake_engine: Engine, twist: Callable[[Any, Any], tuple[Any, Any]]
    ) -> None:
        fake_predictor.engine = Twisted(fake_engine, twist)
        with pytest.raises(ProbeError, match=r"shapes .* expected"):
            probe(fake_predictor)

    def test_it_probes_every_unit_whatever_the_windows(
        self, make_encoder: Callable[..., Encoder], fake_engine: Engine
    ) -> None:
        encoder = make_encoder(window=64, unit=24, title=8, opening=8, heading=8, path=8, margin=1)
        assert probe(Predictor(encoder, fake_engine, Decision())) > 0


class TestFolder:
    def test_a_trained_model_loads_answers_the_probe_and_says_what_it_is(self, tiny_model: Path) -> None:
        predictor, info = load(tiny_model)
        assert probe(predictor) > 0
        assert info == describe(tiny_model)

    def test_it_tells_data_metrics_and_thresholds(self, tiny_model: Path) -> None:
        info, config = describe(tiny_model), load_config(tiny_model)
        assert info.name == "fazhi"
        assert info.version == version(tiny_model)
        data = info.facts["data"]
        assert isinstance(data, dict)
        assert {"train", "dev"} <= set(data)
        assert all(isinstance(fingerprint, str) and len(fingerprint) >= 12 for fingerprint in data.values())
        assert info.facts["thresholds"] == {
            str(topic): threshold for topic, threshold in zip(TOPICS, config.decision.thresholds, strict=True)
        }
        metrics = json.loads((tiny_model / METRICS).read_text(encoding="utf-8"))
        assert info.facts["metrics"] == metrics[config.precision]
        assert "role_macro_f1" in metrics[config.precision]
        assert info.facts["precision"] == config.precision == "int8"
        assert info.facts["abstain_below"] == config.decision.abstain_below
        assert set(info.facts["versions"]) >= {"fazhi", "onnxruntime"}  # type: ignore[call-overload]

    def test_its_facts_are_json(self, tiny_model: Path) -> None:
        facts = describe(tiny_model).facts
        assert json.loads(json.dumps(facts, ensure_ascii=False, allow_nan=False)) == facts

    def test_a_folder_without_metrics_is_described_all_the_same(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "model")
        (folder / METRICS).unlink()
        write_sums(folder)
        _, info = load(folder)
        assert info.facts["metrics"] == {}
        assert info.version != version(tiny_model)

    @pytest.mark.parametrize("name", [CONFIG, METRICS, ONNX["int8"]])
    def test_a_damaged_or_missing_file_is_refused(self, tiny_model: Path, tmp_path: Path, name: str) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "model")
        with (folder / name).open("ab") as file:
            file.write(b" ")
        with pytest.raises(CheckpointError, match=name):
            load(folder)
        (folder / name).unlink()
        with pytest.raises(CheckpointError, match=name):
            load(folder)
