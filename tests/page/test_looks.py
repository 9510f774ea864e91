"""Every view can be read by everybody: both languages, light and dark, from a phone to a projector."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.page.desk import PHONE, PROJECTOR, SCREEN, Desk, text_file

LOOKS = [
    ("zh", "light", SCREEN),
    ("en", "dark", SCREEN),
    ("zh", "dark", PHONE),
    ("en", "light", PHONE),
    ("zh", "light", PROJECTOR),
]


def look(desk: Desk, view: str) -> None:
    """No serious finding of axe-core, and nothing wider than the screen."""
    if desk.page.viewport_size != PROJECTOR:  # what it finds there it finds on a screen
        found = Axe().run(desk.page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        places = [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in serious]
        assert places == [], view
    wide = desk.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, view


@pytest.mark.parametrize(
    ("language", "scheme", "size"), LOOKS, ids=[f"{name}-{scheme}-{size['width']}" for name, scheme, size in LOOKS]
)
def test_every_view_can_be_read(
    address: str, seat: Callable[..., Desk], language: str, scheme: str, size: dict[str, Any]
) -> None:
    desk = seat(address, color_scheme=scheme, viewport=size)
    desk.expected = ("422", "404")
    if language == "en":
        desk.page.click("#language")
    look(desk, "start")
    desk.drop(text_file(), ("坏.docx", b"PK\x03\x04"))
    desk.page.click("#jobs .ready a")
    desk.page.wait_for_selector("#completeness .parts", state="attached")
    desk.press("j", "j", "j", "y")
    look(desk, "report")
    if size is PHONE:
        desk.page.click("#filters .unfold")
        look(desk, "filters")
        desk.page.click("#report .panes button >> nth=1")
    for tab in ("#tab-counts", "#tab-problems", "#tab-parts"):
        desk.page.click(tab)
        look(desk, tab)
    desk.page.click("#help")
    expect(desk.find("[data-meaning=问题]")).not_to_be_empty()
    look(desk, "help")
    desk.press("Escape")
    sha256 = desk.sha
    desk.page.click('#nav [data-view="home"]')
    desk.page.wait_for_selector("#documents input")
    look(desk, "files")
    desk.page.click('#nav [data-view="review"]')
    desk.page.wait_for_selector("#cards .sentence")
    look(desk, "review")
    desk.page.goto(f"{address}#/compare/{sha256}")
    desk.page.wait_for_selector("#table tbody tr")
    look(desk, "compare")
    desk.page.goto(f"{address}#/report/{'0' * 64}")
    expect(desk.find("#message")).to_be_visible()
    expect(desk.find("#message a")).to_be_visible()
    look(desk, "missing")


def test_language_and_theme_are_kept(desk: Desk) -> None:
    desk.open()
    desk.page.click("#language")
    expect(desk.find("html")).to_have_attribute("lang", "en")
    expect(desk.find("#counts .bar .name >> nth=1")).to_have_text("Problem")
    expect(desk.find("#text")).to_have_attribute("lang", "zh-CN")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = desk.page.evaluate(ground)
    desk.page.click("#theme")
    desk.page.click("#theme")
    desk.page.reload()
    expect(desk.find("html")).to_have_attribute("lang", "en")
    expect(desk.find("#theme")).to_have_text("Theme: dark")
    assert desk.page.evaluate(ground) != light
