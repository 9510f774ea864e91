"""A connection's bytes -> requests, by uvicorn's parser, within bounds of size and time.

What is no request is answered with problem details as everything else is. Knows no route.
"""

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from fazhi.serve.edge import SECURITY
from fazhi.serve.errors import BadHttp, HeadTimeout, HeadTooLarge, MethodNotAllowed, ServeError, ShuttingDown
from fazhi.serve.problems import problem_response
from fazhi.serve.service import Service

log = logging.getLogger(__name__)

HEAD_BYTES = 65_536  # of a request line and its headers
LINGER = 1.0  # seconds in which a refused client may read why, before the connection is closed under what it sends


class Connections(ServerState):
    """What the connections of a worker share: uvicorn's own state, and the service."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, Connections)
        self._service = server_state.service
        self._timer: asyncio.TimerHandle | None = None  # runs while a request's head is awaited
        self._in_head = False
        self._size = 0  # bytes of the request line, headers and trailers told by the parser
        self._silent = 0  # bytes since the parser told anything
        self._plain = b""  # the head of a request that asks for another protocol, without asking for it
        self._refused = False
        self._in_hand: RequestResponseCycle | None = None  # `cycle` is the newest, which may have to wait for it

    def last_answer(self) -> None:
        """Let the answer in hand be this connection's last."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Wait no longer for the rest of a body."""
        if self.cycle and not self.cycle.response_complete and self.cycle.more_body:
            self._refuse(ShuttingDown())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request in hand, if any, and forget those that came behind it on this connection."""
        self._stop_waiting()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._in_hand:
            self._in_hand.disconnected = True
            self._in_hand.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_hand = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Parse; whatever cannot be parsed ends the connection."""
        self._unset_keepalive_if_required()
        if self._refused:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        try:
            self._feed(memoryview(data))
        except ServeError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            cause = error.__context__  # what one of the functions below raised
            self._refuse(cause if isinstance(cause, ServeError) else BadHttp())

    def _feed(self, rest: memoryview) -> None:
        self._silent += len(rest)
        while rest:
            try:
                self.parser.feed_data(rest)
                break
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            # The parser took the rest for another protocol, but it is the body of a client that would rather speak
            # HTTP/2, or the next request.
            head, self._plain = self._plain, b""
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(head)
        if self._silent > HEAD_BYTES:
            raise HeadTooLarge

    # What the parser tells

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head, self._size, self._silent = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Keep within bounds."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep within bounds; trailers, which nobody asks for, are dropped."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head, self._silent = False, 0
        self._stop_waiting()
        if self.parser.should_upgrade():
            self._plain = self._without_upgrade()
            return
        super().on_headers_complete()
        if self._service.lifecycle.draining:
            self.last_answer()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body."""
        self._silent = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._silent = 0
        if not self._plain:
            super().on_message_complete()

    def _count(self, size: int) -> None:
        self._size += size
        self._silent = 0
        if self._size > HEAD_BYTES:
            raise HeadTooLarge

    def _without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode("ascii")
        if method == b"CONNECT":
            raise MethodNotAllowed
        close = any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)
        kept = [(name, value) for name, value in self.headers if name not in (b"connection", b"upgrade")]
        kept += [(b"connection", b"close")] if close else []
        lines = [b"%s %s HTTP/%s" % (method, self.url, version), *(b"%s: %s" % header for header in kept)]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # Bounds

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._service.config.body_seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(HeadTimeout(seconds=self._service.config.body_seconds))
        else:  # nothing was asked, or the body of a request that has its answer goes on and on
            self.transport.close()

    def _refuse(self, error: ServeError) -> None:
        """Answer what is no request, and close; a request that came whole before it is answered first."""
        self._refused = True
        self._stop_waiting()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle and not cycle.response_complete:
            if not cycle.more_body:
                self.last_answer()
                return
            cycle.disconnected = True  # its body will not come: who waits for it is told so, and answers nobody
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        self._answer(error)

    def _answer(self, error: ServeError) -> None:
        request_id = secrets.token_hex(8)
        self._service.metrics.failed(error.code)
        log.info("refused", extra={"request_id": request_id, "status": error.status, "code": error.code})
        response = problem_response(error, request_id)
        headers = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in SECURITY.items()]
        headers.append((b"x-request-id", request_id.encode("ascii")))
        lines = [b"HTTP/1.1 %d %s" % (error.status, HTTPStatus(error.status).phrase.encode("ascii"))]
        lines += [b"%s: %s" % header for header in headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body))
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)
