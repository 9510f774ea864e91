"""The page and its files as a browser gets them: types, policy, and what is not sent twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fazhi.serve import page, reading
from fazhi.serve.keys import add

FILES = {
    "index.html": "<!doctype html><title>法治</title>",
    "app.js": "export const one = 1;",
    "views/report-view.js": "export {};",
    "style.css": "body { margin: 0 }",
    "mark.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "secret.key": "key",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files in place of the real ones, beside something that is nobody's business."""
    for name, content in FILES.items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (tmp_path / "outside.js").write_text("secret", encoding="utf-8")
    monkeypatch.setattr(page, "files", lambda _: tmp_path)
    return tmp_path / "static"


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each time that what reads files was to be started; nothing is."""
    calls: list[None] = []
    monkeypatch.setattr(reading, "prepare", lambda: calls.append(None))
    return calls


def get(running: Any, service: Any, *requests: tuple[str, dict[str, str]]) -> list[Any]:
    async def run() -> list[Any]:
        async with running(service) as client:
            return [await client.get(path, headers=headers) for path, headers in requests]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/static/app.js", "app.js", "text/javascript; charset=utf-8"),
        ("/static/views/report-view.js", "views/report-view.js", "text/javascript; charset=utf-8"),
        ("/static/style.css", "style.css", "text/css; charset=utf-8"),
        ("/static/mark.svg", "mark.svg", "image/svg+xml"),
    ],
)
def test_each_file_comes_with_its_type_and_the_policy(
    make_service: Any, running: Any, path: str, name: str, kind: str
) -> None:
    (answer,) = get(running, make_service(), (path, {}))
    assert answer.status_code == 200
    assert answer.text == FILES[name]
    assert answer.headers["content-type"] == kind
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert {policy[name] for name in ("object-src", "base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_who_has_it_already_does_not_get_it_again(make_service: Any, running: Any, folder: Path) -> None:
    service = make_service()
    (first,) = get(running, service, ("/", {}))
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"  # it is asked for each time
    known = [tag, f'"x", W/{tag}', "*"]
    for answer in get(running, make_service(), *[("/", {"If-None-Match": one}) for one in known]):
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    (folder / "index.html").write_text("<!doctype html><title>new</title>", encoding="utf-8")
    (changed,) = get(running, make_service(), ("/", {"If-None-Match": tag}))
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize(
    "path",
    [
        "/static/none.js",
        "/static/secret.key",
        "/static/..%2Foutside.js",
        "/static/%2e%2e/outside.js",
        "/static/views/..%2F..%2F..%2Foutside.js",
        "/static/%2Fetc/passwd",
        "/static/views",
        "/static/",
        "/static/app.js%00.css",
        "/static/" + "a" * 5000 + ".js",
    ],
)
def test_no_other_file_is_given(make_service: Any, running: Any, path: str) -> None:
    (answer,) = get(running, make_service(), (path, {}))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_who_opens_the_page_will_soon_send_a_file(
    make_service: Any, running: Any, prepared: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    get(running, make_service(), ("/static/app.js", {}), ("/v1/labels", {}))
    assert prepared == []
    get(running, make_service(), ("/", {}))
    assert prepared == [None]

    def fail() -> None:
        raise OSError("no process left")

    monkeypatch.setattr(reading, "prepare", fail)
    (answer,) = get(running, make_service(), ("/", {}))
    assert answer.status_code == 200


def test_the_page_asks_for_no_key_and_what_it_shows_does(make_service: Any, running: Any, tmp_path: Path) -> None:
    add(tmp_path / "keys", "office", admin=False)
    paths = ["/", "/static/app.js", "/v1/documents", "/v1/labels"]
    answers = get(running, make_service(keys=tmp_path / "keys"), *[(path, {}) for path in paths])
    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]
