"""Segmentation: the guideline's rules, and the edges that real copies of reports have."""

import pytest

from fazhi.model.segment import is_furniture, is_title, segment, style_of


def texts(document: str) -> list[str]:
    return [unit.text for unit in segment(document)]


def headings(document: str) -> list[str]:
    return [unit.text for unit in segment(document) if unit.heading]


@pytest.mark.parametrize("stop", "。！？!?；;")
def test_unit_ends_after_every_stop(stop: str) -> None:
    assert texts(f"完成清理{stop}开展评查") == [f"完成清理{stop}", "开展评查"]


@pytest.mark.parametrize("pair", ["“”", "‘’", "《》", "〈〉", "「」", "『』", "【】", "（）", "()"])
def test_no_unit_ends_inside_a_closed_pair(pair: str) -> None:
    opener, closer = pair
    assert texts(f"落实{opener}先审。后议{closer}要求。完成") == [f"落实{opener}先审。后议{closer}要求。", "完成"]


@pytest.mark.parametrize("opener", "“‘《〈「『【（(")
def test_a_bracket_that_never_closes_on_its_line_encloses_nothing(opener: str) -> None:
    assert texts(f"落实{opener}先审。后议\n第二行”’》〉」』】）)。") == [
        f"落实{opener}先审。",
        "后议",
        "第二行”’》〉」』】）)。",
    ]


def test_pairs_nest_and_an_unclosed_one_inside_does_not_hide_the_outer() -> None:
    assert texts("（《办法》。“试行。）完成。下") == ["（《办法》。“试行。）完成。", "下"]


def test_a_bracket_may_close_in_the_other_width() -> None:
    assert texts("事项（含下放。委托)。完成") == ["事项（含下放。委托)。", "完成"]


def test_stops_that_follow_a_stop_belong_to_its_unit() -> None:
    assert texts("建设新成效。。按照要求！？完成。 。") == ["建设新成效。。", "按照要求！？", "完成。 。"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\f", "\u2028"])
def test_every_line_end_ends_a_unit(end: str) -> None:
    assert texts(f"一、主要工作{end}{end}  完成清理{end}") == ["一、主要工作", "完成清理"]


def test_offsets_are_into_the_text_as_given() -> None:
    document = "\ufeff\r\n　　一、主要工作\r\n　　完成清理。 開展評查。　\r\n"
    units = segment(document)
    assert [document[unit.start : unit.end] for unit in units] == [unit.text for unit in units]
    assert [unit.text for unit in units][1:] == ["一、主要工作", "完成清理。", "開展評查。"]


@pytest.mark.parametrize("document", ["", " ", "\n\r\n\t　"])
def test_nothing_has_no_units(document: str) -> None:
    assert segment(document) == []


REPORT = """临江县2023年法治政府建设情况报告
县人民政府：
2023年，我县推进法治政府建设。现将有关情况报告如下：
一、主要工作
（一）提高思想认识。全年专题学习6次。一是完善清单。公布事项36项。
1.完善制度。
印发办法3件。
（二）开展文件清理，废止文件12件，修改文件3件，全部向社会公开。
二、存在问题
——执法力量不足。持证人员仅12人。
工作成效
全年没有败诉案件。
临江县司法局
2024年1月5日
"""


def test_headings_go_by_layout() -> None:
    assert headings(REPORT) == [
        "临江县2023年法治政府建设情况报告",
        "一、主要工作",
        "（一）提高思想认识。",
        "1.完善制度。",
        "二、存在问题",
        "——执法力量不足。",
        "工作成效",
    ]


@pytest.mark.parametrize(
    "lead_in", ["(一)提高认识。", "一是提高认识。", "第一，提高认识。", "①提高认识。", "——提高认识。"]
)
def test_a_short_numbered_lead_in_at_line_start_is_a_heading(lead_in: str) -> None:
    assert headings(f"完成清理。\n{lead_in}召开会议6次。") == [lead_in]
    assert headings(f"完成清理。{lead_in}召开会议6次。") == []


def test_a_numbered_sentence_without_anything_below_it_is_no_heading() -> None:
    assert headings("二、计划\n1.完善制度。\n2.开展培训。\n3.加强监督。") == ["二、计划"]


def test_an_unnumbered_lead_in_with_its_text_on_the_line_is_no_heading() -> None:
    assert headings("一、审批\n流程再造。承接权限158项。") == ["一、审批"]


def test_figures_and_dates_are_no_numbers_of_sections() -> None:
    assert [style_of(text) for text in ("1.2万件案件", "2023.1.4", "三年来", "一是", "十三五")] == [
        "",
        "",
        "",
        "一是",
        "",
    ]


PAGE = """当前位置：首页 > 政务公开 > 法治政府建设
索引号：LJ-2023-0001　　主题分类：综合政务
临江县2023年法治政府建设情况报告
发布时间：2024-01-05　来源：县司法局　点击数：316
字号：【大】【中】【小】
2023年，我县推进法治政府建设。
一、主要工作
- 5 -
完成清理。
上一篇：没有了
"""


def test_page_furniture_is_units_but_no_headings() -> None:
    assert headings(PAGE) == ["临江县2023年法治政府建设情况报告", "一、主要工作"]
    assert len(texts(PAGE)) == 10


@pytest.mark.parametrize(
    "line",
    [
        "您所在的位置：网站首页>>政务动态>>正文",
        "—1—",
        "临政发【2023】6号",
        "2024年1月5日",
        "（此件公开发布）",
        "三、问题…………8",
    ],
)
def test_furniture(line: str) -> None:
    assert is_furniture(line)
    assert not is_title(line)


@pytest.mark.parametrize(
    "line",
    [
        "（一）",
        "（一）强化领导",
        "普法视频点击量2万余次。",
        "关闭煤矿12家",
        "来源多样",
        "打印资料5000份",
        "本网格党支部",
    ],
)
def test_text_is_not_furniture(line: str) -> None:
    assert not is_furniture(line)


def test_the_title_as_a_running_head_is_no_heading() -> None:
    document = (
        "临江县2023年法治政府建设年度报告\n2023年，推进工作。\n临江县法治政府建设年度报告（2023）\n一、主要工作\n"
    )
    assert headings(document) == ["临江县2023年法治政府建设年度报告", "一、主要工作"]


@pytest.mark.parametrize(
    "piece", ["（", "(“", "）", "。", "\n", " ", "“。", "”", "（）", "一、", "\u3000\n", "——\n", "中"]
)
def test_long_monotonous_text_is_cut(piece: str) -> None:
    """A search that starts again at every character would not come back from these."""
    document = piece * 200_000
    covered = sum(sum(not character.isspace() for character in unit.text) for unit in segment(document))
    assert covered == sum(not character.isspace() for character in document)
