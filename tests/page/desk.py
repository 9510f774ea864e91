"""One person at the page: a browser that drops files, presses keys, reads what is shown, and notes all complaints."""

import base64
import io
import re
import shutil
from collections.abc import Sequence
from typing import Any

import docx
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from fazhi.model.labels import ROLES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 20  # for whatever is waited for
PHONE, SCREEN = {"width": 360, "height": 740}, {"width": 1366, "height": 768}
PROJECTOR = {"width": 1920, "height": 1080}
MARKS = dict(zip("●▲→○", ROLES, strict=True))
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
TRANSFER = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, base64] of files) {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    return transfer;
}"""

File = tuple[str, bytes]


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def text_file(lines: Sequence[str] = LINES, name: str = "报告.txt") -> File:
    """A report as a text file."""
    return name, "\n".join(lines).encode()


def word_file(lines: Sequence[str] = LINES, name: str = "报告.docx") -> File:
    """A report as a Word file."""
    document, file = docx.Document(), io.BytesIO()
    for line in lines:
        document.add_paragraph(line)
    document.save(file)
    return name, file.getvalue()


def other_role(unit: dict[str, Any], step: int = 1) -> int:
    """The number of another role than the unit has."""
    return (ROLES.index(unit["role"]) + step) % len(ROLES)


class Desk:
    """A browser's page, and what it complained of."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        options = {"viewport": SCREEN, "reduced_motion": "reduce", "locale": "zh-CN", **options}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.page: Page = self.context.new_page()
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
        """Errors of the console and requests to elsewhere that no test asked for."""
        return [said for said in self.complaints if not any(piece in said for piece in self.expected)]

    def find(self, selector: str) -> Locator:
        """The elements that fit."""
        return self.page.locator(selector)

    def drop(self, *files: File) -> None:
        """Drag files over the page and let go, as a person does."""
        given = [[name, base64.b64encode(raw).decode()] for name, raw in files]
        transfer = {"dataTransfer": self.page.evaluate_handle(TRANSFER, given)}
        self.page.dispatch_event("#drop", "dragenter", transfer)
        expect(self.find("#over")).to_be_visible()
        self.page.dispatch_event("#drop", "drop", transfer)
        expect(self.find("#over")).to_be_hidden()

    def open(self, file: File | None = None) -> list[dict[str, Any]]:
        """Drop a file, wait until it is on screen, and give its units as the service has them."""
        self.drop(file or text_file())
        self.on_screen()
        return self.stored()

    def on_screen(self) -> None:
        """Wait for a report's text."""
        self.page.wait_for_selector("#text .unit")

    def stored(self) -> list[dict[str, Any]]:
        """The units of the report that is shown, as the service has them."""
        units: list[dict[str, Any]] = self.ask(f"v1/documents/{self.sha}")["units"]
        return units

    def ask(self, path: str) -> Any:
        """What the service answers."""
        return self.page.request.get(self.address + path).json()

    @property
    def sha(self) -> str:
        """The hash in the address of the report that is shown."""
        return str(re.findall(r"#/report/([0-9a-f]{64})", self.page.url)[0])

    def unit(self, index: int) -> Locator:
        """A sentence of the text."""
        return self.find(f"#u{index}")

    def role(self, index: int) -> str:
        """The role that a sentence shows, by its mark."""
        return MARKS[self.unit(index).locator(".mark").inner_text().strip("\u2060")]

    def topics(self, index: int) -> list[str]:
        """The topics that a sentence shows."""
        return list(self.unit(index).locator(".chip").all_inner_texts())

    def words(self) -> str:
        """All the text that is shown, without marks and chips."""
        return "".join(self.find("#text .words").all_inner_texts())

    def press(self, *keys: str) -> None:
        """Press one key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def pick(self, index: int) -> None:
        """Click a sentence, at its mark: the middle of one of several lines may be outside of it."""
        self.unit(index).locator(".mark").click()

    def status(self) -> Locator:
        """The line that tells what was done."""
        return self.find("#status")

    def saved(self) -> None:
        """Wait until everything is stored."""
        expect(self.status()).to_have_text("已保存", timeout=SECONDS * 1000)

    def shown(self) -> list[int]:
        """The sentences that match the filter."""
        found = self.find("#text .unit:visible:not(.filtered)")
        return [int(index) for index in found.evaluate_all("all => all.map((unit) => unit.dataset.unit)")]

    def focused(self) -> str:
        """What has the focus: its id, or else its words."""
        return str(self.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
