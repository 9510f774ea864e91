"""One process of the service: its parts, its server, and what signals make it do."""

import asyncio
import logging
import math
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from fazhi.model.engine import cores
from fazhi.serve import models
from fazhi.serve.app import create_app
from fazhi.serve.batcher import Gauge, Limits
from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import ReloadFailed
from fazhi.serve.keys import Keys
from fazhi.serve.listen import ListenError
from fazhi.serve.memory import share_arenas
from fazhi.serve.metrics import Metrics
from fazhi.serve.operations import reload
from fazhi.serve.protocol import Connections, Protocol
from fazhi.serve.reading import Readers, limits_of
from fazhi.serve.service import Service
from fazhi.serve.shelf import Shelf
from fazhi.serve.tagger import Tagger

log = logging.getLogger(__name__)

GRACE = 5  # seconds that connections are given to end after the last answer
KEEP_ALIVE = 75  # seconds that a connection may be idle


def lanes_of(config: ServeConfig) -> int:
    """Batches that one worker runs at once."""
    if config.threads:
        return config.threads
    return max(1, cores() // config.workers)


def load_tagger(config: ServeConfig, gauge: Gauge) -> Tagger:
    """The model of the folder, probed; raises CheckpointError."""
    predictor, info = models.load(config.model)
    lanes = lanes_of(config)
    rate = models.probe(predictor) * lanes
    limits = Limits(config.batch_tokens, config.queue_tokens, config.deadline_seconds, lanes, rate)
    return Tagger(predictor, info, limits, gauge)


def build_service(config: ServeConfig, directory: Path | None = None) -> Service:
    """All parts, the model loaded; `directory` is where several workers add up their metrics. Raises FazhiError."""
    share_arenas()
    metrics = Metrics(directory)
    keys = Keys(config.keys) if config.keys else None
    make = partial(load_tagger, config, metrics)
    with ThreadPoolExecutor(1) as aside:
        opening = aside.submit(Shelf.open, config.database) if config.database else None  # while the model is loaded
        prepared = [make()]  # already here, where its failure is one clear line
        kept = opening.result() if opening else None
    readers = Readers(config.readers, limits_of(config))
    return Service(config, models.Models(lambda: prepared.pop() if prepared else make()), metrics, keys, readers, kept)


class Server(uvicorn.Server):
    """uvicorn with an end of its own: it drains, and its exit code is then 0.

    `started` is called when requests are taken. A worker has its `parent`, a file that can be read when that has died,
    and leaves it to the parent to lose patience.
    """

    def __init__(self, service: Service, started: Callable[[], None], parent: int | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(service),
                loop="uvloop",
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                workers=1,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self.server_state = Connections(service)
        self._service = service
        self._started = started
        self._parent = parent
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloads: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen; raises ListenError."""
        try:
            for listener in sockets or ():
                listener.listen(self.config.backlog)  # uvloop would not tell that another has taken the port meanwhile
        except OSError as error:
            raise ListenError(self._service.config.host, self._service.config.port, error) from error
        await super().startup(sockets)
        self._started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to signals while the server runs."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        if self._parent is None:
            loop.add_signal_handler(signal.SIGINT, self.end)
        else:
            loop.add_reader(self._parent, self._orphaned)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        yield

    def end(self) -> None:
        """Take no new requests, answer those in hand, exit. Called again it ends at once, except in a worker."""
        lifecycle = self._service.lifecycle
        if lifecycle.draining:
            return
        lifecycle.draining = True
        self._leave(signal.SIGHUP, signal.SIG_IGN)
        if self._parent is None:
            self._leave(signal.SIGTERM, signal.SIG_DFL)
            self._leave(signal.SIGINT, signal.SIG_DFL)
        # A model that never returns holds up its thread and with it the exit; this ends the process whatever happens.
        signal.alarm(math.ceil(self._service.config.drain_seconds) + 2 * GRACE)
        self._do(self._drain(), self._tasks)

    def reload(self) -> None:
        """Load the model folder anew; what goes wrong is logged."""
        if len(self._reloads) < 2:  # the one that waits comes after whatever has changed up to now
            self._do(self._reload(), self._reloads)

    def _leave(self, number: int, handler: signal.Handlers) -> None:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, handler)

    def _orphaned(self) -> None:
        assert self._parent is not None
        asyncio.get_running_loop().remove_reader(self._parent)
        log.error("the parent process is gone")
        self.end()

    async def _drain(self) -> None:
        lifecycle = self._service.lifecycle
        log.info("draining", extra={"arriving": lifecycle.arriving, "working": lifecycle.working})
        for connection in self._connections():
            connection.last_answer()
        if not await lifecycle.drain(self._service.config.drain_seconds):
            log.warning("not drained", extra={"arriving": lifecycle.arriving, "working": lifecycle.working})
            for connection in self._connections():
                connection.give_up()
            await self._service.readers.close()  # this and the next answer whoever still waits
            await self._service.models.close()
        self.should_exit = True

    def _connections(self) -> list[Protocol]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Protocol)]

    async def _reload(self) -> None:
        with suppress(ReloadFailed):
            await reload(self._service)

    def _do(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def serve(config: ServeConfig, listener: socket.socket) -> None:
    """Serve from this process until a signal ends it; raises FazhiError if it cannot begin."""
    host, port = listener.getsockname()[:2]
    facts = {"host": host, "port": port, "pid": os.getpid(), "workers": 1}
    Server(build_service(config), lambda: log.info("listening", extra=facts)).run([listener])
