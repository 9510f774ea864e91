"""The real service over a fake model, on a port of its own: for the page, and for the clients that others wrote."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

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

SECONDS = 20  # to start, and to stop
VERSION = "0123456789ab"


def service_over(predictor: Predictor, **settings: object) -> Service:
    """The service with everything it has, as its settings ask."""
    config, metrics = ServeConfig(**settings), Metrics()
    limits = Limits(config.batch_tokens, config.queue_tokens, config.deadline_seconds, lanes=1, rate=10_000.0)
    models = Models(lambda: Tagger(predictor, ModelInfo("fazhi", VERSION), limits, metrics))
    keys = Keys(config.keys) if config.keys else None
    kept = Shelf.open(config.database) if config.database else None
    return Service(config, models, metrics, keys, Readers(config.readers, limits_of(config)), kept)


@contextmanager
def served(service: Service) -> Iterator[str]:
    """Serve in a thread and give the address of the page, http://host:port/."""
    server = uvicorn.Server(uvicorn.Config(create_app(service), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        last = time.monotonic() + SECONDS
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < last
            time.sleep(0.01)
        yield "http://{}:{}/".format(*server.servers[0].sockets[0].getsockname())
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()
