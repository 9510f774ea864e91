"""The page that people work with: / and its files below /static/, with a policy that lets in nothing from elsewhere."""

import hashlib
import re
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import APIRouter, Request
from starlette.responses import Response

from fazhi.serve.errors import NotFound
from fazhi.serve.service import service_of

router = APIRouter(include_in_schema=False)

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"(?:[a-z0-9_-]{1,64}/){0,4}[a-z0-9_-]{1,64}\.[a-z0-9]{1,8}")  # leads nowhere but down, nor far


@router.get("/")
async def index(request: Request) -> Response:
    """The page itself; who opens it will soon send a file, so what reads files is started."""
    service_of(request.scope).readers.prepare()
    return await static(request, "index.html")


@router.get("/static/{name:path}")
async def static(request: Request, name: str) -> Response:
    """A file of the page; not sent again to whoever has it already."""
    media_type = TYPES.get(PurePosixPath(name).suffix)
    file = files("fazhi.serve").joinpath("static", name)
    if not media_type or not _NAME.fullmatch(name) or not file.is_file():
        raise NotFound
    content = file.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": tag, "Content-Type": media_type}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, headers=headers)


def _has(known: str, tag: str) -> bool:
    """Whether a list of tags names this one; a proxy that compresses makes a tag weak."""
    return known.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in known.split(",")}
