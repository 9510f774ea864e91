"""Bytes to text: the encodings that reports come in, and what is told of files that are no text."""

import codecs

import pytest

from fazhi.data.readers import UnreadableError, decode

TEXT = "一、主要工作\r\n　　2023年，办理行政复议案件12件。\n開展“宪法宣传周”活动①；\r"


def refusal(raw: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        decode(raw)
    return str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode("utf-8"),
        codecs.BOM_UTF8 + TEXT.encode("utf-8"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("gb18030"),
    ],
    ids=["utf-8", "utf-8 with BOM", "utf-16 LE", "utf-16 BE", "gb18030"],
)
def test_a_text_is_read_without_its_bom_and_with_its_line_ends(raw: bytes) -> None:
    assert decode(raw) == TEXT


def test_plain_ascii_is_text() -> None:
    assert decode(b"Report\t2023\n") == "Report\t2023\n"


def test_the_older_chinese_encodings_are_read_as_gb18030() -> None:
    text = "部分执法人员持证上岗率不高。"
    assert decode(text.encode("gb2312")) == decode(text.encode("gbk")) == text


def test_characters_beyond_the_basic_plane_are_text() -> None:
    text = "𠮷林市𫇭河镇"
    assert decode(text.encode("utf-8")) == decode(text.encode("gb18030")) == text


def test_an_empty_file_is_told() -> None:
    assert refusal(b"") == "the file is empty"


@pytest.mark.parametrize("raw", [b" ", b"\r\n\t\n", "　　\n".encode(), "　\n".encode("gb18030"), codecs.BOM_UTF8])
def test_a_file_of_white_space_is_told(raw: bytes) -> None:
    assert refusal(raw) == "the file holds nothing but white space"


@pytest.mark.parametrize(
    "raw",
    [
        b"abc\x00def",
        ("法治" * 400 + "\0").encode(),
        b"\x7fELF\x02\x01\x01" + bytes(57),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("utf-16-le"),
    ],
    ids=["NUL", "one NUL in a long text", "binary", "utf-32", "utf-16 without BOM"],
)
def test_a_file_with_a_nul_is_no_text(raw: bytes) -> None:
    assert refusal(raw)


def test_controls_are_no_text_but_one_in_a_long_text_is_a_slip() -> None:
    assert "not text" in refusal(b"\x01\x02\x03\x04 text")
    assert decode(("完成清理。" * 40 + "\x07").encode())


def test_binary_is_neither_encoding() -> None:
    assert refusal(b"\x89PNG\r\n\xff\xff\x81") == (
        "the file is neither UTF-8 (wrong at byte 0) nor GB18030 (wrong at byte 6)"
    )


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("length", range(1, 24))
def test_utf8_that_breaks_off_is_told_and_never_read_as_gb18030(lost: int, length: int) -> None:
    raw = ("2023年，" + "云溪县认真贯彻落实法治政府建设各项部署，现将有关情况"[:length]).encode()
    assert refusal(raw[:-lost]) == f"the file begins as utf-8 but breaks off at byte {len(raw) - 3}"


@pytest.mark.parametrize(
    ("bom", "encoding", "name"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
    ],
)
def test_a_file_with_a_bom_that_breaks_off_is_told(bom: bytes, encoding: str, name: str) -> None:
    assert refusal(bom + "法治政府".encode(encoding)[:-1]).startswith(f"the file begins as {name} but breaks off at ")


def test_gb18030_that_breaks_off_is_told() -> None:
    assert "nor GB18030 (wrong at byte 8)" in refusal("法治政府建".encode("gb18030")[:-1])


def test_an_unreadable_file_is_a_value_error_and_never_a_unicode_error() -> None:
    assert issubclass(UnreadableError, ValueError)
    assert not issubclass(UnreadableError, UnicodeError)
