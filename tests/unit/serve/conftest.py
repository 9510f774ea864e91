"""The service in this process: a fake engine behind the real routes, called without a network."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest

from fazhi.model.predict import Predictor
from fazhi.serve.app import create_app
from fazhi.serve.batcher import Limits
from fazhi.serve.config import ServeConfig
from fazhi.serve.keys import Keys
from fazhi.serve.metrics import Metrics
from fazhi.serve.models import Models
from fazhi.serve.reading import Readers, limits_of
from fazhi.serve.service import Service
from fazhi.serve.shelf import Shelf
from fazhi.serve.tagger import ModelInfo, Tagger

VERSION = "0123456789ab"
FACTS = {"data": {"train": "d6ed001ac5bd1ddc"}, "metrics": {"role_accuracy": 0.97}}


@pytest.fixture
def make_service(fake_predictor: Predictor) -> Callable[..., Service]:
    """Build a service over the fake predictor, with the settings asked for; its model is loaded by `running`.

    It keeps nothing unless it is given a `database`.
    """

    def make(**settings: object) -> Service:
        config = ServeConfig(**{"database": "", **settings})
        metrics = Metrics()
        limits = Limits(config.batch_tokens, config.queue_tokens, config.deadline_seconds, lanes=1, rate=10_000.0)
        info = ModelInfo("fazhi", VERSION, FACTS)
        models = Models(lambda: Tagger(fake_predictor, info, limits, metrics))
        kept = Shelf.open(config.database) if config.database else None
        readers = Readers(config.readers, limits_of(config))
        return Service(config, models, metrics, Keys(config.keys) if config.keys else None, readers, kept)

    return make


Running = Callable[[Service], AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def running() -> Running:
    """Give a context in which a service's model is loaded, and a client of it."""
    return _running


@asynccontextmanager
async def _running(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    await service.models.load()
    transport = httpx2.ASGITransport(create_app(service), raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
    finally:
        await service.close()
