"""How long it takes from a drop until all of a report is on screen: the trained model, the real service, a browser.

Every drop is of another text, so that nothing is known beforehand. What the service says of its own work stands beside
the whole; the rest is the way there and back, and the page's own.
"""

import argparse
import base64
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from fazhi.model.engine import cores
from tests.page.desk import SCREEN, TRANSFER, File, launch, text_file, word_file
from tests.page.trained import authored, serving

REPORT, PLACE, UNITS = "A05", "南礁", 60  # its sentences are about as long as those of the real reports
TIMES = 10
PLACES = [first + last for last in "溪山" for first in "云望澄林青白临松平长"]
STAGES = ("read", "encode", "queue", "model", "store")  # as the service names them in Server-Timing
FORMS = {".txt": text_file, ".docx": word_file}
# From the drop to the second frame after the text: the first one draws it, the second begins when that is done.
MEASURE = """([files, transfer]) => new Promise((done) => {
    const text = document.querySelector("#text");
    const drop = new DragEvent("drop", { dataTransfer: transfer(files), bubbles: true, cancelable: true });
    const begin = performance.now();
    const told = (frame) => {
        const [call] = performance.getEntriesByType("resource").filter(({ name }) => name.includes("documents?name"));
        const server = Object.fromEntries(call.serverTiming.map(({ name, duration }) => [name, duration]));
        const service = call.responseEnd - call.requestStart;
        return { all: frame - begin, service, server, page: frame - call.responseEnd,
                 units: text.querySelectorAll(".unit").length };
    };
    new MutationObserver((_, observer) => {
        if (!text.querySelector(".unit")) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame((frame) => setTimeout(() => done(told(frame)))));
    }).observe(text, { childList: true });
    document.querySelector("#drop").dispatchEvent(drop);
})""".replace("transfer(files)", f"({TRANSFER})(files)").replace("[files, transfer]", "[files]")


def main() -> None:
    """Measure every form and print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.page", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("artifacts/model"), help="folder of the trained model")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds authored/")
    options = parser.parse_args()
    text = authored(options.data, REPORT, UNITS)
    busy = os.getloadavg()[0]
    with serving(options.model) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        rows = [_row(form, [_drop(browser, address, file) for file in _files(text, form)]) for form in FORMS]
        browser.close()
    print(f"A report of {UNITS} sentences from the drop to the screen, ms, {cores()} cores, load before: {busy:.1f}\n")
    print(f"| file | median | least | most | {' | '.join(STAGES)} | the service's other work | page |")
    print("|---|--:|--:|--:|" + "--:|" * (len(STAGES) + 2))
    print("\n".join(rows))


def _files(text: str, form: str) -> list[File]:
    """The report of as many places as there are drops, none of them met before."""
    first = TIMES * list(FORMS).index(form)
    return [
        FORMS[form](text.replace(PLACE, place).splitlines(), f"{place}{form}")
        for place in PLACES[first : first + TIMES]
    ]


def _drop(browser: Browser, address: str, file: File) -> dict[str, Any]:
    """One drop on a page that was just opened, by somebody who had the time to look at it."""
    page = browser.new_page(viewport=SCREEN)
    page.goto(address, wait_until="networkidle")
    name, raw = file
    told: dict[str, Any] = page.evaluate(MEASURE, [[[name, base64.b64encode(raw).decode()]]])
    page.close()
    assert told["units"] == UNITS, told
    return told


def _row(form: str, drops: Sequence[dict[str, Any]]) -> str:
    whole = [drop["all"] for drop in drops]
    stages = [median(drop["server"][stage] for drop in drops) for stage in STAGES]
    other = median(drop["service"] - sum(drop["server"].values()) for drop in drops)
    page = median(drop["page"] for drop in drops)
    figures = [median(whole), min(whole), max(whole), *stages, other, page]
    return " | ".join([f"| {form}", *(f"{figure:.0f}" for figure in figures)]) + " |"


if __name__ == "__main__":
    main()
