"""The parent of several workers, with workers that hold no model and do as they are told by a file's name."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.errors import FazhiError
from fazhi.serve import workers
from fazhi.serve.config import ServeConfig
from fazhi.serve.workers import LONGEST_PAUSE, STEADY, Place, Pool, Worker, WorkersError, supervise, work

PATIENCE = 20.0


def obedient(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    """Be ready, note SIGHUP, end at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, lambda *_: (directory / f"hangup-{os.getpid()}").touch())
    _wait(told, directory)


def stubborn(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    """Heed nothing."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    _wait(told, directory)


def _wait(told: Connection, directory: Path) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    (directory / f"pid-{os.getpid()}").touch()
    told.send(None)
    while True:
        time.sleep(0.02)


def refusing(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    told.send("there is no model")


def crashing(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    os._exit(7)


def failing_later(config: ServeConfig, listener: socket.socket, told: Connection, directory: Path) -> None:
    """Be ready if it is among the first two."""
    if len(list(directory.glob("pid-*"))) < 2:
        obedient(config, listener, told, directory)
    (directory / f"failed-{os.getpid()}").touch()
    told.send("the model is damaged")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def pool(listener: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., Pool]:
    caplog.set_level(logging.INFO, "fazhi.serve.workers")

    def make(target: Any, **settings: object) -> Pool:
        config = ServeConfig(**{"workers": 2, "drain_seconds": 5, **settings})
        return Pool(config, listener, tmp_path, target)

    return make


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Do something in a thread while the pool runs, and then send this process SIGTERM."""
    threads: list[threading.Thread] = []

    def begin(do: Callable[[], None]) -> None:
        def run() -> None:
            try:
                do()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


@pytest.fixture
def handlers() -> Iterator[None]:
    """Give signals back to whoever had them."""
    before = {number: signal.getsignal(number) for number in workers.SIGNALS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def until(happens: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def pids(folder: Path, what: str = "pid") -> set[int]:
    return {int(path.name.partition("-")[2]) for path in folder.glob(f"{what}-*")}


def said(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    return [record for record in list(caplog.records) if record.getMessage() == event]


def test_signals_are_passed_on_and_the_end_is_clean(
    pool: Any, meanwhile: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, listener: socket.socket
) -> None:
    def check() -> None:
        (line,) = until(lambda: said(caplog, "listening"))
        assert (line.port, line.pid, line.workers) == (listener.getsockname()[1], os.getpid(), 2)
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: pids(tmp_path, "hangup") == pids(tmp_path))

    before = signal.getsignal(signal.SIGTERM)
    meanwhile(check)
    assert pool(obedient).run() == 0
    assert signal.getsignal(signal.SIGTERM) == before
    assert len(pids(tmp_path)) == 2
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [(refusing, "there is no model"), (crashing, "a worker ended with exit code 7 before it was ready")],
)
def test_who_cannot_begin_ends_all(pool: Any, target: Any, reason: str) -> None:
    with pytest.raises(WorkersError, match=reason):
        pool(target).run()
    assert multiprocessing.active_children() == []


def test_who_ends_is_replaced(
    pool: Any, meanwhile: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr("fazhi.serve.metrics.forget", lambda pid, directory: forgotten.append(pid))

    def check() -> None:
        until(lambda: said(caplog, "listening"))
        first, second = pids(tmp_path)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(pids(tmp_path)) == 3)
        os.kill(second, signal.SIGTERM)  # an end without fault is one too
        until(lambda: len(said(caplog, "worker ready")) == 4)
        assert [(line.worker, line.exit_code) for line in said(caplog, "worker ended")] == [(first, -9), (second, 0)]
        assert forgotten == [first, second]

    meanwhile(check)
    assert pool(obedient).run() == 0
    assert len(said(caplog, "listening")) == 1


def test_who_ends_again_and_again_is_replaced_ever_more_slowly(
    pool: Any, meanwhile: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE", 0.01)

    def check() -> None:
        until(lambda: said(caplog, "listening"))
        os.kill(min(pids(tmp_path)), signal.SIGKILL)
        until(lambda: len(said(caplog, "worker ended")) >= 4)

    meanwhile(check)
    assert pool(failing_later).run() == 0
    lines = said(caplog, "worker ended")[:4]
    assert [line.pause for line in lines] == [0, 0.01, 0.02, 0.04]
    assert [line.reason for line in lines] == ["", *["the model is damaged"] * 3]


def test_who_does_not_end_is_killed(
    pool: Any, meanwhile: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MARGIN", 0.2)
    meanwhile(lambda: until(lambda: said(caplog, "listening")))
    assert pool(stubborn, drain_seconds=0.1).run() == 1
    assert multiprocessing.active_children() == []


def test_a_second_signal_ends_at_once(pool: Any, meanwhile: Any, caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        until(lambda: said(caplog, "listening"))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGHUP)  # is none
        time.sleep(0.1)

    meanwhile(check)
    begin = time.monotonic()
    assert pool(stubborn, drain_seconds=100).run() == 1
    assert time.monotonic() - begin < PATIENCE


def test_a_process_that_cannot_be_started_is_tried_again(
    pool: Any, meanwhile: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE", 0.01)
    one = pool(obedient)
    start = one._start

    def fail() -> Worker:
        monkeypatch.setattr(one, "_start", start)
        raise BlockingIOError("no more processes")

    def check() -> None:
        until(lambda: said(caplog, "listening"))
        monkeypatch.setattr(one, "_start", fail)
        os.kill(min(pids(tmp_path)), signal.SIGKILL)
        until(lambda: len(said(caplog, "worker ready")) == 3)

    meanwhile(check)
    assert one.run() == 0
    assert len(said(caplog, "worker cannot be started")) == 1


def test_pauses_grow_and_a_long_life_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("fazhi.serve.workers.time.monotonic", lambda: now[0])
    place = Place()
    assert [place.vacate() for _ in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert place.due == now[0] + LONGEST_PAUSE
    place.worker = Worker(None, None, begun=now[0])  # type: ignore[arg-type]
    now[0] += STEADY - 1
    assert place.vacate() == LONGEST_PAUSE
    place.worker = Worker(None, None, begun=now[0])  # type: ignore[arg-type]
    now[0] += STEADY + 1
    assert place.vacate() == 0
    assert [place.vacate() for _ in range(1000)][-1] == LONGEST_PAUSE


def test_the_metrics_folder_is_there_while_they_run(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def run(self: Pool) -> int:
        seen.append(self._directory)
        assert os.environ[workers.VARIABLE] == str(self._directory)
        assert list(self._directory.iterdir()) == []
        return 5

    monkeypatch.setattr(Pool, "run", run)
    monkeypatch.setenv(workers.VARIABLE, "/somewhere/else")
    assert supervise(ServeConfig(workers=2), listener) == 5
    assert not seen[0].exists()


def test_the_variable_is_the_one_that_the_metrics_look_for() -> None:
    from fazhi.serve import metrics  # not above: the workers of these tests import this file

    assert workers.VARIABLE == metrics.VARIABLE


@pytest.mark.usefixtures("handlers")
class TestWork:
    @pytest.mark.parametrize(
        ("error", "code", "told"),
        [
            (FazhiError("the model is damaged"), 2, "the model is damaged"),
            (ValueError("机密"), 1, "a worker failed with ValueError, the log above says where"),
        ],
        ids=["a user's", "ours"],
    )
    def test_a_reason_is_told(
        self,
        listener: socket.socket,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        code: int,
        told: str,
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr("fazhi.serve.server.build_service", fail)
        monkeypatch.setattr("fazhi.serve.logs.configure", lambda level: None)
        monkeypatch.setattr(multiprocessing, "parent_process", multiprocessing.current_process)
        news, telling = multiprocessing.Pipe(duplex=False)
        with news, telling:
            with pytest.raises(SystemExit) as end:
                work(ServeConfig(workers=2), listener, telling, tmp_path)
            assert (end.value.code, news.recv()) == (code, told)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    def test_it_says_when_it_is_ready(
        self, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Quick:
            def __init__(self, service: str, started: Callable[[], None], parent: int) -> None:
                assert (service, parent) == ("service", 77)
                started()

            def run(self, sockets: list[socket.socket]) -> None:
                assert sockets == [listener]

        monkeypatch.setattr("fazhi.serve.server.build_service", lambda config, directory: "service")
        monkeypatch.setattr("fazhi.serve.server.Server", Quick)
        monkeypatch.setattr("fazhi.serve.logs.configure", lambda level: None)
        monkeypatch.setattr(multiprocessing, "parent_process", lambda: type("Parent", (), {"sentinel": 77}))
        news, telling = multiprocessing.Pipe(duplex=False)
        with news, telling:
            work(ServeConfig(workers=2), listener, telling, tmp_path)
            assert news.recv() is None
