"""The page as people use it: a browser on the loopback, with a fake model behind the real service."""

import base64
import io
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from fazhi.model.decision import Decision
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor
from fazhi.serve.app import create_app
from fazhi.serve.batcher import Limits
from fazhi.serve.config import ServeConfig
from fazhi.serve.keys import Keys, add
from fazhi.serve.metrics import Metrics
from fazhi.serve.models import Models
from fazhi.serve.reading import Readers, limits_of
from fazhi.serve.service import Service
from fazhi.serve.shelf import Shelf
from fazhi.serve.tagger import ModelInfo, Tagger

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

SECONDS = 20  # for whatever is waited for
TITLE = "云溪县2024年法治政府建设情况报告"
LINES = (
    TITLE,
    "2024年，我县扎实推进法治政府建设各项工作，现将有关情况报告如下：",
    "一、主要工作及成效",
    "（一）强化组织领导。组织会前学法4次，学习宪法、民法典等法律。",
    "（二）规范行政执法。开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件，审结11件。",
    "推进一件事集成办理，上线政务服务事项35项。查处各类违法案件45件，罚没款32万元。",
    "二、存在的问题",
    "部分乡镇执法人员力量不足，持证上岗率不高。法治宣传的形式比较单一。",
    "三、下一步打算",
    "将进一步压减行政许可的办理时限。加强行政执法监督，提高行政应诉水平。",
    "2025年1月20日",
)
PHONE, SCREEN = {"width": 360, "height": 740}, {"width": 1366, "height": 768}
PROJECTOR = {"width": 1920, "height": 1080}


def service_over(predictor: Predictor, **settings: object) -> Service:
    config, metrics = ServeConfig(**settings), Metrics()
    limits = Limits(config.batch_tokens, config.queue_tokens, config.deadline_seconds, lanes=1, rate=10_000.0)
    models = Models(lambda: Tagger(predictor, ModelInfo("fazhi", "0123456789ab"), limits, metrics))
    keys = Keys(config.keys) if config.keys else None
    kept = Shelf.open(config.database) if config.database else None
    return Service(config, models, metrics, keys, Readers(config.readers, limits_of(config)), kept)


@contextmanager
def served(service: Service) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(service), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        last = time.monotonic() + SECONDS
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < last
            time.sleep(0.01)
        yield "http://{}:{}/".format(*server.servers[0].sockets[0].getsockname())
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    """The service's settings; a test may parametrize them."""
    return {"database": f"sqlite:///{tmp_path / 'feedback.db'}"}


@pytest.fixture
def address(fake_predictor: Predictor, settings: dict[str, object]) -> Iterator[str]:
    """Serve the fake predictor and give the address of the page."""
    fake_predictor.decision = Decision(role_temperature=2.5, topic_temperature=0.7, abstain_below=0.6)
    with served(service_over(fake_predictor, **settings)) as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, ended with this file's tests."""
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Desk:
    """One person's browser: its page, and what it complained of."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        options = {"viewport": SCREEN, "reduced_motion": "reduce", "locale": "zh-CN", **options}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()  # pieces of complaints that the test brings about
        self.page.on("console", lambda message: message.type in ("error", "warning") and self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", self._check)
        self.address = address
        self.page.goto(address)

    def _note(self, complaint: str) -> None:
        self.complaints.append(complaint)

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.address, "blob:" + self.address)):
            self._note(f"a request left: {request.url}")

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(piece in said for piece in self.expected)]

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Drop files on the page, as a person does."""
        given = [[name, base64.b64encode(raw).decode()] for name, raw in files]
        transfer = self.page.evaluate_handle(
            """(files) => {
                const transfer = new DataTransfer();
                for (const [name, base64] of files) {
                    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
                    transfer.items.add(new File([bytes], name));
                }
                return transfer;
            }""",
            given,
        )
        self.page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})

    def open(self, name: str = "报告.txt", lines: tuple[str, ...] = LINES) -> list[dict[str, Any]]:
        """Drop a text, wait until it is on screen, and give its units as the service has them."""
        self.drop((name, "\n".join(lines).encode()))
        self.page.wait_for_selector("#text .unit")
        return self.stored()

    def stored(self) -> list[dict[str, Any]]:
        units: list[dict[str, Any]] = self.page.request.get(f"{self.address}v1/documents/{self.sha}").json()["units"]
        return units

    @property
    def sha(self) -> str:
        return str(re.findall(r"#/report/([0-9a-f]{64})", self.page.url)[0])

    def unit(self, index: int) -> Any:
        return self.page.locator(f"#u{index}")

    def role(self, index: int) -> str:
        """The role that a sentence shows, by its mark."""
        return dict(zip("●▲→○", ROLES, strict=True))[self.unit(index).locator(".mark").inner_text()]

    def topics(self, index: int) -> list[str]:
        return list(self.unit(index).locator(".chip").all_inner_texts())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self) -> None:
        sync_api.expect(self.page.locator("#status")).to_have_text("已保存", timeout=SECONDS * 1000)

    def shown(self) -> list[int]:
        """The sentences that match the filter."""
        found = self.page.locator("#text .unit:visible:not(.filtered)")
        return [int(index) for index in found.evaluate_all("all => all.map((unit) => unit.dataset.unit)")]


