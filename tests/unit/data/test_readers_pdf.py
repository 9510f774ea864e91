"""PDF files: rows back into paragraphs, and what is no part of the text."""

import re

import pytest

from fazhi.data.readers import Code, Kind, Limits, Reading, UnreadableError
from fazhi.data.readers.child import parse
from fazhi.data.readers.sniff import Format
from tests.papers import LEFT, PER_ROW, Line, pdf, print_text

LONG = "一年来，我局扎实推进依法行政各项工作，办理行政复议案件128件，审结119件，组织开展“宪法宣传周”活动36场次。"
REPORT = "\n".join(("一、主要工作", LONG * 2, "（一）强化行政应诉工作。", LONG, "二、存在的问题", LONG * 3))


USUAL = Limits()


def read(raw: bytes, limits: Limits = USUAL) -> Reading:
    return parse(raw, Format.PDF, limits)


def refusal(raw: bytes, limits: Limits = USUAL) -> Code:
    with pytest.raises(UnreadableError) as caught:
        read(raw, limits)
    return caught.value.code


def lines(reading: Reading, kind: Kind = Kind.PARAGRAPH) -> list[str]:
    return [reading.text[block.start : block.end] for block in reading.blocks if block.kind is kind]


class TestParagraphs:
    @pytest.mark.parametrize("indent", [0, 2])
    def test_rows_are_joined_into_the_paragraphs_they_were(self, indent: int) -> None:
        reading = read(pdf(*print_text(REPORT, indent=indent)))
        body = reading.text[: reading.text.rindex("\n—")]
        assert body == REPORT

    def test_a_paragraph_over_two_pages_is_one_line_and_two_blocks(self) -> None:
        text = "\n".join([LONG * 2] * 8)
        reading = read(pdf(*print_text(text)))
        assert reading.text.startswith(text)
        first = next(block for block in reading.blocks if block.place.page == 2)
        parted = [block for block in reading.blocks if block.place.paragraph == first.place.paragraph]
        assert [block.place.page for block in parted] == [1, 2]
        assert parted[0].end == parted[1].start
        assert reading.place_of(parted[1].start, parted[1].end) == parted[1]

    def test_a_latin_word_keeps_its_space_at_a_row_s_end(self) -> None:
        rows = [Line("法" * (PER_ROW - 2) + "Rule", LEFT, 700), Line("of law。" + "文" * 20, LEFT, 672)]
        assert "Rule of law。" in read(pdf(rows)).text

    def test_a_row_that_would_have_had_room_is_a_paragraph_of_its_own(self) -> None:
        rows = [Line("文" * (PER_ROW - 5), LEFT, 700), Line("2021-02-07 " + "文" * (PER_ROW - 6), LEFT, 672)]
        rows += [Line("8.45%，" + "文" * 9, LEFT, 644)]
        assert lines(read(pdf(rows))) == [rows[0].text, rows[1].text + rows[2].text]

    def test_a_larger_row_is_a_heading_of_its_own(self) -> None:
        rows = [Line("某县法治政府建设年度报告", 120, 760, 22), *print_text(LONG)[0]]
        reading = read(pdf(rows))
        assert lines(reading, Kind.HEADING) == ["某县法治政府建设年度报告"]
        assert lines(reading)[0] == LONG

    def test_a_gap_between_rows_ends_a_paragraph(self) -> None:
        full = "文" * PER_ROW
        rows = [Line(full, LEFT, 700), Line(full, LEFT, 672), Line(full, LEFT, 644), Line("落款", LEFT, 560)]
        assert lines(read(pdf(rows))) == [full * 3, "落款"]

    def test_a_hanging_indent_is_one_paragraph(self) -> None:
        rows = [Line("1." + "文" * (PER_ROW - 1), LEFT, 700), Line("文" * (PER_ROW - 2), LEFT + 32, 672)]
        rows += [Line("文。", LEFT + 32, 644), Line("2.其他", LEFT, 616)]
        body = [Line("文" * PER_ROW, LEFT, 588), Line("文" * PER_ROW, LEFT, 560), Line("文", LEFT, 532)]
        assert lines(read(pdf(rows + body)))[0] == "1." + "文" * (2 * PER_ROW - 3) + "文。"

    def test_columns_are_parted_by_tabs(self) -> None:
        rows = [Line("项目", LEFT, 700), Line("数量", LEFT + 200, 700), Line("复议", LEFT, 672), Line("12", 300, 671.5)]
        reading = read(pdf(rows))
        assert reading.text == "项目\t数量\n复议\t12"
        assert {block.kind for block in reading.blocks} == {Kind.TABLE}

    def test_letters_printed_twice_to_look_bold_are_read_once(self) -> None:
        assert (
            read(pdf([Line("主要工作工作", LEFT, 700), Line("主要工作工作", LEFT + 0.4, 700)])).text == "主要工作工作"
        )


