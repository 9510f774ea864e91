"""PDF files: rows back into paragraphs, and what is no part of the text."""

import re

import pytest

from fazhi.data.readers import Code, Kind, Limits, Reading, UnreadableError
from fazhi.data.readers.child import parse
from fazhi.data.readers.sniff import Format
from tests.papers import LEFT, PER_ROW, Line, pdf, print_text, ruled

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
        body = [Line("文" * PER_ROW, LEFT, 588 - 28 * n) for n in range(5)]
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


class TestEdges:
    def test_a_stop_outside_the_edge_does_not_move_it(self) -> None:
        full = "文" * (PER_ROW - 1)
        rows = [Line(f"{full}文" + "，" * (n % 3 == 0), LEFT, 740 - 28 * n) for n in range(9)]
        assert lines(read(pdf([*rows, Line("完。", LEFT, 740 - 28 * 9)])))[0].endswith("文完。")

    def test_rows_that_end_unevenly_are_joined_where_the_next_letter_had_no_room(self) -> None:
        ends = [0, 7, 3, 12, 5, 9, 0, 14, 2]
        rows = [Line("文" * PER_ROW, LEFT - end, 740 - 28 * n) for n, end in enumerate(ends)]
        assert lines(read(pdf([*rows, Line("完。", LEFT, 740 - 28 * 9)]))) == ["文" * PER_ROW * 9 + "完。"]

    def test_where_paragraphs_are_indented_a_row_that_is_not_goes_on(self) -> None:
        rows: list[Line] = []
        for n in range(0, 12, 3):
            rows += [Line("甲" * (PER_ROW - 2), LEFT + 32, 740 - 28 * n), Line("乙" * 25, LEFT, 712 - 28 * n)]
            rows += [Line("丙。", LEFT, 684 - 28 * n)]
        assert lines(read(pdf(rows))) == ["甲" * (PER_ROW - 2) + "乙" * 25 + "丙。"] * 4

    def test_where_paragraphs_are_apart_a_row_that_is_not_goes_on(self) -> None:
        rows: list[Line] = []
        for n in range(5):
            top = 780 - 110 * n
            rows += [Line("甲" * PER_ROW, LEFT, top), Line("乙" * 25, LEFT, top - 28), Line("丙。", LEFT, top - 56)]
        assert lines(read(pdf(rows))) == ["甲" * PER_ROW + "乙" * 25 + "丙。"] * 5


class TestTables:
    def test_a_ruled_table_is_read_cell_by_cell(self) -> None:
        rows = [Line("一、清单", LEFT, 760), Line("问题", 110, 712), Line("措施", 310, 712)]
        rows += [Line("执法力量不足，专业", 104, 684), Line("充实力量，加强业务", 304, 684)]
        rows += [Line("能力弱。", 104, 666), Line("培训。", 304, 666), Line("二、计划", LEFT, 600)]
        reading = read(pdf(rows, drawn=ruled((100, 252, 452), (730, 704, 655))))
        assert reading.text == "一、清单\n问题\t措施\n执法力量不足，专业能力弱。\n充实力量，加强业务培训。\n二、计划"
        places = [block.place for block in reading.blocks]
        assert [place.table for place in places] == [
            None, (1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2), None,
        ]  # fmt: skip
        assert {place.page for place in places} == {1}
        assert [place.paragraph for place in places if place.paragraph] == [1, 2]

    def test_merged_cells_are_one(self) -> None:
        drawn = (
            "100 700 300 30 re S 200 700 m 200 730 l S 100 650 300 50 re S 200 650 m 200 700 l S 200 675 m 400 675 l S"
        )
        rows = [Line("项目", 104, 710), Line("数量", 204, 710), Line("复议", 104, 675)]
        rows += [Line("12", 204, 685), Line("11", 204, 655)]
        reading = read(pdf(rows, drawn=drawn))
        assert reading.text == "项目\t数量\n复议\t12\n11"
        assert [block.place.table for block in reading.blocks][2:] == [(1, 2, 1), (1, 2, 2), (1, 3, 2)]

    def test_a_frame_around_text_is_no_table(self) -> None:
        reading = read(pdf([Line("一、工作", 110, 700), Line(LONG[:20], 110, 672)], drawn="100 600 400 120 re S"))
        assert {block.kind for block in reading.blocks} == {Kind.PARAGRAPH}

    def test_a_drawing_of_very_many_lines_is_no_table(self) -> None:
        drawn = ruled([100 + 4 * n for n in range(100)], [100 + 4 * n for n in range(170)][::-1])
        assert read(pdf([Line("一、工作", LEFT, 400)], drawn=drawn)).text == "一、工作"

    def test_a_table_alone_is_text(self) -> None:
        rows = [Line("甲", 104, 710), Line("乙", 204, 710)]
        assert read(pdf(rows, drawn=ruled((100, 200, 300), (730, 700)))).text == "甲\t乙"


class TestColumns:
    COLUMN = 12

    def page(self, *columns: str) -> list[Line]:
        return [
            Line(text[start : start + self.COLUMN], left, 700 - 20 * n)
            for left, text in zip((LEFT, LEFT + 16 * (self.COLUMN + 2)), columns, strict=True)
            for n, start in enumerate(range(0, len(text), self.COLUMN))
        ]

    def test_columns_are_read_one_after_the_other(self) -> None:
        left, right = "左" * 140 + "完。", "右" * 120 + "完。"
        rows = [Line("某县法治政府建设年度工作情况报告", 160, 760), *self.page(left, right), Line("— 1 —", 250, 40)]
        reading = read(pdf(rows))
        assert lines(reading) == ["某县法治政府建设年度工作情况报告", left, right]
        assert [block.kind for block in reading.blocks][-1] is Kind.FURNITURE

    def test_a_paragraph_goes_on_in_the_next_column_and_on_a_short_last_page(self) -> None:
        pages = [self.page("左" * 144, "右" * 144), self.page("下" * 140 + "完。", "末" * 12 + "尾。")]
        reading = read(pdf(*pages))
        assert lines(reading) == ["左" * 144 + "右" * 144, "下" * 140 + "完。", "末" * 12 + "尾。"]

    def test_a_list_of_short_entries_is_not_in_columns(self) -> None:
        rows = [Line(f"第{n}件", left, 740 - 28 * n) for n in range(10) for left in (LEFT, LEFT + 240)]
        assert read(pdf(rows)).text.splitlines()[0] == "第0件\t第0件"


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