@pytest.fixture
def desks(browser: Any, address: str) -> Iterator[Callable[..., Desk]]:
    """Open the page as one more person; at the end nobody's console may hold what the test did not expect."""
    opened: list[Desk] = []

    def sit(**options: Any) -> Desk:
        opened.append(Desk(browser, address, **options))
        return opened[-1]

    yield sit
    for desk in opened:
        desk.context.close()
    assert [desk.unexpected() for desk in opened] == [[] for _ in opened]


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    """One person at the page."""
    return desks()


def word_file() -> bytes:
    docx = pytest.importorskip("docx")
    document, file = docx.Document(), io.BytesIO()
    for line in LINES:
        document.add_paragraph(line)
    document.save(file)
    return file.getvalue()


def new_role(unit: dict[str, Any], step: int = 1) -> int:
    """The number of another role than the unit has."""
    return (ROLES.index(unit["role"]) + step) % len(ROLES)


class TestReport:
    def test_a_word_file_is_dropped_filtered_corrected_reloaded_and_exported(self, desk: Desk, tmp_path: Path) -> None:
        desk.drop(("报告.docx", word_file()))
        desk.page.wait_for_selector("#text .unit")
        units = desk.stored()
        assert "".join(desk.page.locator("#text .words").all_inner_texts()) == "".join(unit["text"] for unit in units)
        assert [desk.role(index) for index in range(len(units))] == [unit["role"] for unit in units]
        assert [desk.topics(index) for index in range(len(units))] == [unit["topics"] for unit in units]

        pairs = [(unit["role"], topic) for unit in units for topic in unit["topics"]]
        role, topic = max(pairs, key=pairs.count)
        desk.page.click(f'#matrix [data-key="{role}/{topic}"]')
        expected = [index for index, unit in enumerate(units) if unit["role"] == role and topic in unit["topics"]]
        assert desk.shown() == expected
        desk.press("Escape")
        assert desk.shown() == list(range(len(units)))

        desk.press("j")
        chosen = [new_role(unit) for unit in units[:3]]
        for number in chosen:
            desk.press(str(number + 1), "z", "j")
        desk.saved()
        desk.page.reload()
        desk.page.wait_for_selector("#text .unit")
        assert [desk.role(index) for index in range(3)] == [ROLES[number] for number in chosen]
        for index in range(3):
            assert (TOPICS[0] in desk.topics(index)) is (TOPICS[0] not in units[index]["topics"])

        desk.page.click("#export summary")
        with desk.page.expect_download() as download:
            desk.page.click('#export [data-format="xlsx"]')
        download.value.save_as(tmp_path / "out.xlsx")
        assert download.value.suggested_filename.endswith(".xlsx")
        openpyxl = pytest.importorskip("openpyxl")
        sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]
        rows = list(sheet.iter_rows(values_only=True))
        place = {title: rows[0].index(title) for title in ("句子", "性质")}
        assert [row[place["句子"]] for row in rows[1:]] == [unit["text"] for unit in units]
        assert [row[place["性质"]] for row in rows[1:4]] == [ROLES[number] for number in chosen]

    @pytest.mark.parametrize("form", ["xlsx", "csv", "jsonl", "docx"])
    def test_every_form_of_export_arrives(self, desk: Desk, form: str) -> None:
        desk.open()
        desk.page.click("#export summary")
        with desk.page.expect_download() as download:
            desk.page.click(f'#export [data-format="{form}"]')
        assert Path(download.value.path()).stat().st_size > 100
        sync_api.expect(desk.page.locator("#status")).to_contain_text(form)

    def test_undo_takes_the_last_change_back(self, desk: Desk) -> None:
        units = desk.open()
        desk.press("j", "j", str(new_role(units[1]) + 1))
        desk.saved()
        desk.press("k", "u")
        desk.saved()
        assert desk.role(1) == units[1]["role"]
        label = desk.stored()[1]["label"]
        assert (label["role"], label["revision"]) == (units[1]["role"], 2)
        sync_api.expect(desk.unit(1)).to_have_class(re.compile("selected"))

    def test_a_change_is_signed_and_counted_at_once(self, desk: Desk) -> None:
        units = desk.open()
        desk.page.fill("#user", "张三")
        number = new_role(units[2])
        before = [unit["role"] for unit in units].count(ROLES[number])
        desk.unit(2).locator(".words").click()
        desk.page.click(f"#inspector .setter >> nth={number}")
        desk.saved()
        assert desk.stored()[2]["label"]["user"] == "张三"
        counted = desk.page.locator(f"#counts .bar >> nth={number}").locator(".count")
        sync_api.expect(counted).to_have_text(str(before + 1))
        sync_api.expect(desk.page.locator("#inspector .said")).to_contain_text("张三")

    def test_confirming_keeps_the_label_and_ends_the_doubt(self, desk: Desk) -> None:
        units = desk.open()
        unsure = [index for index, unit in enumerate(units) if unit["unsure"]]
        desk.press("n")
        sync_api.expect(desk.unit(unsure[0])).to_have_class(re.compile("selected"))
        desk.press("y")
        desk.saved()
        stored = desk.stored()[unsure[0]]["label"]
        assert (stored["role"], stored["topics"]) == (units[unsure[0]]["role"], units[unsure[0]]["topics"])
        sync_api.expect(desk.unit(unsure[0])).not_to_have_class(re.compile("unsure"))

    def test_filters_and_search_go_together(self, desk: Desk) -> None:
        units = desk.open()
        desk.press("/")
        desk.page.keyboard.type("执法")
        sync_api.expect(desk.page.locator("#text mark").first).to_have_text("执法")
        found = [index for index, unit in enumerate(units) if "执法" in unit["text"]]
        assert desk.shown() == found
        desk.page.click(f'#filters [data-filter="roles/{units[found[0]]["role"]}"]')
        assert desk.shown() == [index for index in found if units[index]["role"] == units[found[0]]["role"]]
        desk.page.click("#clear")
        assert desk.shown() == list(range(len(units)))
        desk.page.click('#filters [data-filter="states/unsure"]')
        assert desk.shown() == [index for index, unit in enumerate(units) if unit["unsure"]]
        desk.page.check("#filters .option input >> nth=0")
        assert desk.page.locator("#text .unit:visible").count() == len(units)

    def test_problems_stand_with_plans_and_parts_with_evidence(self, desk: Desk) -> None:
        desk.open()
        insight = desk.page.request.get(f"{desk.address}v1/documents/{desk.sha}/insight").json()
        desk.page.wait_for_selector("#completeness .parts")
        assert desk.page.locator("#problems .problems > li").count() == len(insight["answers"])
        assert desk.page.locator("#problems .none").count() == sum(not one["plans"] for one in insight["answers"])
        assert desk.page.locator("#completeness .parts > li").count() == 5
        aspects = [aspect for part in insight["completeness"]["parts"] for aspect in part["aspects"]]
        assert desk.page.locator("#completeness .aspect").count() == len(aspects)
        quoted = desk.page.locator("#completeness .quote").first
        goal = quoted.get_attribute("data-goto")
        quoted.click()
        sync_api.expect(desk.page.locator(f"#u{goal}")).to_have_attribute("aria-current", "true")

    def test_keys_are_silent_in_fields_and_when_switched_off(self, desk: Desk) -> None:
        units = desk.open()
        desk.press("j")
        desk.page.fill("#user", "")
        desk.page.locator("#user").press_sequentially("1234zfspu")
        assert desk.page.input_value("#user") == "1234zfspu"
        desk.page.click("#help")
        desk.page.uncheck("#help-dialog .option input")
        desk.press("Escape")
        desk.unit(0).locator(".words").click()
        desk.press("1", "2", "3", "4", "z")
        assert [unit["label"] for unit in desk.stored()] == [None] * len(units)


