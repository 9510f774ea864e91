"""People at the page: one browser for all tests of this folder, a service and a database for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from fazhi.model.decision import Decision
from fazhi.model.predict import Predictor
from tests.page.desk import CHROMIUM, SECONDS, Desk, launch
from tests.serving import served, service_over

expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium, ended with the tests of this folder: other tests may have an event loop of their own."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    """The service's settings; a test may parametrize them."""
    return {"database": f"sqlite:///{tmp_path / 'feedback.db'}"}


@pytest.fixture
def unsure_predictor(fake_predictor: Predictor) -> Predictor:
    """The fake model, unsure of some sentences."""
    fake_predictor.decision = Decision(role_temperature=2.5, topic_temperature=0.7, abstain_below=0.6)
    return fake_predictor


@pytest.fixture
def address(unsure_predictor: Predictor, settings: dict[str, object]) -> Iterator[str]:
    """Serve the fake model and give the address of the page."""
    with served(service_over(unsure_predictor, **settings)) as at:
        yield at


@pytest.fixture
def seat(browser: Browser) -> Iterator[Callable[..., Desk]]:
    """Open a page at an address; at the end nobody's console may hold what the test did not expect."""
    opened: list[Desk] = []

    def sit(address: str, **options: Any) -> Desk:
        opened.append(Desk(browser, address, **options))
        return opened[-1]

    yield sit
    for desk in opened:
        desk.context.close()
    assert [desk.unexpected() for desk in opened] == [[] for _ in opened]


@pytest.fixture
def desk(address: str, seat: Callable[..., Desk]) -> Desk:
    """One person at the page, who goes before the service does: the page still asks it for something now and then."""
    return seat(address)
