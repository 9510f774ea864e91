"""Sentences and reports, as a caller of /v1 meets them."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from fazhi.model.document import bare_sentence, read_document
from fazhi.model.labels import ROLES, TOPICS, Role
from fazhi.model.predict import Prediction

TEXT = (
    "云溪县2022年法治政府建设情况报告\r\n　　一、主要工作及成效\n（一）强化组织领导。"
    "组织会前学法4次；查处违法案件45件。\n二、存在的问题\n𠮷执法人员力量不足。\n"
)


def call(running: Any, service: Any, *requests: tuple[str, Any], **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.post(path, json=body, **options) for path, body in requests]

    return asyncio.run(run())


def expected(prediction: Prediction) -> dict[str, Any]:
    scores = {
        "roles": dict(zip(ROLES, (round(score, 6) for score in prediction.role_scores), strict=True)),
        "topics": dict(zip(TOPICS, (round(score, 6) for score in prediction.topic_scores), strict=True)),
    }
    return {"role": prediction.role, "topics": [*prediction.topics], "scores": scores, "unsure": prediction.unsure}


class TestSentences:
    def test_each_is_tagged_as_by_the_predictor(self, make_service: Any, running: Any, fake_predictor: Any) -> None:
        headed = {"text": "查处违法案件45件。", "headings": ["一、主要工作及成效", "（一）规范执法"]}
        body = {"sentences": ["组织会前学法4次。", headed, {"text": "办理案件。"}]}
        (answer,) = call(running, make_service(), ("/v1/sentences", body))
        documents = [
            bare_sentence("组织会前学法4次。"),
            bare_sentence(headed["text"], headed["headings"]),
            bare_sentence("办理案件。"),
        ]
        assert answer.status_code == 200
        assert answer.json()["model"] == {"name": "fazhi", "version": "0123456789ab"}
        assert answer.json()["sentences"] == [expected(p) for (p,) in fake_predictor.predict(documents)]

    def test_headings_count(self, make_service: Any, running: Any) -> None:
        bodies = [{"sentences": [{"text": "加强监督。", "headings": h}]} for h in ([], ["二、存在的问题"])]
        without, under = call(running, make_service(), *[("/v1/sentences", body) for body in bodies])
        assert without.json()["sentences"] != under.json()["sentences"]

    def test_scores_of_roles_add_up_to_one_and_those_of_topics_need_not(self, make_service: Any, running: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/sentences", {"sentences": ["查处违法案件。"]}))
        scores = answer.json()["sentences"][0]["scores"]
        assert sum(scores["roles"].values()) == pytest.approx(1, abs=1e-5)
        assert list(scores["roles"]) == [*ROLES]
        assert list(scores["topics"]) == [*TOPICS]

    def test_the_time_of_each_stage_is_told(self, make_service: Any, running: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/sentences", {"sentences": ["查处违法案件。"]}))
        stages = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
        assert set(stages) == {"queue", "encode", "model"}
        assert float(stages["model"]) >= 0

    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({}, ["/sentences"]),
            ({"sentences": []}, ["/sentences"]),
            ({"sentences": "一句"}, ["/sentences"]),
            ({"sentences": ["一句。", 5]}, ["/sentences/1"]),
            ({"sentences": [{"headings": []}]}, ["/sentences/0/text"]),
            ({"sentences": [{"text": "一句。", "headings": "二"}]}, ["/sentences/0/headings"]),
            ({"sentences": [{"text": "一句。", "headings": ["一"] * 17}]}, ["/sentences/0/headings"]),
            ({"sentences": [{"text": "一句。", "机密": 1}]}, ["/sentences/0"]),
            ({"sentences": ["一句。", " \n　", {"text": "\0"}]}, ["/sentences/1", "/sentences/2/text"]),
            ({"sentences": [{"text": "一句。", "headings": ["a\0"]}]}, ["/sentences/0/headings/0"]),
            ({"sentences": ["一句。"], "机密": 1}, [""]),
        ],
    )
    def test_what_is_wrong_is_pointed_at_and_not_repeated(
        self, make_service: Any, running: Any, body: Any, pointers: list[str]
    ) -> None:
        (answer,) = call(running, make_service(), ("/v1/sentences", body))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
        assert all(fault["detail"] and fault["detail_zh"] for fault in answer.json()["errors"])
        assert "一句" not in answer.text
        assert "机密" not in answer.text

    @pytest.mark.parametrize("element", [1, {}, {"text": "a", "headings": [1]}, "一"])
    def test_a_million_faults_are_answered_by_the_first(self, make_service: Any, running: Any, element: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/sentences", {"sentences": [element] * 100_000}))
        assert answer.status_code == (413 if element == "一" else 422)
        assert len(answer.json().get("errors", [1])) == 1

    def test_limits(self, make_service: Any, running: Any) -> None:
        service = make_service(sentences=2, characters=10)
        bodies = [["一"] * 3, ["十" * 9, {"text": "一", "headings": ["二"]}], ["一", "十" * 9]]
        answers = call(running, service, *[("/v1/sentences", {"sentences": body}) for body in bodies])
        assert [answer.status_code for answer in answers] == [413, 413, 200]
        assert "2 sentences" in answers[0].json()["detail"]
        assert "10 characters" in answers[1].json()["detail"]


class TestReports:
    def test_units_stand_where_they_stand_in_the_text(
        self, make_service: Any, running: Any, fake_predictor: Any
    ) -> None:
        (answer,) = call(running, make_service(), ("/v1/reports", {"text": TEXT}))
        document = read_document(TEXT)
        (predictions,) = fake_predictor.predict([document])
        units = answer.json()["units"]
        assert [TEXT[unit["start"] : unit["end"]] for unit in units] == [unit["text"] for unit in units]
        assert [(unit["start"], unit["end"], unit["heading"]) for unit in units] == [
            (unit.start, unit.end, unit.heading) for unit in document.units
        ]
        keys = ("role", "topics", "scores", "unsure")
        assert [{key: unit[key] for key in keys} for unit in units] == [expected(p) for p in predictions]

    def test_the_outline(self, make_service: Any, running: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/reports", {"text": TEXT}))
        outline = answer.json()["outline"]
        assert outline["title"] == "云溪县2022年法治政府建设情况报告"
        assert [section["text"] for section in outline["sections"] if section["level"] == 1] == [
            "一、主要工作及成效",
            "二、存在的问题",
        ]
        units = answer.json()["units"]
        assert all(units[section["unit"]]["text"] == section["text"] for section in outline["sections"])
        assert units[-1]["headings"] == ["二、存在的问题"]

    def test_the_summary_counts_the_units(self, make_service: Any, running: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/reports", {"text": TEXT * 8}))
        units, summary = answer.json()["units"], answer.json()["summary"]
        roles = Counter(unit["role"] for unit in units)
        pairs = Counter((unit["role"], topic) for unit in units for topic in unit["topics"])
        assert summary["units"] == len(units)
        assert summary["unsure"] == sum(unit["unsure"] for unit in units)
        assert summary["roles"] == {role: roles[role] for role in ROLES}
        assert summary["roles_and_topics"] == {r: {t: pairs[r, t] for t in TOPICS} for r in ROLES}
        assert summary["topics"] == {t: sum(pairs[r, t] for r in ROLES) for t in TOPICS}
        problems = [(i, u["text"], u["topics"]) for i, u in enumerate(units) if u["role"] == Role.PROBLEM]
        assert [(p["unit"], p["text"], p["topics"]) for p in summary["problems"]] == problems

    def test_a_stream_gives_the_same_line_by_line(self, make_service: Any, running: Any) -> None:
        request = ("/v1/reports", {"text": TEXT * 8})
        (whole,) = call(running, make_service(), request)
        (stream,) = call(running, make_service(), request, headers={"Accept": "application/x-ndjson"})
        assert stream.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in stream.text.splitlines()]
        assert lines[0] == {"outline": whole.json()["outline"], "model": whole.json()["model"]}
        assert [line["unit"] for line in lines[1:-1]] == whole.json()["units"]
        assert lines[-1]["summary"] == whole.json()["summary"]
        assert set(lines[-1]) == {"summary", "queue_ms", "encode_ms", "model_ms"}

    def test_a_stream_that_cannot_begin_is_refused_with_its_status(self, make_service: Any, running: Any) -> None:
        body = {"text": " " * 1_000_000}
        accept = {"Accept": "application/x-ndjson"}
        (large,) = call(running, make_service(), ("/v1/reports", body), headers=accept)
        (blank,) = call(running, make_service(characters=2_000_000), ("/v1/reports", body), headers=accept)
        assert (large.status_code, blank.status_code) == (413, 422)
        assert blank.headers["content-type"] == "application/problem+json"

    def test_one_line_of_two_hundred_thousand_characters(self, make_service: Any, running: Any) -> None:
        (answer,) = call(running, make_service(), ("/v1/reports", {"text": "行" * 200_000}))
        assert [(unit["start"], unit["end"]) for unit in answer.json()["units"]] == [(0, 200_000)]
