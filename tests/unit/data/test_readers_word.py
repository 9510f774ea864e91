"""Word files as a reader of the final version sees them."""

import io
import zipfile

import docx
import pytest

from fazhi.data.readers import Code, Kind, Limits, Place, Reading, UnreadableError
from fazhi.data.readers.child import parse
from fazhi.data.readers.sniff import Format
from tests.papers import paragraph, style, table, word

LIMITS = Limits()


def read(raw: bytes, limits: Limits = LIMITS) -> Reading:
    return parse(raw, Format.DOCX, limits)


def refusal(raw: bytes, limits: Limits = LIMITS) -> Code:
    with pytest.raises(UnreadableError) as caught:
        read(raw, limits)
    return caught.value.code


PICTURE = (
    "<w:p><w:r><w:drawing><a:blip xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'/></w:drawing>"
    "</w:r></w:p>"
)


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

    def test_a_line_drawn_under_a_letterhead_is_no_picture(self) -> None:
        assert read(word("<w:p><w:r><w:t>文</w:t><w:drawing><wps:wsp/></w:drawing></w:r></w:p>")).notes == ()

    def test_footnotes_are_not_read_and_told(self) -> None:
        body = "<w:p><w:r><w:t>办理12件</w:t></w:r><w:r><w:footnoteReference w:id='2'/></w:r></w:p>"
        parts = {"word/footnotes.xml": "<w:footnotes/>"}
        reading = read(word(body, parts=parts))
        assert reading.text == "办理12件"
        assert "1 处脚注" in reading.notes[0]

    def test_signs_that_are_not_printed_are_no_text(self) -> None:
        run = "<w:r><w:t>办理\u200b行\xad政</w:t><w:softHyphen/><w:t>复议\n案件</w:t></w:r>"
        assert read(word(f"<w:p>{run}</w:p>")).text == "办理行政复议 案件"

    def test_a_sign_named_by_its_place_in_a_font(self) -> None:
        signs = "".join(f"<w:sym w:font='Wingdings' w:char='{code}'/>" for code in ("F0FE", "6F", "F001", "-1", ""))
        assert read(word(f"<w:p><w:r>{signs}<w:t>完成</w:t></w:r></w:p>")).text == "☑□完成"

    def test_the_result_of_a_field_is_text_and_its_code_is_not(self) -> None:
        marks = [f"<w:r><w:fldChar w:fldCharType='{kind}'/></w:r>" for kind in ("begin", "separate", "end")]
        code = "<w:r><w:instrText> REF _1 \\h </w:instrText></w:r>"
        run = f"{marks[0]}{code}{marks[1]}<w:r><w:t>附件1</w:t></w:r>{marks[2]}"
        simple = "<w:fldSimple w:instr='DATE'><w:r><w:t>2024年</w:t></w:r></w:fldSimple>"
        assert read(word(f"<w:p>{run}{simple}</w:p>")).text == "附件12024年"

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

    def test_tables_in_a_cell_are_read_as_tables_are(self) -> None:
        text = table([paragraph("一、工作") + paragraph("办理12件。"), "旁"])
        assert read(word(table([table(["甲", "乙"]) + text]))).text == "甲\t乙\n一、工作\n办理12件。\n旁"

    def test_a_deleted_row_is_left_out(self) -> None:
        row = f"<w:tr><w:trPr><w:del w:id='1'/></w:trPr><w:tc>{paragraph('旧')}</w:tc></w:tr>"
        assert read(word(f"<w:tbl>{row}<w:tr><w:tc>{paragraph('新')}</w:tc></w:tr></w:tbl>")).text == "新"


class TestRefusals:
    def test_a_file_without_text(self) -> None:
        assert refusal(word(paragraph(" "))) is Code.EMPTY

    def test_a_file_of_pictures(self) -> None:
        assert refusal(word(PICTURE)) is Code.SCANNED_ONLY
        assert "1" in read(word(paragraph("文") + PICTURE)).notes[0]

    def test_another_zip(self) -> None:
        for name, told in (
            ("xl/workbook.xml", "Excel"),
            ("ppt/presentation.xml", "PowerPoint"),
            ("a.txt", "ZIP"),
            ("content.xml", "OpenDocument"),
        ):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as package:
                package.writestr(name, "x")
            with pytest.raises(UnreadableError, match=told) as caught:
                read(file.getvalue())
            assert caught.value.code is Code.UNKNOWN_FORMAT

    def test_a_zip_of_very_many_files_is_no_document(self) -> None:
        assert refusal(word(paragraph("文"), parts={f"{n}.xml": "" for n in range(5001)})) is Code.UNKNOWN_FORMAT

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
