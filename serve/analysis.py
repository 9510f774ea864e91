"""/v1/documents/…/export and /insight, /v1/compare: what is made of documents that are kept."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from fazhi.data.exports import TaggedReport, write_summary, write_tags
from fazhi.serve import examples
from fazhi.serve.body import JsonRoute, json_response
from fazhi.serve.documents import Sha256
from fazhi.serve.dossier import Dossier
from fazhi.serve.errors import Fault, Invalid
from fazhi.serve.insight import compared, insight_of
from fazhi.serve.origin import refuse_foreign_pages
from fazhi.serve.service import service_of
from fazhi.serve.shelf import Kept
from fazhi.serve.workbench import CompareResponse, InsightResponse

router = APIRouter(
    prefix="/v1", route_class=JsonRoute, tags=["documents"], dependencies=[Depends(refuse_foreign_pages)]
)

MOST_COMPARED = 50
SUMMARY = "docx"
MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    SUMMARY: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_LIST = re.compile(r"[0-9a-f]{64}(?:,[0-9a-f]{64})*")
_LIST_ZH = f"须为 1 至 {MOST_COMPARED} 个不同的 sha256，以逗号分隔。"
_ASKED_EN = f"hashes of 1 to {MOST_COMPARED} kept documents, by commas"
_LIST_EN = f"This must be 1 to {MOST_COMPARED} different hashes, separated by commas."


@router.get(
    "/documents/{sha256}/export",
    summary="A document as a file",
    response_class=Response,
    responses={200: {"description": "the file", "content": {kind: {} for kind in MEDIA_TYPES.values()}}},
)
async def export(
    request: Request,
    sha256: Sha256,
    kind: Annotated[Literal["xlsx", "csv", "jsonl", "docx"], Query(alias="format", description="the kind of file")],
) -> Response:
    """Every sentence a row with the labels of now; or, as .docx, a summary grouped by role and topic."""
    service = service_of(request.scope)
    kept = await service.shelf.find(sha256)
    content = await service.analyses.run(lambda: _written(Dossier(kept.document, kept.labels).report(), kind))
    name = PurePosixPath(kept.document.name).stem
    disposition = f"attachment; filename=\"fazhi.{kind}\"; filename*=UTF-8''{quote(f'{name}.{kind}', safe='')}"
    return Response(content, headers={"Content-Disposition": disposition, "Content-Type": MEDIA_TYPES[kind]})


def _written(report: TaggedReport, kind: str) -> bytes:
    with TemporaryDirectory(prefix="fazhi-") as folder:
        path = Path(folder, f"report.{kind}")
        if kind == SUMMARY:
            write_summary(report, path)
        else:
            write_tags([report], path)
        return path.read_bytes()


@router.get(
    "/documents/{sha256}/insight",
    summary="What a document admits, plans and lacks",
    response_model=InsightResponse,
)
async def insight(request: Request, sha256: Sha256) -> Response:
    """Its problems, each with the plans that answer it, and the parts that a yearly report must contain.

    By the labels of now. A part comes with its evidence, sentence by sentence: the verdict is the reader's.
    """
    service = service_of(request.scope)
    kept = await service.shelf.find(sha256)
    return json_response(
        await service.analyses.run(lambda: insight_of(Dossier(kept.document, kept.labels)).model_dump_json())
    )


@router.get("/compare", summary="Documents beside each other", response_model=CompareResponse)
async def compare(
    request: Request,
    documents: Annotated[str, Query(description=_ASKED_EN, examples=[examples.SHA256])],
) -> Response:
    """Counts, missing parts, and problems without a plan, of several documents."""
    wanted = documents.split(",")
    if not _LIST.fullmatch(documents) or len(set(wanted)) < len(wanted) or len(wanted) > MOST_COMPARED:
        raise Invalid([Fault("/query/documents", _LIST_ZH, _LIST_EN)])
    service = service_of(request.scope)
    kept = [await service.shelf.find(sha256) for sha256 in wanted]
    return json_response(await service.analyses.run(lambda: _comparison(kept)))


def _comparison(kept: Sequence[Kept]) -> str:
    documents = [compared(Dossier(one.document, one.labels)) for one in kept]
    return CompareResponse(documents=documents).model_dump_json()
