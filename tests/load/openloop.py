"""Requests at a fixed rate, whatever becomes of those before: what a crowd does, and what closed loops hide.

A process of its own: reads an order (JSON) from standard input and prints what it saw. Light, because it shares the
cores with the service. Times are counted from when a request was due.
"""

import asyncio
import gc
import json
import re
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

from tests.load.client import post
from tests.load.report import percentile

TICK = 0.002  # seconds between two looks at what is due
IDLE = 2.0  # seconds after which an unused connection is closed by the client: before the service does
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Request:
    """One request and how it ended; `outcome` is a status or the name of a failure."""

    due: float
    content: bytes = field(repr=False)
    outcome: str = ""
    end: float = 0.0

    def settle(self, outcome: str) -> None:
        if not self.outcome:
            self.outcome, self.end = outcome, time.monotonic()


class Line(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, pool: "Pool", first: Request) -> None:
        self._pool = pool
        self._request: Request | None = first
        self._got = b""
        self.used = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if self._request:
            self.transport.write(self._request.content)

    def send(self, request: Request) -> None:
        assert self.transport
        self._request = request
        self.transport.write(request.content)

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        head, mark, body = self._got.partition(b"\r\n\r\n")
        if not mark or not self._request:
            return
        length = _LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        self._request.settle(head[9:12].decode("ascii", "replace"))
        self._request, self._got = None, b""
        if b"onnection: close" in head:
            self.close()
        else:
            self._pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._request:
            self._request.settle("closed in the middle of an answer" if self._got else "closed without an answer")
        self._pool.lost(self)

    def close(self) -> None:
        if self.transport:
            self.transport.close()


class Pool:
    """Connections, the last used first; a new one when all are busy, up to a limit."""

    def __init__(self, port: int, limit: int) -> None:
        self._port, self._limit = port, limit
        self._idle: deque[Line] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self.open = 0
        self.most = 0

    def send(self, request: Request) -> None:
        while self._idle:
            line = self._idle.pop()
            if line.transport and not line.transport.is_closing():
                line.send(request)
                return
        if self.open >= self._limit:
            request.settle("no connection left")
            return
        self.open += 1
        self.most = max(self.most, self.open)
        task = asyncio.ensure_future(self._connect(request))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Line(self, request), "127.0.0.1", self._port)
        except OSError as error:
            self.open -= 1
            request.settle(f"no connection: {type(error).__name__}")

    def free(self, line: Line) -> None:
        line.used = time.monotonic()
        self._idle.append(line)

    def lost(self, line: Line) -> None:
        self.open -= 1

    def tidy(self) -> None:
        """Close those unused for long; they stand at the left."""
        while self._idle and self._idle[0].used < time.monotonic() - IDLE:
            self._idle.popleft().close()


async def offer(
    pool: Pool, contents: Sequence[bytes], rate: float, seconds: float, patience: float
) -> tuple[list[Request], float]:
    """Send at `rate` for `seconds`, then wait until all have ended; gives the requests and the longest lag (s)."""
    requests: list[Request] = []
    begin = time.monotonic() + 0.1
    lag = 0.0
    for second in range(round(seconds)):
        pool.tidy()
        while len(requests) < (second + 1) * rate:
            now = time.monotonic()
            while len(requests) < (second + 1) * rate and begin + len(requests) / rate <= now:
                request = Request(begin + len(requests) / rate, contents[len(requests) % len(contents)])
                lag = max(lag, now - request.due)
                requests.append(request)
                pool.send(request)
            await asyncio.sleep(TICK)
    end = time.monotonic() + patience
    while time.monotonic() < end and not all(request.outcome for request in requests):
        await asyncio.sleep(TICK * 10)
    for request in requests:
        if not request.outcome or request.end - request.due > patience:
            request.outcome = f"no answer within {patience:g} s"
    return requests, lag


async def run(order: dict[str, Any]) -> dict[str, object]:
    """Carry out an order."""
    contents = [post(order["path"], content) for content in order["contents"]]
    pool = Pool(order["port"], order["connections"])
    gc.freeze()
    seconds = order["seconds"]
    requests, lag = await offer(pool, contents, order["rate"], seconds, order["patience"])
    accepted = [request for request in requests if request.outcome == "200"]
    taken = [request.end - request.due for request in accepted]
    rejected = [request.end - request.due for request in requests if request.outcome in ("429", "503")]
    end = requests[0].due + seconds
    return {
        "outcomes": Counter(request.outcome for request in requests),
        "accepted_in_time": sum(request.end <= end for request in accepted),
        "accepted": [percentile(taken, 0.5), percentile(taken, 0.99), max(taken, default=0.0)],
        "rejected": [percentile(rejected, 0.5), percentile(rejected, 0.99)],
        "lag": lag,
        "connections": pool.most,
    }


def main() -> None:
    """Read an order (JSON) from standard input and print what was seen."""
    order = json.load(sys.stdin)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is a file
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(order))))


if __name__ == "__main__":
    main()
