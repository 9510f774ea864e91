"""Everything without a mouse: where the focus goes, what the keys do and when they are silent."""

from playwright.sync_api import expect

from fazhi.model.labels import ROLES
from tests.page.desk import Desk, other_role, word_file


def tab(desk: Desk, times: int) -> list[str]:
    """Press Tab and tell where it led."""
    order = []
    for _ in range(times):
        desk.press("Tab")
        order.append(desk.focused())
    return order


def test_the_focus_goes_through_the_page_in_its_order(desk: Desk) -> None:
    desk.page.wait_for_selector("#documents .hint")
    order = tab(desk, 10)
    expected = ["skip", "法法治报告工作台", "文件", "待核", "user", "language", "theme", "help", "choose", "pasted"]
    assert order == expected
    desk.page.focus("#skip")
    desk.press("Enter", "Tab")
    assert desk.focused() == "choose"


def test_a_report_is_read_and_corrected_by_keys_alone(desk: Desk) -> None:
    name, raw = word_file()
    desk.page.focus("#choose")
    with desk.page.expect_file_chooser() as chooser:
        desk.press("Enter")
    chooser.value.set_files({"name": name, "mimeType": "application/octet-stream", "buffer": raw})
    desk.on_screen()
    assert desk.focused() == "main"
    units = desk.stored()
    desk.press("j", "j")
    assert desk.focused() == "u1"
    outline = desk.unit(1).evaluate("unit => getComputedStyle(unit).outlineStyle")
    assert outline == "solid"
    desk.press(str(other_role(units[1]) + 1))
    desk.saved()
    assert desk.focused() == "u1"
    desk.press("Tab")
    assert desk.page.evaluate("document.activeElement.closest('#inspector') !== null")
    desk.press("Space")  # the first of its buttons
    desk.saved()
    assert desk.stored()[1]["label"]["role"] == ROLES[0]
    desk.page.focus("#export summary")
    desk.press("Enter", "Tab")
    with desk.page.expect_download() as download:
        desk.press("Enter")
    assert download.value.suggested_filename.endswith(".xlsx")


def test_help_takes_the_focus_and_gives_it_back(desk: Desk) -> None:
    desk.open()
    desk.press("j", "?")
    dialog = desk.find("#help-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("[data-meaning=问题]")).to_contain_text("不足")
    for _ in range(4):
        desk.press("Tab")
        inside = "document.activeElement === document.body || document.activeElement.closest('#help-dialog') !== null"
        assert desk.page.evaluate(inside)
    desk.press("2", "j")  # keys mean nothing while it is open
    desk.press("Escape")
    expect(dialog).to_be_hidden()
    assert desk.focused() == "u0"
    assert desk.stored()[0]["label"] is None


def test_keys_are_silent_in_fields_and_when_switched_off(desk: Desk) -> None:
    units = desk.open()
    desk.press("j")
    desk.find("#user").press_sequentially("1234zfspu")
    assert desk.page.input_value("#user") == "1234zfspu"
    desk.page.click("#help")
    desk.page.uncheck("#help-dialog .option input")
    desk.press("Escape")
    desk.pick(0)
    desk.press("1", "2", "3", "4", "z")
    assert [unit["label"] for unit in desk.stored()] == [None] * len(units)
