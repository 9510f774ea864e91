"""Files in, labels out and back, as a caller of /v1/documents and /v1/review meets them."""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.feedback import DatabaseError
from fazhi.data.readers import Block, Code, Kind, Place, Reading, UnreadableError
from fazhi.model.document import read_document
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.serve import reading
from fazhi.serve.keys import add
from fazhi.serve.shelf import Shelf

TEXT = (
    "云溪县2022年法治政府建设情况报告\n一、主要工作及成效\n组织会前学法4次；查处违法案件45件。\n"
    "二、存在的问题\n部分乡镇执法人员力量不足。\n三、下一步打算\n将进一步压减行政许可的办理时限。\n"
)
RAW = TEXT.encode("utf-8")
SHA = hashlib.sha256(RAW).hexdigest()
NAME = "云溪县报告.txt"
FORM: dict[str, Any] = {"files": {"file": (NAME, RAW, "text/plain")}}
HALF = b'--a\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + RAW


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'feedback.db'}"


def use(running: Any, service: Any, *steps: Callable[[Any, list[Any]], Awaitable[Any]]) -> list[Any]:
    """Take steps one after another, each with the client and the answers before it; gives the answers."""

    async def run() -> list[Any]:
        answers: list[Any] = []
        async with running(service) as client:
            for step in steps:
                answers.append(await step(client, answers))
        return answers

    return asyncio.run(run())


def post(path: str = "/v1/documents", **options: Any) -> Callable[[Any, list[Any]], Awaitable[Any]]:
    return lambda client, _: client.post(path, **(options or FORM))


def get(path: str) -> Callable[[Any, list[Any]], Awaitable[Any]]:
    return lambda client, _: client.get(path)


def correction(unit: int, role: str, topics: tuple[str, ...] = (), revision: int = 0) -> dict[str, Any]:
    found = read_document(TEXT).units[unit]
    label = {"role": role, "topics": list(topics), "revision": revision}
    return {"start": found.start, "end": found.end, **label}


def correct(*corrections: dict[str, Any], user: str = "审核员甲", sha256: str = SHA) -> Any:
    return post(f"/v1/documents/{sha256}/corrections", json={"user": user, "corrections": list(corrections)})