class TestFurniture:
    def test_running_heads_and_page_numbers_stand_once_behind_the_text(self) -> None:
        text = "\n".join([LONG * 3] * 20)
        pages = print_text(text, head="某县人民政府公报")
        reading = read(pdf(*pages))
        assert len(pages) > 3
        assert reading.text == f"{text}\n某县人民政府公报\n— 1 —"
        assert [block.kind for block in reading.blocks[-2:]] == [Kind.FURNITURE] * 2

    @pytest.mark.parametrize("number", ["3", "- 3 -", "—3—", "第3页", "第 3 页 共 12 页", "3/12", "３", "iv", "· 3 ·"])
    def test_a_page_number_is_known_on_a_single_page(self, number: str) -> None:
        reading = read(pdf([*print_text(LONG)[0][:-1], Line(number, 280, 50)]))
        assert lines(reading, Kind.FURNITURE) == [number]

    def test_a_figure_in_the_text_is_no_page_number(self) -> None:
        reading = read(pdf([Line("案件数", LEFT, 500), Line("12", LEFT, 472)]))
        assert lines(reading) == ["案件数", "12"]

    def test_a_last_row_that_does_not_repeat_is_text(self) -> None:
        pages = [[Line(f"第{sign}页的第一行", LEFT, 740), Line(f"{sign}的最后一行文字", LEFT, 80)] for sign in "甲乙丙"]
        assert len(lines(read(pdf(*pages)))) == 6


class TestRefusals:
    def test_pictures_of_pages(self) -> None:
        assert refusal(pdf([], [], picture=True)) is Code.SCANNED_ONLY
        stamped = [[Line("扫描全能王 创建", 400, 30, 9)]] * 3
        assert refusal(pdf(*stamped, picture=True)) is Code.SCANNED_ONLY

    def test_a_page_without_text_among_others_is_told(self) -> None:
        reading = read(pdf([Line("一、工作", LEFT, 700)], [], picture=True))
        assert reading.text == "一、工作"
        assert len(reading.notes) == 1
        assert re.search(r"\b2\b", reading.notes[0])

    def test_empty_pages(self) -> None:
        assert refusal(pdf([], [])) is Code.EMPTY

    def test_too_many_pages(self) -> None:
        raw = pdf(*[[Line("文", LEFT, 700)]] * 11)
        assert refusal(raw, Limits(pages=10)) is Code.TOO_MANY_PAGES
        assert read(raw, Limits(pages=11)).text

    def test_a_thousand_pages_are_refused_by_default(self) -> None:
        assert refusal(pdf(*[[]] * 1000)) is Code.TOO_MANY_PAGES

    def test_a_damaged_file(self) -> None:
        assert refusal(b"%PDF-1.7\n" + b"\x93" * 500) is Code.DAMAGED
        assert refusal(b"%PDF-1.7\n%%EOF") is Code.DAMAGED

    def test_a_password(self) -> None:
        raw = pdf([Line("文", LEFT, 700)])
        lock = (
            b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >> "
            b"/ID [<41> <41>] /Root"
        )
        assert refusal(raw.replace(b"/Root", lock)) is Code.ENCRYPTED

    def test_letters_of_unknown_meaning(self) -> None:
        raw = pdf([Line("文字文字文字", LEFT, 700)]).replace(b"/Ordering (GB1)", b"/Ordering (XY1)")
        raw = raw.replace(b"/UniGB-UTF16-H", b"/Identity-H   ")
        assert refusal(raw) is Code.NOT_TEXT
