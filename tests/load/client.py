"""Closed-loop callers: each sends its next request when the last one is answered.

Written on bare sockets, so that how a connection ended is known exactly: whether an answer was cut off, whether the
service had read the request, or whether the kernel sent it back unread.
"""

import asyncio
import itertools
import json
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.load.plan import PATIENCE
from tests.load.report import percentile

BLOCK = 1 << 16
SETTLE = 0.05  # seconds until a reset that follows the end of a connection has arrived, on loopback
ANSWERED, PARTIAL, DROPPED, UNREAD, REFUSED, HUNG = "answered", "partial", "dropped", "unread", "refused", "hung"
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)


class CutError(Exception):
    """A connection that ended before the answer: `how` is partial, dropped or unread."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    closes: bool


class Connection:
    """One connection to a port on loopback, opened when first needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._got = bytearray()
        self._reset = False

    async def open(self) -> None:
        """Connect, unless it is; raises ConnectionRefusedError."""
        if self._socket:
            return
        self._got.clear()
        self._reset = False
        fresh = socket.socket()
        fresh.setblocking(False)
        fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.get_running_loop().sock_connect(fresh, ("127.0.0.1", self._port))
        except BaseException:
            fresh.close()
            raise
        self._socket = fresh

    async def send(self, content: bytes) -> None:
        """Send bytes; if the service has closed, that is remembered and `read` tells of it."""
        assert self._socket
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, content)
        except ConnectionError:
            self._reset = True

    async def read(self, bodiless: bool = False) -> Answer:
        """Read a whole answer; raises CutError."""
        while True:
            while (end := self._got.find(b"\r\n\r\n")) < 0:
                await self._more()
            head = bytes(self._got[: end + 2])
            del self._got[: end + 4]
            try:
                status = int(head.split(b" ", 2)[1])
            except (IndexError, ValueError):
                raise CutError(PARTIAL) from None
            if status >= 200 or status == 101:
                break
        body = b"" if bodiless or status in (101, 204, 304) else await self._body(head)
        return Answer(status, body, bool(_CLOSES.search(head)))

    async def _body(self, head: bytes) -> bytes:
        if length := _LENGTH.search(head):
            end = int(length[1])
            while len(self._got) < end:
                await self._more(begun=True)
        elif _CHUNKED.search(head):
            while not self._got.endswith(b"0\r\n\r\n"):
                await self._more(begun=True)
            end = len(self._got)
        else:
            try:
                while True:
                    await self._more(begun=True)
            except CutError:
                end = len(self._got)
        body = bytes(self._got[:end])
        del self._got[:end]
        return body

    async def _more(self, begun: bool = False) -> None:
        assert self._socket
        try:
            block = await asyncio.get_running_loop().sock_recv(self._socket, BLOCK)
        except ConnectionError:
            block, self._reset = b"", True
        self._got += block
        if not block:
            raise CutError(PARTIAL if begun or self._got else await self._unanswered())

    async def _unanswered(self) -> str:
        """Whether the service had read the request. Had it not, its kernel answers the bytes with a reset."""
        await asyncio.sleep(SETTLE)
        assert self._socket
        return UNREAD if self._reset or self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else DROPPED

    def close(self, reset: bool = False) -> None:
        """Close, if open; with `reset` as a program that crashes does."""
        if self._socket:
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self._socket.close()
            self._socket = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when its bytes were sent and its answer was there (time.monotonic), and what came of it."""

    begin: float
    end: float
    place: int
    how: str
    status: int = 0
    note: str = ""


class Callers:
    """So many callers, from `async with` to its end or until the service refuses them; `samples` is what they saw.

    They go round the requests: `rounds` times, or until stopped; `note` keeps something of each answer.
    """

    note: Callable[[Answer], str] = staticmethod(lambda _: "")

    def __init__(self, port: int, requests: Sequence[bytes], callers: int, rounds: int | None = None) -> None:
        self.samples: list[Sample] = []
        self._port, self._requests, self._callers = port, requests, callers
        self._stopped = False
        self._places = itertools.islice(itertools.cycle(range(len(requests))), rounds and rounds * len(requests))
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Callers":
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._callers)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        await self.ended()

    async def ended(self) -> None:
        """Wait until they have gone all their rounds, or were refused."""
        await asyncio.gather(*self._tasks)

    async def _call(self) -> None:
        connection = Connection(self._port)
        while not self._stopped and (place := next(self._places, None)) is not None:
            sample = await self._exchange(connection, place)
            self.samples.append(sample)
            if sample.how == REFUSED:
                break
            if sample.how != ANSWERED:
                connection.close()
            if sample.status != 200:
                await asyncio.sleep(0.01)
        connection.close()

    async def _exchange(self, connection: Connection, place: int) -> Sample:
        begin = time.monotonic()
        status, note = 0, ""
        try:
            await connection.open()
            begin = time.monotonic()
            async with asyncio.timeout(PATIENCE):
                await connection.send(self._requests[place])
                answer = await connection.read()
            how, status, note = ANSWERED, answer.status, self.note(answer)
            if answer.closes:
                connection.close()
        except CutError as cut:
            how = cut.how
        except TimeoutError:
            how = HUNG
        except ConnectionError:
            how = REFUSED
        return Sample(begin, time.monotonic(), place, how, status, note)


def post(path: str, content: object, *headers: str) -> bytes:
    """The bytes of a request."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8")
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8") + body


async def measure(order: Mapping[str, Any]) -> dict[str, object]:
    """What callers see in `rounds`, or in `seconds` after a lead of `lead`: answers a second, latencies, failures."""
    requests = [post(order["path"], content) for content in order["contents"]]
    async with Callers(order["port"], requests, order["callers"], order.get("rounds")) as load:
        begin = time.monotonic() + order["lead"]
        if order.get("rounds"):
            await load.ended()
        else:
            await asyncio.sleep(order["lead"] + order["seconds"])
        end = time.monotonic()
    inside = [sample for sample in load.samples if sample.status == 200 and begin <= sample.end <= end]
    taken = [sample.end - sample.begin for sample in inside]
    return {
        "rate": len(inside) / (end - begin),
        "failures": [f"{sample.how} {sample.status}" for sample in load.samples if sample.status != 200],
        "p50": percentile(taken, 0.5),
        "longest": max(taken, default=0.0),
    }


def main() -> None:
    """Read an order (JSON) from standard input and print what was measured."""
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
