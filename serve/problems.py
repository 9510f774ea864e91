"""ServeError -> RFC 9457 problem details, in English and Chinese. Never holds any of the request's text."""

import json
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from fazhi.serve.errors import ServeError

MEDIA_TYPE = "application/problem+json"


class FaultDetails(BaseModel):
    """One thing wrong in the body: `pointer` is the JSON pointer to it."""

    pointer: str
    detail: str
    detail_zh: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details; `code` is stable, the texts may change.

    `error` says all of it in one line, for the clients of /predict and /v2, which show their users nothing else.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    detail_zh: str
    error: str
    request_id: str
    errors: list[FaultDetails] = []
    reason: str | None = Field(None, description="of a file that cannot be read: why, in a word that stays the same")
    current: list[dict[str, Any]] | None = Field(None, description="of stale corrections: the labels now")
    kept: list[dict[str, Any]] | None = Field(None, description="beside stale corrections: the labels that were stored")


def problem(error: ServeError, request_id: str) -> dict[str, Any]:
    """The members of the problem document."""
    members: dict[str, Any] = {
        "type": f"urn:fazhi:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.en,
        "detail_zh": error.zh,
        "error": " ".join([error.en, *(f"{fault.pointer}: {fault.en}".lstrip(": ") for fault in error.faults)]),
        "request_id": request_id,
    }
    if error.faults:
        members["errors"] = [
            {"pointer": fault.pointer, "detail": fault.en, "detail_zh": fault.zh} for fault in error.faults
        ]
    return members | error.members


def problem_response(error: ServeError, request_id: str) -> Response:
    """The whole answer."""
    headers = dict(error.headers)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    content = json.dumps(problem(error, request_id), ensure_ascii=False).encode("utf-8")
    return Response(content, error.status, headers, MEDIA_TYPE)
