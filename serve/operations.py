"""Health, metrics, what is served, and the reload: for those who run the service."""

import asyncio
import logging
import os
import signal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import PlainTextResponse, Response

from fazhi.model.errors import FazhiError
from fazhi.model.labels import Role, Topic
from fazhi.serve.call import call_of
from fazhi.serve.errors import Forbidden, NotReady, ReloadFailed, ShuttingDown
from fazhi.serve.origin import refuse_foreign_pages
from fazhi.serve.schemas import Model, model_of
from fazhi.serve.service import Service, service_of
from fazhi.serve.tagger import ModelInfo

log = logging.getLogger(__name__)
router = APIRouter()

MEANINGS: dict[Role | Topic, tuple[str, str]] = {
    Role.ACHIEVEMENT: ("报告期内已做、已有的工作和效果", "what was done or achieved, or is in place"),
    Role.PROBLEM: ("不足、困难、风险及其原因", "what falls short, and why"),
    Role.PLAN: ("今后要做的事：打算、目标、承诺", "what will be done: next steps, goals, commitments"),
    Role.OTHER: ("标题、过渡语、背景、署名、日期等", "titles, hand-over sentences, setting, signatures, dates"),
    Topic.ENFORCEMENT: ("行政执法及其监督", "administrative enforcement and its supervision"),
    Topic.RECONSIDERATION: ("行政复议与行政应诉", "administrative reconsideration and litigation"),
    Topic.APPROVAL: ("行政审批、许可与政务服务", "approvals, licences and the services around them"),
    Topic.LEGAL_EDUCATION: ("普法与法治宣传教育、学法", "legal education of the public and of officials"),
}


class Status(BaseModel):
    """Whether the service is up."""

    status: str


class Label(BaseModel):
    """A label, what kind it is, and what it means."""

    name: Role | Topic
    kind: str
    meaning_zh: str
    meaning: str


class ModelFacts(Model):
    """The served model: its version, the data it was trained on, its headline metrics and its thresholds."""

    model_config = ConfigDict(extra="allow")


class Reloaded(Model):
    """The model that is served from now on; `changed` is false if it was served before."""

    changed: bool


@router.get("/health/live", tags=["operation"], summary="Is the process up?")
async def live() -> Status:
    """Answered while the model works, and while the service is starting or ending."""
    return Status(status="live")


@router.get("/health/ready", tags=["operation"], summary="May requests be sent?")
async def ready(request: Request) -> Status:
    """200, or 503 while the service is starting or ending."""
    service = service_of(request.scope)
    if service.lifecycle.draining:
        raise ShuttingDown
    if not service.models.ready:
        raise NotReady
    return Status(status="ready")


@router.get("/metrics", tags=["operation"], summary="Prometheus metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Counts, sizes and durations of all workers."""
    content, media_type = service_of(request.scope).metrics.exposition()
    return Response(content, headers={"Content-Type": media_type})


@router.get("/v1/model", tags=["what is served"], summary="The model")
async def model(request: Request) -> ModelFacts:
    """Name, version, fingerprints of the training data, metrics on the development documents, thresholds."""
    info = service_of(request.scope).models.info
    return ModelFacts(name=info.name, version=info.version, **info.facts)


@router.get("/v1/labels", tags=["what is served"], summary="The labels")
async def labels() -> dict[str, list[Label]]:
    """Roles, of which a sentence has exactly one, and topics, of which it has any number."""
    return {"labels": [_label(label) for label in MEANINGS]}


def _label(label: Role | Topic) -> Label:
    zh, en = MEANINGS[label]
    return Label(name=label, kind="role" if isinstance(label, Role) else "topic", meaning_zh=zh, meaning=en)


@router.post(
    "/admin/reload",
    tags=["operation"],
    summary="Load the model folder anew",
    dependencies=[Depends(refuse_foreign_pages)],
)
async def reload_model(request: Request) -> Reloaded:
    """Load what is in the model folder beside the old model, check it on a probe, swap; on failure the old one stays.

    Other workers are told to do the same.
    """
    if not call_of(request.scope).admin:
        raise Forbidden
    service = service_of(request.scope)
    before = service.models.info.version
    info = await asyncio.shield(reload(service))  # once begun it is seen through, whoever waits for it
    if service.config.workers > 1:
        os.kill(os.getppid(), signal.SIGHUP)  # the parent tells every worker, this one too
    return Reloaded(**model_of(info).model_dump(), changed=info.version != before)


async def reload(service: Service) -> ModelInfo:
    """Load anew and swap; logs and counts; raises ReloadFailed, and then the old model goes on."""
    try:
        info = await service.models.load()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.exception("reload failed", extra={"reason": str(error) if isinstance(error, FazhiError) else ""})
        service.metrics.reloaded(ok=False)
        raise ReloadFailed from error
    service.metrics.reloaded(ok=True)
    service.metrics.served(info.version)
    log.info("reloaded", extra={"version": info.version})
    return info
