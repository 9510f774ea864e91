"""`fazhi serve` as its users start it: a process of its own on the loopback, its signals, its log, its exit code."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.checkpoint import ONNX, version, write_sums

FAZHI = str(Path(sys.executable).with_name("fazhi"))
MODULE = (sys.executable, "-m", "fazhi.serve")
PATIENCE = 30.0  # seconds until what does not happen is given up
SENTENCES = {"sentences": ["组织会前学法4次。", "查处违法案件45件，罚没款32万元。"]}
SLOW = json.dumps(SENTENCES).encode()
SLOW_HEAD = b"POST /v1/sentences HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def environment(**settings: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")}
    return kept | {f"FAZHI_{name.upper()}": str(value) for name, value in settings.items()}


def soon(happens: Callable[[], Any], what: str = "") -> Any:
    """Wait until something is true, and give it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := happens():
            return found
        time.sleep(0.02)
    raise AssertionError(what or happens)


class Running:
    """A service."""

    def __init__(self, folder: Path, command: tuple[str, ...], settings: dict[str, object]) -> None:
        self._log, self._out = folder / "stderr", folder / "stdout"
        with self._log.open("wb") as log, self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "--port", "0"],
                stdout=out,
                stderr=log,
                cwd=folder,
                env=environment(**settings) | {"TMPDIR": str(folder)},
                start_new_session=True,
            )
        self.port = int(self.event("listening")["port"])

    def lines(self) -> list[dict[str, Any]]:
        """The log; every line of it must be JSON."""
        whole, _, _ = self.log().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    def event(self, event: str, count: int = 1) -> dict[str, Any]:
        """The nth line of this kind, waited for."""

        def found() -> bool:
            assert self.process.poll() is None or self.events(event), self.log()
            return len(self.events(event)) >= count

        soon(found, f"no {event!r} in {self.log()}")
        return self.events(event)[count - 1]

    def ask(self, method: str, path: str, content: object = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            body = None if content is None else json.dumps(content).encode()
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text
        finally:
            connection.close()

    def raw(self, content: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(content)
        return connection

    def version(self) -> str:
        return str(self.ask("GET", "/v1/model")[1]["version"])

    def tell(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; gives the exit code, and the seconds it took."""
        begin = time.monotonic()
        self.tell(number)
        return self.process.wait(PATIENCE), time.monotonic() - begin

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, children) if "resource_tracker" not in _command(pid)]

    def output(self) -> str:
        return self._out.read_text(encoding="utf-8")


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


Serve = Callable[..., Running]


@pytest.fixture
def serve(tiny_model: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start services, which are killed in the end if they still run."""
    running: list[Running] = []

    def start(*command: str, model: Path = tiny_model, **settings: object) -> Running:
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        one = Running(folder, command or (FAZHI, "serve"), {"model": model, **settings})
        running.append(one)
        return one

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the model that may be changed."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def rewrite(model: Path) -> str:
    """Make it another model, and give its version."""
    with (model / "metrics.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    write_sums(model)
    return version(model)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(answer.read())


class TestAnswers:
    @pytest.mark.parametrize("command", [(FAZHI, "serve"), MODULE], ids=["fazhi", "module"])
    def test_everything_it_is_for_and_the_end(self, serve: Serve, command: tuple[str, ...]) -> None:
        service = serve(*command)
        assert service.events("listening")[0].items() >= {"host": "127.0.0.1", "workers": 1}.items()
        assert service.events("listening")[0]["pid"] == service.process.pid
        assert [service.ask("GET", f"/health/{what}")[0] for what in ("live", "ready")] == [200, 200]
        status, answer = service.ask("POST", "/v1/sentences", SENTENCES)
        assert (status, len(answer["sentences"])) == (200, 2)
        status, answer = service.ask("POST", "/v1/reports", {"text": "一、存在的问题\n执法力量不足。\n"})
        assert (status, len(answer["units"])) == (200, 2)
        code, seconds = service.end()
        assert (code, service.output()) == (0, "")
        assert seconds < 3
        assert {line["level"] for line in service.lines()} == {"INFO"}

    def test_ctrl_c(self, serve: Serve) -> None:
        assert serve().end(signal.SIGINT)[0] == 0

    def test_options_go_before_the_environment(self, serve: Serve, tiny_model: Path) -> None:
        service = serve(FAZHI, "serve", "--model", str(tiny_model), model=Path("nowhere"), port=1)
        assert service.version() == version(tiny_model)

    def test_bytes_that_are_no_request(self, serve: Serve) -> None:
        service = serve(body_seconds=0.5)
        with service.raw(b"nonsense\r\n\r\n") as connection:
            status, headers, problem = read_answer(connection)
            assert (status, problem["code"]) == (400, "bad_http")
            assert headers["content-type"] == "application/problem+json"
        with service.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n") as connection:
            assert read_answer(connection)[0] == 431
        with service.raw(b"GET / HTTP/1.1\r\nHost: ") as connection:
            assert read_answer(connection)[0] == 408
            assert connection.recv(1) == b""
        with service.raw(b"") as connection:
            assert connection.recv(1) == b""
        numbers = service.ask("GET", "/metrics")[1]
        for failure in ("bad_http", "head_too_large", "head_timeout"):
            assert f'fazhi_failures_total{{code="{failure}"}} 1.0' in numbers

    def test_the_log_tells_nothing_of_a_text(self, serve: Serve) -> None:
        service, mark = serve(log_level="DEBUG"), "机密甲乙"
        asked = [
            service.ask("POST", "/v1/sentences", {"sentences": [mark]}),
            service.ask("POST", "/v1/sentences", {"sentences": [f"{mark}\0"]}),
            service.ask("POST", "/v1/sentences", {"sentences": [{"text": "一。", mark: mark}]}),
            service.ask("POST", "/v1/reports", {"text": [mark]}),
            service.ask("POST", "/predict", {"inputs": mark}),
            service.ask("GET", "/v1/%E6%9C%BA%E5%AF%86?%E6%9C%BA%E5%AF%86", **{"X-Request-ID": "=E6=9C=BA"}),
        ]
        assert [status for status, _ in asked] == [200, 422, 422, 422, 200, 404]
        for content in (b'{"sentences": [' + mark.encode(), mark.encode(), b"nonsense " + mark.encode() + b"\r\n\r\n"):
            with service.raw(SLOW_HEAD % len(content) + content if content[:1] in b"{\xe6" else content) as connection:
                assert read_answer(connection)[0] == 400
        with service.raw(SLOW_HEAD % 1000 + mark.encode()):
            pass  # gone before its body was complete
        with service.raw(
            b"GET /%E6%9C%BA HTTP/1.1\r\nUpgrade: \xe6\x9c\xba\r\nConnection: Upgrade\r\n\r\n"
        ) as connection:
            assert read_answer(connection)[0] == 404
        service.event("request", 10)
        assert service.end()[0] == 0
        log = json.dumps(service.lines(), ensure_ascii=False) + service.log()
        for trace in ("机", "密", "甲", "%E6", "=E6", "\\u673a", "\\xe6", "æ", "nonsense"):
            assert trace not in log

    def test_it_is_small_and_calls_nobody(self, serve: Serve) -> None:
        service = serve()
        with service.raw(SLOW_HEAD % 1000):
            service.ask("POST", "/v1/sentences", SENTENCES)
            pid = service.process.pid
            maps = Path(f"/proc/{pid}/maps").read_text()
            assert "onnxruntime" in maps
            assert [name for name in ("torch", "sklearn", "scipy", "pandas", "pyarrow") if f"/{name}/" in maps] == []
            links = [_target(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
            inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
            used = {kind: _addresses(pid, kind, inodes) for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "packet")}
        assert {address.split(":")[0] for address in used.pop("tcp")} == {"0100007F"}
        assert not any(used.values())


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # a connection that was closed just now
        return ""


def _addresses(pid: int, kind: str, inodes: set[str]) -> list[str]:
    rows = [row.split() for row in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if inodes & set(row)]


class TestNoStart:
    @pytest.mark.parametrize(
        "command", [(FAZHI, "serve"), MODULE, (FAZHI, "serve", "--workers", "2")], ids=["fazhi", "module", "workers"]
    )
    def test_no_model(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        line = refused(*command, "--model", str(tmp_path), port=0)
        assert line.startswith(f"fazhi: {tmp_path} holds no trained model (config.json is missing): run `make train`")

    def test_a_damaged_model(self, model: Path) -> None:
        with (model / ONNX["int8"]).open("ab") as file:
            file.write(b"x")
        assert "is damaged: expected SHA-256" in refused(FAZHI, "serve", model=model, port=0)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_port_in_use(self, tiny_model: Path, workers: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            line = refused(FAZHI, "serve", "--port", str(port), model=tiny_model, workers=workers)
        assert line.startswith(f"fazhi: cannot listen on 127.0.0.1:{port} (Address already in use)")

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"host": "0.0.0.0"}, "API keys are needed"),
            ({"host": "192.0.2.1", "keys": "keys"}, "cannot listen on 192.0.2.1:0 ("),
            ({"port": "70000"}, "port: Input should be less than or equal to 65535"),
            ({"keys": "missing"}, "missing: cannot be read (No such file or directory)"),
        ],
        ids=["no keys", "host", "port", "key file"],
    )
    def test_a_setting_that_cannot_be(self, tiny_model: Path, settings: dict[str, str], expected: str) -> None:
        assert expected in refused(FAZHI, "serve", **{"model": tiny_model, "port": 0, **settings})

    @pytest.mark.parametrize("absent", ["fastapi", "uvicorn", "prometheus_client", "pydantic_settings"])
    def test_without_the_serve_extra(self, tiny_model: Path, absent: str) -> None:
        program = (
            "import sys; sys.modules[sys.argv.pop(1)] = None\n"
            "from fazhi.training.cli import app\napp(['serve', '--port', '0'])"
        )
        line = refused(sys.executable, "-c", program, absent, model=tiny_model)
        assert line == (
            f"fazhi: {absent} is not installed; this command needs the serve extra: pip install 'fazhi[serve]'"
        )


def refused(*command: str, **settings: object) -> str:
    """The one line of a service that does not start."""
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(**settings), timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    return done.stderr.strip()


class TestKeys:
    def test_a_key_is_made_and_asked_for(self, serve: Serve, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        made = [make_key("reader", file), make_key("boss", file, "--admin")]
        assert all(key not in file.read_text() for key in made)
        service = serve(FAZHI, "serve", "--keys", str(file))
        assert service.ask("POST", "/v1/sentences", SENTENCES)[0] == 401
        answers = [service.ask("POST", "/admin/reload", Authorization=f"Bearer {key}")[0] for key in made]
        assert answers == [403, 200]
        assert service.ask("GET", "/health/ready")[0] == 200
        assert service.end()[0] == 0
        assert not any(key in service.log() for key in made)

    def test_a_name_that_is_there(self, tmp_path: Path) -> None:
        make_key("reader", tmp_path / "keys")
        assert "has a key of this name already" in refused(FAZHI, "key", "reader", "--file", str(tmp_path / "keys"))


def make_key(name: str, file: Path, *options: str) -> str:
    command = [FAZHI, "key", name, "--file", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


class TestSignals:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_what_is_in_hand_is_answered_before_the_end(self, serve: Serve, workers: int) -> None:
        service = serve(workers=workers)
        with service.raw(SLOW_HEAD % len(SLOW) + SLOW[:10]) as connection:
            time.sleep(0.2)  # until it has been read
            service.tell(signal.SIGTERM)
            service.event("draining", workers)
            if workers == 1:  # of two the one with nothing in hand has gone
                assert service.ask("GET", "/health/ready")[0] == 503
                assert service.ask("GET", "/health/live")[0] == 200
                status, problem = service.ask("POST", "/v1/sentences", SENTENCES)
                assert (status, problem["code"]) == (503, "shutting_down")
            assert service.process.poll() is None
            connection.sendall(SLOW[10:])
            status, headers, answer = read_answer(connection)
        assert (status, len(answer["sentences"]), headers["connection"]) == (200, 2, "close")
        assert service.process.wait(10) == 0

    def test_the_end_comes_though_a_body_does_not(self, serve: Serve) -> None:
        service = serve(drain_seconds=0.3, body_seconds=60)
        with service.raw(SLOW_HEAD % len(SLOW) + SLOW[:10]) as connection:
            time.sleep(0.2)
            code, seconds = service.end()
            status, _, problem = read_answer(connection)
        assert (status, problem["code"]) == (503, "shutting_down")
        assert (code, len(service.events("not drained"))) == (0, 1)
        assert 0.3 < seconds < 4

    def test_a_second_signal_ends_at_once(self, serve: Serve) -> None:
        service = serve()
        with service.raw(SLOW_HEAD % len(SLOW) + SLOW[:10]):
            time.sleep(0.2)
            service.tell(signal.SIGTERM)
            service.event("draining")
            code, seconds = service.end()
        assert (code, seconds < 3) == (-signal.SIGTERM, True)

    def test_a_new_model_and_a_damaged_one(self, serve: Serve, model: Path) -> None:
        service, before = serve(model=model), version(model)
        assert service.version() == before
        changed = rewrite(model)
        service.tell(signal.SIGHUP)
        soon(lambda: service.version() == changed)
        with (model / ONNX["int8"]).open("ab") as file:
            file.write(b"x")
        service.tell(signal.SIGHUP)
        assert "is damaged" in service.event("reload failed")["reason"]
        assert service.version() == changed
        assert service.ask("POST", "/v1/sentences", SENTENCES)[0] == 200
        assert service.end()[0] == 0


class TestWorkers:
    def test_their_counts_are_one_and_the_parent_is_small(self, serve: Serve) -> None:
        service = serve(FAZHI, "serve", "--workers", "2")
        assert len(service.workers()) == service.events("listening")[0]["workers"] == 2
        for _ in range(40):
            assert service.ask("POST", "/v1/sentences", SENTENCES)[0] == 200
        line = 'fazhi_requests_total{method="POST",route="/v1/sentences",status="200"} 40.0'
        soon(lambda: line in service.ask("GET", "/metrics")[1])
        maps = Path(f"/proc/{service.process.pid}/maps").read_text()
        assert [name for name in ("onnxruntime", "numpy", "uvloop") if f"/{name}/" in maps] == []
        code, seconds = service.end()
        assert (code, seconds < 5, service.output()) == (0, True, "")

    def test_one_that_is_killed_is_replaced(self, serve: Serve) -> None:
        service = serve(workers=2)
        first, second = service.workers()
        os.kill(first, signal.SIGKILL)
        assert service.event("worker ended").items() >= {"worker": first, "exit_code": -9}.items()
        for _ in range(5):
            assert service.ask("POST", "/v1/sentences", SENTENCES)[0] == 200
        service.event("worker ready", 3)
        assert second in service.workers()
        assert len(service.workers()) == 2
        assert (
            'fazhi_requests_total{method="POST",route="/v1/sentences",status="200"} 5.0'
            in service.ask("GET", "/metrics")[1]
        )
        assert service.end()[0] == 0

    def test_all_of_them_take_a_new_model(self, serve: Serve, model: Path) -> None:
        service = serve(model=model, workers=2)
        changed = rewrite(model)
        assert service.ask("POST", "/admin/reload")[1]["version"] == changed
        service.event("reloaded", 3)  # the one that was asked, and then both
        assert {service.version() for _ in range(10)} == {changed}
        changed = rewrite(model)
        service.tell(signal.SIGHUP)
        service.event("reloaded", 5)
        assert {service.version() for _ in range(10)} == {changed}

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "all at once"])
    def test_a_signal_to_all_of_them_is_one_signal(self, serve: Serve, number: int) -> None:
        service = serve(workers=2)
        with service.raw(SLOW_HEAD % len(SLOW) + SLOW[:10]) as connection:
            time.sleep(0.2)
            os.killpg(service.process.pid, number)
            service.event("draining", 2)
            connection.sendall(SLOW[10:])
            assert read_answer(connection)[0] == 200
        assert service.process.wait(PATIENCE) == 0
        assert {line["level"] for line in service.lines()} == {"INFO"}

    def test_without_their_parent_they_end(self, serve: Serve) -> None:
        service = serve(workers=2)
        workers = service.workers()
        service.process.kill()
        soon(lambda: all(map(_gone, workers)))

    def test_a_second_signal_ends_at_once(self, serve: Serve) -> None:
        service = serve(workers=2)
        workers = service.workers()
        with service.raw(SLOW_HEAD % len(SLOW) + SLOW[:10]):
            time.sleep(0.2)
            service.tell(signal.SIGTERM)
            service.event("draining", 2)
            code, seconds = service.end()
        assert (code, seconds < 3, all(map(_gone, workers))) == (1, True, True)
