"""A request's headers -> whether a web page that has no business here sent it. Knows no route.

Without keys whoever reaches the loopback may ask, and a browser on this machine reaches it for every page that it
shows. What is kept here, and which model is served, is no business of theirs: neither under their own name, nor under
one of theirs that leads to this address.
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
    origin, site, host = (headers.get(name) for name in ("origin", "sec-fetch-site", "host"))
    if config.keys or origin in config.origins:
        return False
    if site in _FOREIGN or (site is None and origin is not None and _place(origin) != host):  # old browsers tell less
        return True
    name = _hostname(f"//{host or ''}")
    return not (is_loopback(name) or name in {_hostname(allowed) for allowed in config.origins})


def _place(origin: str) -> str:
    """Its host and port, as a request to itself would name them; "" for the origin `null`."""
    return origin.partition("://")[2]


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
