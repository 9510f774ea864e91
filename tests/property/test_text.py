"""What holds for every text: units cover it, normalizing settles it, the outline fits its units."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from fazhi.model.normalize import normalize
from fazhi.model.outline import outline
from fazhi.model.segment import segment

# Pieces that reports, web pages and broken copies are made of, so that random texts have layout to go wrong in.
PIECES = [
    *"。！？!?；;：:，,、.“”‘’《》〈〉「」『』【】（）()\"'…—-·&",
    *"\n\r\t \u3000\x0b\x0c\x1c\x85\u2028\u200b\ufeff\x00\ud800\ue000",
    *"一二十年第是覆答瞭藉畫計著力乾沈重製羣〇○０１２3，：．％①⑴㈠\u0301\u2017\ufe0f𠀀",
    *[
        "一、",
        "（一）",
        "1.",
        "（1）",
        "第一，",
        "一是",
        "——",
        "▲",
        "附件：",
        "任务一：",
        "&nbsp;",
        "&amp;",
        "3,860",
        " ,860",
        "96.4%",
    ],
    *[
        "报告\n",
        "主要工作\n",
        "存在问题\n",
        "\n2023年1月5日\n",
        "当前位置：首页 > ",
        "现将情况报告如下：\n",
        "完成清理。",
        "目录\n",
        "\r\n",
    ],
]
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.text(max_size=60))


@given(TEXTS)
def test_units_cover_every_character_that_is_no_space_once(document: str) -> None:
    units = segment(document)
    covered = [index for unit in units for index in range(unit.start, unit.end)]
    assert len(covered) == len(set(covered))
    missed = set(range(len(document))) - set(covered)
    assert all(document[index].isspace() for index in missed)


@given(TEXTS)
def test_units_are_ordered_and_bare_of_outer_space(document: str) -> None:
    units = segment(document)
    assert all(unit.text == document[unit.start : unit.end] for unit in units)
    assert all(unit.text and unit.text == unit.text.strip() for unit in units)
    assert all(before.end <= after.start for before, after in pairwise(units))


@given(TEXTS)
def test_a_unit_alone_is_one_unit(document: str) -> None:
    for unit in segment(document):
        assert [again.text for again in segment(unit.text)] == [unit.text]


@given(TEXTS)
def test_lines_are_cut_one_by_one(document: str) -> None:
    whole = [unit.text for unit in segment(document)]
    assert whole == [unit.text for line in document.splitlines() for unit in segment(line)]


@given(TEXTS)
def test_only_the_first_unit_of_a_line_is_a_heading(document: str) -> None:
    for unit in segment(document):
        if unit.heading:
            line = document[: unit.start].splitlines(keepends=True)
            assert (
                not line
                or line[-1].isspace()
                or line[-1] != line[-1].rstrip("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
            )


@given(TEXTS)
@settings(max_examples=500)
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@given(TEXTS)
def test_normalized_text_can_be_encoded_and_has_no_outer_space(text: str) -> None:
    once = normalize(text)
    once.encode()
    assert once == once.strip()


@given(TEXTS)
def test_outline_fits_its_units(document: str) -> None:
    units = segment(document)
    found = outline(document, units)
    assert len(found.headings) == len(found.levels) == len(units)
    assert len(found.opening) <= 200
    texts = {unit.text for unit in units}
    for unit, path, level in zip(units, found.headings, found.levels, strict=True):
        assert len(path) <= 6
        assert all(heading in texts or (len(heading) == 80 and heading.endswith("…")) for heading in path)
        assert not level or (unit.heading and len(path) <= level - 1)
    assert all("\n" not in heading for path in found.headings for heading in path)


def test_outline_of_thousands_of_headings_shares_its_paths() -> None:
    """One tuple a section, not one a unit, so a long document's paths take no more room than its headings."""
    document = "一、主要工作\n" + "（一）提高认识。开会。学习。\n" * 10_000 + "（\n" * 50_000
    units = segment(document)
    found = outline(document, units)
    assert len(found.headings) == len(units) == 80_001
    assert len({id(path) for path in found.headings}) <= 20_003
