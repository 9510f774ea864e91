"""The OpenAPI page: FastAPI's own, with problem details as every operation's failure, and the key."""

from typing import Any

from fastapi import FastAPI

from fazhi.serve.errors import ServeError
from fazhi.serve.problems import MEDIA_TYPE, ProblemDetails

_ABOUT = """对法治政府建设年度报告逐句标注性质与主题。Tags every sentence of a rule-of-law government report
(法治政府建设报告) with a role and topics.

Every failure is `application/problem+json` (RFC 9457) in Chinese and English, with a stable `code`: """
_FAILURE = "default"
_SCHEMA = {"$ref": "#/components/schemas/ProblemDetails"}


def failures() -> dict[int | str, dict[str, Any]]:
    """The failure of every operation, as FastAPI wants it told."""
    return {_FAILURE: {"model": ProblemDetails, "description": "失败 / a problem"}}


def about() -> str:
    """What the page says at its top."""
    errors = sorted(ServeError.__subclasses__(), key=lambda error: (error.status, error.code))
    return _ABOUT + ", ".join(f"{error.status} `{error.code}`" for error in errors) + "."


def describe(app: FastAPI) -> None:
    """Mend the page once, when it is first asked for."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            page = plain()
            for operations in page["paths"].values():
                for operation in operations.values():
                    operation["responses"][_FAILURE]["content"] = {MEDIA_TYPE: {"schema": _SCHEMA}}
            page["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            page["security"] = [{"key": []}, {}]
        assert app.openapi_schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
