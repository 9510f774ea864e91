"""Labels are changed, undone, confirmed, signed and kept, by one person or by two at once."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fazhi.model.labels import ROLES
from fazhi.model.predict import Predictor
from fazhi.serve.keys import add
from tests.page.desk import Desk, other_role, text_file
from tests.serving import served, service_over


def test_undo_takes_the_last_change_back(desk: Desk) -> None:
    units = desk.open()
    desk.press("j", "j", str(other_role(units[1]) + 1))
    desk.saved()
    desk.press("k", "u")
    desk.saved()
    assert desk.role(1) == units[1]["role"]
    label = desk.stored()[1]["label"]
    assert (label["role"], label["revision"]) == (units[1]["role"], 2)
    expect(desk.unit(1)).to_have_class(re.compile("selected"))


def test_a_change_is_signed_and_counted_at_once(desk: Desk) -> None:
    units = desk.open()
    desk.page.fill("#user", "审核员甲")
    number = other_role(units[2])
    before = [unit["role"] for unit in units].count(ROLES[number])
    desk.pick(2)
    desk.page.click(f"#inspector .setter >> nth={number}")
    desk.saved()
    assert desk.stored()[2]["label"]["user"] == "审核员甲"
    expect(desk.find(f"#counts .bar >> nth={number} >> .count")).to_have_text(str(before + 1))
    expect(desk.find("#inspector .said")).to_contain_text("审核员甲")


def test_confirming_keeps_the_label_and_ends_the_doubt(desk: Desk) -> None:
    units = desk.open()
    unsure = [index for index, unit in enumerate(units) if unit["unsure"]]
    expect(desk.unit(unsure[0]).locator(".flag")).to_have_text("?")
    desk.press("n")
    expect(desk.unit(unsure[0])).to_have_class(re.compile("selected"))
    desk.press("y")
    desk.saved()
    stored = desk.stored()[unsure[0]]["label"]
    assert (stored["role"], stored["topics"]) == (units[unsure[0]]["role"], units[unsure[0]]["topics"])
    expect(desk.unit(unsure[0])).not_to_have_class(re.compile("unsure"))
    expect(desk.unit(unsure[0]).locator(".flag")).to_have_text("✓")


@pytest.mark.parametrize("mine", [True, False], ids=["mine", "theirs"])
def test_who_is_slower_sees_the_conflict_and_decides(address: str, seat: Callable[..., Desk], mine: bool) -> None:
    first, second = seat(address), seat(address)
    units = first.open()
    second.page.goto(first.page.url)
    second.on_screen()
    first.page.fill("#user", "审核员乙")
    first.pick(0)
    first.press(str(other_role(units[0]) + 1))
    first.saved()
    second.expected = ("409",)
    second.pick(0)
    second.press(str(other_role(units[0], 2) + 1))
    expect(second.find("#inspector .conflict")).to_contain_text("审核员乙")
    expect(second.status()).to_have_text("此句刚被他人改过")
    second.page.click(f"#inspector .conflict button >> nth={int(mine)}")
    if mine:
        second.saved()
    expect(second.find("#inspector .conflict")).to_have_count(0)
    label = second.stored()[0]["label"]
    expected = (ROLES[other_role(units[0], 2)], 2) if mine else (ROLES[other_role(units[0])], 1)
    assert (label["role"], label["revision"]) == expected
    assert second.role(0) == expected[0]


def reopen(desk: Desk) -> None:
    """Leave the report for the list and come back, in the same page."""
    address, sha256 = desk.page.url, desk.sha
    desk.page.click('#nav [data-view="home"]')
    with desk.page.expect_response(f"**/v1/documents/{sha256}"):
        desk.page.goto(address)


def test_what_others_overtook_stays_a_conflict_when_the_report_is_opened_again(
    address: str, seat: Callable[..., Desk]
) -> None:
    first, second = seat(address), seat(address)
    units = first.open()
    second.page.goto(first.page.url)
    second.on_screen()
    second.expected = ("ERR_FAILED", "409")
    second.page.route("**/corrections", lambda route: route.abort())
    second.press("j", str(other_role(units[0], 2) + 1))
    expect(second.status()).to_contain_text("1 处未保存")
    first.press("j", str(other_role(units[0]) + 1))
    first.saved()

    with second.page.expect_request("**/corrections"):
        reopen(second)
    second.page.unroute("**/corrections")
    second.page.evaluate("dispatchEvent(new Event('online'))")  # sent again now, not in some seconds
    expect(second.status()).to_have_text("此句刚被他人改过")
    reopen(second)
    second.page.click("#status a")
    expect(second.find("#inspector .conflict")).to_be_visible()
    second.page.click("#inspector .conflict button >> nth=0")  # theirs
    expect(second.find("#inspector .conflict")).to_have_count(0)
    second.press("u")
    expect(second.status()).to_have_text("没有可撤销的修改。")
    assert second.role(0) == ROLES[other_role(units[0])]
    assert second.stored()[0]["label"]["revision"] == 1


def test_undo_leaves_other_documents_alone(desk: Desk) -> None:
    units = desk.open()
    first = desk.sha
    desk.press("j", str(other_role(units[0]) + 1))
    desk.saved()
    desk.drop(text_file(("望山市2024年法治政府建设情况报告", "开展以案释法16场。"), "望山.txt"))
    expect(desk.find("#text .unit")).to_have_count(2)
    desk.press("u")
    expect(desk.status()).to_have_text("没有可撤销的修改。")
    assert desk.ask(f"v1/documents/{first}")["units"][0]["label"]["revision"] == 1


def test_what_could_not_be_saved_is_told_and_sent_later(desk: Desk) -> None:
    units = desk.open()
    desk.expected = ("ERR_FAILED",)
    desk.page.route("**/corrections", lambda route: route.abort())
    desk.press("j", str(other_role(units[0]) + 1))
    expect(desk.status()).to_contain_text("1 处未保存")
    expect(desk.unit(0)).to_have_class(re.compile("unsaved"))
    desk.page.unroute("**/corrections")
    desk.page.click("#retry")
    desk.saved()
    assert desk.stored()[0]["label"]["role"] == ROLES[other_role(units[0])]


def test_the_review_gives_the_next_once_one_is_confirmed(desk: Desk) -> None:
    units = desk.open()
    desk.page.click('#nav [data-view="review"]')
    first = desk.find("#cards .sentence").inner_text()
    expect(desk.find("#cards .doubt")).to_contain_text("拿不准")
    desk.press("y")
    expect(desk.find("#cards .sentence")).not_to_have_text(first)
    desk.saved()
    desk.page.reload()
    desk.page.wait_for_selector("#cards .sentence")
    assert desk.find("#cards .sentence").inner_text() != first
    desk.press("2", "j")
    desk.saved()
    desk.page.click('#nav [data-view="home"]')
    expect(desk.find("#documents")).to_contain_text(f"{len(units)} 句已核 2 句")


def test_a_key_is_asked_for_and_kept(seat: Callable[..., Desk], fake_predictor: Predictor, tmp_path: Path) -> None:
    key = add(tmp_path / "keys", "office", admin=False)
    settings = {"keys": tmp_path / "keys", "database": f"sqlite:///{tmp_path / 'kept.db'}"}
    with served(service_over(fake_predictor, **settings)) as address:
        desk = seat(address)
        desk.expected = ("401", "ERR_CONNECTION_REFUSED")  # the service goes before the page
        expect(desk.find("#key")).to_be_focused()
        desk.press("Escape")
        expect(desk.find("#message")).to_contain_text("需要访问密钥")
        desk.page.click("#message button")
        desk.page.fill("#key", "wrong")
        desk.press("Enter")
        expect(desk.find("#key-dialog [role=alert]")).to_be_visible()
        desk.page.fill("#key", key)
        desk.press("Enter")
        desk.page.wait_for_selector("#documents .hint")
        expect(desk.find("#message")).to_be_hidden()
        desk.drop(text_file())
        desk.on_screen()
        desk.press("j", "2")
        desk.saved()
