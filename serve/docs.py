"""/docs: Swagger UI from this very process, without internet and without inline scripts."""

from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import APIRouter
from starlette.responses import Response

from fazhi.serve.errors import NotFound

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".png": "image/png"}
# Where each file lies; Swagger UI's come with the package fastapi-offline, of which nothing else is used.
_FILES = {
    "docs.html": "fazhi.serve",
    "docs.js": "fazhi.serve",
    "swagger-ui-bundle.js": "fastapi_offline",
    "swagger-ui.css": "fastapi_offline",
    "favicon.png": "fastapi_offline",
}


@router.get("/docs")
async def page() -> Response:
    """The page itself."""
    return await asset("docs.html")


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """A file of the page."""
    if name not in _FILES:
        raise NotFound
    content = files(_FILES[name]).joinpath("static", name).read_bytes()
    headers = {"Content-Security-Policy": POLICY, "Content-Type": _TYPES[PurePosixPath(name).suffix]}
    return Response(content, headers=headers)
