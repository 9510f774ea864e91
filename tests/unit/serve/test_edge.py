"""What every request meets before its route: limits, keys, deadline, and one answer whatever happens."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.encode import Batch
from fazhi.serve.app import create_app
from fazhi.serve.keys import add

BODY = {"sentences": ["查处违法案件45件。"]}
MEMBERS = {"type", "title", "status", "code", "detail", "detail_zh", "request_id"}


def ask(running: Any, service: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.request(method, path, **options) for method, path, options in requests]

    return asyncio.run(run())


def json_body(content: bytes, **headers: str) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/v1/sentences", {"content": content, "headers": {"Content-Type": "application/json", **headers}}


@pytest.fixture
def slow_engine(fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let the fake engine wait until the event is set."""
    free = threading.Event()
    run = fake_engine.run

    def wait(batch: Batch) -> Any:
        assert free.wait(10)
        return run(batch)

    monkeypatch.setattr(fake_engine, "run", wait)
    return free


class TestWhatIsNoRequest:
    @pytest.mark.parametrize(
        "content",
        [
            b'{"sentences": ["\xff\xfe"]}',
            b'{"sentences": ["\xed\xa0\x80"]}',
            b'{"sentences": ["\\ud800"]}',
            b'{"sentences": [NaN]}',
            b'{"sentences": [Infinity]}',
            b'{"sentences": [',
            b'{"sentences": ["a"]} b',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            "一句。".encode("gbk"),
        ],
    )
    def test_bad_json(self, make_service: Any, running: Any, content: bytes) -> None:
        (answer,) = ask(running, make_service(), json_body(content))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/json; charset=gbk", "multipart/form-data", "x"])
    def test_another_media_type(self, make_service: Any, running: Any, kind: str) -> None:
        (answer,) = ask(running, make_service(), json_body(b'{"sentences":["a"]}', **{"Content-Type": kind}))
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_a_compressed_body(self, make_service: Any, running: Any) -> None:
        (answer,) = ask(running, make_service(), json_body(b"...", **{"Content-Encoding": "gzip"}))
        assert answer.status_code == 415

    def test_unknown_paths_and_methods(self, make_service: Any, running: Any) -> None:
        requests = [("GET", "/v1/机密", {}), ("GET", "/v1/sentences", {}), ("DELETE", "/v1/model", {})]
        answers = ask(running, make_service(), *requests)
        assert [answer.status_code for answer in answers] == [404, 405, 405]
        assert answers[1].headers["allow"] == "POST"
        assert "机密" not in answers[0].text

    def test_too_many_bytes(self, make_service: Any, running: Any) -> None:
        service = make_service(body_bytes=100)
        answers = ask(running, service, json_body(b" " * 101), json_body(b" " * 5000), json_body(b" " * 100))
        assert [answer.status_code for answer in answers] == [413, 413, 400]
        assert answers[1].headers["connection"] == "close"  # the rest of it is not read

    def test_every_failure_is_a_problem_in_two_languages(self, make_service: Any, running: Any) -> None:
        requests = [json_body(b"{"), ("GET", "/no", {}), ("POST", "/v1/sentences", {"json": {}})]
        for answer in ask(running, make_service(), *requests):
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert set(problem) >= MEMBERS
            assert problem["status"] == answer.status_code
            assert problem["request_id"] == answer.headers["x-request-id"]
            assert problem["detail_zh"] != problem["detail"]