class TestTogether:
    def test_who_is_slower_sees_the_conflict_and_decides(self, desks: Callable[..., Desk]) -> None:
        first, second = desks(), desks()
        units = first.open()
        second.page.goto(first.page.url)
        second.page.wait_for_selector("#text .unit")
        first.page.fill("#user", "李四")
        first.unit(0).locator(".words").click()
        first.press(str(new_role(units[0]) + 1))
        first.saved()
        second.expected = ("409",)
        second.unit(0).locator(".words").click()
        second.press(str(new_role(units[0], 2) + 1))
        sync_api.expect(second.page.locator("#inspector .conflict")).to_contain_text("李四")
        second.page.click("#inspector .conflict button >> nth=1")
        second.saved()
        stored = second.stored()[0]["label"]
        assert (stored["role"], stored["revision"]) == (ROLES[new_role(units[0], 2)], 2)

    def test_what_could_not_be_saved_is_told_and_sent_later(self, desk: Desk) -> None:
        units = desk.open()
        desk.expected = ("ERR_FAILED",)
        desk.page.route("**/corrections", lambda route: route.abort())
        desk.press("j", str(new_role(units[0]) + 1))
        sync_api.expect(desk.page.locator("#status")).to_contain_text("1 处未保存")
        sync_api.expect(desk.unit(0)).to_have_class(re.compile("unsaved"))
        desk.page.unroute("**/corrections")
        desk.page.click("#retry")
        desk.saved()
        assert desk.stored()[0]["label"]["role"] == ROLES[new_role(units[0])]

    def test_a_key_is_asked_for_and_kept(self, browser: Any, fake_predictor: Predictor, tmp_path: Path) -> None:
        key = add(tmp_path / "keys", "office", admin=False)
        settings = {"keys": tmp_path / "keys", "database": f"sqlite:///{tmp_path / 'kept.db'}"}
        with served(service_over(fake_predictor, **settings)) as address:
            desk = Desk(browser, address)
            desk.expected = ("401",)
            desk.page.fill("#key", "wrong")
            desk.press("Enter")
            sync_api.expect(desk.page.locator("#key-dialog [role=alert]")).to_be_visible()
            desk.page.fill("#key", key)
            desk.press("Enter")
            desk.page.wait_for_selector("#documents .hint")
            desk.drop(("报告.txt", "\n".join(LINES).encode()))
            desk.page.wait_for_selector("#text .unit")
            desk.context.close()
            assert desk.unexpected() == []


