"""What is looked for in a report: by filter, search, outline, and in the panel beside it."""

import re

from playwright.sync_api import expect

from tests.page.desk import LINES, Desk, other_role


def test_filters_and_search_go_together(desk: Desk) -> None:
    units = desk.open()
    desk.press("/")
    desk.page.keyboard.type("执法")
    expect(desk.find("#text mark").first).to_have_text("执法")
    found = [index for index, unit in enumerate(units) if "执法" in unit["text"]]
    assert desk.shown() == found
    role = units[found[0]]["role"]
    desk.page.click(f'#filters [data-filter="roles/{role}"]')
    both = [index for index in found if units[index]["role"] == role]
    assert desk.shown() == both
    expect(desk.find("#matching")).to_have_text(f"{len(both)} / {len(units)} 句")
    desk.page.click("#clear")
    assert desk.shown() == list(range(len(units)))
    desk.page.click('#filters [data-filter="states/unsure"]')
    assert desk.shown() == [index for index, unit in enumerate(units) if unit["unsure"]]
    desk.page.check("#filters .option input >> nth=0")
    assert desk.find("#text .unit:visible").count() == len(units)


def test_filtering_moves_nothing_above_the_text(desk: Desk) -> None:
    desk.open()
    top = "document.querySelector('#text').getBoundingClientRect().top"
    before = desk.page.evaluate(top)
    desk.page.click('#filters [data-filter="topics/执法"]')
    expect(desk.find("#clear")).to_be_visible()
    assert desk.page.evaluate(top) == before


def test_the_matrix_adds_up_and_its_cell_filters_and_lets_go(desk: Desk) -> None:
    units = desk.open()
    for role in ("成效", "问题", "计划", "其他"):
        total = sum(unit["role"] == role for unit in units)
        expect(desk.find(f'#matrix [data-key="{role}/*"]')).to_have_text(str(total))
    cell = desk.find('#matrix [data-key="成效/*"]')
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    assert desk.shown() == [index for index, unit in enumerate(units) if unit["role"] == "成效"]
    cell.click()
    expect(cell).to_be_focused()
    assert desk.shown() == list(range(len(units)))


def test_the_figures_leave_out_what_is_no_text_and_follow_a_correction(desk: Desk) -> None:
    lines = "".join(f"<p>{line}</p>" for line in LINES)
    page = f'<html><head><meta charset="utf-8"></head><body>{lines}</body></html>'
    units = desk.open(("报告.html", page.encode()))
    furniture = [index for index, unit in enumerate(units) if unit["source"]["furniture"]]
    assert len(furniture) == 1  # the date
    counted = len(units) - 1
    role = units[furniture[0]]["role"]
    own = [index for index, unit in enumerate(units) if unit["role"] == role and index not in furniture]
    cell = desk.find(f'#matrix [data-key="{role}/*"]')
    expect(cell).to_have_text(str(len(own)))
    cell.click()
    assert desk.find("#text .unit:not(.filtered)").count() == len(own)
    expect(desk.find("#matching")).to_have_text(f"{len(own)} / {counted} 句")
    desk.pick(own[0])
    desk.press(str(other_role(units[own[0]]) + 1))
    expect(desk.find("#matching")).to_have_text(f"{len(own) - 1} / {counted} 句")
    desk.saved()
    desk.page.check("#filters .option input >> nth=1")
    expect(cell).to_have_text(str(len(own)))
    expect(desk.find("#matrix .whole")).to_have_text(str(len(units)))


def test_problems_stand_with_plans_and_parts_with_evidence(desk: Desk) -> None:
    desk.open()
    insight = desk.ask(f"v1/documents/{desk.sha}/insight")
    unanswered = sum(not one["plans"] for one in insight["answers"])
    expect(desk.find("#gist")).to_contain_text(f"{len(insight['answers'])} 处问题，{unanswered} 处未见")
    desk.page.click("#gist button >> nth=0")
    expect(desk.find("#pane-problems")).to_be_visible()
    expect(desk.find("#pane-counts")).to_be_hidden()
    assert desk.find("#problems .problems > li").count() == len(insight["answers"])
    assert desk.find("#problems .none").count() == unanswered
    assert desk.find("#problems .plans li").count() == sum(len(one["plans"]) for one in insight["answers"])
    desk.press("ArrowRight")
    expect(desk.find("#tab-parts")).to_be_focused()
    assert desk.find("#completeness .parts > li").count() == 5
    aspects = [aspect for part in insight["completeness"]["parts"] for aspect in part["aspects"]]
    assert desk.find("#completeness .aspect").count() == len(aspects)
    quoted = desk.find("#completeness .quote").first
    goal = quoted.get_attribute("data-goto")
    quoted.click()
    expect(desk.find(f"#u{goal}")).to_have_attribute("aria-current", "true")


def test_the_panel_follows_a_correction(desk: Desk) -> None:
    units = desk.open()
    index = next(index for index, unit in enumerate(units) if unit["role"] != "问题")
    desk.page.click("#tab-problems")
    before = desk.find("#problems .problems > li").count()
    desk.pick(index)
    desk.press("2")
    expect(desk.find("#problems .problems > li")).to_have_count(before + 1)


def test_the_outline_leads_to_a_section_and_shows_where_one_is(desk: Desk) -> None:
    desk.open()
    entries = desk.find("#outline button")
    assert entries.all_inner_texts() == [unit["text"] for unit in desk.stored() if unit["level"]]
    last = entries.last
    last.click()
    expect(last).to_have_attribute("aria-current", "true")
    expect(desk.find("#text .selected")).to_contain_text(last.inner_text())
    expect(desk.find("#outline [aria-current]")).to_have_count(1)


def test_a_link_leads_to_a_sentence(desk: Desk) -> None:
    units = desk.open()
    for place in (f"u{len(units) - 1}", f"at{units[-1]['start']}"):
        desk.page.goto(f"{desk.address}#/review")
        desk.page.goto(f"{desk.address}#/report/{desk_sha(desk)}/{place}")
        expect(desk.unit(len(units) - 1)).to_have_class(re.compile("selected"))


def desk_sha(desk: Desk) -> str:
    return str(desk.ask("v1/documents")["documents"][0]["sha256"])


def test_on_paper_stand_text_and_findings_and_nothing_to_press(desk: Desk) -> None:
    desk.open()
    desk.page.wait_for_selector("#completeness .parts", state="attached")
    desk.page.emulate_media(media="print")
    for shown in ("#text", "#matrix", "#problems", "#completeness"):
        expect(desk.find(shown)).to_be_visible()
    for hidden in (".top", "#filters", "#inspector", "#tabs", "#export"):
        expect(desk.find(hidden).first).to_be_hidden()


def test_copied_text_holds_no_marks(desk: Desk) -> None:
    desk.open()
    copied = desk.page.evaluate("(document.getSelection().selectAllChildren(text), document.getSelection().toString())")
    assert "".join(copied.split()) == "".join(LINES)
