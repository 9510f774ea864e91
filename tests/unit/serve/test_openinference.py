"""/v2, as a client of the Open Inference Protocol meets it, with JSON and with binary tensors."""

import asyncio
import json
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fazhi.model.decision import Decision
from fazhi.model.document import bare_sentence
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Prediction, Predictor
from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import Invalid
from fazhi.serve.tensors import HEADER, InferRequest, texts_of

MODEL = "/v2/models/fazhi"
VERSIONED = f"{MODEL}/versions/0123456789ab"
TEXTS = ["组织会前学法4次。", "查处违法案件45件，罚没款32万元。", "𠮷力争培养法律明白人300名。"]
NAMES = ["role", "topics", "role_scores", "topic_scores", "unsure"]


def tensor(texts: list[Any] = TEXTS, **members: Any) -> dict[str, Any]:
    whole = {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts, **members}
    return {name: value for name, value in whole.items() if value is not ...}


def body(texts: list[Any] = TEXTS, **members: Any) -> dict[str, Any]:
    return {"inputs": [tensor(texts)], **members}


def packed(texts: list[bytes]) -> bytes:
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def binary(tail: bytes, length: int | None = None, **members: Any) -> tuple[bytes, dict[str, str]]:
    """A request whose texts follow the JSON, and its header; `length` is what the JSON says of them."""
    size = {"binary_data_size": len(tail) if length is None else length}
    shape = members.pop("shape", [len(TEXTS)])
    head = json.dumps({"inputs": [tensor(data=..., parameters=size, shape=shape)], **members}).encode()
    return head + tail, {HEADER: str(len(head))}


def infer(running: Any, service: Any, *bodies: Any, path: str = f"{MODEL}/infer") -> list[Any]:
    """Answers to bodies: as JSON, or as bytes with their headers."""

    async def run() -> list[Any]:
        async with running(service) as client:
            answers = []
            for one in bodies:
                content, headers = one if isinstance(one, tuple) else (json.dumps(one), {})
                answers.append(await client.post(path, content=content, headers=headers))
            return answers

    return asyncio.run(run())


def get(running: Any, service: Any, *paths: str) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


