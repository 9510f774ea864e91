"""Several workers on one socket: started, watched, told to reload and to end. This process itself holds no model."""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from fazhi.model.errors import FazhiError
from fazhi.serve import logs
from fazhi.serve.config import ServeConfig

log = logging.getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MARGIN = 15.0  # seconds beyond drain_seconds after which a worker is killed
STEADY = 60.0  # seconds that a worker must live for its end to count as the first one
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a worker is started that soon ended again and again

Target = Callable[[ServeConfig, socket.socket, Connection, Path], None]


class WorkersError(FazhiError):
    """Workers that could not begin."""


def work(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    """Be a worker: tell the parent None when ready, or a reason why that cannot be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing is in hand before the server listens to signals
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    logs.configure(config.log_level)
    try:
        from fazhi.serve.server import Server, build_service

        parent = multiprocessing.parent_process()
        assert parent
        Server(build_service(config, directory), lambda: told.send(None), parent.sentinel).run([listener])
    except FazhiError as error:
        told.send(str(error))
        raise SystemExit(2) from error
    except Exception as error:
        log.exception("worker failed")
        told.send(f"a worker failed with {type(error).__name__}, the log above says where")
        raise SystemExit(1) from error


def supervise(config: ServeConfig, listener: socket.socket) -> int:
    """Serve from several processes until a signal; gives the exit code, raises WorkersError if they cannot begin."""
    with TemporaryDirectory(prefix="fazhi-metrics-") as directory:
        os.environ[VARIABLE] = directory  # for the workers, which inherit it
        return Pool(config, listener, Path(directory)).run()


@dataclass(slots=True, eq=False)
class Worker:
    """One process, and what it told."""

    process: SpawnProcess
    news: Connection
    begun: float = field(default_factory=time.monotonic)
    ready: bool = False
    reason: str = ""

    def hear(self) -> None:
        """Read what it told."""
        try:
            while self.news.poll():
                said = self.news.recv()
                self.ready, self.reason = said is None, said or ""
        except (EOFError, OSError):
            self.news.close()

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.process.pid
        os.kill(self.process.pid, number)


@dataclass(slots=True, eq=False)
class Place:
    """A worker's place; while it is empty, when it will be filled again."""

    worker: Worker | None = None
    ends: int = 0  # one soon after another
    due: float = 0.0

    def vacate(self) -> float:
        """Take out the worker that has ended, and give the seconds until another comes."""
        now = time.monotonic()
        if self.worker and now - self.worker.begun > STEADY:
            self.ends = 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.ends - 1)) if self.ends else 0.0
        self.worker, self.ends, self.due = None, min(self.ends + 1, 16), now + pause
        return pause


class Signals:
    """Signals that can be waited for beside other things."""

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take them from whoever had them."""
        before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        descriptor = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._reading.close()
            self._writing.close()

    def wait(self, others: Sequence[Connection | int], timeout: float | None) -> list[int]:
        """Wait for signals, or for something to happen to the others; gives the signals."""
        connection.wait([self._reading, *others], timeout)
        try:
            return list(self._reading.recv(64))
        except BlockingIOError:
            return []


class Pool:
    """The workers."""

    def __init__(self, config: ServeConfig, listener: socket.socket, directory: Path, target: Target = work) -> None:
        self._config, self._listener, self._directory, self._target = config, listener, directory, target
        self._places = [Place() for _ in range(config.workers)]
        self._begun = False  # whether all of them were ready once

    def run(self) -> int:
        """Keep them running until a signal; gives the exit code, raises WorkersError if they cannot begin."""
        signals = Signals()
        resource_tracker.ensure_running()  # it meddles with the signal mask when it is started
        with signals.heard():
            try:
                self._keep(signals)
            finally:
                clean = self._end(signals)
        return 0 if clean else 1

    def _keep(self, signals: Signals) -> None:
        while True:
            for place in self._places:
                self._look(place)
            if not self._begun and all(place.worker and place.worker.ready for place in self._places):
                self._begun = True
                host, port = self._listener.getsockname()[:2]
                facts = {"host": host, "port": port, "pid": os.getpid(), "workers": len(self._places)}
                log.info("listening", extra=facts)
            for number in signals.wait(self._events(), self._until_due()):
                if number != signal.SIGHUP:
                    return
                for worker in self._alive():
                    worker.send(number)

    def _look(self, place: Place) -> None:
        """Fill an empty place when that is due; empty one whose worker has ended."""
        worker = place.worker
        if not worker:
            if place.due <= time.monotonic():
                self._fill(place)
            return
        code = worker.process.exitcode
        if not worker.ready:
            worker.hear()
            if worker.ready:
                log.info("worker ready", extra={"worker": worker.process.pid})
        if code is not None:
            self._ended(place, worker, code)

    def _fill(self, place: Place) -> None:
        try:
            place.worker = self._start()
        except OSError:  # no process or memory left, for now
            if not self._begun:
                raise
            log.exception("worker cannot be started", extra={"pause": place.vacate()})

    def _ended(self, place: Place, worker: Worker, code: int) -> None:
        self._forget(worker)
        if not self._begun:
            raise WorkersError(worker.reason or f"a worker ended with exit code {code} before it was ready")
        pause = place.vacate()
        facts = {"worker": worker.process.pid, "exit_code": code, "reason": worker.reason, "pause": pause}
        log.error("worker ended", extra=facts)

    def _start(self) -> Worker:
        context = multiprocessing.get_context("spawn")
        news, told = context.Pipe(duplex=False)
        process = context.Process(target=self._target, args=(self._config, self._listener, told, self._directory))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # it inherits this, and loses none
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            told.close()
        return Worker(process, news)

    def _alive(self) -> list[Worker]:
        workers = [place.worker for place in self._places if place.worker]
        return [worker for worker in workers if worker.process.exitcode is None]

    def _events(self) -> list[Connection | int]:
        """What is to be looked at: the end of a worker, and what one tells that is not ready."""
        workers = [place.worker for place in self._places if place.worker]
        news = [worker.news for worker in workers if not worker.ready and not worker.news.closed]
        return [*news, *(worker.process.sentinel for worker in workers)]

    def _until_due(self) -> float | None:
        due = [place.due for place in self._places if not place.worker]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _end(self, signals: Signals) -> bool:
        """End all workers: at a second signal, or if they take too long, by force. Gives whether none was needed."""
        for worker in self._alive():
            worker.send(signal.SIGTERM)
        until = time.monotonic() + self._config.drain_seconds + MARGIN
        while (alive := self._alive()) and (left := until - time.monotonic()) > 0:
            numbers = signals.wait([worker.process.sentinel for worker in alive], left)
            if set(numbers) - {signal.SIGHUP}:
                break
        for worker in alive:
            worker.process.kill()
        for worker in alive:
            worker.process.join()
        return not alive

    def _forget(self, worker: Worker) -> None:
        from fazhi.serve.metrics import forget  # brings much along, so only when a worker has ended

        assert worker.process.pid
        forget(worker.process.pid, self._directory)
        worker.news.close()