class TestViews:
    def test_several_reports_are_compared(self, desk: Desk) -> None:
        short = ("望山市2024年法治政府建设情况报告", "一、主要工作", "开展以案释法16场。")
        desk.drop(("云溪.txt", "\n".join(LINES).encode()), ("望山.txt", "\n".join(short).encode()))
        desk.page.click("#compare-jobs")
        rows = desk.page.locator("#table tbody tr")
        sync_api.expect(rows).to_have_count(2)
        desk.page.click('#table tbody th a >> text="望山.txt"')
        desk.page.wait_for_selector("#text .unit")
        sync_api.expect(desk.page.locator("#text .unit")).to_have_count(len(short))
        desk.page.click("#nav a >> nth=0")
        for box in desk.page.locator("#documents input").all():
            box.check()
        desk.page.click("#compare-go")
        sync_api.expect(rows).to_have_count(2)

    def test_the_review_gives_the_next_once_one_is_confirmed(self, desk: Desk) -> None:
        units = desk.open()
        desk.page.click('#nav [data-view="review"]')
        first = desk.page.locator("#cards .sentence").inner_text()
        desk.press("y")
        sync_api.expect(desk.page.locator("#cards .sentence")).not_to_have_text(first)
        desk.saved()
        desk.page.reload()
        desk.page.wait_for_selector("#cards .sentence")
        assert desk.page.locator("#cards .sentence").inner_text() != first
        desk.press("2", "j")
        desk.saved()
        desk.page.click("#nav a >> nth=0")
        sync_api.expect(desk.page.locator("#documents")).to_contain_text(f"{len(units)} 句已核 2 句")

    def test_a_pasted_text_opens(self, desk: Desk) -> None:
        desk.page.fill("#pasted", "\n".join(LINES))
        desk.page.click("#paste button")
        desk.page.wait_for_selector("#text .unit")
        sync_api.expect(desk.page.locator("#text .title")).to_contain_text(TITLE)

    def test_a_file_that_cannot_be_read_is_told_in_words(self, desk: Desk) -> None:
        desk.expected = ("413", "415", "422")
        desk.drop(("报告.pdf", b"%PDF-1.7 and nothing of one"))
        told = desk.page.locator("#jobs .failed .words")
        sync_api.expect(told).to_have_text(re.compile("[\u4e00-\u9fff]{4}"))
        sync_api.expect(desk.page.locator("#jobs .failed button")).to_be_visible()

    def test_language_and_theme_are_kept(self, desk: Desk) -> None:
        desk.open()
        desk.page.click("#language")
        sync_api.expect(desk.page.locator("html")).to_have_attribute("lang", "en")
        sync_api.expect(desk.page.locator("#counts .bar .name >> nth=1")).to_have_text("Problem")
        light = desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
        desk.page.click("#theme")
        desk.page.click("#theme")
        desk.page.reload()
        sync_api.expect(desk.page.locator("html")).to_have_attribute("lang", "en")
        assert desk.page.evaluate("getComputedStyle(document.body).backgroundColor") != light

    def test_a_report_that_is_not_there(self, desk: Desk) -> None:
        desk.expected = ("404",)
        desk.page.goto(f"{desk.address}#/report/{'0' * 64}")
        sync_api.expect(desk.page.locator("#name")).to_have_text("没有找到这份报告。")
        sync_api.expect(desk.page.locator("#message")).to_be_visible()

    @pytest.mark.parametrize("settings", [{"database": ""}], ids=["no database"])
    def test_without_a_database_it_reads_and_offers_no_more(self, desk: Desk) -> None:
        desk.expected = ("404",)
        desk.drop(("报告.txt", "\n".join(LINES).encode()))
        desk.page.wait_for_selector("#text .unit")
        desk.unit(0).locator(".words").click()
        assert desk.page.locator("#inspector .setter:enabled").count() == 0
        assert not desk.page.locator('#nav [data-view="review"]').is_visible()
        assert not desk.page.locator("#completeness").is_visible()


