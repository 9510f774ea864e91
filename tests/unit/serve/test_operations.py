"""What operators and newcomers look at: health, the model, the labels, the reload, the page of the API."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.labels import ROLES, TOPICS
from fazhi.serve.errors import ServeError


def get(running: Any, service: Any, *paths: str) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


def test_the_model_is_told_with_its_data_and_figures(make_service: Any, running: Any) -> None:
    (answer,) = get(running, make_service(), "/v1/model")
    assert answer.json() == {
        "name": "fazhi",
        "version": "0123456789ab",
        "data": {"train": "d6ed001ac5bd1ddc"},
        "metrics": {"role_accuracy": 0.97},
    }


def test_every_label_is_explained_in_both_languages(make_service: Any, running: Any) -> None:
    (answer,) = get(running, make_service(), "/v1/labels")
    labels = answer.json()["labels"]
    assert [(label["name"], label["kind"]) for label in labels] == [
        *((role, "role") for role in ROLES),
        *((topic, "topic") for topic in TOPICS),
    ]
    assert all(label["meaning"].isascii() and not label["meaning_zh"].isascii() for label in labels)


def test_not_ready_before_the_model_is_there(make_service: Any) -> None:
    import httpx2

    from fazhi.serve.app import create_app

    async def run() -> list[int]:
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(create_app(make_service())), base_url="http://fazhi"
        ) as client:
            return [(await client.get(path)).status_code for path in ("/health/live", "/health/ready")]

    assert asyncio.run(run()) == [200, 503]


class TestReload:
    def test_a_good_model_is_swapped_in(self, make_service: Any, running: Any) -> None:
        async def run() -> tuple[Any, Any, str]:
            service = make_service()
            async with running(service) as client:
                with service.models.lease() as before:
                    answer = await client.post("/admin/reload")
                    with service.models.lease() as after:
                        return answer, before is after, (await client.get("/metrics")).text

        answer, same, page = asyncio.run(run())
        assert answer.json() == {"name": "fazhi", "version": "0123456789ab", "changed": False}
        assert not same
        assert 'fazhi_reloads_total{result="ok"} 1.0' in page

    def test_a_bad_one_is_not(self, make_service: Any, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        async def run() -> tuple[Any, Any, str]:
            service = make_service()
            async with running(service) as client:
                monkeypatch.setattr(service.models, "_make", lambda: 1 / 0)
                failed = await client.post("/admin/reload")
                works = await client.post("/v1/sentences", json={"sentences": ["查处违法案件。"]})
                return failed, works, (await client.get("/metrics")).text

        failed, works, page = asyncio.run(run())
        assert (failed.status_code, failed.json()["code"]) == (503, "reload_failed")
        assert works.status_code == 200
        assert 'fazhi_reloads_total{result="failed"} 1.0' in page


class TestThePage:
    def test_it_needs_nothing_from_elsewhere(self, make_service: Any, running: Any) -> None:
        (page,) = get(running, make_service(), "/docs")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert links
        assert all(link.startswith("/") and not link.startswith("//") for link in links)
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "<script>" not in page.text
        answers = get(running, make_service(), *links)
        assert [answer.status_code for answer in answers] == [200] * len(links)
        assert all(answer.headers["content-type"].split(";")[0] != "application/problem+json" for answer in answers)

    @pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2Fapp.py", "x"])
    def test_no_other_file_is_given(self, make_service: Any, running: Any, name: str) -> None:
        (answer,) = get(running, make_service(), f"/docs/{name}")
        assert answer.status_code == 404

    def test_every_operation_tells_its_failures_and_shows_an_example_in_chinese(
        self, make_service: Any, running: Any
    ) -> None:
        (answer,) = get(running, make_service(), "/openapi.json")
        page = answer.json()
        for operations in page["paths"].values():
            for operation in operations.values():
                content = operation["responses"]["default"]["content"]
                assert content == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
                }
                assert "422" not in operation["responses"]
        for name in ("SentencesRequest", "ReportRequest"):
            assert re.search("[一-龥]", str(page["components"]["schemas"][name]["examples"]))
        for error in ServeError.__subclasses__():
            assert f"{error.status} `{error.code}`" in page["info"]["description"]


MANUAL = Path(__file__).parents[3] / "serve" / "README.md"


def test_the_manual_tells_what_to_do_about_every_failure() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \| (.+?) \|", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    told = {code: statuses for statuses, codes in rows for code in re.findall("`(.+?)`", codes)}
    expected = {error.code: error.status for error in ServeError.__subclasses__()}
    expected = {code: status for code, status in expected.items() if code not in {"client_gone", "internal_error"}}
    assert set(told) == set(expected)
    assert all(str(status) in told[code] for code, status in expected.items())


def test_the_manual_lists_every_setting() -> None:
    from fazhi.serve.config import ServeConfig

    page = MANUAL.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `FAZHI_([A-Z_]+)` \| (.+?) \|", page, re.MULTILINE))
    expected = {name.upper(): field.get_default() for name, field in ServeConfig.model_fields.items()}
    assert set(rows) == set(expected)
    for name, default in expected.items():
        shown = {None: "", (): ""}.get(default, str(default))
        assert rows[name].strip("`") == shown or not shown
