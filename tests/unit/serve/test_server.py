"""The server in this process: how it ends, what signals make it do, and what it is built of."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.checkpoint import CheckpointError
from fazhi.model.predict import Predictor
from fazhi.serve import server
from fazhi.serve.__main__ import main
from fazhi.serve.config import ServeConfig
from fazhi.serve.keys import KeysError
from fazhi.serve.listen import ListenError, bind
from fazhi.serve.metrics import Metrics
from fazhi.serve.server import Server, build_service, lanes_of, load_tagger, serve
from fazhi.serve.service import Lifecycle
from fazhi.serve.tagger import ModelInfo

SENTENCES = {"sentences": ["组织会前学法4次。"]}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give signals back to whoever had them, and end no process."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0) as bound:
        yield bound


@pytest.fixture
def during(listener: socket.socket) -> Callable[..., None]:
    """Run a server in this thread, and meanwhile, in another, what is to be done with it; that ends it."""

    def run(service: Any, do: Callable[[Server], None], parent: int | None = None) -> None:
        failures: list[BaseException] = []

        def client() -> None:
            try:
                do(one)
            except BaseException as error:
                failures.append(error)
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=client)
        one = Server(service, thread.start, parent)
        one.run([listener])
        thread.join()
        if failures:
            raise failures[0]

    return run


@pytest.fixture
def free(fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let the engine wait until this is set."""
    event, run = threading.Event(), fake_engine.run

    def wait(batch: Any) -> Any:
        assert event.wait(10)
        return run(batch)

    monkeypatch.setattr(fake_engine, "run", wait)
    return event


@pytest.fixture
def ask(listener: socket.socket) -> Callable[..., tuple[int, Any, str | None]]:
    port = listener.getsockname()[1]

    def ask(method: str, path: str, content: object = None) -> tuple[int, Any, str | None]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        body = None if content is None else json.dumps(content).encode()
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read()), answer.headers["Connection"]
        connection.close()
        return found

    return ask


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def soon(happens: Callable[[], Any]) -> None:
    until = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.01)


