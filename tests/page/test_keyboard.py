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
    desk.page.on("filechooser", lambda _: None)  # caught from here on: a key is quicker than the expectation below
    desk.page.wait_for_selector("#documents .hint")
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
    desk.press("j", str(other_role(desk.stored()[1]) + 1))
    desk.saved()
    assert [unit["label"] is not None for unit in desk.stored()[:3]] == [False, True, False]


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
    desk.pick(1)
    desk.page.click("#inspector .setter >> nth=0")
    desk.saved()
    assert [unit["label"] is not None for unit in desk.stored()] == [index == 1 for index in range(len(units))]


def hold(desk: Desk, key: str, times: int) -> None:
    """Hold a key down until it has repeated so often."""
    for _ in range(times):
        desk.page.keyboard.down(key)
    desk.page.keyboard.up(key)


def test_a_key_held_down_moves_on_but_changes_one_sentence_only(desk: Desk) -> None:
    desk.open()
    hold(desk, "j", 3)
    assert desk.focused() == "u2"
    desk.page.click('#nav [data-view="review"]')
    desk.page.wait_for_selector("#cards .sentence")
    hold(desk, "y", 4)
    desk.saved()
    assert desk.ask("v1/documents")["documents"][0]["corrected"] == 1


def test_keys_leave_a_sentence_that_the_filter_hides_alone(desk: Desk) -> None:
    units = desk.open()
    number = other_role(units[1])
    desk.press("j", "j")
    desk.page.click(f'#filters [data-filter="roles/{ROLES[number]}"]')
    expect(desk.unit(1)).to_be_hidden()
    desk.press(str(number + 1), "z", "y", "Escape")
    expect(desk.unit(1)).to_be_visible()
    assert (desk.role(1), desk.topics(1)) == (units[1]["role"], units[1]["topics"])
    desk.press(str(number + 1))
    desk.saved()
    assert desk.stored()[1]["label"]["revision"] == 1


def test_the_focus_stays_where_a_button_went_away(desk: Desk) -> None:
    desk.open()
    desk.press("j")
    desk.page.focus("#inspector [data-key=confirm]")
    desk.press("Enter")
    desk.saved()
    assert desk.focused() == "inspector"
    desk.press("Enter", "Tab")
    assert desk.page.evaluate("document.activeElement.closest('#inspector') !== null")
    assert desk.stored()[0]["label"]["revision"] == 1
