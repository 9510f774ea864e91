"""A request's body: read within its bounds of bytes and time, and parsed as strict JSON; and an answer in JSON."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.message import Message as Header
from typing import Any

import pydantic_core
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import BadHeader, BadRequest, BodyTimeout, ClientGone, TooLarge, UnsupportedMediaType

DISCARDED = 16  # bodies' worth of bytes that are read and thrown away, so that the client reads why it was refused


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes a body may have, and how many seconds it may take."""

    bytes: int
    seconds: float


def bounds_of(config: ServeConfig, document: bool) -> Bounds:
    """The bounds of a body; a document may be larger, and arrive as slowly as any other body."""
    if not document:
        return Bounds(config.body_bytes, config.body_seconds)
    return Bounds(config.document_bytes, config.body_seconds * max(1.0, config.document_bytes / config.body_bytes))


async def read_body(scope: Scope, receive: Receive, bounds: Bounds) -> bytes:
    """The whole body; raises BadHeader, BodyTimeout, TooLarge, UnsupportedMediaType, ClientGone."""
    headers = Headers(scope=scope)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    length = header_number("Content-Length", headers.get("content-length", "0"))
    if length > bounds.bytes and "100-continue" in headers.get("expect", "").lower():
        raise _too_large(bounds)  # the body is not sent then
    try:
        async with asyncio.timeout(bounds.seconds):
            return await _read(receive, bounds)
    except TimeoutError:
        error = BodyTimeout(seconds=bounds.seconds)
        error.headers["Connection"] = "close"
        raise error from None


def header_number(name: str, value: str) -> int:
    """A header's value as a number of bytes; raises BadHeader."""
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise BadHeader(name=name)
    return int(value)


async def _read(receive: Receive, bounds: Bounds) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= bounds.bytes:
            parts.append(part)
        else:
            parts.clear()
        if size > bounds.bytes * DISCARDED:
            error = _too_large(bounds)
            error.headers["Connection"] = "close"
            raise error
        if not message.get("more_body", False):
            break
    if size > bounds.bytes:
        raise _too_large(bounds)
    return b"".join(parts)


def _too_large(bounds: Bounds) -> TooLarge:
    return TooLarge(what_zh="请求体字节数", what_en="bytes in a body", limit=bounds.bytes)


def parse_json(raw: bytes) -> Any:
    """Strict JSON; raises BadRequest for what is not: bad UTF-8, lone surrogates, NaN, too deep a nesting."""
    try:
        return pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest from error


def json_response(content: str) -> Response:
    """An answer that was written in a thread, since a long one takes the loop's time."""
    return Response(content, media_type="application/json")


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":  # nearly always
        return True
    header = Header()
    header["content-type"] = content_type
    charset = str(header.get_param("charset", "utf-8")).lower()
    return header.get_content_type() == "application/json" and charset in {"utf-8", "utf8"}


class _JsonRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


class JsonRoute(APIRoute):
    """A route whose body, where it has one, is application/json and parsed strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the check of the content type."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if self.body_field and not _is_json(request.headers.get("content-type", "")):
                raise UnsupportedMediaType
            return await handle(_JsonRequest(request.scope, request.receive))

        return checked
