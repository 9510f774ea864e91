"""The outline: title past furniture, opening, and the headings above each unit."""

import pytest

from fazhi.model.outline import Outline, outline
from fazhi.model.segment import segment


def outline_of(document: str) -> Outline:
    return outline(document, segment(document))


def path_to(document: str, text: str) -> tuple[str, ...]:
    """Give the headings above the first unit that begins with `text`."""
    units = segment(document)
    index = next(index for index, unit in enumerate(units) if unit.text.startswith(text))
    return outline(document, units).headings[index]


REPORT = """临江县2023年法治政府建设情况报告
县人民政府：
2023年，我县推进法治政府建设。现将有关情况报告如下：
一、主要工作
全年开会6次。
（一）完善清单程序。制定《办法》。印发3件。
1.完善制度。
印发办法4件。
（二）规范执法。公示决定。一是配齐设备。购置80台。更新系统。二是开展培训。培训90人。
办案12件。
二、存在问题
1.力量不足。持证仅12人。
三、下一步打算
加强行政执法监督。
"""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("2023年，", ()),
        ("一、主要工作", ()),
        ("全年开会", ("一、主要工作",)),
        ("（一）", ("一、主要工作",)),
        ("印发3件", ("一、主要工作", "（一）完善清单程序。")),
        ("印发办法4件", ("一、主要工作", "（一）完善清单程序。", "1.完善制度。")),
        ("公示决定", ("一、主要工作", "（二）规范执法。")),
        ("一是", ("一、主要工作", "（二）规范执法。")),
        ("更新系统", ("一、主要工作", "（二）规范执法。", "一是配齐设备。")),
        ("培训90人", ("一、主要工作", "（二）规范执法。", "二是开展培训。")),
        ("办案12件", ("一、主要工作", "（二）规范执法。")),
        ("持证仅12人", ("二、存在问题", "1.力量不足。")),
        ("加强行政执法监督", ("三、下一步打算",)),
    ],
)
def test_headings_above_a_unit(text: str, path: tuple[str, ...]) -> None:
    assert path_to(REPORT, text) == path


def test_levels_follow_nesting_and_are_zero_for_body() -> None:
    units = segment(REPORT)
    levels = {unit.text: level for unit, level in zip(units, outline_of(REPORT).levels, strict=True) if level}
    assert levels == {
        "一、主要工作": 1,
        "（一）完善清单程序。": 2,
        "1.完善制度。": 3,
        "（二）规范执法。": 2,
        "二、存在问题": 1,
        "1.力量不足。": 2,
        "三、下一步打算": 1,
    }


def test_title_and_opening() -> None:
    found = outline_of(REPORT)
    assert found.title == "临江县2023年法治政府建设情况报告"
    assert found.opening == "2023年，我县推进法治政府建设。现将有关情况报告如下："


def test_unnumbered_sections_stand_above_numbered_ones() -> None:
    document = "主要做法\n一、加强领导\n开会6次。\n存在的问题\n一、力量不足\n仅12人。\n"
    assert path_to(document, "开会") == ("主要做法", "一、加强领导")
    assert path_to(document, "仅12人") == ("存在的问题", "一、力量不足")
    assert outline_of(document).title == ""


def test_an_unnumbered_section_between_numbered_ones_ends_with_the_next_number() -> None:
    document = "一、决策\n开会6次。\n二、执法\n办案9件。\n主要成效\n获奖1次。\n三、普法\n宣讲8场。\n"
    assert path_to(document, "获奖") == ("主要成效",)
    assert path_to(document, "宣讲") == ("三、普法",)


def test_a_numbered_sentence_that_is_no_heading_ends_its_sibling() -> None:
    long = "（二）提高制度建设质量，开展规范性文件后评估试点，每年选取3至5件实施满两年的文件进行评估。"
    document = f"一、计划\n（一）健全机制。组织评估。\n{long}\n"
    assert path_to(document, "（二）") == ("一、计划",)


PAGE = """当前位置：首页 > 政务公开 > 法治政府建设情况
索引号：LJ-2023-0001　　主题分类：综合政务
临政发〔2024〕6号
临江县2023年法治政府建设情况报告
发布时间：2024-01-05　来源：县司法局　点击数：316
临江县2023年法治政府建设情况报告
2023年，我县推进法治政府建设。
现将情况报告如下。
一、主要工作
首页　上一页　[1] [2]　下一页　尾页　共2页
完成清理。
打印本页　关闭窗口
"""


def test_title_is_found_below_page_furniture_and_furniture_heads_nothing() -> None:
    found = outline_of(PAGE)
    assert found.title == "临江县2023年法治政府建设情况报告"
    assert found.opening == "2023年，我县推进法治政府建设。现将情况报告如下。"
    assert path_to(PAGE, "完成清理") == ("一、主要工作",)
    assert path_to(PAGE, "打印") == ()
    assert {heading for path in found.headings for heading in path} == {"一、主要工作"}


def test_title_in_pieces_in_traditional_characters() -> None:
    found = outline_of("臨江縣司法局\n2023年法治政府建設工作總結\n2023年，我局推進工作。\n")
    assert found.title == "臨江縣司法局2023年法治政府建設工作總結"


def test_a_document_may_have_no_title() -> None:
    found = outline_of("根据通知要求，现将2018年工作情况报告如下。\n一、主要工作\n完成清理。\n")
    assert found.title == ""
    assert found.opening == "根据通知要求，现将2018年工作情况报告如下。"


def test_a_title_that_names_no_report() -> None:
    found = outline_of("以法治之笔绘就新画卷\n临江县地处三省交界。\n一、做法\n完成清理。\n")
    assert found.title == "以法治之笔绘就新画卷"
    assert found.headings[-1] == ("一、做法",)


def test_a_table_of_contents_heads_nothing() -> None:
    document = "临江县2023年工作报告\n目　录\n一、主要工作…………1\n2023年，推进工作。\n一、主要工作\n完成清理。\n"
    assert path_to(document, "2023年，") == ()
    assert path_to(document, "完成清理") == ("一、主要工作",)


def test_a_section_before_any_paragraph_leaves_the_opening_empty() -> None:
    assert outline_of("临江县2023年工作报告\n一、主要工作\n完成清理。\n").opening == ""


def test_a_long_opening_keeps_its_start_and_its_hand_over() -> None:
    opening = outline_of(
        "2023年工作报告\n2023年，" + "推进工作，" * 100 + "成效明显。现将情况报告如下：\n一、工作\n"
    ).opening
    assert len(opening) <= 200
    assert opening.startswith("2023年，推进工作")
    assert opening.endswith("…现将情况报告如下：")


def test_a_bare_sentence_is_a_document() -> None:
    assert outline_of("加强行政执法监督。") == Outline("", "加强行政执法监督。", ((),), (0,))
    assert outline_of("") == Outline("", "", (), ())


def test_depth_and_length_are_capped() -> None:
    marks = ["第一部分 ", "一、", "（一）", "任务一：", "1.", "（1）", "①", "第一，", "——", "一是"]
    document = "\n".join(mark + "健全工作机制。召开会议。" for mark in marks)
    found = outline_of("一、" + "长" * 58 + "\n" + document)
    assert max(len(path) for path in found.headings) == 6
    spread = "一、" + "建 设 " * 29 + "\n完成清理。"
    assert [len(heading) for heading in outline_of(spread).headings[-1]] == [80]
