"""Word files as a reader of the final version sees them."""

import io
import zipfile

import docx
import pytest

from fazhi.data.readers import Code, Kind, Limits, Place, Reading, UnreadableError
from fazhi.data.readers.child import parse
from fazhi.data.readers.numerals import numeral
from fazhi.data.readers.sniff import Format
from tests.papers import numbered, paragraph, table, word

LIMITS = Limits()


def read(raw: bytes, limits: Limits = LIMITS) -> Reading:
    return parse(raw, Format.DOCX, limits)


def refusal(raw: bytes, limits: Limits = LIMITS) -> Code:
    with pytest.raises(UnreadableError) as caught:
        read(raw, limits)
    return caught.value.code


def level(index: int, form: str, text: str, more: str = "") -> str:
    start = f'<w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
    return f'<w:lvl w:ilvl="{index}">{start}<w:lvlText w:val="{text}"/></w:lvl>'


def style(name: str, properties: str = "", more: str = "", identity: str = "1") -> str:
    head = f'<w:style w:type="paragraph" w:styleId="{identity}"><w:name w:val="{name}"/>{more}'
    return f"{head}<w:pPr>{properties}</w:pPr></w:style>"


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


class TestText:
    def test_paragraphs_and_tables_stand_in_their_order(self) -> None:
        body = paragraph("一") + table(["甲", "乙"], ["丙", "丁"]) + paragraph("") + paragraph("二")
        reading = read(word(body))
        assert reading.text == "一\n甲\t乙\n丙\t丁\n二"
        assert [block.place for block in reading.blocks] == [
            Place(paragraph=1),
            *(Place(table=(1, row, column)) for row in (1, 2) for column in (1, 2)),
            Place(paragraph=2),
        ]
        assert reading.format == "docx"
        assert reading.notes == ()

    def test_runs_breaks_and_tabs(self) -> None:
        run = "<w:r><w:t>办理</w:t></w:r><w:r><w:t>12件</w:t><w:br/><w:t>。</w:t><w:tab/><w:t>完</w:t></w:r>"
        assert read(word(f"<w:p>{run}</w:p>")).text == "办理12件\n。\t完"

    def test_inserted_text_is_kept_and_deleted_text_is_not(self) -> None:
        changed = (
            "<w:p><w:r><w:t>办理</w:t></w:r><w:del w:id='1'><w:r><w:delText>十</w:delText></w:r></w:del>"
            "<w:ins w:id='2'><w:r><w:t>12</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>旧</w:t></w:r></w:moveFrom>"
            "<w:moveTo><w:r><w:t>件</w:t></w:r></w:moveTo></w:p>"
        )
        assert read(word(changed)).text == "办理12件"

    def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next(self) -> None:
        body = paragraph("办理", "<w:rPr><w:del w:id='1'/></w:rPr>") + paragraph("12件。")
        reading = read(word(body))
        assert reading.text == "办理12件。"
        assert len(reading.blocks) == 1

    def test_hidden_text_comments_and_fields_are_left_out(self) -> None:
        body = (
            "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>看不见</w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/></w:rPr>"
            "<w:t>看得见</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r><w:commentRangeStart w:id='0'/></w:p>"
        )
        parts = {"word/comments.xml": "<c>批注</c>", "word/header1.xml": "<h>页眉</h>"}
        assert read(word(body, parts=parts)).text == "看得见"

    def test_what_only_wraps_text_is_looked_through(self) -> None:
        run = "<w:r><w:t>文</w:t></w:r>"
        link = f"<w:p><w:hyperlink>{run}</w:hyperlink><w:smartTag>{run}</w:smartTag></w:p>"
        body = (
            f"<w:sdt><w:sdtPr/><w:sdtContent>{link}</w:sdtContent></w:sdt><w:customXml>{paragraph('乙')}</w:customXml>"
        )
        assert read(word(body)).text == "文文\n乙"

    def test_a_text_box_follows_its_paragraph_and_is_read_once(self) -> None:
        box = f"<w:txbxContent>{paragraph('红头')}</w:txbxContent>"
        twice = (
            f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing>"
            f"</mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
        )
        reading = read(word(f"<w:p><w:r><w:t>报告</w:t></w:r><w:r>{twice}</w:r></w:p>"))
        assert reading.text == "报告\n红头"
        assert reading.notes == ()

    def test_headings_are_known_by_their_outline(self) -> None:
        styles = style("heading 1", '<w:outlineLvl w:val="0"/>') + style("toc 1", identity="3")
        styles += style("mine", more='<w:basedOn w:val="1"/>', identity="2")
        body = paragraph("甲", '<w:pStyle w:val="2"/>') + paragraph("乙") + paragraph("丙", '<w:outlineLvl w:val="1"/>')
        body += paragraph("丁", '<w:pStyle w:val="1"/><w:outlineLvl w:val="9"/>') + paragraph(
            "戊", '<w:pStyle w:val="3"/>'
        )
        kinds = [block.kind for block in read(word(body, styles=styles)).blocks]
        assert kinds == [Kind.HEADING, Kind.PARAGRAPH, Kind.HEADING, Kind.PARAGRAPH, Kind.FURNITURE]

    def test_a_style_that_is_its_own_base_ends(self) -> None:
        styles = style("x", more='<w:basedOn w:val="1"/>')
        assert read(word(paragraph("甲", '<w:pStyle w:val="1"/>'), styles=styles)).text == "甲"

    def test_the_strict_form_of_the_standard_is_read(self) -> None:
        raw = word(paragraph("甲"))
        part = zipfile.ZipFile(io.BytesIO(raw)).read("word/document.xml").decode()
        part = part.replace(
            "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            "http://purl.oclc.org/ooxml/wordprocessingml/main",
        )
        assert read(word("", parts={"word/document.xml": part})).text == "甲"

    def test_a_file_that_python_docx_writes(self) -> None:
        document = docx.Document()
        document.add_heading("某县法治政府建设报告", 0)
        document.add_paragraph("办理复议12件。")
        document.add_paragraph("甲", style="List Number")
        document.add_paragraph("乙", style="List Number")
        document.add_paragraph("丙", style="List Bullet")
        file = io.BytesIO()
        document.save(file)
        reading = read(file.getvalue())
        assert reading.text == "某县法治政府建设报告\n办理复议12件。\n1. 甲\n2. 乙\n●丙"
        assert reading.blocks[0].kind is Kind.HEADING


