"""Tensors of the Open Inference Protocol <-> texts and predictions. Knows no model.

A tensor stands in the JSON, or, with the protocol's extension for binary data, in the bytes that follow it. The header
Inference-Header-Content-Length then tells where the JSON ends.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, get_args

import numpy as np
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag
from starlette.datastructures import MutableHeaders
from starlette.types import Message

from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Prediction
from fazhi.serve.body import JsonRoute, header_number
from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import BadHeader, Fault, Invalid
from fazhi.serve.schemas import SENTENCE, Body
from fazhi.serve.tagger import ModelInfo
from fazhi.serve.texts import check_count

HEADER = "Inference-Header-Content-Length"
EXTENSION = "binary_tensor_data"
BINARY = "application/octet-stream"
INPUT = "text"
_DATA = "/inputs/0/data"
_SIZE = 4  # bytes before each element of a BYTES tensor, which say how long it is

OutputName = Literal["role", "topics", "role_scores", "topic_scores", "unsure"]
Datatype = Literal["BYTES", "FP32", "BOOL"]
Count = Annotated[int, Field(strict=True, ge=0)]


class TensorRoute(JsonRoute):
    """A route whose JSON may be followed by tensors, which it leaves in `request.state.tail`.

    The protocol's own client names no content type, so none and octet-stream are taken as well.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """JsonRoute's handler, which is given the JSON alone."""
        handle = super().get_route_handler()

        async def split(request: Request) -> Response:
            if not self.body_field:
                return await handle(request)
            head, tail = _split(await request.body(), request.headers.get(HEADER))
            request.state.tail = tail
            scope = {**request.scope, "headers": list(request.scope["headers"])}
            headers = MutableHeaders(scope=scope)
            if headers.get("content-type", BINARY) == BINARY:
                headers["content-type"] = "application/json"

            async def receive() -> Message:
                return {"type": "http.request", "body": head, "more_body": False}

            return await handle(Request(scope, receive))

        return split


def _split(body: bytes, length: str | None) -> tuple[bytes, bytes]:
    if length is None:
        return body, b""
    end = header_number(HEADER, length)
    if end > len(body):
        raise BadHeader(name=HEADER)
    return body[:end], body[end:]


class _Parameters(BaseModel):
    """The protocol lets everybody add parameters of their own; those not listed here are not looked at."""

    model_config = ConfigDict(extra="allow", frozen=True)


class InputParameters(_Parameters):
    """Of an input."""

    binary_data_size: Count | None = Field(None, description="bytes of this tensor after the JSON")


class OutputParameters(_Parameters):
    """Of an output asked for."""

    binary_data: StrictBool | None = Field(None, description="whether this tensor is to come after the JSON")


class RequestParameters(_Parameters):
    """Of the whole request."""

    binary_data_output: StrictBool | None = Field(None, description="`binary_data` of those outputs that do not say")


def _nesting(value: object) -> str | None:
    if not isinstance(value, list):
        return None
    return "<rows>" if value and isinstance(value[0], list) else "<row>"


# Only the first element of the wrong kind is told: to list a million of them takes seconds.
Strings = Annotated[
    Annotated[list[str], Field(fail_fast=True), Tag("<row>")]
    | Annotated[list[Annotated[list[str], Field(max_length=1)]], Field(fail_fast=True), Tag("<rows>")],
    Discriminator(_nesting, custom_error_type="list_type"),
]


class InputTensor(Body):
    """N sentences: of shape [N] or [N, 1], with their strings in `data` or after the JSON."""

    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: Annotated[list[Count], Field(min_length=1, max_length=2)]
    data: Strings | None = None
    parameters: InputParameters | None = None


class OutputRequest(Body):
    """An output that is asked for."""

    name: OutputName
    parameters: OutputParameters | None = None


class InferRequest(Body):
    """One input tensor, `text`, and which outputs are asked for: without that all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "1",
                    "inputs": [
                        {
                            "name": INPUT,
                            "datatype": "BYTES",
                            "shape": [2],
                            "data": ["全年办理行政复议案件12件。", SENTENCE],
                        }
                    ],
                    "outputs": [{"name": "role"}, {"name": "topics"}],
                }
            ]
        }
    )
    id: str | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[OutputRequest], Field(max_length=len(get_args(OutputName)))] | None = None
    parameters: RequestParameters | None = None


class OutputTensor(BaseModel):
    """A tensor of the answer; without `data` it comes after the JSON, in as many bytes as its parameters say."""

    name: OutputName
    datatype: Datatype
    shape: list[int]
    parameters: dict[str, str | int] | None = None
    data: list[str] | list[float] | list[bool] | None = None


