"""/v2: the Open Inference Protocol, as KServe and Triton speak it, with its extension for binary tensors."""

from importlib.metadata import version as installed
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from fazhi.model.document import bare_sentence
from fazhi.serve import operations
from fazhi.serve.call import call_of
from fazhi.serve.errors import NoSuchModel
from fazhi.serve.models import NAME
from fazhi.serve.service import service_of
from fazhi.serve.tensors import (
    BINARY,
    EXTENSION,
    HEADER,
    INPUT,
    OUTPUTS,
    Datatype,
    InferRequest,
    InferResponse,
    TensorRoute,
    answer_of,
    texts_of,
)
from fazhi.serve.texts import check_texts

router = APIRouter(prefix="/v2", route_class=TensorRoute, tags=["Open Inference Protocol"])

PLATFORM = "onnxruntime_onnx"
BINARY_DOC: dict[str, Any] = {
    "description": f"The outputs. Where asked for as binary: JSON, whose length {HEADER} tells, then the tensors.",
    "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}},
}

Name = Annotated[str, Path(description="the model's name", examples=[NAME])]
Version = Annotated[str, Path(description="twelve hex digits that change with every model")]


class Live(BaseModel):
    """Whether the process is up."""

    live: bool


class Ready(BaseModel):
    """Whether requests may be sent."""

    ready: bool


class ServerMetadata(BaseModel):
    """What the server is, and which extensions of the protocol it has."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor; -1 is any number. Where its columns are labels, `labels` lists them by commas."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: dict[str, str | int] | None = None


class ModelMetadata(BaseModel):
    """The model that is served, with its tensors."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ModelReady(BaseModel):
    """That the model answers."""

    name: str
    ready: bool


@router.get("", summary="The server")
async def server() -> ServerMetadata:
    """Name, version and extensions."""
    return ServerMetadata(name=NAME, version=installed("fazhi"), extensions=[EXTENSION])


@router.get("/health/live", summary="Is the process up?")
async def live() -> Live:
    """Answered while the model works, and while the service is starting or ending."""
    return Live(live=True)


@router.get("/health/ready", summary="May requests be sent?")
async def ready(request: Request) -> Ready:
    """200, or 503 while the service is starting or ending."""
    await operations.ready(request)
    return Ready(ready=True)


async def metadata(request: Request) -> ModelMetadata:
    """Name, version and tensors."""
    info = service_of(request.scope).models.info
    outputs = [
        TensorMetadata(
            name=name,
            datatype=output.datatype,
            shape=[-1, len(output.labels)] if output.labels else [-1],
            parameters=output.parameters() or None,
        )
        for name, output in OUTPUTS.items()
    ]
    text = TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])
    return ModelMetadata(name=info.name, versions=[info.version], platform=PLATFORM, inputs=[text], outputs=outputs)


async def model_ready(request: Request) -> ModelReady:
    """200 if it is."""
    return ModelReady(name=service_of(request.scope).models.info.name, ready=True)


async def infer(request: Request, body: InferRequest) -> Response:
    """Tag the sentences of the tensor `text`, each by itself.

    `role` and `topics` (by commas) are what each is tagged with, `role_scores` and `topic_scores` the probabilities of
    the labels in the order that the model's metadata tells, and `unsure` says that a person should look.

    The texts may also follow the JSON as binary data, and so may the answer's tensors: see the protocol's extension
    `binary_tensor_data`.
    """
    service, call = service_of(request.scope), call_of(request.scope)
    texts = texts_of(body, request.state.tail, service.config)
    check_texts(texts, service.config)
    with service.models.lease() as tagger:
        documents = [bare_sentence(text) for text in texts.values()]
        encoded = await tagger.encode(lambda: documents, texts.values(), call.timing)
        predictions = [prediction for (prediction,) in await tagger.tag(encoded, call.timing)]
        head, tail = answer_of(body, tagger.info, predictions)
    if tail:
        return Response(head + tail, headers={HEADER: str(len(head))}, media_type=BINARY)
    return Response(head, media_type="application/json")


async def _named(request: Request, name: Name) -> None:
    info = service_of(request.scope).models.info
    if name != info.name:
        raise NoSuchModel(name=info.name, version=info.version)


async def _versioned(request: Request, name: Name, version: Version) -> None:
    info = service_of(request.scope).models.info
    if (name, version) != (info.name, info.version):
        raise NoSuchModel(name=info.name, version=info.version)


for path, check in (("/models/{name}", _named), ("/models/{name}/versions/{version}", _versioned)):
    router.get(path, summary="The model", dependencies=[Depends(check)], response_model_exclude_none=True)(metadata)
    router.get(f"{path}/ready", summary="Is the model ready?", dependencies=[Depends(check)])(model_ready)
    router.post(
        f"{path}/infer",
        summary="Tag sentences",
        dependencies=[Depends(check)],
        response_model=InferResponse,
        responses={200: BINARY_DOC},
    )(infer)
