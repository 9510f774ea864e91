"""Bytes on a real connection: what is a request reaches the application, what is not is answered as problem details."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from fazhi.serve import protocol
from fazhi.serve.protocol import HEAD_BYTES, Connections, Protocol

ASK = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
SECRET = "机密".encode()


class Echo:
    """Answers with what it was asked, after `free` is set."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.early = False  # whether it answers before it has read
        self.asked: list[tuple[str, bytes]] = []
        self.cut: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", not self.early
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut.append(scope["path"])
                return
            body += message["body"]
            more = message["more_body"]
        self.asked.append((scope["path"], body))
        await self.free.wait()
        told = {
            "method": scope["method"],
            "path": scope["path"],
            "body": body.decode("latin-1"),
            "headers": [f"{name.decode()}: {value.decode('latin-1')}" for name, value in scope["headers"]],
        }
        content = json.dumps(told).encode()
        length = str(len(content)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": content})


class Peer:
    """A client that sends bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self, content: bytes = b"") -> tuple[int, dict[str, str], Any]:
        """Send, and read one answer: status, headers, JSON."""
        self.writer.write(content)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        first, *lines = head.decode("ascii").strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers, json.loads(body)

    async def closed(self) -> bytes:
        """What is still sent until the connection is closed."""
        try:
            return await asyncio.wait_for(self.reader.read(), 5)
        except ConnectionResetError:
            return b""


class Place:
    """A listening protocol."""

    def __init__(self, service: Any, app: Echo, state: Connections, port: int) -> None:
        self.service, self.app, self.state, self.port = service, app, state, port
        self.peers: list[Peer] = []

    async def connect(self) -> Peer:
        self.peers.append(Peer(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.peers[-1]

    def failures(self) -> dict[str, int]:
        lines = self.service.metrics.exposition()[0].decode().splitlines()
        lines = [line for line in lines if line.startswith("fazhi_failures_total{")]
        return {line.split('"')[1]: int(float(line.split()[-1])) for line in lines}


Talk = Callable[[Place], Awaitable[None]]


@pytest.fixture
def on_connection(make_service: Callable[..., Any]) -> Callable[..., None]:
    """Let a coroutine talk to the protocol on the loopback; its parser's patience is `seconds`."""

    async def run(talk: Talk, seconds: float) -> None:
        service, app = make_service(body_seconds=seconds), Echo()
        config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, log_level="warning", access_log=False)
        state, loop = Connections(service), asyncio.get_running_loop()
        server = await loop.create_server(lambda: Protocol(config, state, {}, loop), "127.0.0.1", 0)
        place = Place(service, app, state, server.sockets[0].getsockname()[1])
        try:
            await talk(place)
        finally:
            for peer in place.peers:
                peer.writer.close()
            for connection in list(state.connections):
                connection.transport.abort()
            server.close()
            await server.wait_closed()
            await asyncio.sleep(0)

    def talk_to(talk: Talk, seconds: float = 5.0) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(talk, seconds))

    return talk_to


