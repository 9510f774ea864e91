"""create_app: the routes, their failures and their lifespan, behind the edge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from fazhi.serve import analysis, docs, documents, huggingface, openinference, operations, page, v1
from fazhi.serve.call import call_of
from fazhi.serve.edge import Edge
from fazhi.serve.errors import BadRequest, InternalError, Invalid, MethodNotAllowed, NotFound, ServeError
from fazhi.serve.openapi import about, describe, failures
from fazhi.serve.problems import problem_response
from fazhi.serve.service import Service
from fazhi.serve.validation import faults_of

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(service: Service) -> ASGIApp:
    """The ASGI application; its lifespan loads the model."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        info = await service.models.load()
        service.metrics.served(info.version)
        try:
            yield
        finally:
            await service.close()

    app = FastAPI(
        title="fazhi",
        description=about(),
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
        responses=failures(),
    )
    app.state.service = service
    for part in (v1, documents, analysis, huggingface, openinference, operations, docs, page):
        app.include_router(part.router)
    describe(app)
    app.add_exception_handler(ServeError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)
    edge: ASGIApp = Edge(app, service)
    if service.config.origins:
        edge = CORSMiddleware(edge, list(service.config.origins), allow_methods=["*"], allow_headers=["*"])
    return edge


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServeError)
    call = call_of(request.scope)
    call.code = error.code
    return problem_response(error, call.request_id)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _refused(request, Invalid(faults_of(error.errors())))


async def _http(request: Request, error: Exception) -> Response:
    """The failures that the framework finds by itself."""
    assert isinstance(error, HTTPException)
    known: dict[int, type[ServeError]] = {404: NotFound, 405: MethodNotAllowed, 500: InternalError}
    refusal = known.get(error.status_code, BadRequest)()
    refusal.headers.update(error.headers or {})
    return await _refused(request, refusal)


async def _unknown(request: Request, _: Exception) -> Response:
    """Answered bare; the edge, which sees the exception too, logs it."""
    return await _refused(request, InternalError())
