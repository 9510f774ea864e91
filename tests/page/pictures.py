"""Pictures of the page for the READMEs: the trained model, the real service, an invented report.

python -m tests.page.pictures          # writes serve/pictures/light.png, dark.png, phone.png
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.page.desk import PHONE, SCREEN, Desk, launch, word_file
from tests.page.trained import authored, serving

REPORT, NAME = "L03", "南渡分局2021年度法治政府建设情况报告.docx"  # of the development split: the model has not seen it
MOST = 250_000  # bytes of a picture


def main() -> None:
    """Take every picture anew."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.pictures", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("artifacts/model"), help="folder of the trained model")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds authored/")
    parser.add_argument("-o", "--out", type=Path, default=Path("serve/pictures"), help="folder of the pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = word_file(authored(options.data, REPORT).splitlines(), NAME)
    with serving(options.model) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (prepare, look) in PICTURES.items():
            picture = _take(browser, address, file, look, prepare)
            assert len(picture) <= MOST, (name, len(picture))
            (options.out / f"{name}.png").write_bytes(picture)
            print(f"{options.out / name}.png: {len(picture) // 1000} kB")
        browser.close()


def _take(
    browser: Browser, address: str, file: tuple[str, bytes], look: dict[str, Any], prepare: Callable[[Desk], None]
) -> bytes:
    desk = Desk(browser, address, **look)
    desk.drop(file)
    desk.on_screen()
    desk.page.wait_for_selector("#completeness .parts", state="attached")
    prepare(desk)
    desk.page.wait_for_timeout(300)  # until nothing moves
    picture = desk.page.screenshot()
    desk.context.close()
    assert desk.unexpected() == []
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


def _checking(desk: Desk) -> None:
    """The first sentences, some of them checked."""
    desk.page.fill("#user", "审核员甲")
    desk.press("Escape", "j", "j", "j", "y")
    desk.saved()
    desk.page.evaluate("window.scrollTo(0, 0)")


def _answering(desk: Desk) -> None:
    """A problem, and the plans that answer it beside the text."""
    desk.page.click("#tab-problems")
    desk.find("#problems .quote.role-problem").first.click()


def _at_hand(desk: Desk) -> None:
    """One sentence on a phone."""
    desk.find("#text .unit.role-problem .mark").first.click()


PICTURES: dict[str, tuple[Callable[[Desk], None], dict[str, Any]]] = {
    "light": (_checking, {"viewport": SCREEN, "device_scale_factor": 1.5, "color_scheme": "light"}),
    "dark": (_answering, {"viewport": SCREEN, "device_scale_factor": 1.5, "color_scheme": "dark"}),
    "phone": (_at_hand, {"viewport": PHONE, "device_scale_factor": 2, "color_scheme": "light"}),
}

if __name__ == "__main__":
    main()