class TestTables:
    def test_merged_cells_are_read_once(self) -> None:
        wide = f"<w:tcPr><w:gridSpan w:val='2'/></w:tcPr>{paragraph('宽')}"
        begins = f"<w:tcPr><w:vMerge w:val='restart'/></w:tcPr>{paragraph('高')}"
        goes_on = f"<w:tcPr><w:vMerge/></w:tcPr>{paragraph('')}"
        reading = read(word(table([wide, "右"], [begins, "甲", "乙"], [goes_on, "丙", "丁"])))
        assert reading.text == "宽\t\t右\n高\t甲\t乙\n丙\t丁"
        assert [block.place.table for block in reading.blocks if block.place.table][:2] == [(1, 1, 1), (1, 1, 3)]

    def test_a_table_that_holds_the_whole_report_is_read_as_its_lines(self) -> None:
        inner = paragraph("一、工作") + paragraph("办理12件。") + table(["甲", "乙"])
        assert read(word(table([inner]))).text == "一、工作\n办理12件。\n甲\t乙"

    def test_a_deleted_row_is_left_out(self) -> None:
        row = f"<w:tr><w:trPr><w:del w:id='1'/></w:trPr><w:tc>{paragraph('旧')}</w:tc></w:tr>"
        assert read(word(f"<w:tbl>{row}<w:tr><w:tc>{paragraph('新')}</w:tc></w:tr></w:tbl>")).text == "新"


