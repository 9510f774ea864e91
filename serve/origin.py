"""A request's headers -> whether a web page that has no business here sent it. Knows no route.

Without keys whoever reaches the loopback may ask, and a browser on this machine reaches it for every page that it
shows. What is kept here is no business of theirs: neither under their own name, nor under one of theirs that leads to
this address.
"""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers

from fazhi.serve.config import ServeConfig, is_loopback
from fazhi.serve.errors import ForeignPage
from fazhi.serve.service import service_of

_FOREIGN = frozenset({"cross-site", "same-site"})  # another port is another program


async def refuse_foreign_pages(request: Request) -> None:
    """Raise ForeignPage for a call by a page of another origin, or by a name that is not ours."""
    if is_foreign(request.headers, service_of(request.scope).config):
        raise ForeignPage


def is_foreign(headers: Headers, config: ServeConfig) -> bool:
    """Whether another site's page asks; with keys it could not, since it has none."""
    if config.keys or headers.get("origin") in config.origins:
        return False
    if headers.get("sec-fetch-site") in _FOREIGN:
        return True
    host = _hostname(f"//{headers.get('host', '')}")
    return not (is_loopback(host) or host in {_hostname(origin) for origin in config.origins})


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
