"""Web pages without what the site puts around their text."""

import pytest

from fazhi.data.readers import Code, Kind, Limits, Reading, UnreadableError
from fazhi.data.readers.child import parse
from fazhi.data.readers.sniff import Format

TEXT = "办理行政复议案件12件，审结11件，开展执法案卷评查，抽查案卷86宗。"


def read(page: str | bytes) -> Reading:
    return parse(page.encode() if isinstance(page, str) else page, Format.HTML, Limits())


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><meta charset='utf-8'>{head}</head><body>{body}</body></html>"


def test_paragraphs_lines_and_lists() -> None:
    body = f"<p>　　一、工作</p><div>{TEXT}<br>第二<b>行</b></div><ol start=3><li>甲<li>乙</ol><ul><li>丙</ul>尾"
    reading = read(page(body))
    assert reading.text == f"　　一、工作\n{TEXT}\n第二行\n3. 甲\n4. 乙\n丙\n尾"
    assert [block.place.paragraph for block in reading.blocks] == [1, 2, 3, 4, 5, 6, 7]
    assert reading.format == "html"


def test_white_space_of_the_source_is_not_in_the_text() -> None:
    assert read(page("<p>\n  开展执法\n  检查 12\n 次；rule\n  of law</p>")).text == "开展执法检查 12 次；rule of law"


def test_what_is_never_shown_is_left_out() -> None:
    hidden = (
        "<script>var a='文'</script><style>p{}</style><!-- 注 --><div style='display: none'>藏</div><p hidden>藏</p>"
    )
    assert read(page(f"{hidden}<p>{TEXT}</p><select><option>文</select><button>打印</button>")).text == TEXT


@pytest.mark.parametrize(
    "furniture",
    [
        "<nav>首页 新闻</nav>",
        "<div class='top-nav'><ul><li><a>首页</a><li><a>公开</a></ul></div>",
        "<div id='breadcrumb'>当前位置</div>",
        "<div class='bdsharebuttonbox share'>微信 微博</div>",
        "<ul><li><a href='/'>网站首页</a><li><a href='/a'>信息公开</a></ul>",
        "<footer>版权所有</footer>",
        "<div class='footer'>备案号</div>",
        "<aside>相关</aside>",
    ],
)
def test_what_the_site_puts_around_is_left_out(furniture: str) -> None:
    assert read(page(f"{furniture}<div class='con'><p>{TEXT}</p></div>{furniture}")).text == TEXT


def test_a_class_of_furniture_around_the_whole_text_is_no_furniture() -> None:
    assert read(page(f"<div class='position'><p>{TEXT}</p><p>{TEXT}</p></div>")).text == f"{TEXT}\n{TEXT}"


def test_lines_that_a_site_adds_are_marked() -> None:
    reading = read(page(f"<p>发布时间：2024-01-12 来源：司法局</p><p>{TEXT}</p>"))
    assert [block.kind for block in reading.blocks] == [Kind.FURNITURE, Kind.PARAGRAPH]


def test_the_article_is_found_and_keeps_its_title() -> None:
    body = (
        "<h1>某县人民政府网</h1><div><h2>某县法治政府建设报告</h2></div><div>相似的文章</div>"
        f"<div id='UCAP-CONTENT'><p>{TEXT * 3}</p></div>"
    )
    reading = read(page(body, "<title>某县法治政府建设报告_某县</title>"))
    assert reading.text == f"某县法治政府建设报告\n{TEXT * 3}"
    assert reading.blocks[0].kind is Kind.HEADING


def test_headings_are_marked() -> None:
    kinds = [block.kind for block in read(page(f"<h2>一、工作</h2>{TEXT}<h3>（一）复议</h3><p>{TEXT}</p>")).blocks]
    assert kinds == [Kind.HEADING, Kind.PARAGRAPH] * 2


