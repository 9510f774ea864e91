"""Files and pasted text become reports on screen; what cannot be read is told in words."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Route, expect

from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor
from tests.page.desk import LINES, TITLE, Desk, other_role, text_file, word_file
from tests.serving import served, service_over

CHINESE = re.compile("[\u4e00-\u9fff]{4}")


def test_a_word_file_is_dropped_filtered_corrected_reloaded_and_exported(desk: Desk, tmp_path: Path) -> None:
    units = desk.open(word_file())
    assert desk.words() == "".join(unit["text"] for unit in units)
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
    chosen = [other_role(unit) for unit in units[:3]]
    for number in chosen:
        desk.press(str(number + 1), "z", "j")
    desk.saved()
    desk.page.reload()
    desk.on_screen()
    assert [desk.role(index) for index in range(3)] == [ROLES[number] for number in chosen]
    for index in range(3):
        assert (TOPICS[0] in desk.topics(index)) is (TOPICS[0] not in units[index]["topics"])

    desk.page.click("#export summary")
    with desk.page.expect_download() as download:
        desk.page.click('#export [data-format="xlsx"]')
    assert download.value.suggested_filename.endswith(".xlsx")
    download.value.save_as(tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    place = {title: rows[0].index(title) for title in ("句子", "性质")}
    assert [row[place["句子"]] for row in rows[1:]] == [unit["text"] for unit in units]
    assert [row[place["性质"]] for row in rows[1:4]] == [ROLES[number] for number in chosen]


@pytest.mark.parametrize("form", ["csv", "jsonl", "docx"])
def test_the_other_forms_of_export_arrive(desk: Desk, form: str) -> None:
    desk.open()
    desk.page.click("#export summary")
    with desk.page.expect_download() as download:
        desk.page.click(f'#export [data-format="{form}"]')
    assert Path(download.value.path()).stat().st_size > 100
    expect(desk.status()).to_contain_text(f".{form}")


def test_a_file_is_chosen(desk: Desk) -> None:
    name, raw = word_file()
    with desk.page.expect_file_chooser() as chooser:
        desk.page.click("#choose")
    assert chooser.value.is_multiple()
    chooser.value.set_files({"name": name, "mimeType": "application/octet-stream", "buffer": raw})
    desk.on_screen()
    expect(desk.find("#name")).to_have_text(name)
    expect(desk.find("#text .title")).to_contain_text(TITLE)


def test_a_text_is_pasted_into_the_field_or_anywhere(desk: Desk) -> None:
    pasting = """(text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", text);
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    }"""
    desk.page.evaluate(pasting, "\n".join(LINES))
    expect(desk.find("#pasted")).to_be_focused()
    assert desk.page.input_value("#pasted") == "\n".join(LINES)
    desk.page.click("#paste button")
    desk.on_screen()
    expect(desk.find("#text .title")).to_contain_text(TITLE)


def test_several_files_become_a_table(desk: Desk) -> None:
    short = ("望山市2024年法治政府建设情况报告", "一、主要工作", "开展以案释法16场。")
    desk.drop(text_file(name="云溪.txt"), text_file(short, "望山.txt"))
    desk.page.click("#compare-jobs")
    rows = desk.find("#table tbody tr")
    expect(rows).to_have_count(2)
    figures = desk.find("#table tbody tr >> nth=0 >> td.number").all_inner_texts()
    summary = desk.ask(f"v1/documents/{desk.page.url.split('/')[-1].split(',')[0]}")["summary"]
    expected = [summary["units"], *summary["roles"].values(), *summary["topics"].values(), summary["unsure"], 0]
    assert [int(figure) for figure in figures] == expected
    desk.page.click('#table tbody th a >> text="望山.txt"')
    expect(desk.find("#text .unit")).to_have_count(len(short))
    desk.page.click('#nav [data-view="home"]')
    for box in desk.find("#documents input").all():
        box.check()
    desk.page.click("#compare-go")
    expect(rows).to_have_count(2)


def test_files_dropped_while_one_is_read_are_read_too_and_open_with_their_corrections(desk: Desk) -> None:
    held: list[Route] = []
    desk.page.route("**/v1/documents?name=*", lambda route: held.append(route) if len(held) < 2 else route.continue_())
    desk.drop(text_file(name="1.txt"))
    expect(desk.find("#jobs .sent")).to_have_count(1)
    desk.drop(*(text_file((*LINES, f"办理案件{number}件。"), f"{number}.txt") for number in (2, 3)))
    expect(desk.find("#jobs .sent")).to_have_count(2)
    expect(desk.find("#jobs .waiting")).to_have_count(1)
    for route in held:
        route.continue_()
    expect(desk.find("#jobs .ready")).to_have_count(3)

    desk.page.click('#nav [data-view="review"]')
    desk.page.wait_for_selector("#cards .sentence")
    desk.press("2")
    desk.saved()
    desk.page.click("#cards .where a")
    expect(desk.find("#text .selected.corrected")).to_be_visible()
    desk.press("3")
    desk.saved()


def test_a_file_that_cannot_be_read_is_told_in_words_and_the_others_are_read(desk: Desk) -> None:
    desk.expected = ("422", "413", "415")
    desk.drop(("坏.pdf", b"%PDF-1.7 and nothing of one"), text_file())
    expect(desk.find("#jobs .failed .words")).to_have_text(CHINESE)
    expect(desk.find("#jobs .failed button")).to_have_count(0)  # the same file would fail again
    desk.page.click("#jobs .ready a")
    desk.on_screen()


def test_a_busy_service_is_told_and_asked_again(desk: Desk) -> None:
    desk.expected = ("429",)
    problem = {"status": 429, "code": "overloaded", "detail": "busy", "detail_zh": "服务繁忙，请稍后重试。"}

    def refuse(route: Route) -> None:
        route.fulfill(status=429, content_type="application/problem+json", body=json.dumps(problem))

    desk.page.route("**/v1/documents?name=*", refuse)
    desk.drop(text_file())
    expect(desk.find("#jobs .failed .words")).to_have_text(problem["detail_zh"])
    desk.page.unroute("**/v1/documents?name=*")
    desk.page.click("#jobs .failed button")
    desk.on_screen()


def test_a_service_that_is_gone_is_told(seat: Callable[..., Desk], fake_predictor: Predictor, tmp_path: Path) -> None:
    with served(service_over(fake_predictor, database=f"sqlite:///{tmp_path / 'kept.db'}")) as address:
        desk = seat(address)
        desk.open()
    desk.expected = ("ERR_CONNECTION_REFUSED",)
    desk.page.click('#nav [data-view="review"]')
    expect(desk.find("#message")).to_contain_text("连不上服务")
    expect(desk.find("#message button")).to_have_text("重试")
    desk.page.click('#nav [data-view="home"]')
    desk.drop(text_file())
    expect(desk.find("#jobs .failed .words")).to_contain_text("连不上服务")


@pytest.mark.parametrize(
    "line",
    [
        "𠮷林市办理案件😀12件，𠮷祥。",
        "<img src=x onerror=alert(1)>&lt;b&gt;开展执法检查。",
        '"><script>throw 1</script>',
    ],
    ids=["characters of two code units", "markup", "a script"],
)
def test_any_text_is_shown_as_it_is(desk: Desk, line: str) -> None:
    units = desk.open(text_file((TITLE, line, *LINES[1:])))
    assert desk.words() == "".join(unit["text"] for unit in units)
    assert desk.find("#text img, #text script").count() == 0


def test_a_report_looks_as_its_reader_knows_it(desk: Desk) -> None:
    desk.open()
    expect(desk.find("#text h2.title")).to_contain_text(TITLE)
    assert desk.find("#text .level1").count() == sum(line[1] == "、" for line in LINES)
    opening = desk.find("#text .line >> nth=1")
    size = float(opening.evaluate("line => parseFloat(getComputedStyle(line).fontSize)"))
    where = """line => {
        const range = document.createRange();
        range.selectNodeContents(line.querySelector(".words"));
        return range.getClientRects()[0].left - line.getBoundingClientRect().left;
    }"""
    assert float(opening.evaluate(where)) == pytest.approx(2 * size, abs=2)  # two characters, the mark hanging in them


def test_without_a_database_it_reads_and_offers_no_more(
    seat: Callable[..., Desk], fake_predictor: Predictor, settings: dict[str, Any]
) -> None:
    with served(service_over(fake_predictor, **settings | {"database": ""})) as address:
        desk = seat(address)
        desk.expected = ("404",)
        desk.drop(text_file())
        desk.on_screen()
        desk.pick(0)
        assert desk.find("#inspector .setter:enabled").count() == 0
        for kept in ('#nav [data-view="review"]', "#tabs", "#gist", "#completeness", '[data-format="xlsx"]'):
            assert not desk.find(kept).is_visible(), kept
        expect(desk.find("#matrix")).to_be_visible()
