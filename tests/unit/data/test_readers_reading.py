"""What a reading tells of its blocks, and how it is written."""

import pickle

import pytest

from fazhi.data.readers import Block, Code, Kind, Place, Reading, UnreadableError
from fazhi.data.readers.failures import refused
from fazhi.data.readers.reading import Draft

TITLE, SECTION, TEXT = (
    Block(0, 4, Kind.HEADING, Place(1, 1)),
    Block(5, 9, Kind.HEADING, Place(1, 2)),
    Block(10, 20, Kind.PARAGRAPH, Place(2, 3)),
)
READING = Reading("法治报告\n一、工作\n办理行政复议案件九件", (TITLE, SECTION, TEXT), "pdf")


@pytest.mark.parametrize(
    ("start", "end", "block"),
    [(0, 4, TITLE), (1, 2, TITLE), (10, 20, TEXT), (19, 30, TEXT), (3, 9, SECTION), (0, 9, TITLE), (8, 12, TEXT)],
)
def test_a_range_lies_where_most_of_it_does(start: int, end: int, block: Block) -> None:
    assert READING.place_of(start, end) == block


def test_a_gap_lies_nowhere() -> None:
    assert READING.place_of(4, 5) is None
    assert READING.place_of(20, 25) is None
    assert Reading("", (), "txt").place_of(0, 1) is None


def test_blocks_are_lines_and_blank_ones_are_left_out() -> None:
    draft = Draft(100)
    draft.add("一、工作\n", Kind.HEADING, Place(paragraph=1))
    draft.add(" \t", Kind.PARAGRAPH, Place(paragraph=2))
    draft.add("　　办理\x0012件\ud800。", Kind.PARAGRAPH, Place(paragraph=3))
    reading = draft.finish("docx")
    assert reading.text == "一、工作\n　　办理12件。"
    assert [reading.text[block.start : block.end] for block in reading.blocks] == ["一、工作", "　　办理12件。"]


def test_a_row_of_short_cells_is_one_line() -> None:
    draft = Draft(100)
    draft.add_row([(1, ["项目"]), (2, []), (3, ["数量"])], 1, 1)
    draft.add_row([(1, []), (2, ["复议"]), (3, ["12"])], 1, 2)
    reading = draft.finish("docx")
    assert reading.text == "项目\t\t数量\n复议\t12"
    assert [block.place.table for block in reading.blocks] == [(1, 1, 1), (1, 1, 3), (1, 2, 2), (1, 2, 3)]


def test_a_row_with_sentences_is_a_line_for_each() -> None:
    draft = Draft(100)
    draft.add_row([(1, ["问题"]), (2, ["执法不严。", "力量不足"])], 1, 1)
    assert draft.finish("docx").text == "问题\n执法不严。\n力量不足"


def test_a_text_of_too_many_characters_is_refused() -> None:
    draft = Draft(10)
    draft.add("一二三四五", Kind.PARAGRAPH, Place())
    with pytest.raises(UnreadableError) as caught:
        draft.add("一二三四五", Kind.PARAGRAPH, Place())
    assert caught.value.code == "too-large"
    assert "10" in str(caught.value)
    assert "10" in caught.value.chinese


def test_no_text_at_all_is_told() -> None:
    with pytest.raises(UnreadableError) as caught:
        Draft(10).finish("docx")
    assert caught.value.code is Code.EMPTY


@pytest.mark.parametrize("code", Code)
def test_every_refusal_has_a_sentence_in_both_languages(code: Code) -> None:
    error = refused(code, limit=7, found="PNG", form="docx")
    assert error.code == code
    assert str(error) == error.message
    assert error.message[0].islower()
    assert error.message.isascii()
    assert error.chinese.endswith("。")
    assert "{" not in error.message + error.chinese


def test_an_error_of_a_message_alone_is_of_what_is_no_text() -> None:
    error = UnreadableError("wrong at byte 3")
    assert (str(error), error.code) == ("wrong at byte 3", "not-text")
    assert error.chinese


def test_an_error_crosses_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(refused(Code.TOO_SLOW, limit=30)))
    assert (error.message, error.code, error.chinese) == (
        "reading the file took longer than 30 seconds",
        Code.TOO_SLOW,
        "读取文件超过 30 秒，已停止。",
    )