def outputs(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def unpacked(answer: Any) -> dict[str, Any]:
    """Outputs of an answer all of whose tensors are binary, read as the protocol says."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers[HEADER])
    head, tail = json.loads(answer.content[:length]), answer.content[length:]
    found: dict[str, Any] = {}
    for output in head["outputs"]:
        assert "data" not in output
        size = output["parameters"]["binary_data_size"]
        raw, tail = tail[:size], tail[size:]
        if output["datatype"] == "BYTES":
            found[output["name"]] = []
            while raw:
                end = 4 + int.from_bytes(raw[:4], "little")
                found[output["name"]].append(raw[4:end].decode())
                raw = raw[end:]
        else:
            found[output["name"]] = np.frombuffer(raw, {"FP32": "<f4", "BOOL": "?"}[output["datatype"]]).tolist()
    assert tail == b""
    return found


@pytest.fixture
def predictions(fake_predictor: Predictor) -> list[Prediction]:
    """Of TEXTS, by a rule that is sure of some of them only, given to the predictor that is served."""
    fake_predictor.decision = Decision(role_temperature=2.5, topic_temperature=0.7, abstain_below=0.6)
    found = [prediction for (prediction,) in fake_predictor.predict([*map(bare_sentence, TEXTS)])]
    assert {prediction.unsure for prediction in found} == {True, False}
    assert max(len(prediction.topics) for prediction in found) > 1
    return found


class TestMetadata:
    def test_the_server_tells_its_extension(self, make_service: Any, running: Any) -> None:
        (answer,) = get(running, make_service(), "/v2")
        expected = {"name": "fazhi", "version": version("fazhi"), "extensions": ["binary_tensor_data"]}
        assert answer.json() == expected

    def test_the_model_tells_its_tensors(self, make_service: Any, running: Any) -> None:
        plain, versioned = get(running, make_service(), MODEL, VERSIONED)
        assert plain.json() == versioned.json()
        assert plain.json() == {
            "name": "fazhi",
            "versions": ["0123456789ab"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
            "outputs": [
                {"name": "role", "datatype": "BYTES", "shape": [-1]},
                {"name": "topics", "datatype": "BYTES", "shape": [-1]},
                {
                    "name": "role_scores",
                    "datatype": "FP32",
                    "shape": [-1, 4],
                    "parameters": {"labels": ",".join(ROLES)},
                },
                {
                    "name": "topic_scores",
                    "datatype": "FP32",
                    "shape": [-1, 4],
                    "parameters": {"labels": ",".join(TOPICS)},
                },
                {"name": "unsure", "datatype": "BOOL", "shape": [-1]},
            ],
        }

    def test_health(self, make_service: Any, running: Any) -> None:
        paths = "/v2/health/live", "/v2/health/ready", f"{MODEL}/ready", f"{VERSIONED}/ready"
        answers = get(running, make_service(), *paths)
        ready = {"name": "fazhi", "ready": True}
        assert [answer.status_code for answer in answers] == [200] * 4
        assert [answer.json() for answer in answers] == [{"live": True}, {"ready": True}, ready, ready]

    def test_while_it_ends_the_server_is_live_and_not_ready(self, make_service: Any, running: Any) -> None:
        service = make_service()
        service.lifecycle.draining = True
        live, ready, model = get(running, service, "/v2/health/live", "/v2/health/ready", f"{MODEL}/ready")
        assert (live.status_code, ready.status_code, model.status_code) == (200, 503, 503)
        assert ready.json()["error"] == "The service is shutting down and takes no new requests."

    @pytest.mark.parametrize(
        "path", ["/v2/models/other", "/v2/models/fazhi/versions/1", f"{MODEL}x/versions/{'0' * 12}"]
    )
    def test_another_model_or_version_is_not_here(self, make_service: Any, running: Any, path: str) -> None:
        asked = get(running, make_service(), path, f"{path}/ready")
        for answer in (*asked, *infer(running, make_service(), body(), path=f"{path}/infer")):
            assert (answer.status_code, answer.json()["code"]) == (404, "no_such_model")
            assert answer.json()["error"].endswith("there is fazhi, version 0123456789ab.")


class TestJson:
    def test_every_output_is_given_where_none_is_asked_for(
        self, make_service: Any, running: Any, predictions: list[Prediction]
    ) -> None:
        plain, empty = infer(running, make_service(), body(), body(outputs=[], parameters={}))
        versioned = infer(running, make_service(), body(), path=f"{VERSIONED}/infer")[0]
        assert plain.json() == versioned.json() == empty.json()
        assert plain.headers["content-type"] == "application/json"
        assert {k: v for k, v in plain.json().items() if k != "outputs"} == {
            "model_name": "fazhi",
            "model_version": "0123456789ab",
        }
        columns = {"role_scores": {"labels": ",".join(ROLES)}, "topic_scores": {"labels": ",".join(TOPICS)}}
        assert [(o["name"], o["datatype"], o["shape"], o.get("parameters")) for o in plain.json()["outputs"]] == [
            (name, datatype, [3, 4] if name in columns else [3], columns.get(name))
            for name, datatype in zip(NAMES, ("BYTES", "BYTES", "FP32", "FP32", "BOOL"), strict=True)
        ]
        found = outputs(plain)
        assert found["role"] == [p.role for p in predictions]
        assert found["topics"] == [",".join(p.topics) for p in predictions]
        assert found["role_scores"] == pytest.approx([s for p in predictions for s in p.role_scores], abs=1e-6)
        assert found["topic_scores"] == pytest.approx([s for p in predictions for s in p.topic_scores], abs=1e-6)
        assert found["unsure"] == [p.unsure for p in predictions]
        assert {type(value) for value in found["unsure"]} == {bool}

    def test_outputs_come_as_asked_and_the_id_comes_back(self, make_service: Any, running: Any) -> None:
        asked = [{"name": "unsure", "parameters": {"classification": 2}}, {"name": "role"}]
        whole, answer = infer(running, make_service(), body(), body(outputs=asked, id="甲-1", parameters={"own": [1]}))
        assert list(outputs(answer)) == ["unsure", "role"]
        assert outputs(answer) == {name: outputs(whole)[name] for name in ("unsure", "role")}
        assert answer.json()["id"] == "甲-1"

    @pytest.mark.parametrize("nested", [False, True])
    def test_a_column_is_as_good_as_a_row(self, make_service: Any, running: Any, nested: bool) -> None:
        texts = [[text] for text in TEXTS] if nested else TEXTS
        column = {"inputs": [tensor(texts, shape=[3, 1])]}
        row, answer = infer(running, make_service(), body(), column)
        assert answer.json() == row.json()

    def test_null_is_as_good_as_nothing(self, make_service: Any, running: Any) -> None:
        nulls = {"inputs": [tensor(parameters=None)], "id": None, "outputs": None, "parameters": None}
        plain, answer = infer(running, make_service(), body(), nulls)
        assert answer.json() == plain.json()

    @pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream", None])
    def test_content_types(self, make_service: Any, running: Any, media_type: str | None) -> None:
        headers = {"Content-Type": media_type} if media_type else {}
        plain, answer = infer(running, make_service(), body(), (json.dumps(body()).encode(), headers))
        assert answer.json() == plain.json()

    @pytest.mark.parametrize("media_type", ["text/plain", "application/json; charset=gbk", "multipart/form-data"])
    def test_other_content_types_are_refused(self, make_service: Any, running: Any, media_type: str) -> None:
        (answer,) = infer(running, make_service(), (json.dumps(body()).encode(), {"Content-Type": media_type}))
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


class TestBinary:
    TAIL = packed([text.encode() for text in TEXTS])

    def test_texts_may_follow_the_json(self, make_service: Any, running: Any) -> None:
        content, headers = binary(self.TAIL)
        for media_type in ({}, {"Content-Type": "application/octet-stream"}, {"Content-Type": "application/json"}):
            plain, answer = infer(running, make_service(), body(), (content, headers | media_type))
            assert answer.json() == plain.json()

    def test_the_header_may_tell_that_nothing_follows(self, make_service: Any, running: Any) -> None:
        content = json.dumps(body()).encode()
        plain, answer = infer(running, make_service(), body(), (content, {HEADER: str(len(content))}))
        assert answer.json() == plain.json()

    def test_all_outputs_may_be_binary(self, make_service: Any, running: Any, predictions: list[Prediction]) -> None:
        asked = {"parameters": {"binary_data_output": True}, "id": "7"}
        plain, answer, both = infer(
            running, make_service(), body(), body(**asked), binary(self.TAIL, shape=[3, 1], **asked)
        )
        found = unpacked(answer)
        assert answer.content == both.content
        assert found.keys() == outputs(plain).keys()
        for name, values in outputs(plain).items():
            assert found[name] == (pytest.approx(values, abs=1e-6) if name.endswith("scores") else values)
        head = json.loads(answer.content[: int(answer.headers[HEADER])])
        assert head["id"] == "7"
        assert head["outputs"][2]["parameters"] == {"binary_data_size": 48, "labels": ",".join(ROLES)}

    def test_one_output_may_differ_from_the_others(self, make_service: Any, running: Any) -> None:
        one = [{"name": "role"}, {"name": "unsure", "parameters": {"binary_data": True}}, {"name": "topics"}]
        rest = [
            {"name": "unsure", "parameters": {"binary_data": None}},
            {"name": "role", "parameters": {"binary_data": False}},
        ]
        whole, alone, others = infer(
            running,
            make_service(),
            body(),
            body(outputs=one),
            body(outputs=rest, parameters={"binary_data_output": True}),
        )
        expected = outputs(whole)
        for answer, names in ((alone, ["role", None, "topics"]), (others, [None, "role"])):
            length = int(answer.headers[HEADER])
            found = json.loads(answer.content[:length])["outputs"]
            assert [o.get("data") for o in found] == [expected[name] if name else None for name in names]
            assert answer.content[length:] == bytes(expected["unsure"])

    @pytest.mark.parametrize("length", ["", "-1", "1e1", "１", "9" * 30, "999999", "+2"])
    def test_a_header_that_cannot_be_is_refused(self, make_service: Any, running: Any, length: str) -> None:
        content, _ = binary(self.TAIL)
        (answer,) = infer(running, make_service(), (content, {HEADER: length.encode()}))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_header")

    def test_a_header_that_cuts_the_json_is_refused(self, make_service: Any, running: Any) -> None:
        content, headers = binary(self.TAIL)
        bodies = [(content, {HEADER: str(int(headers[HEADER]) + step)}) for step in (-1, 1)]
        for answer in infer(running, make_service(), *bodies, (content, {}), (content, {HEADER: "0"})):
            assert answer.status_code in (400, 422)
            assert answer.json()["code"] in ("bad_request", "invalid")

    def test_bytes_that_nobody_speaks_of_are_refused(self, make_service: Any, running: Any) -> None:
        head = json.dumps(body()).encode()
        (answer,) = infer(running, make_service(), (head + b"x", {HEADER: str(len(head))}))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_header")

    @pytest.mark.parametrize(
        ("tail", "length", "shape", "pointer"),
        [
            (TAIL, len(TAIL) - 1, [3], "/inputs/0/parameters/binary_data_size"),
            (TAIL, len(TAIL) + 1, [3], "/inputs/0/parameters/binary_data_size"),
            (TAIL, 2**64, [3], "/inputs/0/parameters/binary_data_size"),
            (TAIL, -1, [3], "/inputs/0/parameters/binary_data_size"),
            (TAIL, True, [3], "/inputs/0/parameters/binary_data_size"),
            (TAIL[:-1], None, [3], "/inputs/0/data/2"),
            (TAIL + b"\1", None, [3], "/inputs/0/data/3"),
            (TAIL + b"\1\0\0\0", None, [4], "/inputs/0/data/3"),
            (b"\xff\xff\xff\xff", None, [1], "/inputs/0/data/0"),
            (packed([b"a", b"\xff\xfe"]), None, [2], "/inputs/0/data/1"),
            (packed(["\ud800".encode("utf-8", "surrogatepass")]), None, [1], "/inputs/0/data/0"),
            (packed([b"a", b""]), None, [2], "/inputs/0/data/1"),
            (packed([b"a\0"]), None, [1], "/inputs/0/data/0"),
            (TAIL, None, [2], "/inputs/0/shape"),
            (TAIL, None, [10**18], "/inputs/0/shape"),
            (TAIL, None, [10**30, 10**30], "/inputs/0/shape"),
            (TAIL, None, [1, 3], "/inputs/0/shape"),
            (b"", None, [0], "/inputs/0/data"),
            (b"", None, [1], "/inputs/0/shape"),
        ],
    )
    def test_lying_bytes_are_refused(
        self, make_service: Any, running: Any, tail: bytes, length: Any, shape: list[int], pointer: str
    ) -> None:
        (answer,) = infer(running, make_service(), binary(tail, length, shape=shape))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    @given(st.lists(st.integers(0, 6).map(lambda size: size.to_bytes(4, "little")) | st.binary(max_size=6)))
    def test_bytes_are_read_to_the_last_or_refused(self, parts: list[bytes]) -> None:
        tail = b"".join(parts)
        members = tensor(data=..., shape=[0], parameters={"binary_data_size": len(tail)})
        found = None
        for count in range(1, len(tail)):
            request = InferRequest(inputs=[{**members, "shape": [count]}])
            with suppress(Invalid):
                texts = texts_of(request, tail, ServeConfig())
                assert found is None
                assert len(texts) == count
                found = [text.encode() for text in texts.values()]
        assert found is None or packed(found) == tail

    @given(st.lists(st.text(), min_size=1))
    def test_texts_are_the_same_on_both_ways(self, texts: list[str]) -> None:
        tail = packed([text.encode() for text in texts])
        members = tensor(texts, data=..., parameters={"binary_data_size": len(tail)})
        expected = texts_of(InferRequest(inputs=[tensor(texts)]), b"", ServeConfig())
        assert texts_of(InferRequest(inputs=[members]), tail, ServeConfig()) == expected
        assert [*expected.values()] == texts

    def test_data_must_be_in_one_place(self, make_service: Any, running: Any) -> None:
        head = json.dumps({"inputs": [tensor(parameters={"binary_data_size": len(self.TAIL)})]}).encode()
        (answer,) = infer(running, make_service(), (head + self.TAIL, {HEADER: str(len(head))}))
        assert answer.json()["errors"][0]["pointer"] == "/inputs/0/data"

    def test_limits_hold(self, make_service: Any, running: Any) -> None:
        bodies = [binary(packed([b"a"] * 3)), binary(packed([b"a" * 11]), shape=[1]), body(["a"] * 3)]
        answers = infer(running, make_service(sentences=2, characters=10), *bodies)
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(413, "too_large")] * 3


class TestRefusals:
    @pytest.mark.parametrize(
        ("request_body", "pointers"),
        [
            ({}, ["/inputs"]),
            ([], [""]),
            ({"inputs": []}, ["/inputs"]),
            ({"inputs": [tensor(), tensor()]}, ["/inputs"]),
            ({"inputs": [[]]}, ["/inputs/0"]),
            ({"inputs": [tensor(name="机密")]}, ["/inputs/0/name"]),
            ({"inputs": [tensor(datatype="FP32")]}, ["/inputs/0/datatype"]),
            ({"inputs": [tensor(data=...)]}, ["/inputs/0/data"]),
            ({"inputs": [tensor(data=None)]}, ["/inputs/0/data"]),
            ({"inputs": [tensor(data="一句。")]}, ["/inputs/0/data"]),
            ({"inputs": [tensor(["一句。", 5, None])]}, ["/inputs/0/data/1"]),
            ({"inputs": [tensor([["一句。"], "二句。"])]}, ["/inputs/0/data/1"]),
            ({"inputs": [tensor([["一句。", "二句。"]], shape=[1, 2])]}, ["/inputs/0/data/0"]),
            ({"inputs": [tensor([["一句。"], []])]}, ["/inputs/0/shape"]),
            ({"inputs": [tensor([["一句。"], [""]], shape=[2, 1])]}, ["/inputs/0/data/1/0"]),
            ({"inputs": [tensor(["一句。", " "])]}, ["/inputs/0/data/1"]),
            ({"inputs": [tensor([])]}, ["/inputs/0/data"]),
            *(
                ({"inputs": [tensor(shape=s)]}, ["/inputs/0/shape"])
                for s in ([], [3, 1, 1], 3, [2], [1, 3], [3, 3], ...)
            ),
            *(({"inputs": [tensor(shape=[s])]}, ["/inputs/0/shape/0"]) for s in (-3, "3", True, 3.5, None)),
            ({"inputs": [tensor(parameters=[])]}, ["/inputs/0/parameters"]),
            ({"inputs": [tensor(机密=1)]}, ["/inputs/0"]),
            (body(outputs=[{"name": "role"}, {"name": "机密"}]), ["/outputs/1/name"]),
            (body(outputs=[{}]), ["/outputs/0/name"]),
            (body(outputs=[{"name": "role"}] * 6), ["/outputs"]),
            (
                body(outputs=[{"name": "role", "parameters": {"binary_data": 1}}]),
                ["/outputs/0/parameters/binary_data"],
            ),
            (body(parameters={"binary_data_output": "true"}), ["/parameters/binary_data_output"]),
            (body(id=5), ["/id"]),
            (body(机密=1), [""]),
        ],
    )
    def test_a_wrong_member_is_named(
        self, make_service: Any, running: Any, request_body: Any, pointers: list[str]
    ) -> None:
        (answer,) = infer(running, make_service(), request_body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
        assert answer.json()["error"].startswith("The content is not what this endpoint takes; see errors. ")
        assert "机密" not in answer.text

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"inputs": NaN}', b"[" * 10_000])
    def test_what_is_no_json_is_refused(self, make_service: Any, running: Any, content: bytes) -> None:
        (answer,) = infer(running, make_service(), (content, {}))
        assert answer.status_code in (400, 422)

    def test_other_methods_are_refused(self, make_service: Any, running: Any) -> None:
        (answer,) = get(running, make_service(), f"{MODEL}/infer")
        assert (answer.status_code, answer.json()["error"]) == (405, "This address does not answer this method.")