class TestSending:
    def test_a_file_is_tagged_like_its_text(self, make_service: Any, running: Any, database: str) -> None:
        as_report = post("/v1/reports", json={"text": TEXT})
        file, report = use(running, make_service(database=database), post(), as_report)
        assert file.status_code == 200
        answer = file.json()
        assert answer["document"] == {
            "sha256": SHA,
            "name": NAME,
            "format": "txt",
            "notes": [],
            "text": TEXT,
            "stored": True,
        }
        own = ("source", "revision", "label")
        units = [{key: value for key, value in unit.items() if key not in own} for unit in answer["units"]]
        expected = report.json()
        assert {**answer, "units": units} == {**expected, "document": answer["document"]}
        assert {unit["revision"] for unit in answer["units"]} == {0}
        assert {unit["label"] for unit in answer["units"]} == {None}

    def test_the_bytes_alone_are_as_good_as_a_form(self, make_service: Any, running: Any, database: str) -> None:
        bare = post(f"/v1/documents?name={NAME}", content=RAW, headers={"Content-Type": "text/plain"})
        form, raw = use(running, make_service(database=database), post(), bare)
        assert raw.json() == form.json()

    def test_each_unit_tells_its_place_in_the_file(
        self, make_service: Any, running: Any, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = TEXT.index("\n"), TEXT.index("\n", TEXT.index("\n") + 1)
        blocks = (
            Block(0, first, Kind.FURNITURE, Place(1, None, None)),
            Block(first + 1, second, Kind.TABLE, Place(2, None, (1, 2, 3))),
        )
        monkeypatch.setattr(reading, "read_bytes", lambda *_: Reading(TEXT, blocks, "pdf", ("有说明",)))
        fresh, stored = use(running, make_service(database=database), post(), get(f"/v1/documents/{SHA}"))
        sources = [unit["source"] for unit in fresh.json()["units"]]
        assert sources[0] == {"page": 1, "paragraph": None, "table": None, "furniture": True}
        assert sources[1] == {"page": 2, "paragraph": None, "table": [1, 2, 3], "furniture": False}
        assert set(map(type, sources[2:])) == {type(None)}
        assert (fresh.json()["document"]["format"], fresh.json()["document"]["notes"]) == ("pdf", ["有说明"])
        assert stored.json() == fresh.json()

    def test_without_a_database_it_is_tagged_and_forgotten(self, make_service: Any, running: Any) -> None:
        paths = ["/v1/documents", f"/v1/documents/{SHA}", "/v1/review/next", f"/v1/documents/{SHA}/insight"]
        paths += [f"/v1/compare?documents={SHA}", f"/v1/documents/{SHA}/export?format=csv"]
        sent, corrected, *others = use(
            running, make_service(), post(), correct(correction(0, "其他")), *map(get, paths)
        )
        assert sent.status_code == 200
        assert sent.json()["document"]["stored"] is False
        assert {(answer.status_code, answer.json()["code"]) for answer in (corrected, *others)} == {(404, "no_store")}

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("C:\\办公\\报告.txt", "报告.txt"),
            ("../../etc/报告.txt", "报告.txt"),
            ("报\x07告\u202e.txt", "报告.txt"),
            ("", "document"),
            ("长" * 300 + ".txt", "长" * 196 + ".txt"),
        ],
    )
    def test_a_name_is_a_name_and_no_path(
        self, make_service: Any, running: Any, database: str, given: str, kept: str
    ) -> None:
        send = lambda client, _: client.post("/v1/documents", params={"name": given}, content=RAW)  # noqa: E731
        sent, listed = use(running, make_service(database=database), send, get("/v1/documents"))
        assert sent.json()["document"]["name"] == kept
        assert [line["name"] for line in listed.json()["documents"]] == [kept]

    @pytest.mark.parametrize(
        "options",
        [
            {"files": {"other": (NAME, RAW)}},
            {"files": [("file", (NAME, RAW)), ("file", (NAME, RAW))]},
            {"files": {"x": (NAME, RAW)}, "data": {"file": "文字"}},
            {"content": b"--a\r\n", "headers": {"Content-Type": "multipart/form-data"}},
            {"content": b"no part", "headers": {"Content-Type": "multipart/form-data; boundary=a"}},
            {
                "content": b"--a\r\nX: y\r\n\r\nz\r\n--a--",
                "headers": {"Content-Type": "multipart/form-data; boundary=a"},
            },
            {"content": HALF, "headers": {"Content-Type": "multipart/form-data; boundary=a"}},
            {"content": HALF + b"--a--", "headers": {"Content-Type": "multipart/mixed; boundary=a"}},
            {"files": FORM["files"], "data": {f"field{number}": "x" for number in range(9)}},
        ],
    )
    def test_a_form_without_one_whole_file_is_refused(self, make_service: Any, running: Any, options: Any) -> None:
        (answer,) = use(running, make_service(), post(**options))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_upload")

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("empty", 422, "file_unreadable"),
            ("not-text", 422, "file_unreadable"),
            ("encrypted", 422, "file_unreadable"),
            ("damaged", 422, "file_unreadable"),
            ("scanned-only", 422, "file_unreadable"),
            ("too-large", 413, "file_too_large"),
            ("too-many-pages", 413, "file_too_large"),
            ("too-slow", 413, "file_too_large"),
            ("too-much-memory", 413, "file_too_large"),
            ("unknown-format", 415, "file_unsupported"),
            ("no-libreoffice", 415, "file_unsupported"),
            ("not-installed", 415, "file_unsupported"),
        ],
    )
    def test_what_cannot_be_read_is_told_with_its_reason(
        self, make_service: Any, running: Any, monkeypatch: pytest.MonkeyPatch, code: str, status: int, kind: str
    ) -> None:
        def refuse(*_: object) -> Reading:
            raise UnreadableError("the file is odd", Code(code), "文件有异。")

        monkeypatch.setattr(reading, "read_bytes", refuse)
        (answer,) = use(running, make_service(), post())
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["reason"]) == (status, kind, code)
        assert problem["detail"].endswith("the file is odd")
        assert problem["detail_zh"].endswith("文件有异。")

    @pytest.mark.parametrize(
        "failure", [UnreadableError("no", Code.READER_FAILED), OSError(28, "No space left on device")], ids=repr
    )
    def test_a_failure_that_is_not_the_file_s_is_no_refusal_of_it(
        self, make_service: Any, running: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception
    ) -> None:
        def fail(*_: object) -> Reading:
            raise failure

        monkeypatch.setattr(reading, "read_bytes", fail)
        (answer,) = use(running, make_service(), post())
        assert (answer.status_code, answer.json()["code"]) == (503, "reader_failed")

    def test_every_reason_has_its_answer(self) -> None:
        assert set(reading._REFUSALS) <= set(Code)

    def test_limits_of_bytes_and_characters(self, make_service: Any, running: Any) -> None:
        (bytes_,) = use(running, make_service(document_bytes=100), post())
        (characters,) = use(running, make_service(characters=10), post())
        (large,) = use(running, make_service(body_bytes=100), post())
        assert (bytes_.status_code, bytes_.json()["code"]) == (413, "too_large")
        assert (characters.status_code, characters.json()["code"]) == (413, "file_too_large")
        assert large.status_code == 200  # a document may be larger than another body

    def test_more_files_than_can_be_read_soon_are_refused(
        self, make_service: Any, running: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        free, most = threading.Event(), []
        now: list[int] = []

        def slow(*_: object) -> Reading:
            now.append(1)
            most.append(len(now))
            assert free.wait(10)
            now.pop()
            return Reading(TEXT, (), "txt")

        monkeypatch.setattr(reading, "read_bytes", slow)

        async def run() -> list[Any]:
            async with running(make_service(readers=1)) as client:
                tasks = [asyncio.ensure_future(client.post("/v1/documents", **FORM)) for _ in range(6)]
                while sum(task.done() for task in tasks) < 2:
                    await asyncio.sleep(0.01)
                other = await client.post("/v1/sentences", json={"sentences": ["查处违法案件。"]})
                free.set()
                return [other, *await asyncio.gather(*tasks)]

        other, *answers = asyncio.run(run())
        assert other.status_code == 200
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429] * 2
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)
        assert max(most) == 1

    def test_it_is_told_where_the_time_went(self, make_service: Any, running: Any, database: str) -> None:
        sent, page = use(running, make_service(database=database), post(), get("/metrics"))
        stages = dict(part.split(";dur=") for part in sent.headers["server-timing"].split(", "))
        assert set(stages) == {"queue", "encode", "model", "read", "store"}
        assert all(float(taken) >= 0 for taken in stages.values())
        for stage in stages:
            assert f'fazhi_stage_seconds_count{{stage="{stage}"}} 1.0' in page.text

    def test_a_key_is_asked_for_where_there_are_keys(self, make_service: Any, running: Any, tmp_path: Path) -> None:
        key = add(tmp_path / "keys", "office", admin=False)
        service = make_service(keys=tmp_path / "keys")
        bearer = post(**FORM, headers={"Authorization": f"Bearer {key}"})
        without, with_key = use(running, service, post(), bearer)
        assert (without.status_code, with_key.status_code) == (401, 200)


