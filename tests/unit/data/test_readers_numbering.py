"""Word's automatic numbering: every label as Word would print it."""

import pytest

from fazhi.data.readers import Limits, Reading
from fazhi.data.readers.child import parse
from fazhi.data.readers.numerals import numeral
from fazhi.data.readers.sniff import Format
from tests.papers import numbered, paragraph, style, word


def read(raw: bytes) -> Reading:
    return parse(raw, Format.DOCX, Limits())


def level(index: int, form: str, text: str, more: str = "") -> str:
    start = f'<w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
    return f'<w:lvl w:ilvl="{index}">{start}<w:lvlText w:val="{text}"/></w:lvl>'


OUTLINE = "".join(
    (
        level(0, "chineseCountingThousand", "%1、"),
        level(1, "chineseCounting", "（%2）"),
        level(2, "decimal", "%3."),
        level(3, "decimal", "（%4）"),
        level(4, "decimalEnclosedCircle", "%5"),
    )
)


def lists(levels: str = OUTLINE, numbers: str = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>') -> str:
    return f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>{numbers}'


def test_levels_count_and_begin_anew() -> None:
    order = [0, 1, 2, 2, 1, 2, 3, 4, 4, 0, 1]
    body = "".join(numbered("文", 1, index) for index in order)
    assert read(word(body, lists())).text.split("\n") == [
        "一、文",
        "（一）文",
        "1. 文",
        "2. 文",
        "（二）文",
        "1. 文",
        "（1）文",
        "①文",
        "②文",
        "二、文",
        "（一）文",
    ]


def test_text_between_does_not_stop_the_count_and_empty_paragraphs_count() -> None:
    body = numbered("甲", 1) + paragraph("间") + numbered("", 1) + numbered("乙", 1)
    assert read(word(body, lists())).text == "一、甲\n间\n三、乙"


def test_a_list_may_begin_anew_or_elsewhere() -> None:
    numbers = (
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )
    body = numbered("甲", 1) + numbered("乙", 2) + numbered("丙", 2) + numbered("丁", 1)
    assert read(word(body, lists(numbers=numbers))).text == "一、甲\n五、乙\n六、丙\n七、丁"


def test_a_deeper_level_begins_each_time_where_its_list_says() -> None:
    numbers = (
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="1"><w:startOverride w:val="3"/>'
        "</w:lvlOverride></w:num>"
    )
    body = "".join(numbered("文", 1, index) for index in (0, 1, 1, 0, 1))
    assert read(word(body, lists(numbers=numbers))).text == "一、文\n（三）文\n（四）文\n二、文\n（三）文"


def test_a_list_may_bring_a_level_of_its_own() -> None:
    own = level(0, "upperLetter", "%1.")
    numbers = (
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/>'
        f'<w:lvlOverride w:ilvl="0">{own}</w:lvlOverride></w:num>'
    )
    assert read(word(numbered("甲", 1) + numbered("乙", 2), lists(numbers=numbers))).text == "一、甲\nB. 乙"


def test_a_level_may_go_on_counting_under_the_next_heading() -> None:
    levels = level(0, "decimal", "%1.") + level(1, "decimal", "%2)", '<w:lvlRestart w:val="0"/>')
    body = "".join(numbered("文", 1, index) for index in (0, 1, 0, 1))
    assert read(word(body, lists(levels))).text == "1. 文\n1) 文\n2. 文\n2) 文"


def test_a_level_names_those_above_it_in_figures_if_it_says_so() -> None:
    levels = level(0, "chineseCounting", "第%1章") + level(1, "decimal", "%1.%2", "<w:isLgl/>")
    body = numbered("总则", 1) + numbered("文", 1, 1)
    assert read(word(body, lists(levels))).text == "第一章 总则\n1.1 文"


def test_a_style_brings_its_number() -> None:
    styles = style("x", '<w:numPr><w:numId w:val="1"/></w:numPr>', identity="h2")
    levels = level(0, "decimal", "%1.") + level(1, "decimal", "%2)", '<w:pStyle w:val="h2"/>')
    body = paragraph("甲", '<w:pStyle w:val="h2"/>')
    body += paragraph("乙", '<w:pStyle w:val="h2"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    assert read(word(body, lists(levels), styles)).text == "1) 甲\n乙"


def test_a_list_style_stands_for_its_list() -> None:
    kinds = (
        f'<w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="L"/></w:abstractNum>'
        f'<w:abstractNum w:abstractNumId="7"><w:styleLink w:val="L"/>{OUTLINE}</w:abstractNum>'
    )
    numbers = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    assert read(word(numbered("甲", 1), kinds + numbers)).text == "一、甲"


def test_signs_of_symbol_fonts_become_signs_of_text() -> None:
    for sign, shown in (("\uf06e", "■"), ("\uf0e0", "●"), ("–", "–"), ("", "●")):
        assert read(word(numbered("甲", 1), lists(level(0, "bullet", sign)))).text == f"{shown}甲"


def test_a_number_of_no_list_is_left_out() -> None:
    assert read(word(numbered("甲", 9) + numbered("乙", 1, 8), lists())).text == "甲\n乙"


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("chineseCounting", ["一", "十", "十一", "二十", "九十九", "一〇五"]),
        ("chineseCountingThousand", ["一", "十", "十一", "二十", "九十九", "一百零五"]),
        ("ideographDigital", ["一", "一〇", "一一", "二〇", "九九", "一〇五"]),
        ("chineseLegalSimplified", ["壹", "壹拾", "壹拾壹", "贰拾", "玖拾玖", "壹佰零伍"]),
        ("ideographTraditional", ["甲", "癸", "11", "20", "99", "105"]),
        ("decimalEnclosedCircleChinese", ["①", "⑩", "⑪", "⑳", "99", "105"]),
        ("upperRoman", ["I", "X", "XI", "XX", "XCIX", "CV"]),
        ("lowerLetter", ["a", "j", "k", "t", "uuuu", "aaaaa"]),
        ("decimalZero", ["01", "10", "11", "20", "99", "105"]),
        ("decimalFullWidth", ["１", "１０", "１１", "２０", "９９", "１０５"]),
        ("none", [""] * 6),
        ("unheardOf", ["1", "10", "11", "20", "99", "105"]),
    ],
)
def test_numbers_in_their_formats(form: str, written: list[str]) -> None:
    assert [numeral(number, form) for number in (1, 10, 11, 20, 99, 105)] == written


@pytest.mark.parametrize("number", [0, -1, 10_000, 10**12])
def test_numbers_out_of_range_are_figures(number: int) -> None:
    assert numeral(number, "chineseCountingThousand") == str(number)
    assert numeral(1001, "chineseCountingThousand") == "一千零一"