class TestTheEnd:
    def test_with_nothing_in_hand_it_comes_at_once(self, make_service: Any, during: Any) -> None:
        service, begin = make_service(), time.monotonic()
        during(service, lambda _: terminate())
        assert time.monotonic() - begin < 1
        assert service.lifecycle.draining

    def test_what_is_worked_on_is_answered(self, make_service: Any, during: Any, ask: Any, free: Any) -> None:
        service, answers = make_service(), list[Any]()

        def do(_: Server) -> None:
            slow = threading.Thread(target=lambda: answers.append(ask("POST", "/v1/sentences", SENTENCES)))
            slow.start()
            soon(lambda: service.lifecycle.working)
            terminate()
            soon(lambda: service.lifecycle.draining)
            answers.append(ask("POST", "/v1/sentences", SENTENCES))
            answers.append(ask("GET", "/health/ready"))
            answers.append(ask("GET", "/health/live"))
            free.set()
            slow.join()

        during(service, do)
        assert [status for status, _, _ in answers] == [503, 503, 200, 200]
        assert {connection for _, _, connection in answers} == {"close"}
        assert answers[0][1]["code"] == "shutting_down"
        assert len(answers[3][1]["sentences"]) == 1

    def test_what_is_not_done_in_time_is_told_so(
        self, make_service: Any, during: Any, ask: Any, free: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        service, answers = make_service(drain_seconds=0.2), list[Any]()

        def do(_: Server) -> None:
            threads = [
                threading.Thread(target=lambda: answers.append(ask("POST", "/v1/sentences", SENTENCES)))
                for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            soon(lambda: service.lifecycle.working == 3)
            terminate()
            soon(lambda: "not drained" in caplog.text)
            free.set()  # the batch that runs is let end; the others never begin
            for thread in threads:
                thread.join()

        during(service, do)
        assert sorted(status for status, _, _ in answers) == [200, 503, 503]
        assert {answer["code"] for status, answer, _ in answers if status == 503} == {"shutting_down"}

    def test_the_second_signal_is_left_to_the_system(self, make_service: Any, during: Any, free: Any, ask: Any) -> None:
        service = make_service()

        def do(_: Server) -> None:
            slow = threading.Thread(target=ask, args=("POST", "/v1/sentences", SENTENCES))
            slow.start()
            soon(lambda: service.lifecycle.working)
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
            terminate()
            soon(lambda: signal.getsignal(signal.SIGINT) == signal.SIG_DFL)
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # nothing is reloaded any more
            free.set()
            slow.join()

        during(service, do)

    def test_a_worker_heeds_no_second_signal_and_ends_with_its_parent(
        self, make_service: Any, during: Any, caplog: pytest.LogCaptureFixture, free: Any, ask: Any
    ) -> None:
        service = make_service()
        parent, child = os.pipe()

        def do(_: Server) -> None:
            slow = threading.Thread(target=ask, args=("POST", "/v1/sentences", SENTENCES))
            slow.start()
            soon(lambda: service.lifecycle.working)
            os.close(child)
            soon(lambda: service.lifecycle.draining)
            terminate()
            terminate()
            free.set()
            slow.join()

        during(service, do, parent)
        os.close(parent)
        assert "the parent process is gone" in caplog.text

    def test_a_request_between_its_body_and_its_work_is_waited_for(self) -> None:
        async def run() -> None:
            lifecycle = Lifecycle(arriving=1)
            drained = asyncio.create_task(lifecycle.drain(5))
            await asyncio.sleep(0)
            lifecycle.arriving = 0
            lifecycle.changed()
            lifecycle.working = 1
            await asyncio.sleep(0.05)
            assert not drained.done()
            lifecycle.working = 0
            lifecycle.changed()
            assert await drained

        asyncio.run(run())


class TestReload:
    def test_many_signals_are_two_loads(
        self, make_service: Any, during: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        service, loads, go_on = make_service(), list[bool](), threading.Event()
        caplog.set_level(logging.INFO)
        make = service.models._make

        def slowly() -> Any:
            loads.append(True)
            assert len(loads) == 1 or go_on.wait(10)
            if len(loads) == 3:
                raise CheckpointError("it is damaged")
            return make()

        monkeypatch.setattr(service.models, "_make", slowly)

        def do(one: Server) -> None:
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGHUP)
                time.sleep(0.02)
            assert len(loads) == 2
            go_on.set()
            soon(lambda: not one._reloads)
            assert service.models.ready
            terminate()

        during(service, do)
        assert len(loads) == 3
        (failure,) = [record for record in caplog.records if record.getMessage() == "reload failed"]
        assert failure.reason == "it is damaged"  # type: ignore[attr-defined]


class TestParts:
    def test_lanes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
        lanes = [lanes_of(ServeConfig(threads=threads, workers=n)) for threads, n in ((0, 1), (0, 4), (0, 9), (5, 3))]
        assert lanes == [6, 1, 1, 5]
        monkeypatch.delattr(os, "sched_getaffinity")
        monkeypatch.setattr(os, "cpu_count", lambda: None)
        assert lanes_of(ServeConfig()) == 1

    def test_the_model_is_loaded_once(
        self, fake_predictor: Predictor, monkeypatch: pytest.MonkeyPatch, during: Any
    ) -> None:
        loads: list[Path] = []

        def load(folder: Path) -> tuple[Predictor, ModelInfo]:
            loads.append(folder)
            return fake_predictor, ModelInfo("fazhi", "0123456789ab")

        monkeypatch.setattr(server.models, "load", load)
        service = build_service(ServeConfig(model=Path("somewhere"), threads=1, database=""))
        during(service, lambda _: terminate())
        assert loads == [Path("somewhere")]

    def test_the_first_guess_of_the_speed_is_the_probes(
        self, fake_predictor: Predictor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server.models, "load", lambda _: (fake_predictor, ModelInfo("fazhi", "0123456789ab")))
        monkeypatch.setattr(server.models, "probe", lambda _: 100.0)
        tagger = load_tagger(ServeConfig(threads=3, deadline_seconds=7), Metrics())
        limits = tagger._batcher._limits
        assert (limits.lanes, limits.rate, limits.deadline) == (3, 300.0, 7)

    def test_failures_come_through(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="holds no trained model"):
            build_service(ServeConfig(model=tmp_path))
        with pytest.raises(KeysError):
            build_service(ServeConfig(keys=tmp_path / "keys"))


class TestListening:
    @pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
    def test_a_port_in_use(self, host: str, shown: str) -> None:
        try:
            first = bind(host, 0)
        except ListenError:
            pytest.skip("there is no IPv6")
        with first:
            first.listen()
            port = first.getsockname()[1]
            with pytest.raises(ListenError) as caught:
                bind(host, port)
        assert str(caught.value).startswith(f"cannot listen on {shown}:{port} (Address already in use)")

    def test_localhost_is_ipv4(self) -> None:
        with bind("localhost", 0) as found:
            assert found.getsockname()[0] == "127.0.0.1"

    def test_a_port_that_is_taken_while_the_model_is_loaded(self, make_service: Any, listener: socket.socket) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(listener.getsockname())
            other.listen()
            with pytest.raises(ListenError, match="Address already in use"):
                Server(make_service(), pytest.fail).run([listener])

    def test_it_says_where_it_listens(
        self, make_service: Any, listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: Any
    ) -> None:
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(server, "build_service", lambda config: make_service())
        port = listener.getsockname()[1]
        timer = threading.Timer(0.3, terminate)
        timer.start()
        serve(ServeConfig(), listener)
        timer.join()
        (line,) = [record for record in caplog.records if record.getMessage() == "listening"]
        assert (line.host, line.port, line.pid, line.workers) == ("127.0.0.1", port, os.getpid(), 1)


class TestMain:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fazhi.serve.logs.configure", lambda level: None)
        monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            (["--port", "70000"], "fazhi: port: Input should be less than or equal to 65535\n"),
            (["--port", "0", "--host", "0.0.0.0"], "API keys are needed"),
            (["--port", "0", "--model", "nowhere"], "fazhi: nowhere holds no trained model"),
        ],
        ids=["port", "keys", "model"],
    )
    def test_what_cannot_be_is_one_line(
        self, capsys: pytest.CaptureFixture[str], options: list[str], line: str
    ) -> None:
        assert main(options) == 2
        out, told = capsys.readouterr()
        assert (out, told.count("\n")) == ("", 1)
        assert line in told

    def test_a_missing_package_is_named(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "fazhi.serve.config", None)
        with pytest.raises(ModuleNotFoundError):  # a fault of ours keeps its trace
            main([])
        monkeypatch.undo()
        monkeypatch.delitem(sys.modules, "fazhi.serve.config")
        monkeypatch.setitem(sys.modules, "pydantic_settings", None)
        assert main([]) == 2
        assert capsys.readouterr().err == (
            "fazhi: pydantic_settings is not installed; run pip install 'fazhi[serve]'\n"
        )

    @pytest.mark.parametrize(("workers", "code"), [("1", 0), ("3", 5)])
    def test_one_process_or_several(self, monkeypatch: pytest.MonkeyPatch, workers: str, code: int) -> None:
        begun: list[tuple[int, str]] = []

        def several(config: ServeConfig, listener: socket.socket) -> int:
            begun.append((config.workers, listener.getsockname()[0]))
            return 5

        monkeypatch.setattr(server, "serve", lambda *given: several(*given) and None)
        monkeypatch.setattr("fazhi.serve.workers.supervise", several)
        monkeypatch.setenv("FAZHI_WORKERS", "2")
        assert main(["--port", "0", "--workers", workers]) == code
        assert begun == [(int(workers), "127.0.0.1")]
        with pytest.raises(SystemExit) as end:  # until the server listens to signals itself
            os.kill(os.getpid(), signal.SIGTERM)
        assert end.value.code == 0