LOOKS = [("light", SCREEN), ("dark", SCREEN), ("light", PHONE), ("dark", PHONE), ("light", PROJECTOR)]


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS, ids=[f"{scheme}-{size['width']}" for scheme, size in LOOKS])
def test_it_can_be_read_by_everybody(desks: Callable[..., Desk], tmp_path: Path, scheme: str, viewport: Any) -> None:
    """No serious finding of axe-core, nothing wider than the screen; leaves pictures where PICTURES names a folder."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    pictures = Path(os.environ.get("PICTURES", tmp_path))
    desk = desks(color_scheme=scheme, viewport=viewport)

    def look(name: str) -> None:
        found = axe.run(desk.page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        places = [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in serious]
        assert places == [], name
        wide = desk.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, name
        desk.page.screenshot(path=pictures / f"{name}-{scheme}-{viewport['width']}.png")

    look("start")
    desk.open()
    desk.page.wait_for_selector("#completeness .parts", state="attached")
    desk.press("j", "j", "j")
    look("report")
    if viewport is PHONE:
        desk.page.click("#report .panes button >> nth=1")
        look("analysis")
    desk.page.click("#help")
    look("help")
    desk.press("Escape")
    desk.page.click('#nav [data-view="review"]')
    desk.page.wait_for_selector("#cards .sentence")
    look("review")
    desk.page.goto(f"{desk.address}#/compare/{desk_sha(desk)}")
    desk.page.wait_for_selector("#table tbody tr")
    look("compare")


def desk_sha(desk: Desk) -> str:
    listed = desk.page.request.get(f"{desk.address}v1/documents").json()
    return str(listed["documents"][0]["sha256"])
