"""/predict, as a caller used to Hugging Face's text classification meets it."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from fazhi.model.decision import Decision
from fazhi.model.document import bare_sentence
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor

TEXTS = ["组织会前学法4次。", "查处违法案件45件，罚没款32万元。", "力争培养法律明白人300名。"]
LABELS = [*ROLES, *TOPICS]


def post(running: Any, service: Any, *bodies: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.post("/predict", json=body) for body in bodies]

    return asyncio.run(run())


def scores(answer: list[dict[str, Any]]) -> list[float]:
    """Scores in the order of the labels."""
    found = {pair["label"]: pair["score"] for pair in answer}
    assert len(found) == len(answer)
    return [found[label] for label in LABELS]


@pytest.fixture
def decision(fake_predictor: Predictor) -> Decision:
    """A rule whose temperatures differ, given to the predictor that is served."""
    fake_predictor.decision = Decision(role_temperature=2.5, topic_temperature=0.7)
    return fake_predictor.decision


class TestScores:
    def test_a_string_is_answered_as_a_list_of_one(self, make_service: Any, running: Any) -> None:
        alone, listed = post(running, make_service(), {"inputs": TEXTS[0]}, {"inputs": TEXTS[:1]})
        assert alone.status_code == listed.status_code == 200
        assert alone.json() == listed.json()
        assert len(alone.json()) == 1

    def test_all_labels_come_the_highest_score_first(self, make_service: Any, running: Any) -> None:
        (answer,) = post(running, make_service(), {"inputs": TEXTS})
        assert len(answer.json()) == len(TEXTS)
        for one in answer.json():
            assert {pair["label"] for pair in one} == set(LABELS)
            assert [pair["score"] for pair in one] == sorted((pair["score"] for pair in one), reverse=True)

    def test_by_default_they_are_those_of_the_decision_rule(
        self, make_service: Any, running: Any, fake_predictor: Predictor, decision: Decision
    ) -> None:
        (answer,) = post(running, make_service(), {"inputs": TEXTS})
        for text, one in zip(TEXTS, answer.json(), strict=True):
            ((prediction,),) = fake_predictor.predict([bare_sentence(text)])
            expected = [*prediction.role_scores, *prediction.topic_scores]
            assert scores(one) == pytest.approx(expected, abs=1e-6)
            assert sum(scores(one)[:4]) == pytest.approx(1, abs=1e-5)

    def test_softmax_leaves_topics_what_they_are(self, make_service: Any, running: Any, decision: Decision) -> None:
        plain, softmax, null = post(
            running,
            make_service(),
            {"inputs": TEXTS},
            {"inputs": TEXTS, "parameters": {"function_to_apply": "softmax"}},
            {"inputs": TEXTS, "parameters": {"function_to_apply": None, "top_k": None}, "options": None},
        )
        assert plain.json() == softmax.json() == null.json()

    def test_none_gives_what_the_model_gave(
        self, make_service: Any, running: Any, fake_predictor: Predictor, decision: Decision
    ) -> None:
        (answer,) = post(running, make_service(), {"inputs": TEXTS, "parameters": {"function_to_apply": "none"}})
        for logits, one in zip(fake_predictor.logits([*map(bare_sentence, TEXTS)]), answer.json(), strict=True):
            assert scores(one) == pytest.approx([*logits.roles[0], *logits.topics[0]], abs=1e-6)

    def test_sigmoid_takes_each_label_by_itself_and_keeps_the_temperatures(
        self, make_service: Any, running: Any, fake_predictor: Predictor, decision: Decision
    ) -> None:
        (answer,) = post(running, make_service(), {"inputs": TEXTS, "parameters": {"function_to_apply": "sigmoid"}})
        for logits, one in zip(fake_predictor.logits([*map(bare_sentence, TEXTS)]), answer.json(), strict=True):
            cooled = np.concatenate([logits.roles[0] / 2.5, logits.topics[0] / 0.7])
            assert scores(one) == pytest.approx(1 / (1 + np.exp(-cooled)), abs=1e-6)

    @pytest.mark.parametrize(("top_k", "count"), [(1, 1), (3, 3), (8, 8), (9, 8), (10**30, 8)])
    def test_top_k_keeps_the_first(self, make_service: Any, running: Any, top_k: int, count: int) -> None:
        bodies = {"inputs": TEXTS}, {"inputs": TEXTS, "parameters": {"top_k": top_k}}
        whole, cut = post(running, make_service(), *bodies)
        assert cut.json() == [one[:count] for one in whole.json()]

    def test_options_are_not_looked_at(self, make_service: Any, running: Any) -> None:
        options = {"wait_for_model": True, "use_cache": False, "更多": [1, {}]}
        plain, answer = post(running, make_service(), {"inputs": TEXTS}, {"inputs": TEXTS, "options": options})
        assert answer.json() == plain.json()

    def test_the_time_of_each_stage_is_told(self, make_service: Any, running: Any) -> None:
        (answer,) = post(running, make_service(), {"inputs": TEXTS})
        assert "model;dur=" in answer.headers["server-timing"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({}, ["/inputs"]),
            ([], [""]),
            ({"inputs": []}, ["/inputs"]),
            ({"inputs": 5}, ["/inputs"]),
            ({"inputs": None}, ["/inputs"]),
            ({"inputs": {"text": "一句。", "text_pair": "二句。"}}, ["/inputs"]),
            ({"inputs": ["一句。", 5, None]}, ["/inputs/1"]),
            ({"inputs": [["一句。"]]}, ["/inputs/0"]),
            ({"inputs": " \n　"}, ["/inputs"]),
            ({"inputs": ["一句。", "", "a\0"]}, ["/inputs/1", "/inputs/2"]),
            ({"inputs": "一句。", "机密": 1}, [""]),
            ({"inputs": "一句。", "parameters": {"机密": 1}}, ["/parameters"]),
            ({"inputs": "一句。", "parameters": []}, ["/parameters"]),
            ({"inputs": "一句。", "options": []}, ["/options"]),
            *(
                ({"inputs": "一句。", "parameters": {"top_k": k}}, ["/parameters/top_k"])
                for k in (0, -1, True, "2", 1.5)
            ),
            ({"inputs": "一句。", "parameters": {"function_to_apply": "relu"}}, ["/parameters/function_to_apply"]),
        ],
    )
    def test_a_wrong_member_is_named(self, make_service: Any, running: Any, body: Any, pointers: list[str]) -> None:
        (answer,) = post(running, make_service(), body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
        assert "机密" not in answer.text

    def test_what_inputs_may_be_is_said(self, make_service: Any, running: Any) -> None:
        (answer,) = post(running, make_service(), {"inputs": 5})
        assert answer.json()["errors"][0]["detail"] == "This must be a string or an array."
        assert answer.json()["error"].endswith("see errors. /inputs: This must be a string or an array.")

    def test_limits_hold(self, make_service: Any, running: Any) -> None:
        service = make_service(sentences=2, characters=10)
        bodies = [{"inputs": ["一"] * 3}, {"inputs": "一" * 11}, {"inputs": ["一" * 5] * 2}]
        answers = post(running, service, *bodies)
        assert [answer.status_code for answer in answers] == [413, 413, 200]

    def test_only_json_is_taken(self, make_service: Any, running: Any) -> None:
        async def run() -> Any:
            async with running(make_service()) as client:
                content = json.dumps({"inputs": "一句。"})
                return await client.post("/predict", content=content, headers={"Content-Type": "text/plain"})

        assert asyncio.run(run()).status_code == 415