class TestHeaders:
    def test_a_sound_request_id_is_kept_and_another_replaced(self, make_service: Any, running: Any) -> None:
        options = [{"headers": {"X-Request-ID": value}} for value in ("abc-1.2_3", "a b", "x" * 65)]
        answers = ask(running, make_service(), *[("GET", "/v1/labels", option) for option in options])
        assert answers[0].headers["x-request-id"] == "abc-1.2_3"
        assert all(len(answer.headers["x-request-id"]) == 16 for answer in answers[1:])

    def test_security_headers_stand_on_every_answer(self, make_service: Any, running: Any) -> None:
        for answer in ask(running, make_service(), ("GET", "/v1/labels", {}), ("GET", "/no", {}), json_body(b"{")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"

    def test_there_is_no_cors_unless_it_is_set(self, make_service: Any, running: Any) -> None:
        origin = {"headers": {"Origin": "https://a.example"}}
        preflight = {"headers": {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}}
        requests = [("GET", "/v1/labels", origin), ("OPTIONS", "/v1/sentences", preflight)]
        closed = ask(running, make_service(), *requests)
        opened = ask(running, make_service(origins="https://a.example"), *requests)
        assert [answer.headers.get("access-control-allow-origin") for answer in closed] == [None, None]
        assert [answer.headers["access-control-allow-origin"] for answer in opened] == ["https://a.example"] * 2
        assert [answer.status_code for answer in opened] == [200, 200]


class TestKeys:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[Path, str, str]:
        path = tmp_path / "keys"
        return path, add(path, "office", admin=False), add(path, "operator", admin=True)

    def test_a_key_is_asked_for_everywhere_but_for_health_and_docs(
        self, make_service: Any, running: Any, keys: tuple[Path, str, str]
    ) -> None:
        path, office, operator = keys
        service = make_service(keys=path)
        tried = [None, "", "wrong", "密", office, operator]
        headers = [{} if key is None else {"Authorization": f"Bearer {key}".encode()} for key in tried]
        answers = ask(running, service, *[("POST", "/v1/sentences", {"json": BODY, "headers": h}) for h in headers])
        assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 200, 200]
        assert answers[0].headers["www-authenticate"] == "Bearer"
        pages = ["/health/live", "/health/ready", "/docs", "/docs/docs.js", "/openapi.json"]
        closed = ["/metrics", "/v1/model", "/v1/labels", "/no"]
        answers = ask(running, make_service(keys=path), *[("GET", page, {}) for page in pages + closed])
        assert [answer.status_code for answer in answers] == [200] * 5 + [401] * 4

    def test_only_an_admin_key_reloads(self, make_service: Any, running: Any, keys: tuple[Path, str, str]) -> None:
        path, *both = keys
        options = [{"headers": {"Authorization": f"Bearer {key}"}} for key in both]
        answers = ask(running, make_service(keys=path), *[("POST", "/admin/reload", option) for option in options])
        assert [answer.status_code for answer in answers] == [403, 200]


