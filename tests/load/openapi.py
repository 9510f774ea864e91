"""The service's own OpenAPI page -> requests that fit it and requests that do not, made by schemathesis."""

from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.load.attacks import Attack, draw
from tests.load.uploads import KEPT

LEFT_OUT = "/admin/"  # reloading for each of hundreds of requests would measure reloads
BASE = "http://127.0.0.1"
BARE = 10  # requests to an operation without a body: there are few that differ


def cases(page: dict[str, Any], count: int, number: int) -> list[Attack]:
    """So many requests, evenly over the operations that take a body; half of each fit the page."""
    bare, taking = [], []
    for result in schemathesis.openapi.from_dict(page).get_all_operations():
        operation = result.ok()
        if operation.path.startswith(LEFT_OUT):
            continue
        if operation.body:
            taking += [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
        else:
            bare.append(operation.as_strategy())
    made = [attack for way in bare for attack in _attacks(way, min(BARE, count // 4 // len(bare)), number)]
    each = -(-(count - len(made)) // len(taking))
    rows = zip(*(_attacks(way, each, number) for way in taking), strict=True)
    return [*made, *(attack for row in rows for attack in row)][:count]


def _attacks(way: st.SearchStrategy[Case], count: int, number: int) -> list[Attack]:
    return [Attack("OpenAPI cases", (content,)) for content in draw(way.map(_content).filter(bool), count, number)]


def _content(case: Case) -> bytes:
    """The bytes of a case; none where no HTTP client would send it. Every other one names a document that is kept."""
    named = case.path_parameters.get("sha256") if case.path_parameters else None
    if named is not None and len(str(named)) % 2:
        case.path_parameters["sha256"] = KEPT
    try:
        prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        lines = [f"{prepared.method} {prepared.path_url} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {_text(value)}" for name, value in prepared.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    except (ValueError, requests.RequestException):
        return b""
    body = prepared.body or b""
    return head + (body.encode("utf-8") if isinstance(body, str) else body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
