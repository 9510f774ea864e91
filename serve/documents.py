"""/v1/documents and /v1/review: files in, tagged and kept, corrected, and looked at again."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from fazhi.data.feedback import Correction, Label, StoredDocument
from fazhi.model.document import read_document
from fazhi.serve import examples
from fazhi.serve.body import JsonRoute, json_response
from fazhi.serve.call import call_of
from fazhi.serve.dossier import Dossier, label_of, storable, to_review
from fazhi.serve.errors import Fault, Invalid, Stale
from fazhi.serve.origin import refuse_foreign_pages
from fazhi.serve.service import service_of
from fazhi.serve.shelf import Kept
from fazhi.serve.texts import check_texts
from fazhi.serve.upload import FIELD, read_upload
from fazhi.serve.workbench import (
    CorrectionsRequest,
    DocumentLine,
    DocumentResponse,
    DocumentsResponse,
    LabelsResponse,
    ReviewResponse,
    UnitCorrection,
)

router = APIRouter(
    prefix="/v1", route_class=JsonRoute, tags=["documents"], dependencies=[Depends(refuse_foreign_pages)]
)

MOST_REVIEWED = 200
Sha256 = Annotated[str, Path(description="the document's hash: of its text in UTF-8", examples=[examples.SHA256])]
FILE: dict[str, Any] = {
    "requestBody": {
        "description": "A form with one file, or the bytes of the file themselves.",
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/documents", summary="Read, tag and keep a file", openapi_extra=FILE, response_model=DocumentResponse)
async def send(
    request: Request,
    name: Annotated[
        str, Query(description="the file's name, where the body is the file", examples=[examples.NAME])
    ] = "",
) -> Response:
    """Read a Word, PDF, HTML or text file and tag it like a report; it is kept here, so that it can be corrected.

    Each unit tells where in the file it stands, and the label that a person gave it if the text was here before.
    """
    service, call = service_of(request.scope), call_of(request.scope)
    upload = await read_upload(request)
    with call.stage("read"):
        reading = await service.readers.read(upload.name, upload.raw)
    check_texts({f"/{FIELD}": reading.text}, service.config)
    with service.models.lease() as tagger:
        encoded = await tagger.encode(lambda: [read_document(reading.text)], [reading.text], call.timing)
        (predictions,) = await tagger.tag(encoded, call.timing)
        info = tagger.info

    def tagged() -> StoredDocument:
        units = storable(reading, encoded.documents[0].units, predictions)
        return StoredDocument(upload.name, reading.text, info.version, units, str(reading.format), reading.notes)

    document = await asyncio.to_thread(tagged)
    with call.stage("store") if service.kept else nullcontext():
        kept = await service.kept.keep(document) if service.kept else Kept(document, ())
    return await _answer(kept, info.name, stored=service.kept is not None)


@router.get("/documents", summary="The documents that are kept")
async def documents(request: Request) -> DocumentsResponse:
    """Their names, how many units they have, and how many of these people have corrected; newest first."""
    found = sorted(await service_of(request.scope).shelf.documents(), key=lambda one: one.time, reverse=True)
    lines = [
        DocumentLine(
            sha256=one.sha256, name=one.name, units=one.units, corrected=one.corrected, model=one.model, time=one.time
        )
        for one in found
    ]
    return DocumentsResponse(documents=lines)


@router.get("/documents/{sha256}", summary="A document that is kept", response_model=DocumentResponse)
async def document(request: Request, sha256: Sha256) -> Response:
    """The document as it was last tagged, with the labels of now."""
    service = service_of(request.scope)
    return await _answer(await service.shelf.find(sha256), service.models.info.name, stored=True)


async def _answer(kept: Kept, model: str, stored: bool) -> Response:
    def written() -> str:
        return Dossier(kept.document, kept.labels).response(model, stored).model_dump_json()

    return json_response(await asyncio.to_thread(written))


@router.post("/documents/{sha256}/corrections", summary="Correct labels")
async def correct(request: Request, sha256: Sha256, body: CorrectionsRequest) -> LabelsResponse:
    """Set roles and topics of units; nothing is ever lost: a correction back is another one.

    `revision` is the one that the unit had when the person saw it. If it has another by now the correction is refused
    as `stale`; the others of the request are stored all the same.
    """
    shelf = service_of(request.scope).shelf
    kept = await shelf.find(sha256)
    _check_units(body.corrections, kept.document)
    moment = datetime.now(UTC)
    corrections = [
        Correction(
            sha256=sha256,
            start=one.start,
            end=one.end,
            new=Label(one.role, tuple(one.topics)),
            revision=one.revision,
            user=body.user.strip(),
            model=kept.document.model,
            time=moment,
        )
        for one in body.corrections
    ]
    corrected = await shelf.correct(corrections)
    labels = [label_of(label) for label in corrected.labels]
    if corrected.stale:
        stale = Stale()
        stale.members["current"] = [label_of(label).model_dump(mode="json") for label in corrected.stale]
        stale.members["kept"] = [label.model_dump(mode="json") for label in labels]
        raise stale
    return LabelsResponse(labels=labels)


def _check_units(corrections: Sequence[UnitCorrection], document: StoredDocument) -> None:
    """Raise Invalid for corrections of what is no unit, before any is stored."""
    units = {(unit.start, unit.end) for unit in document.units}
    faults = [
        Fault(f"/corrections/{index}", "此处没有这样一个句子。", "The document has no unit from start to end.")
        for index, one in enumerate(corrections)
        if (one.start, one.end) not in units
    ]
    if faults:
        raise Invalid(faults)


@router.get("/review/next", summary="What to look at next")
async def review(
    request: Request, count: Annotated[int, Query(ge=1, le=MOST_REVIEWED, description="at most so many")] = 20
) -> ReviewResponse:
    """The units whose correction teaches most: those that the model is least sure of, unlike each other."""
    pairs = await service_of(request.scope).shelf.review(count)
    return ReviewResponse(units=await asyncio.to_thread(to_review, pairs))