class TestRequests:
    def test_one_after_another_and_pipelined_and_in_pieces(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            assert (await peer.answer(ASK))[2]["body"] == "hello"
            peer.writer.write(ASK * 3)
            for _ in range(3):
                assert (await peer.answer())[0] == 200
            for byte in ASK[:-1]:
                peer.writer.write(bytes([byte]))
                await asyncio.sleep(0)
            status, headers, told = await peer.answer(ASK[-1:])
            assert (status, told["body"], "connection" in headers) == (200, "hello", False)
            assert place.failures() == {}

        on_connection(talk)

    def test_a_client_that_goes_is_told_to_the_request_in_hand_and_to_those_behind_it(
        self, on_connection: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            assert (await peer.answer(ASK))[0] == 200
            place.app.free.clear()
            peer.writer.write(ASK * 3)
            while len(place.app.asked) < 2:
                await asyncio.sleep(0.001)
            peer.writer.transport.abort()
            while place.state.connections:
                await asyncio.sleep(0.001)
            place.app.free.set()
            while place.state.tasks:
                await asyncio.sleep(0.001)
            assert len(place.app.asked) == 2

        on_connection(talk)
        assert caplog.records == []

    def test_a_large_body_counts_for_no_head(self, on_connection: Any) -> None:
        body = b"x" * (HEAD_BYTES * 8)

        async def talk(place: Place) -> None:
            peer = await place.connect()
            head = b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
            assert len((await peer.answer(head + body))[2]["body"]) == len(body)
            chunked = b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunks = b"".join(b"%x\r\n%s\r\n" % (10_000, b"y" * 10_000) for _ in range(20))
            told = (await peer.answer(chunked + chunks + b"0\r\nX-Trailer: 1\r\n\r\n" + ASK))[2]
            assert (len(told["body"]), any("trailer" in header for header in told["headers"])) == (200_000, False)
            assert (await peer.answer())[2]["body"] == "hello"

        on_connection(talk)

    @pytest.mark.parametrize(
        ("upgrade", "length"), [("h2c", 5), ("websocket", 5), ("h2c", 0), ("TLS/1.0", 300_000)], ids=str
    )
    def test_an_upgrade_is_ignored_and_its_body_read(
        self, on_connection: Any, caplog: pytest.LogCaptureFixture, upgrade: str, length: int
    ) -> None:
        """Java's client asks for HTTP/2 with its first request, whatever that is."""
        head = f"POST /one?a=b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n"
        request = f"{head}HTTP2-Settings: AAA\r\nContent-Length: {length}\r\n\r\n".encode() + b"h" * length

        async def talk(place: Place) -> None:
            peer = await place.connect()
            told = (await peer.answer(request + ASK))[2]
            assert (told["path"], len(told["body"])) == ("/one", length)
            assert [header for header in told["headers"] if "upgrade" in header.lower()] == []
            assert (await peer.answer())[2]["path"] == "/echo"
            peer.writer.write(request * 3)
            assert [(await peer.answer())[0] for _ in range(3)] == [200] * 3
            assert place.failures() == {}

        on_connection(talk)
        assert caplog.records == []

    def test_an_upgrade_that_closes_and_one_in_pieces(self, on_connection: Any) -> None:
        request = b"POST / HTTP/1.0\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"

        async def talk(place: Place) -> None:
            peer = await place.connect()
            for byte in request[:-1]:
                peer.writer.write(bytes([byte]))
                await asyncio.sleep(0)
            _, headers, told = await peer.answer(request[-1:])
            assert (told["body"], headers["connection"]) == ("hello", "close")
            assert await peer.closed() == b""

        on_connection(talk)

    def test_the_answer_while_draining_is_the_last(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            idle, busy = await place.connect(), await place.connect()
            await idle.answer(ASK)
            place.app.free.clear()
            busy.writer.write(ASK)
            while len(place.app.asked) < 2:
                await asyncio.sleep(0.01)
            place.service.lifecycle.draining = True
            for connection in place.state.connections:
                connection.last_answer()  # type: ignore[union-attr]
            place.app.free.set()
            assert (await busy.answer())[1]["connection"] == "close"
            assert (await idle.answer(ASK))[1]["connection"] == "close"
            assert await busy.closed() == await idle.closed() == b""

        on_connection(talk)

    def test_a_body_that_is_given_up(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            whole, half = await place.connect(), await place.connect()
            place.app.free.clear()
            whole.writer.write(ASK)
            half.writer.write(ASK[:-1])
            await asyncio.sleep(0.1)
            for connection in place.state.connections:
                connection.give_up()  # type: ignore[union-attr]
            status, _, problem = await half.answer()
            assert (status, problem["code"]) == (503, "shutting_down")
            place.app.free.set()
            assert (await whole.answer())[0] == 200

        on_connection(talk)


class TestWhatIsNoRequest:
    @pytest.mark.parametrize(
        "content",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET \xe6\x9c\xba\xe5\xaf\x86 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX:\x00" + SECRET + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nNo colon " + SECRET + b"\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
            b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello",
            b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
            SECRET * 20_000,
        ],
        ids=range(11),
    )
    def test_is_answered_with_a_problem(
        self, on_connection: Any, caplog: pytest.LogCaptureFixture, content: bytes
    ) -> None:
        caplog.set_level(logging.INFO)

        async def talk(place: Place) -> None:
            peer = await place.connect()
            status, headers, problem = await peer.answer(content)
            assert (status, problem["status"], problem["code"]) == (400, 400, "bad_http")
            assert headers["content-type"] == "application/problem+json"
            assert headers["connection"] == "close"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-request-id"] == problem["request_id"]
            assert place.failures() == {"bad_http": 1}
            peer.writer.write_eof()
            assert await peer.closed() == b""

        on_connection(talk)
        assert [(record.getMessage(), record.code) for record in caplog.records] == [("refused", "bad_http")]  # type: ignore[attr-defined]
        assert "机密" not in caplog.text

    def test_connect(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            status, _, problem = await peer.answer(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (status, problem["code"]) == (405, "method_not_allowed")

        on_connection(talk)

    def test_a_request_before_it_is_answered_first(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            for asked in (ASK, ASK * 3):
                place.app.free.clear()
                peer = await place.connect()
                peer.writer.write(asked + b"nonsense\r\n\r\n")
                await asyncio.sleep(0.05)
                peer.writer.write(ASK)  # nobody listens any more
                place.app.free.set()
                answers = [await peer.answer() for _ in range(asked.count(b"POST"))]
                assert [status for status, _, _ in answers] == [200] * len(answers)
                assert answers[-1][1]["connection"] == "close"
                assert await peer.closed() == b""

        on_connection(talk)

    def test_a_broken_body(self, on_connection: Any) -> None:
        broken = b"POST /broken HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n"

        async def talk(place: Place) -> None:
            peer = await place.connect()
            peer.writer.write(broken[:-10])
            await asyncio.sleep(0.05)
            assert (await peer.answer(broken[-10:]))[2]["code"] == "bad_http"
            place.app.free.clear()
            peer = await place.connect()
            peer.writer.write(ASK + broken)  # its answer would come before that of the request in hand
            assert await peer.closed() == b""
            assert place.app.cut == ["/broken"]

        on_connection(talk)


class TestBounds:
    @pytest.mark.parametrize(
        "content",
        [
            b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (HEAD_BYTES // 5) + b"\r\n",
            b"GET / HTTP/1.1\r\n" + b"X" * (HEAD_BYTES * 12),
            b"\r\n" * (HEAD_BYTES * 6),
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * (HEAD_BYTES * 12),
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * (HEAD_BYTES // 5),
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"a" * (HEAD_BYTES * 12),
        ],
        ids=["url", "header", "headers", "name", "lines", "trailer", "trailers", "extension"],
    )
    def test_a_head_that_is_too_large(self, on_connection: Any, content: bytes) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            status, headers, problem = await peer.answer(content)
            assert (status, problem["code"], headers["connection"]) == (431, "head_too_large", "close")
            assert place.failures() == {"head_too_large": 1}
            assert place.app.asked == []

        on_connection(talk)

    def test_a_head_that_is_just_not_too_large(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            request = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (HEAD_BYTES - 100) + b"\r\n\r\n"
            assert (await peer.answer(request))[0] == 200
            peer.writer.write(request[:40_000])
            await asyncio.sleep(0.05)
            assert (await peer.answer(request[40_000:]))[0] == 200

        on_connection(talk)

    @pytest.mark.parametrize("before", [b"", ASK], ids=["first", "second"])
    def test_a_slow_head(self, on_connection: Any, before: bytes) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            if before:
                await peer.answer(before)
            begin = asyncio.get_running_loop().time()
            dripping = asyncio.create_task(_drip(peer, b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
            status, _, problem = await peer.answer()
            took = asyncio.get_running_loop().time() - begin
            assert (status, problem["code"]) == (408, "head_timeout")
            assert 0.15 < took < 1.5
            assert place.failures() == {"head_timeout": 1}
            dripping.cancel()

        on_connection(talk, seconds=0.2)

    @pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "a line"])
    def test_silence(self, on_connection: Any, sent: bytes) -> None:
        async def talk(place: Place) -> None:
            peer = await place.connect()
            peer.writer.write(sent)
            assert await peer.closed() == b""
            assert place.failures() == {}

        on_connection(talk, seconds=0.2)

    def test_patience_with_an_answer_and_with_an_idle_connection(self, on_connection: Any) -> None:
        """The bound is on heads: whoever waits for an answer, or has had one, is left alone by it."""

        async def talk(place: Place) -> None:
            place.app.free.clear()
            peer = await place.connect()
            peer.writer.write(ASK)
            await asyncio.sleep(0.4)
            place.app.free.set()
            assert (await peer.answer())[0] == 200
            await asyncio.sleep(0.4)
            assert (await peer.answer(ASK))[0] == 200

        on_connection(talk, seconds=0.2)

    def test_a_body_whose_answer_was_given_does_not_go_on_for_ever(self, on_connection: Any) -> None:
        async def talk(place: Place) -> None:
            place.app.early = True
            peer = await place.connect()
            assert (await peer.answer(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"))[0] == 200
            dripping = asyncio.create_task(_drip(peer, b"a" * 500))
            assert await peer.closed() == b""
            dripping.cancel()

        on_connection(talk, seconds=0.2)

    def test_a_refused_client_that_stays_is_closed(self, on_connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "LINGER", 0.2)

        async def talk(place: Place) -> None:
            peer = await place.connect()
            assert (await peer.answer(b"nonsense\r\n\r\n"))[0] == 400
            assert await peer.closed() == b""
            for _ in range(100):
                if not place.state.connections:
                    break
                peer.writer.write(b"more")
                await asyncio.sleep(0.01)
            assert not place.state.connections

        on_connection(talk)


async def _drip(peer: Peer, content: bytes) -> None:
    for byte in content:
        peer.writer.write(bytes([byte]))
        await asyncio.sleep(0.03)