class TestWork:
    def test_too_many_at_once_are_refused_and_health_is_answered(
        self, make_service: Any, running: Any, slow_engine: threading.Event
    ) -> None:
        async def run() -> tuple[Any, Any, list[Any]]:
            async with running(make_service(concurrent_requests=2)) as client:
                first = [asyncio.create_task(client.post("/v1/sentences", json=BODY)) for _ in range(2)]
                await asyncio.sleep(0.1)
                refused = await client.post("/v1/sentences", json=BODY)
                live = await client.get("/health/live")
                slow_engine.set()
                return refused, live, await asyncio.gather(*first)

        refused, live, accepted = asyncio.run(run())
        assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert live.status_code == 200
        assert [answer.status_code for answer in accepted] == [200, 200]

    def test_the_deadline(self, make_service: Any, running: Any, slow_engine: threading.Event) -> None:
        async def run() -> tuple[Any, Any]:
            async with running(make_service(deadline_seconds=0.5)) as client:
                late = await client.post("/v1/sentences", json=BODY)
                slow_engine.set()
                return late, await client.post("/v1/sentences", json=BODY)

        late, after = asyncio.run(run())
        assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
        assert after.status_code == 200

    def test_a_stream_at_its_deadline_ends_with_the_problem(
        self, make_service: Any, running: Any, fake_engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_engine, free, runs = fake_engine.run, threading.Event(), iter(range(100))

        def stall(batch: Batch) -> Any:
            if next(runs) > 0:
                free.wait(10)
            return run_engine(batch)

        monkeypatch.setattr(fake_engine, "run", stall)

        async def run() -> Any:
            async with running(make_service(deadline_seconds=1)) as client:
                body = {"text": "查处违法案件45件。" * 200}
                answer = await client.post("/v1/reports", json=body, headers={"Accept": "application/x-ndjson"})
                free.set()
                return answer

        lines = [json.loads(line) for line in asyncio.run(run()).text.splitlines()]
        assert "outline" in lines[0]
        assert lines[-1]["problem"]["code"] == "deadline_exceeded"

    def test_a_failing_model_answers_and_the_next_request_works(
        self, make_service: Any, running: Any, fake_engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_engine, runs = fake_engine.run, iter(range(100))

        def fail_once(batch: Batch) -> Any:
            if next(runs) == 0:
                raise MemoryError("查处违法案件45件。")
            return run_engine(batch)

        monkeypatch.setattr(fake_engine, "run", fail_once)
        requests = [("POST", "/v1/sentences", {"json": BODY})] * 2
        failed, after = ask(running, make_service(), *requests)
        assert (failed.status_code, failed.json()["code"], after.status_code) == (503, "inference_failed", 200)

    def test_a_bug_of_ours_is_answered_bare(
        self, make_service: Any, running: Any, fake_predictor: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise KeyError("机密")

        monkeypatch.setattr(fake_predictor, "decide", broken)
        (answer,) = ask(running, make_service(), ("POST", "/v1/sentences", {"json": BODY}))
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "机密" not in answer.text

    def test_nothing_new_is_taken_while_draining(self, make_service: Any, running: Any) -> None:
        service = make_service()
        service.lifecycle.draining = True
        paths = ["/health/live", "/health/ready", "/metrics", "/v1/labels"]
        answers = ask(running, service, *[("GET", path, {}) for path in paths])
        assert [answer.status_code for answer in answers] == [200, 503, 200, 503]
        assert {answers[1].json()["code"], answers[3].json()["code"]} == {"shutting_down"}


class TestTheClientThatGoes:
    """Below a client library: the raw ASGI messages of one request."""

    async def serve(self, service: Any, messages: list[Any]) -> list[Any]:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/sentences",
            "raw_path": b"/v1/sentences",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            await asyncio.sleep(60)
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        async with asyncio.timeout(5):
            await create_app(service)(scope, receive, send)
        return sent

    def test_its_work_is_dropped(
        self, make_service: Any, running: Any, fake_engine: Any, slow_engine: threading.Event
    ) -> None:
        body = {"type": "http.request", "body": json.dumps(BODY).encode(), "more_body": False}

        async def run() -> list[Any]:
            service = make_service()
            async with running(service) as client:
                other = asyncio.create_task(client.post("/v1/sentences", json=BODY))
                await asyncio.sleep(0.1)
                sent = await self.serve(service, [body, {"type": "http.disconnect"}])
                slow_engine.set()
                await other
                assert service.lifecycle.working == 0
                return sent

        assert asyncio.run(run()) == []
        assert len(fake_engine.batches) == 1

    def test_a_body_that_never_ends_is_timed_out(self, make_service: Any, running: Any) -> None:
        service = make_service(body_seconds=0.05)
        begun = {"type": "http.request", "body": b"{", "more_body": True}

        async def run() -> list[Any]:
            async with running(service):
                return await self.serve(service, [begun])

        sent = asyncio.run(run())
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]

    def test_a_client_gone_before_its_body_harms_nobody(self, make_service: Any, running: Any) -> None:
        service = make_service()

        async def run() -> None:
            async with running(service):
                await self.serve(service, [{"type": "http.disconnect"}])

        asyncio.run(run())
        assert (service.lifecycle.arriving, service.lifecycle.working) == (0, 0)


class TestTheLog:
    def test_a_request_is_one_line_without_its_text(
        self, make_service: Any, running: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "fazhi"):
            ask(
                running,
                make_service(),
                ("POST", "/v1/sentences", {"json": BODY}),
                ("GET", "/v1/机密", {}),
                json_body(b"{"),
            )
        lines = [record.__dict__ for record in caplog.records if record.message == "request"]
        assert [(line["route"], line["status"]) for line in lines] == [
            ("/v1/sentences", 200),
            ("other", 404),
            ("/v1/sentences", 400),
        ]
        assert lines[2]["code"] == "bad_request"
        assert all(line["request_id"] and line["ms"] >= 0 for line in lines)
        assert "违法" not in str(lines)
        assert "机密" not in str(lines)


def test_metrics_tell_of_requests_failures_and_stages(make_service: Callable[..., Any], running: Any) -> None:
    sound = ("POST", "/v1/sentences", {"json": BODY})
    page = ask(running, make_service(), sound, sound, json_body(b"{"), ("GET", "/metrics", {}))[-1].text
    assert 'fazhi_requests_total{method="POST",route="/v1/sentences",status="200"} 2.0' in page
    assert 'fazhi_requests_total{method="POST",route="/v1/sentences",status="400"} 1.0' in page
    assert 'fazhi_failures_total{code="bad_request"} 1.0' in page
    assert 'fazhi_stage_seconds_count{stage="model"} 2.0' in page
    assert "fazhi_queue_tokens 0.0" in page
