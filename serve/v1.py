"""/v1/sentences and /v1/reports."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from fazhi.model.document import bare_sentence
from fazhi.serve.body import JsonRoute
from fazhi.serve.call import call_of
from fazhi.serve.edge import STREAM
from fazhi.serve.report import outline_of, summary_of, tag_report
from fazhi.serve.schemas import (
    ReportRequest,
    ReportResponse,
    Sentence,
    SentencesRequest,
    SentencesResponse,
    TaggedUnit,
    model_of,
    tags_of,
)
from fazhi.serve.service import Service, service_of
from fazhi.serve.texts import check_count, check_texts

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["tagging"])

STREAM_DOC: dict[str, Any] = {
    "description": "With `Accept: application/x-ndjson`, one JSON object a line: `outline`, each `unit`, `summary`.",
    "content": {STREAM: {"schema": {"type": "string"}}},
}


@router.post("/sentences", summary="Tag sentences")
async def sentences(request: Request, body: SentencesRequest) -> SentencesResponse:
    """Tag one or many sentences, each by itself, under its headings where they are given.

    Roles are read from the context of a document: without headings they are much less certain than topics. Send whole
    reports to /v1/reports.
    """
    service, call = service_of(request.scope), call_of(request.scope)
    check_count(len(body.sentences), service.config)
    items = [item if isinstance(item, Sentence) else Sentence.model_construct(text=item) for item in body.sentences]
    ways = [f"/sentences/{i}" + "/text" * isinstance(item, Sentence) for i, item in enumerate(body.sentences)]
    texts = {way: item.text for way, item in zip(ways, items, strict=True)}
    texts |= {f"/sentences/{i}/headings/{j}": h for i, item in enumerate(items) for j, h in enumerate(item.headings)}
    check_texts(texts, service.config)
    with service.models.lease() as tagger:
        documents = [bare_sentence(item.text, item.headings) for item in items]
        encoded = await tagger.encode(lambda: documents, texts.values(), call.timing)
        tagged = [tags_of(prediction) for (prediction,) in await tagger.tag(encoded, call.timing)]
        return SentencesResponse.model_construct(model=model_of(tagger.info), sentences=tagged)


@router.post("/reports", summary="Tag a report", response_model=ReportResponse, responses={200: STREAM_DOC})
async def reports(request: Request, body: ReportRequest) -> ReportResponse | Response:
    """Cut a whole report into units, find its outline, and tag every unit in its context."""
    service = service_of(request.scope)
    check_texts({"/text": body.text}, service.config)
    if STREAM in request.headers.get("accept", ""):
        lines = _lines(request, service, body.text)
        first = await anext(lines)  # a refusal comes before the answer begins, with its own status
        return StreamingResponse(_chain(first, lines), media_type=STREAM)
    units: list[TaggedUnit] = []
    with service.models.lease() as tagger:
        async with aclosing(tag_report(tagger, body.text, call_of(request.scope).timing)) as pieces:
            async for piece in pieces:
                document, ready = piece
                units += ready
        return ReportResponse.model_construct(
            model=model_of(tagger.info), outline=outline_of(document), units=units, summary=summary_of(units)
        )


async def _lines(request: Request, service: Service, text: str) -> AsyncGenerator[str, None]:
    call, units = call_of(request.scope), list[TaggedUnit]()
    with service.models.lease() as tagger:
        async with aclosing(tag_report(tagger, text, call.timing)) as pieces:
            async for document, ready in pieces:
                lines = [unit.model_dump_json() for unit in ready]
                lines = [f'{{"unit":{line}}}\n' for line in lines]
                if not units:
                    head = {"outline": outline_of(document).model_dump(), "model": model_of(tagger.info).model_dump()}
                    lines.insert(0, json.dumps(head, ensure_ascii=False) + "\n")
                units += ready
                yield "".join(lines)
        timing = {f"{name}_ms": round(ms, 1) for name, ms in call.milliseconds().items()}
        yield json.dumps({"summary": summary_of(units).model_dump(mode="json"), **timing}, ensure_ascii=False) + "\n"


async def _chain(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for line in rest:
            yield line