class TestCorrecting:
    def test_a_correction_is_there_whenever_the_document_is_looked_at(
        self, make_service: Any, running: Any, database: str
    ) -> None:
        service = make_service(database=database)
        sent, corrected = use(running, service, post(), correct(correction(4, "问题", ("普法", "执法"))))
        (label,) = corrected.json()["labels"]
        assert corrected.status_code == 200
        assert (label["role"], label["topics"], label["revision"], label["user"]) == (
            "问题",
            ["执法", "普法"],
            1,
            "审核员甲",
        )
        assert label["time"].endswith("Z")
        again, stored, listed = use(
            running, make_service(database=database), post(), get(f"/v1/documents/{SHA}"), get("/v1/documents")
        )
        assert again.json() == stored.json()
        before, after = sent.json(), stored.json()
        assert after["units"][4]["label"] == label
        assert after["units"][4]["revision"] == 1
        for kept in ("role", "topics", "scores", "unsure"):  # the model's word stays
            assert after["units"][4][kept] == before["units"][4][kept]
        assert [unit["label"] for unit in after["units"] if unit["revision"] == 0] == [None] * (len(after["units"]) - 1)
        (line,) = listed.json()["documents"]
        assert (line["sha256"], line["name"], line["corrected"]) == (SHA, NAME, 1)
        assert line["units"] == len(after["units"])

    def test_the_summary_counts_what_people_say(self, make_service: Any, running: Any, database: str) -> None:
        whole = [correction(index, "计划", ("审批",)) for index in range(len(read_document(TEXT).units))]
        *_, stored = use(running, make_service(database=database), post(), correct(*whole), get(f"/v1/documents/{SHA}"))
        summary = stored.json()["summary"]
        assert summary["roles"] == {role: len(whole) if role is Role.PLAN else 0 for role in ROLES}
        assert summary["topics"] == {topic: len(whole) if topic is Topic.APPROVAL else 0 for topic in TOPICS}
        assert (summary["unsure"], summary["problems"]) == (0, [])

    def test_who_comes_second_is_told_and_loses_nothing(self, make_service: Any, running: Any, database: str) -> None:
        service = make_service(database=database)
        _, _, late, mended, stored = use(
            running,
            service,
            post(),
            correct(correction(4, "问题"), user="审核员乙"),
            correct(correction(3, "其他"), correction(4, "成效")),
            correct(correction(4, "成效", revision=1)),
            get(f"/v1/documents/{SHA}"),
        )
        problem = late.json()
        assert (late.status_code, problem["code"]) == (409, "stale")
        assert [(one["role"], one["revision"], one["user"]) for one in problem["current"]] == [("问题", 1, "审核员乙")]
        assert [(one["role"], one["revision"], one["user"]) for one in problem["kept"]] == [("其他", 1, "审核员甲")]
        assert mended.json()["labels"][0]["revision"] == 2
        labels = [unit["label"] and unit["label"]["role"] for unit in stored.json()["units"]]
        assert labels[3:5] == ["其他", "成效"]

    def test_a_revision_that_was_never_made_is_stale_too(self, make_service: Any, running: Any, database: str) -> None:
        _, answer = use(running, make_service(database=database), post(), correct(correction(4, "问题", revision=7)))
        (current,) = answer.json()["current"]
        assert (current["revision"], current["user"], current["time"]) == (0, "", None)

    def test_the_same_unit_may_be_corrected_twice_in_a_row(
        self, make_service: Any, running: Any, database: str
    ) -> None:
        twice = correct(correction(4, "问题"), correction(4, "其他", revision=1))
        _, answer = use(running, make_service(database=database), post(), twice)
        assert [label["revision"] for label in answer.json()["labels"]] == [1, 2]

    def test_what_is_no_unit_is_pointed_at_and_nothing_is_stored(
        self, make_service: Any, running: Any, database: str
    ) -> None:
        wrong = {**correction(4, "问题"), "end": 1}
        _, answer, stored = use(
            running,
            make_service(database=database),
            post(),
            correct(correction(3, "其他"), wrong),
            get(f"/v1/documents/{SHA}"),
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/corrections/1"]
        assert {unit["revision"] for unit in stored.json()["units"]} == {0}

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"role": "功劳"}, "/corrections/0/role"),
            ({"topics": ["执法", "执法"]}, "/corrections/0/topics"),
            ({"topics": "执法"}, "/corrections/0/topics"),
            ({"topics": ["执法"] * 5}, "/corrections/0/topics"),
            ({"start": "0"}, "/corrections/0/start"),
            ({"start": -1}, "/corrections/0/start"),
            ({"revision": 1.5}, "/corrections/0/revision"),
            ({"机密": 1}, "/corrections/0"),
        ],
    )
    def test_a_correction_that_is_none(
        self, make_service: Any, running: Any, database: str, change: Any, pointer: str
    ) -> None:
        (answer,) = use(running, make_service(database=database), correct({**correction(4, "问题"), **change}))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"corrections": []}, "/corrections"),
            ({"corrections": [correction(4, "问题")] * 501}, "/corrections"),
            ({"corrections": [correction(4, "问题")], "user": "张" * 65}, "/user"),
            ({"corrections": [correction(4, "问题")], "user": "张\n三"}, "/user"),
            ({"user": "审核员甲"}, "/corrections"),
        ],
    )
    def test_a_request_that_is_none(
        self, make_service: Any, running: Any, database: str, body: Any, pointer: str
    ) -> None:
        send = post(f"/v1/documents/{SHA}/corrections", json=body)
        (answer,) = use(running, make_service(database=database), send)
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    @pytest.mark.parametrize("sha256", ["0" * 64, "x", "A" * 64, "%00"])
    def test_a_document_that_is_not_there(self, make_service: Any, running: Any, database: str, sha256: str) -> None:
        answers = use(
            running,
            make_service(database=database),
            get(f"/v1/documents/{sha256}"),
            correct(correction(4, "问题"), sha256=sha256),
        )
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "no_such_document")}