class TestNumbering:
    def test_levels_count_and_begin_anew(self) -> None:
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

    def test_text_between_does_not_stop_the_count_and_empty_paragraphs_count(self) -> None:
        body = numbered("甲", 1) + paragraph("间") + numbered("", 1) + numbered("乙", 1)
        assert read(word(body, lists())).text == "一、甲\n间\n三、乙"

    def test_a_list_may_begin_anew_or_elsewhere(self) -> None:
        numbers = (
            '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/>'
            '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
        )
        body = numbered("甲", 1) + numbered("乙", 2) + numbered("丙", 2) + numbered("丁", 1)
        assert read(word(body, lists(numbers=numbers))).text == "一、甲\n五、乙\n六、丙\n七、丁"

    def test_a_level_may_go_on_counting_under_the_next_heading(self) -> None:
        levels = level(0, "decimal", "%1.") + level(1, "decimal", "%2)", '<w:lvlRestart w:val="0"/>')
        body = "".join(numbered("文", 1, index) for index in (0, 1, 0, 1))
        assert read(word(body, lists(levels))).text == "1. 文\n1) 文\n2. 文\n2) 文"

    def test_a_level_names_those_above_it_in_figures_if_it_says_so(self) -> None:
        levels = level(0, "chineseCounting", "第%1章") + level(1, "decimal", "%1.%2", "<w:isLgl/>")
        body = numbered("总则", 1) + numbered("文", 1, 1)
        assert read(word(body, lists(levels))).text == "第一章 总则\n1.1 文"

    def test_a_style_brings_its_number(self) -> None:
        styles = style("x", '<w:numPr><w:numId w:val="1"/></w:numPr>', identity="h2")
        levels = level(0, "decimal", "%1.") + level(1, "decimal", "%2)", '<w:pStyle w:val="h2"/>')
        body = paragraph("甲", '<w:pStyle w:val="h2"/>')
        body += paragraph("乙", '<w:pStyle w:val="h2"/><w:numPr><w:numId w:val="0"/></w:numPr>')
        assert read(word(body, lists(levels), styles)).text == "1) 甲\n乙"

    def test_a_list_style_stands_for_its_list(self) -> None:
        kinds = (
            f'<w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="L"/></w:abstractNum>'
            f'<w:abstractNum w:abstractNumId="7"><w:styleLink w:val="L"/>{OUTLINE}</w:abstractNum>'
        )
        numbers = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        assert read(word(numbered("甲", 1), kinds + numbers)).text == "一、甲"

    def test_signs_of_symbol_fonts_become_signs_of_text(self) -> None:
        for sign, shown in (("\uf06e", "■"), ("\uf0e0", "●"), ("–", "–"), ("", "●")):
            assert read(word(numbered("甲", 1), lists(level(0, "bullet", sign)))).text == f"{shown}甲"

    def test_a_number_of_no_list_is_left_out(self) -> None:
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
    def test_numbers_in_their_formats(self, form: str, written: list[str]) -> None:
        assert [numeral(number, form) for number in (1, 10, 11, 20, 99, 105)] == written

    @pytest.mark.parametrize("number", [0, -1, 10_000, 10**12])
    def test_numbers_out_of_range_are_figures(self, number: int) -> None:
        assert numeral(number, "chineseCountingThousand") == str(number)
        assert numeral(1001, "chineseCountingThousand") == "一千零一"


class TestRefusals:
    def test_a_file_without_text(self) -> None:
        assert refusal(word(paragraph(" "))) is Code.EMPTY

    def test_a_file_of_pictures(self) -> None:
        assert refusal(word("<w:p><w:r><w:drawing/></w:r></w:p>")) is Code.SCANNED_ONLY
        assert "1" in read(word(paragraph("文") + "<w:p><w:r><w:drawing/></w:r></w:p>")).notes[0]

    def test_another_zip(self) -> None:
        for name, told in (("xl/workbook.xml", "Excel"), ("ppt/presentation.xml", "PowerPoint"), ("a.txt", "zip")):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as package:
                package.writestr(name, "x")
            with pytest.raises(UnreadableError, match=told) as caught:
                read(file.getvalue())
            assert caught.value.code is Code.UNKNOWN_FORMAT

    def test_a_damaged_file(self) -> None:
        raw = word(paragraph("办理12件。" * 50))
        assert refusal(raw[: len(raw) // 2]) is Code.DAMAGED
        assert refusal(word("<w:p>")) is Code.DAMAGED
        assert refusal(word("", parts={"word/document.xml": "<a/>"})) is Code.DAMAGED

    def test_entities_are_refused(self) -> None:
        bomb = '<!DOCTYPE d [<!ENTITY a "哈"><!ENTITY b "&a;&a;">]>'
        part = f'{bomb}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        part += "<w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"
        assert refusal(word("", parts={"word/document.xml": part})) is Code.DAMAGED

    def test_what_unpacks_to_too_much_is_not_unpacked(self) -> None:
        raw = word("", parts={"word/media/a.bmp": "\0" * 2_000_000})
        assert len(raw) < 10_000
        assert refusal(raw, Limits(unpacked=1_000_000)) is Code.TOO_LARGE
        assert refusal(word(paragraph("文" * 10_000)), Limits(part=10_000)) is Code.TOO_LARGE

    def test_a_size_that_is_a_lie_is_found_out(self) -> None:
        raw = bytearray(word(paragraph("文" * 100_000)))
        size = zipfile.ZipFile(io.BytesIO(raw)).getinfo("word/document.xml").file_size
        raw = raw.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
        assert refusal(bytes(raw)) is Code.DAMAGED

    def test_an_encrypted_entry(self) -> None:
        raw = bytearray(word(paragraph("文")))
        for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            raw[raw.find(mark) + place] |= 1
        assert refusal(bytes(raw)) is Code.ENCRYPTED
