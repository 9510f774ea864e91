"""Which units come up for review: unsure ones, unlike each other."""

from fazhi.data.feedback.records import Label, ReviewUnit
from fazhi.data.feedback.review import POOL, margin, pool, spread
from fazhi.model.labels import Role
from fazhi.model.predict import Prediction


def predicted(roles: tuple[float, ...], topics: tuple[float, ...]) -> Prediction:
    return Prediction(Role.PLAN, (), roles, topics, False)


def candidate(text: str, unsure: float, sha256: str = "a") -> ReviewUnit:
    return ReviewUnit(sha256, "n", 0, len(text), text, "", "", False, Label(Role.PLAN, ()), 1 - unsure, 0, "m1")


def test_the_margin_is_that_of_the_least_certain_answer() -> None:
    certain = (0.0, 1.0, 0.0, 1.0)
    assert round(margin(predicted((0.1, 0.5, 0.3, 0.1), certain)), 6) == 0.2
    assert round(margin(predicted((1.0, 0.0, 0.0, 0.0), (0.0, 0.45, 1.0, 0.0))), 6) == 0.1
    assert margin(predicted((1.0, 0.0, 0.0, 0.0), certain)) == 1.0
    assert margin(predicted((0.5, 0.5, 0.0, 0.0), certain)) == 0.0


def test_of_a_document_no_more_are_candidates_than_asked_for_and_no_more_is_read_than_needed() -> None:
    places = iter(
        [*(("a", start, start + 9) for start in range(50)), *(("b", start, start + 9) for start in range(50))]
    )
    chosen = pool(places, 1, POOL - 3)
    assert [sha256 for sha256, _, _ in chosen] == ["a"] * (POOL - 3) + ["b"] * 3
    assert next(places) == ("b", 3, 12)
    assert pool(places, 0, 5) == []
    assert next(places) == ("b", 4, 13)


def test_the_least_certain_comes_first() -> None:
    units = [candidate("开展执法检查86次。", 0.3), candidate("将举办法治讲座。", 0.9), candidate("窗口服务薄弱。", 0.6)]
    assert [unit.text[:2] for unit in spread(units, 2)] == ["将举", "窗口"]


def test_what_is_like_a_chosen_one_waits() -> None:
    units = [
        candidate("全年共办理行政复议案件128件。", 0.9),
        candidate("全年共办理行政复议案件126件。", 0.89),
        candidate("窗口服务还有薄弱环节。", 0.5),
        candidate("全年共办理行政复议案件128件。", 0.9, "b"),
    ]
    assert [unit.text for unit in spread(units, 2)] == [units[0].text, units[2].text]
    assert spread(units, 4)[3] == units[3]  # the same words bring nothing, and come last


def test_other_script_and_width_make_no_difference() -> None:
    units = [
        candidate("办理行政复议案件12件，", 0.9),
        candidate("辦理行政復議案件１２件,", 0.89),
        candidate("窗口。", 0.2),
    ]
    assert [unit.text for unit in spread(units, 2)] == [units[0].text, units[2].text]


def test_there_are_no_more_than_there_are() -> None:
    units = [candidate("一", 0.5), candidate("", 0.5)]
    assert len(spread(units, 5)) == 2
    assert spread(units, 0) == spread([], 3) == []
