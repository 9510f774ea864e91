"""Exports, insight and comparison of what is kept, by the labels of now."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.completeness import default_guide
from fazhi.data.feedback import StoredDocument, StoredUnit
from fazhi.model.labels import Role
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment
from fazhi.serve.dossier import Dossier

PROBLEM, ANSWER, LONE = 3, 5, 4
TEXTS = {
    "甲.txt": (
        "云溪县2022年法治政府建设情况报告\n一、主要做法\n县委书记履行法治建设第一责任人职责。\n行政执法人员力量不足。\n"
        "法律顾问作用发挥不够。\n下一步充实行政执法人员力量。\n"
    ),
    "=乙.txt": "望山市2023年法治政府建设情况报告\n一、主要做法\n开展宪法宣传3场。\n",
}
LABELS = {  # of the first text, by unit
    0: ("其他", []),
    1: ("其他", []),
    2: ("成效", []),
    PROBLEM: ("问题", ["执法"]),
    LONE: ("问题", []),
    ANSWER: ("计划", ["执法"]),
}


class Kept:
    """A service in which the texts are kept and the first is corrected; gives answers to what is asked."""

    def __init__(self, running: Any, make_service: Any, folder: Path) -> None:
        self._running, self._make, self._database = running, make_service, f"sqlite:///{folder / 'feedback.db'}"
        self.documents: dict[str, Any] = {}
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        async with self._running(self._make(database=self._database)) as client:
            for name, text in TEXTS.items():
                sent = await client.post("/v1/documents", params={"name": name}, content=text.encode("utf-8"))
                self.documents[name] = sent.json()
            units = self.documents["甲.txt"]["units"]
            corrections = [
                {
                    "start": units[unit]["start"],
                    "end": units[unit]["end"],
                    "role": role,
                    "topics": topics,
                    "revision": 0,
                }
                for unit, (role, topics) in LABELS.items()
            ]
            done = await client.post(
                f"/v1/documents/{self.sha('甲.txt')}/corrections", json={"corrections": corrections, "user": "审核员甲"}
            )
            assert done.status_code == 200, done.text

    def sha(self, name: str) -> str:
        return str(self.documents[name]["document"]["sha256"])

    def get(self, path: str) -> Any:
        async def ask() -> Any:
            async with self._running(self._make(database=self._database)) as client:
                return await client.get(path)

        return asyncio.run(ask())

    def export(self, name: str, kind: str) -> Any:
        return self.get(f"/v1/documents/{self.sha(name)}/export?format={kind}")


@pytest.fixture
def kept(running: Any, make_service: Any, tmp_path: Path) -> Kept:
    return Kept(running, make_service, tmp_path)


class TestExport:
    def test_the_workbook_has_every_sentence_with_the_label_of_now(self, kept: Kept) -> None:
        import openpyxl

        answer = kept.export("甲.txt", "xlsx")
        assert answer.status_code == 200
        book = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True)
        shown = [[str(cell) for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
        column = shown[0].index("句子")
        for unit, (role, topics) in LABELS.items():
            text = kept.documents["甲.txt"]["units"][unit]["text"]
            (row,) = [row for row in shown if row[column] == text]
            assert role in row
            assert all(any(topic in cell for cell in row) for topic in topics)

    def test_lines_of_json_and_of_csv(self, kept: Kept) -> None:
        rows = [json.loads(line) for line in kept.export("甲.txt", "jsonl").text.splitlines()]
        assert {row["corrected"] for row in rows} == {True}
        assert [(row["role"], row["topics"]) for row in rows] == list(LABELS.values())
        answer = kept.export("甲.txt", "csv")
        assert answer.content.startswith("\ufeff".encode())
        lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [line["role"] for line in lines] == [role for role, _ in LABELS.values()]

    def test_the_summary_is_a_document_of_word(self, kept: Kept) -> None:
        import docx

        page = docx.Document(io.BytesIO(kept.export("甲.txt", "docx").content))
        text = "\n".join(paragraph.text for paragraph in page.paragraphs)
        assert "行政执法人员力量不足" in text
        assert "法律顾问作用发挥不够" in text

    @pytest.mark.parametrize(("kind", "media"), [("xlsx", "spreadsheetml.sheet"), ("csv", "text/csv")])
    def test_it_is_saved_under_the_name_that_it_came_with(self, kept: Kept, kind: str, media: str) -> None:
        answer = kept.export("=乙.txt", kind)
        assert media in answer.headers["content-type"]
        expected = f"attachment; filename=\"fazhi.{kind}\"; filename*=UTF-8''%3D%E4%B9%99.{kind}"
        assert answer.headers["content-disposition"] == expected

    @pytest.mark.parametrize("query", ["?format=pdf", "?format=", ""])
    def test_another_format(self, kept: Kept, query: str) -> None:
        answer = kept.get(f"/v1/documents/{kept.sha('甲.txt')}/export{query}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/format")

    def test_a_document_that_is_not_there(self, kept: Kept) -> None:
        assert kept.get(f"/v1/documents/{'0' * 64}/export?format=csv").json()["code"] == "no_such_document"


class TestInsight:
    def test_problems_stand_beside_the_plans_that_answer_them(self, kept: Kept) -> None:
        answer = kept.get(f"/v1/documents/{kept.sha('甲.txt')}/insight")
        assert answer.status_code == 200
        first, second = answer.json()["answers"]
        units = kept.documents["甲.txt"]["units"]
        assert (first["unit"], first["text"], first["topics"]) == (PROBLEM, units[PROBLEM]["text"], ["执法"])
        (plan,) = first["plans"]
        assert (plan["unit"], plan["text"], plan["topics"]) == (ANSWER, units[ANSWER]["text"], ["执法"])
        assert 0 < plan["closeness"] <= 1
        assert (second["unit"], second["plans"]) == (LONE, [])

    def test_every_part_comes_with_its_evidence(self, kept: Kept) -> None:
        found = kept.get(f"/v1/documents/{kept.sha('甲.txt')}/insight").json()["completeness"]
        guide = default_guide()
        assert (found["version"], found["source"]) == (guide.version, guide.source)
        assert [part["key"] for part in found["parts"]] == [part.key for part in guide.parts]
        aspects = {aspect["key"]: aspect for part in found["parts"] for aspect in part["aspects"]}
        assert [one["unit"] for one in aspects["shortfalls"]["evidence"]] == [PROBLEM, LONE]
        assert [one["unit"] for one in aspects["plans"]["evidence"]] == [ANSWER]
        assert aspects["leaders"]["evidence"] == [{"unit": 2, "cue": "第一责任人", "above": False, "hint": False}]
        assert (aspects["causes"]["state"], aspects["causes"]["evidence"]) == ("missing", [])
        assert all(part["name_zh"] and part["name_en"].isascii() for part in found["parts"])


class TestCompare:
    def test_documents_stand_in_the_order_asked(self, kept: Kept) -> None:
        names = ["=乙.txt", "甲.txt"]
        answer = kept.get("/v1/compare?documents=" + ",".join(map(kept.sha, names)))
        assert answer.status_code == 200
        other, own = answer.json()["documents"]
        assert [other["name"], own["name"]] == names
        assert (other["corrected"], own["corrected"]) == (0, len(LABELS))
        assert own["title"] == "云溪县2022年法治政府建设情况报告"
        assert own["summary"]["roles"] == {"成效": 1, "问题": 2, "计划": 1, "其他": 2}
        assert [one["unit"] for one in own["unanswered"]] == [LONE]
        parts = {part["key"]: (part["state"], part["evidence"]) for part in own["parts"]}
        assert parts["plans"] == ("found", 1)
        assert parts["shortfalls"] == ("missing", 2)  # the causes are

    @pytest.mark.parametrize("wanted", ["", "x", "{sha},", "{sha},{sha}", ",".join(f"{i:064x}" for i in range(51))])
    def test_a_list_that_is_none(self, kept: Kept, wanted: str) -> None:
        answer = kept.get("/v1/compare?documents=" + wanted.format(sha=kept.sha("甲.txt")))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/documents")

    def test_one_that_is_not_there(self, kept: Kept) -> None:
        answer = kept.get(f"/v1/compare?documents={kept.sha('甲.txt')},{'0' * 64}")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_document")


def test_the_summary_leaves_out_what_is_the_page_s() -> None:
    text = "执法人员力量不足。\n第3页\n法律顾问作用发挥不够。"
    said = Prediction(Role.PROBLEM, (), (0.1, 0.7, 0.1, 0.1), (0.0, 0.0, 0.0, 0.0), False)
    units = tuple(
        StoredUnit(unit.start, unit.end, unit.heading, said, furniture=unit.text == "第3页") for unit in segment(text)
    )
    summary = Dossier(StoredDocument("a.pdf", text, "m1", units)).summary
    assert (summary.units, summary.roles[Role.PROBLEM]) == (2, 2)
    assert [problem.unit for problem in summary.problems] == [0, 2]
