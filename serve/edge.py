"""The outermost layer: every HTTP request passes its limits on the way in, and leaves a log line on the way out.

Gives a request its id; asks for the key; reads the body within its bounds; lets so many be worked on at once; ends the
work at the deadline or when the client has gone; turns every failure into problem details. Knows no route.
"""

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fazhi.serve.body import bounds_of, read_body
from fazhi.serve.call import Call
from fazhi.serve.errors import DeadlineExceeded, InternalError, Overloaded, ServeError, ShuttingDown, Unauthorized
from fazhi.serve.problems import problem, problem_response
from fazhi.serve.service import Service

log = logging.getLogger(__name__)

HEALTH = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
METRICS = "/metrics"
KEYLESS = HEALTH | {"/", "/docs", "/openapi.json"}
ASSETS = ("/docs/", "/static/")
DOCUMENTS = "/v1/documents"  # to which files are sent
UPLOADS = 4  # files in hand for each that can be read at once
STREAM = "application/x-ndjson"
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_SECURITY = {name.lower().encode("ascii"): value.encode("ascii") for name, value in SECURITY.items()}
GONE = 499  # logged and counted where the client left before its answer; sent to nobody
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; everything else is passed on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        call = Call(given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8))
        scope.setdefault("state", {})["call"] = call
        answer = _Answer(send, call)
        begin = time.perf_counter()
        self.service.metrics.began()
        try:
            await self._serve(scope, receive, answer)
        except ServeError as error:
            await answer.fail(error)
        except Exception:
            log.exception("unknown error", extra={"request_id": call.request_id})
            await answer.fail(InternalError())
        finally:
            self._record(scope, answer, time.perf_counter() - begin)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        path, call, config = scope["path"], answer.call, self.service.config
        if path in HEALTH:
            await self.app(scope, receive, answer)
            return
        if self.service.lifecycle.draining and path != METRICS:
            raise ShuttingDown
        if self.service.keys and path not in KEYLESS and not path.startswith(ASSETS):
            self._authenticate(scope, call)
        if path == METRICS:  # to be seen whatever is going on
            await self.app(scope, receive, answer)
            return
        call.deadline = asyncio.get_running_loop().time() + config.deadline_seconds
        if self.service.lifecycle.working >= config.concurrent_requests:  # refused before its body is read
            raise Overloaded(retry_after=1)
        document = path == DOCUMENTS and scope["method"] == "POST"
        with self._counted("uploads", UPLOADS * config.readers) if document else nullcontext():
            with self._counted("arriving", config.connections):
                body = await read_body(scope, receive, bounds_of(config, document))
            with self._counted("working", config.concurrent_requests):
                await self._work(scope, body, receive, answer)

    def _authenticate(self, scope: Scope, call: Call) -> None:
        scheme, _, presented = Headers(scope=scope).get("authorization", "").partition(" ")
        key = self.service.keys.find(presented.strip()) if self.service.keys and scheme.lower() == "bearer" else None
        if not key:
            raise Unauthorized
        call.key, call.admin = key.name, key.admin

    @contextmanager
    def _counted(self, what: str, limit: int) -> Iterator[None]:
        lifecycle = self.service.lifecycle
        if getattr(lifecycle, what) >= limit:
            raise Overloaded(retry_after=1)
        setattr(lifecycle, what, getattr(lifecycle, what) + 1)
        try:
            yield
        finally:
            setattr(lifecycle, what, getattr(lifecycle, what) - 1)
            lifecycle.changed()

    async def _work(self, scope: Scope, body: bytes, receive: Receive, answer: "_Answer") -> None:
        """Let the application answer; cancel it at the deadline, or when the client has gone."""
        loop = asyncio.get_running_loop()
        gone = loop.create_task(_until_gone(receive))
        work = asyncio.ensure_future(self.app(scope, _replay(body, gone), answer))
        try:
            left = answer.call.deadline - loop.time()
            await asyncio.wait({work, gone}, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            elif not gone.done():
                raise DeadlineExceeded(seconds=self.service.config.deadline_seconds)
        finally:
            for task in (work, gone):
                task.cancel()
                with suppress(BaseException):
                    await task

    def _record(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        call, metrics = answer.call, self.service.metrics
        metrics.ended()
        route = getattr(scope.get("route"), "path", "other")
        status = answer.status if answer.complete else GONE
        metrics.answered(route, scope["method"], status, seconds)
        if call.code:
            metrics.failed(call.code)
        if call.timing.model:
            metrics.timed(call.timing)
        for stage, taken in call.stages.items():
            metrics.took(stage, taken)
        if route in HEALTH and status < 400:
            return
        facts = {"request_id": call.request_id, "method": scope["method"], "route": route, "status": status}
        facts |= {
            "ms": round(seconds * 1000, 1),
            **{f"{name}_ms": round(ms, 1) for name, ms in call.milliseconds().items()},
        }
        facts |= {name: value for name, value in (("code", call.code), ("key", call.key)) if value}
        log.info("request", extra=facts)


class _Answer:
    """`send` with the headers that every answer has; remembers how far the answer is."""

    def __init__(self, send: Send, call: Call) -> None:
        self._send = send
        self.call = call
        self.status = 0
        self.complete = False
        self.stream = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message.get("headers", ()))
            self.stream = headers.get(b"content-type", b"").startswith(STREAM.encode("ascii"))
            timing = ", ".join(f"{name};dur={ms:.1f}" for name, ms in self.call.milliseconds().items())
            own = {b"x-request-id": self.call.request_id.encode("ascii"), b"server-timing": timing.encode("ascii")}
            message = {**message, "headers": list({**_SECURITY, **headers, **own}.items())}
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
        await self._send(message)

    async def fail(self, error: ServeError) -> None:
        """Answer with a problem; a stream that has begun ends with it as its last line."""
        self.call.code = error.code
        if not self.status:
            response = problem_response(error, self.call.request_id)
            await response({"type": "http"}, _never, self)
        elif self.stream and not self.complete:
            line = json.dumps({"problem": problem(error, self.call.request_id)}, ensure_ascii=False) + "\n"
            await self({"type": "http.response.body", "body": line.encode("utf-8"), "more_body": False})


async def _never() -> Message:
    raise AssertionError("a problem reads nothing")


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(body: bytes, gone: "asyncio.Task[None]") -> Receive:
    """A `receive` that gives the body that was read, and then waits for the client to go."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.wait({gone})
        return {"type": "http.disconnect"}

    return receive
