"""Whose pages may ask for what is kept here."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fazhi.serve.keys import add

PATHS = ("/v1/documents", "/v1/review/next", "/v1/compare?documents=x", "/v1/documents/x/insight")


def ask(running: Any, service: Any, path: str = "/v1/documents", **headers: str) -> Any:
    async def run() -> Any:
        async with running(service) as client:
            return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return asyncio.run(run())


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'feedback.db'}"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_gets_nothing(
    make_service: Any, running: Any, database: str, path: str, site: str
) -> None:
    answer = ask(running, make_service(database=database), path, sec_fetch_site=site)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")


def test_nor_may_it_send_a_file(make_service: Any, running: Any, database: str) -> None:
    async def run() -> list[Any]:
        async with running(make_service(database=database)) as client:
            headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example"}
            sent = await client.post("/v1/documents", content="一句。".encode(), headers=headers)
            return [sent, await client.get("/v1/documents")]

    sent, listed = asyncio.run(run())
    assert sent.status_code == 403
    assert listed.json() == {"documents": []}


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:9000", 403),
        ("http://localhost:8000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_an_old_browser_tells_the_origin_alone(
    make_service: Any, running: Any, database: str, origin: str, status: int
) -> None:
    answer = ask(running, make_service(database=database), host="127.0.0.1:8000", origin=origin)
    assert answer.status_code == status


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}])
def test_nor_may_it_have_the_model_loaded_anew(make_service: Any, running: Any, headers: dict[str, str]) -> None:
    async def run() -> list[Any]:
        async with running(make_service()) as client:
            return [await client.post("/admin/reload", headers=given) for given in (headers, {})]

    assert [answer.status_code for answer in asyncio.run(run())] == [403, 200]


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_and_the_address_bar_may(make_service: Any, running: Any, database: str, site: str) -> None:
    assert ask(running, make_service(database=database), sec_fetch_site=site).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "127.0.0.2"])
def test_this_machine_has_these_names(make_service: Any, running: Any, database: str, host: str) -> None:
    assert ask(running, make_service(database=database), host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "10.0.0.7"])
def test_another_name_that_leads_here_gets_nothing(make_service: Any, running: Any, database: str, host: str) -> None:
    answer = ask(running, make_service(database=database), host=host, sec_fetch_site="same-origin")
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")


def test_an_origin_that_is_allowed_may(make_service: Any, running: Any, database: str) -> None:
    settings = {"database": database, "origins": "https://reports.example"}
    page = {"origin": "https://reports.example", "sec_fetch_site": "cross-site"}
    assert ask(running, make_service(**settings), **page).status_code == 200
    assert ask(running, make_service(**settings), host="reports.example").status_code == 200
    assert ask(running, make_service(**settings), host="other.example").status_code == 403


def test_where_there_are_keys_they_decide(make_service: Any, running: Any, database: str, tmp_path: Path) -> None:
    key = add(tmp_path / "keys", "office", admin=False)
    service = make_service(database=database, keys=tmp_path / "keys")
    answer = ask(running, service, host="reports.example", authorization=f"Bearer {key}")
    assert answer.status_code == 200


def test_what_keeps_nothing_is_open_as_before(make_service: Any, running: Any) -> None:
    assert ask(running, make_service(), "/v1/labels", host="evil.example").status_code == 200