class TestReview:
    def test_the_next_units_come_with_what_is_needed_to_judge_them(
        self, make_service: Any, running: Any, database: str
    ) -> None:
        sent, review = use(running, make_service(database=database), post(), get("/v1/review/next?count=3"))
        assert review.status_code == 200
        units = {(unit["start"], unit["end"]): unit for unit in sent.json()["units"]}
        found = review.json()["units"]
        assert 1 <= len(found) <= 3
        for one in found:
            unit = units[one["start"], one["end"]]
            assert (one["sha256"], one["name"], one["revision"]) == (SHA, NAME, 0)
            for key in ("text", "heading", "headings", "role", "topics", "scores"):
                assert one[key] == unit[key], key
            assert TEXT[: one["start"]].endswith(one["before"])
            assert TEXT[one["end"] :].startswith(one["after"])
            assert 0 <= one["margin"] <= 1

    def test_what_was_judged_does_not_come_back(self, make_service: Any, running: Any, database: str) -> None:
        async def confirm(client: Any, answers: list[Any]) -> Any:
            (unit,) = answers[-1].json()["units"]
            same = {key: unit[key] for key in ("start", "end", "role", "topics", "revision")}
            body = {"corrections": [same]}
            return await client.post(f"/v1/documents/{SHA}/corrections", json=body)

        ask = get("/v1/review/next?count=1")
        _, first, confirmed, second = use(running, make_service(database=database), post(), ask, confirm, ask)
        assert confirmed.status_code == 200
        (before,), after = first.json()["units"], second.json()["units"]
        assert before["start"] not in [unit["start"] for unit in after]

    @pytest.mark.parametrize("count", ["0", "201", "many", "-1"])
    def test_a_count_that_is_none(self, make_service: Any, running: Any, database: str, count: str) -> None:
        (answer,) = use(running, make_service(database=database), get(f"/v1/review/next?count={count}"))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/count")

    def test_nothing_to_look_at(self, make_service: Any, running: Any, database: str) -> None:
        (answer,) = use(running, make_service(database=database), get("/v1/review/next"))
        assert answer.json() == {"units": []}


