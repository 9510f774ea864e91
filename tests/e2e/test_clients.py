"""The clients that others wrote, unchanged, against a real server on the loopback: huggingface_hub and tritonclient."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from fazhi.model.decision import Decision
from fazhi.model.document import bare_sentence
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Prediction, Predictor
from fazhi.serve.keys import add
from tests.serving import VERSION, served, service_over

TEXTS = ["组织会前学法4次。", "查处违法案件45件，罚没款32万元。", "𠮷力争培养法律明白人300名。"]


@pytest.fixture
def serve(fake_predictor: Predictor) -> Iterator[Callable[..., str]]:
    """Serve the fake predictor with the settings asked for, until the test's end, and give the address."""
    fake_predictor.decision = Decision(role_temperature=2.5, topic_temperature=0.7, abstain_below=0.6)
    with ExitStack() as stack:

        def start(**settings: object) -> str:
            address = stack.enter_context(served(service_over(fake_predictor, database="", **settings)))
            return address.removeprefix("http://").removesuffix("/")

        yield start


@pytest.fixture
def key_file(tmp_path: Path) -> tuple[Path, str]:
    """A file of keys, and the key in it."""
    return tmp_path / "keys", add(tmp_path / "keys", "client", admin=False)


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def online(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the client reach the loopback: HF_HUB_OFFLINE forbids it every address."""
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def test_labels_with_their_scores(self, serve: Callable[..., str], fake_predictor: Predictor) -> None:
        client = InferenceClient(model=f"http://{serve()}/predict")
        ((prediction,),) = fake_predictor.predict([bare_sentence(TEXTS[1])])
        found = client.text_classification(TEXTS[1])
        expected = zip((*ROLES, *TOPICS), (*prediction.role_scores, *prediction.topic_scores), strict=True)
        assert {one.label: one.score for one in found} == pytest.approx(dict(expected), abs=1e-6)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)

    def test_parameters(self, serve: Callable[..., str], fake_predictor: Predictor) -> None:
        client = InferenceClient(model=f"http://{serve()}/predict")
        (logits,) = fake_predictor.logits([bare_sentence(TEXTS[0])])
        (best,) = client.text_classification(TEXTS[0], top_k=1, function_to_apply="none")
        assert best.score == pytest.approx(max(*logits.roles[0], *logits.topics[0]), abs=1e-6)
        default = client.text_classification(TEXTS[0])
        assert client.text_classification(TEXTS[0], function_to_apply="softmax") == default
        assert client.text_classification(TEXTS[0], function_to_apply="sigmoid", top_k=8) != default

    def test_many_at_once(self, serve: Callable[..., str]) -> None:
        address = serve()
        client = InferenceClient(model=f"http://{address}/predict")

        async def ask() -> list[Any]:
            async with AsyncInferenceClient(model=f"http://{address}/predict") as many:
                return await asyncio.gather(*(many.text_classification(text, top_k=2) for text in TEXTS * 4))

        assert asyncio.run(ask()) == [client.text_classification(text, top_k=2) for text in TEXTS] * 4

    def test_a_refusal_is_shown(self, serve: Callable[..., str]) -> None:
        client = InferenceClient(model=f"http://{serve()}/predict")
        with pytest.raises(HfHubHTTPError, match=r"see errors\. /inputs: The text is empty") as caught:
            client.text_classification(" ")
        assert caught.value.response.status_code == 422

    def test_a_key_is_its_token(self, serve: Callable[..., str], key_file: tuple[Path, str]) -> None:
        address = serve(keys=key_file[0])
        client = InferenceClient(model=f"http://{address}/predict", token=key_file[1])
        assert len(client.text_classification(TEXTS[0])) == 8
        stranger = InferenceClient(model=f"http://{address}/predict", token="hf_stranger")
        with pytest.raises(HfHubHTTPError, match="A valid API key is needed") as caught:
            stranger.text_classification(TEXTS[0])
        assert caught.value.response.status_code == 401


class TestTriton:
    @pytest.fixture
    def triton(self) -> Any:
        import tritonclient.http

        return tritonclient.http

    def test_importing_the_client_patches_nothing(self, triton: Any) -> None:
        """Or it would have to have a process of its own."""
        from gevent import monkey

        assert not monkey.saved

    def test_health_and_metadata(self, triton: Any, serve: Callable[..., str]) -> None:
        with triton.InferenceServerClient(serve()) as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("fazhi")
            assert client.is_model_ready("fazhi", VERSION)
            assert not client.is_model_ready("fazhi", "1")
            assert not client.is_model_ready("other")
            assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
            model = client.get_model_metadata("fazhi", VERSION)
            assert model["versions"] == [VERSION]
            assert [tensor["name"] for tensor in model["inputs"]] == ["text"]
            labels = [tensor["parameters"]["labels"] for tensor in model["outputs"] if "parameters" in tensor]
            assert labels == [",".join(ROLES), ",".join(TOPICS)]

    @pytest.mark.parametrize("shape", [[3], [3, 1]])
    @pytest.mark.parametrize("after", [True, False])  # the texts come after the JSON
    @pytest.mark.parametrize("binary", [True, False, None])  # the outputs do; None: all of them, unasked
    def test_tags(
        self,
        triton: Any,
        serve: Callable[..., str],
        fake_predictor: Predictor,
        shape: list[int],
        after: bool,
        binary: bool | None,
    ) -> None:
        predictions: list[Prediction] = [one for (one,) in fake_predictor.predict([*map(bare_sentence, TEXTS)])]
        text = triton.InferInput("text", shape, "BYTES")
        text.set_data_from_numpy(np.array(TEXTS, object).reshape(shape), binary_data=after)
        names = ["role", "topics", "role_scores", "topic_scores", "unsure"]
        outputs = None if binary is None else [triton.InferRequestedOutput(name, binary) for name in names]
        with triton.InferenceServerClient(serve()) as client:
            result = client.infer("fazhi", [text], model_version=VERSION, request_id="甲", outputs=outputs)
        found = {name: result.as_numpy(name) for name in names}
        strings = {name: [str(v, "utf-8") if isinstance(v, bytes) else v for v in found[name]] for name in names[:2]}
        assert strings["role"] == [one.role for one in predictions]
        assert strings["topics"] == [",".join(one.topics) for one in predictions]
        assert found["role_scores"].dtype == found["topic_scores"].dtype == np.float32
        np.testing.assert_allclose(found["role_scores"], [one.role_scores for one in predictions], atol=1e-6)
        np.testing.assert_allclose(found["topic_scores"], [one.topic_scores for one in predictions], atol=1e-6)
        assert found["unsure"].dtype == np.bool_
        assert found["unsure"].tolist() == [one.unsure for one in predictions]
        head = result.get_response()
        assert (head["id"], head["model_name"], head["model_version"]) == ("甲", "fazhi", VERSION)

    def test_many_at_once(self, triton: Any, serve: Callable[..., str], fake_predictor: Predictor) -> None:
        import tritonclient.http.aio

        text = triton.InferInput("text", [3, 1], "BYTES")
        text.set_data_from_numpy(np.array([TEXTS], object).T)
        address = serve()

        async def ask() -> list[Any]:
            async with tritonclient.http.aio.InferenceServerClient(address) as client:
                return await asyncio.gather(*(client.infer("fazhi", [text]) for _ in range(8)))

        roles = [one.role.encode() for (one,) in fake_predictor.predict([*map(bare_sentence, TEXTS)])]
        assert [result.as_numpy("role").tolist() for result in asyncio.run(ask())] == [roles] * 8

    def test_refusals_are_shown(self, triton: Any, serve: Callable[..., str]) -> None:
        text = triton.InferInput("text", [2], "BYTES")
        text.set_data_from_numpy(np.array(["一句。", " "], object))
        with triton.InferenceServerClient(serve()) as client:
            with pytest.raises(
                triton.InferenceServerException, match=r"^\[422\] .*/inputs/0/data/1: The text is empty"
            ):
                client.infer("fazhi", [text])
            with pytest.raises(triton.InferenceServerException, match=r"^\[404\] .* there is fazhi, version "):
                client.infer("other", [text])
            with pytest.raises(triton.InferenceServerException, match=r"^\[404\] .*nothing at this address"):
                client.get_system_shared_memory_status()
            with pytest.raises(triton.InferenceServerException, match=r"^\[415\] .*uncompressed"):
                client.infer("fazhi", [text], request_compression_algorithm="gzip")

    def test_a_key_is_a_header(self, triton: Any, serve: Callable[..., str], key_file: tuple[Path, str]) -> None:
        with triton.InferenceServerClient(serve(keys=key_file[0])) as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("fazhi", headers={"Authorization": f"Bearer {key_file[1]}"})
            assert not client.is_model_ready("fazhi")
            with pytest.raises(triton.InferenceServerException, match=r"^\[401\] A valid API key is needed"):
                client.get_model_metadata("fazhi")