def test_short_rows_are_lines_and_a_table_of_text_is_text() -> None:
    rows = "<tr><th>项目<th>数量<tr><td>复议<td>12"
    layout = f"<table><tr><td>一、工作<br>{TEXT}</td><td>旁</td></tr></table>"
    reading = read(page(f"<table>{rows}</table>后{layout}"))
    assert reading.text == f"项目\t数量\n复议\t12\n后\n一、工作\n{TEXT}\n旁"
    assert [block.place.table for block in reading.blocks][:4] == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2)]


@pytest.mark.parametrize(
    ("named", "encoding"), [("gb2312", "gb18030"), ("GBK", "gbk"), ("utf-8", "utf-8"), ("big5", "big5")]
)
def test_the_encoding_is_the_one_the_page_names(named: str, encoding: str) -> None:
    raw = f"<html><head><meta http-equiv=Content-Type content='text/html; charset={named}'></head><p>行政法治".encode(
        encoding
    )
    assert read(raw).text == "行政法治"


def test_a_page_that_names_a_wrong_encoding_or_none_is_read_as_a_text_is() -> None:
    for head in ("<meta charset=utf-8>", "<meta charset=martian>", ""):
        assert read(f"<html>{head}<p>{TEXT}".encode("gb18030")).text == TEXT


def test_a_page_in_utf_8_or_utf_16_is_read_as_that_whatever_it_names() -> None:
    page = "<html><meta charset=gb2312><p>行政法治"  # whose bytes in UTF-8 are letters of GB 18030 too
    assert read(page.encode()).text == "行政法治"
    assert read(page.encode("utf-16")).text == "行政法治"
    assert read(b"\xef\xbb\xbf" + page.encode()).text == "行政法治"


def test_a_page_of_a_government_s_site() -> None:
    around = (
        "<div class='BreadcrumbNav'>当前位置：<a>首页</a> > 正文</div><h1>某县2023年法治政府建设年度报告</h1>",
        "<div class='pages-date'>2024-01-12 <span>来源：司法局</span><div class='share'>【字体：大 中 小】</div></div>",
        "<div class='editor'>责任编辑：某某</div><div class='related'><h4>相关稿件</h4><li><a>会议</a></div>",
    )
    text = f"<p>　　{TEXT * 5}</p><p>&nbsp;&emsp;（一）工作。</p><TABLE><tr><td>复议<td>12</TABLE><p>某县人民政府</p>"
    body = f"<div id='UCAP-CONTENT'><div class='TRS_Editor'>{text}</div></div>".join((around[0] + around[1], around[2]))
    reading = read(page(body, "<title>某县2023年法治政府建设年度报告_某县人民政府</title>"))
    lines = ["某县2023年法治政府建设年度报告", TEXT * 5, "（一）工作。", "复议\t12", "某县人民政府"]
    assert [line.strip() for line in reading.text.split("\n")] == lines


def test_lines_parted_by_breaks_only_are_paragraphs() -> None:
    body = f"<div id='zoom'>法治报告<br><br>　　{TEXT}<br/>\n　　一、工作<br>{TEXT}</div>"
    assert read(page(body)).text.split("\n") == ["法治报告", f"　　{TEXT}", "　　一、工作", TEXT]


def test_a_page_of_broken_bytes_is_no_text() -> None:
    with pytest.raises(UnreadableError) as caught:
        read(b"<html><meta charset=utf-8><p>" + b"\xff\xfe\xff" * 50)
    assert caught.value.code is Code.NOT_TEXT


def test_a_few_broken_bytes_are_shown_as_such() -> None:
    assert read(b"<html><meta charset=utf-8><p>" + TEXT.encode() * 9 + b"\xff").text == TEXT * 9 + "\ufffd"


def test_a_page_that_scripts_fill_holds_no_text() -> None:
    with pytest.raises(UnreadableError) as caught:
        read(page("<div id=app></div><script>render()</script>"))
    assert caught.value.code is Code.EMPTY


def test_deep_nesting_is_read_and_the_deepest_is_refused_before_text_is_lost() -> None:
    assert TEXT in read(page("<div>" * 2000 + TEXT)).text
    with pytest.raises(UnreadableError) as caught:
        read(page("<div>" * 3000 + TEXT))
    assert caught.value.code is Code.DAMAGED