class TestTheDatabase:
    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise DatabaseError("feedback.db: disk I/O error DETAIL: Failing row contains (机密)")

        for name in ("keep", "document", "documents", "review"):
            monkeypatch.setattr(f"fazhi.data.feedback.Store.{name}", fail)

    @pytest.mark.usefixtures("broken")
    def test_its_failure_is_an_answer_and_a_line_in_the_log(
        self, make_service: Any, running: Any, database: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        paths = ["/v1/documents", f"/v1/documents/{SHA}", "/v1/review/next"]
        answers = use(running, make_service(database=database), post(), *map(get, paths))
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "store_failed")}
        reasons = {record.reason for record in caplog.records if record.message == "the database failed"}
        assert reasons == {"feedback.db: disk I/O error"}

    def test_one_that_does_not_answer_holds_up_nothing_else(
        self, make_service: Any, running: Any, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        free = threading.Event()
        monkeypatch.setattr("fazhi.data.feedback.Store.documents", lambda _: [] if free.wait(10) else None)

        async def run() -> list[Any]:
            async with running(make_service(database=database)) as client:
                stuck = [asyncio.ensure_future(client.get("/v1/documents")) for _ in range(40)]
                await asyncio.sleep(0)
                others = [await client.post("/v1/reports", json={"text": TEXT}), await client.post("/admin/reload")]
                assert not any(one.done() for one in stuck)
                free.set()
                return [*others, *await asyncio.gather(*stuck)]

        assert {answer.status_code for answer in asyncio.run(run())} == {200}

    def test_one_that_cannot_be_opened_is_told_at_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"no database, but long enough to be looked at " * 50)
        with pytest.raises(DatabaseError, match="file"):
            Shelf.open(f"sqlite:///{tmp_path / 'file'}")