class InferResponse(BaseModel):
    """The outputs in the order in which they were asked for, with the request's id if it had one."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


@dataclass(frozen=True, slots=True)
class Output:
    """An output tensor [N] or, if it has labels, [N, labels]: its values for one sentence, and their bytes."""

    datatype: Datatype
    read: Callable[[Prediction], Sequence[Any]]
    pack: Callable[[Sequence[Any]], bytes]
    labels: tuple[Role | Topic, ...] = ()

    def parameters(self) -> dict[str, str | int]:
        """Which label each column is of."""
        return {"labels": ",".join(self.labels)} if self.labels else {}


def _bytes(values: Sequence[str]) -> bytes:
    elements = [value.encode("utf-8") for value in values]
    return b"".join(len(element).to_bytes(_SIZE, "little") + element for element in elements)


def _floats(values: Sequence[float]) -> bytes:
    return np.array(values, "<f4").tobytes()


def _rounded(scores: Sequence[float]) -> list[float]:
    return [round(score, 6) for score in scores]


OUTPUTS: dict[OutputName, Output] = {
    "role": Output("BYTES", lambda prediction: [str(prediction.role)], _bytes),
    "topics": Output("BYTES", lambda prediction: [",".join(prediction.topics)], _bytes),
    "role_scores": Output("FP32", lambda prediction: _rounded(prediction.role_scores), _floats, ROLES),
    "topic_scores": Output("FP32", lambda prediction: _rounded(prediction.topic_scores), _floats, TOPICS),
    "unsure": Output("BOOL", lambda prediction: [prediction.unsure], bytes),
}


def texts_of(request: InferRequest, tail: bytes, config: ServeConfig) -> dict[str, str]:
    """Each text by its JSON pointer, or by the one that it would have in JSON; raises BadHeader, Invalid, TooLarge."""
    tensor = request.inputs[0]
    size = tensor.parameters.binary_data_size if tensor.parameters else None
    if size is None and tail:
        raise BadHeader(name=HEADER)
    if size is None and tensor.data is None:
        raise _invalid(_DATA, "缺少此项。", "This member is missing.")
    if size is not None and tensor.data is not None:
        raise _invalid(_DATA, "数据不能既在 JSON 中又在其后。", "The data must not be both in the JSON and after it.")
    if size is not None and size != len(tail):
        zh, en = "与 JSON 之后的字节数不符。", "This is not the number of bytes after the JSON."
        raise _invalid("/inputs/0/parameters/binary_data_size", zh, en)
    pairs = _unpacked(tail) if tensor.data is None else _listed(tensor.data)
    texts = dict(islice(pairs, config.sentences + 1))
    check_count(len(texts), config)
    if tensor.shape not in ([len(texts)], [len(texts), 1]):
        raise _invalid("/inputs/0/shape", "与数据不符：须为 [N] 或 [N, 1]。", "Not that of the data: [N] or [N, 1].")
    if not texts:
        raise _invalid(_DATA, "至少要有一项。", "This must hold at least one element.")
    return texts


def _listed(strings: Sequence[str | list[str]]) -> Iterator[tuple[str, str]]:
    for i, element in enumerate(strings):
        if isinstance(element, str):
            yield f"{_DATA}/{i}", element
        else:
            yield from ((f"{_DATA}/{i}/{j}", text) for j, text in enumerate(element))


def _unpacked(tail: bytes) -> Iterator[tuple[str, str]]:
    number = end = 0
    while end < len(tail):
        begin = end + _SIZE
        end = begin + int.from_bytes(tail[end:begin], "little")
        if end > len(tail):
            raise _invalid(f"{_DATA}/{number}", "二进制数据不完整。", "The binary data end within this element.")
        try:
            yield f"{_DATA}/{number}", tail[begin:end].decode("utf-8")
        except UnicodeDecodeError:
            raise _invalid(f"{_DATA}/{number}", "不是合法的 UTF-8。", "This is not valid UTF-8.") from None
        number += 1


def _invalid(pointer: str, zh: str, en: str) -> Invalid:
    return Invalid([Fault(pointer, zh, en)])


def answer_of(request: InferRequest, info: ModelInfo, predictions: Sequence[Prediction]) -> tuple[bytes, bytes]:
    """The answer's JSON, and the tensors after it, if any were asked for as binary."""
    usual = bool(request.parameters and request.parameters.binary_data_output)
    tensors: list[OutputTensor] = []
    tails: list[bytes] = []
    for asked in request.outputs or [OutputRequest(name=name) for name in OUTPUTS]:
        output = OUTPUTS[asked.name]
        values = [value for prediction in predictions for value in output.read(prediction)]
        shape = [len(predictions), *([len(output.labels)] if output.labels else [])]
        tensor = OutputTensor.model_construct(name=asked.name, datatype=output.datatype, shape=shape)
        own = asked.parameters.binary_data if asked.parameters else None
        if usual if own is None else own:
            tails.append(output.pack(values))
            tensor.parameters = {"binary_data_size": len(tails[-1]), **output.parameters()}
        else:
            tensor.data, tensor.parameters = values, output.parameters() or None
        tensors.append(tensor)
    answer = InferResponse.model_construct(
        model_name=info.name, model_version=info.version, id=request.id, outputs=tensors
    )
    return answer.model_dump_json(exclude_none=True).encode("utf-8"), b"".join(tails)
