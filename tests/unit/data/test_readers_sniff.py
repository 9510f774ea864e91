"""A file's format by its content."""

import pytest

from fazhi.data.readers import FORMATS, UnreadableError
from fazhi.data.readers.sniff import Format, note_on_name, sniff
from tests.papers import OLE, compound


@pytest.mark.parametrize(
    ("name", "raw", "form"),
    [
        ("a.txt", "一、工作".encode(), Format.TXT),
        ("a.md", b"# text", Format.TXT),
        ("a.docx", "一、工作".encode(), Format.TXT),
        ("a.docx", b"PK\x03\x04...", Format.DOCX),
        ("a.txt", b"PK\x03\x04...", Format.DOCX),
        ("a.pdf", b"%PDF-1.7\n", Format.PDF),
        ("a.doc", b"\r\n%PDF-1.4\n", Format.PDF),
        ("a.pdf", b"\x00\x00junk%PDF-1.4\n", Format.PDF),
        ("a.txt", "文件以 %PDF-1.4 开头".encode(), Format.TXT),
        ("a.html", "<p>一、工作</p>".encode(), Format.HTML),
        ("a.txt", "\ufeff<!DOCTYPE html>\n<html lang=zh>".encode(), Format.HTML),
        ("a.doc", b"<HTML xmlns:o='urn'><BODY>", Format.HTML),
        ("a.html", "<!DOCTYPE html><html>".encode("utf-16"), Format.HTML),
        ("a.txt", "一、工作".encode("utf-16"), Format.TXT),
        ("a.txt", "数值 a<b 且 c>d，<p>不是网页".encode(), Format.TXT),
        ("a.html", "一、工作".encode(), Format.TXT),
        ("a.doc", b"{\\rtf1\\ansi", Format.RTF),
        ("a.doc", compound("WordDocument"), Format.DOC),
        ("a.wps", compound("WordDocument"), Format.WPS),
        ("a.docx", compound("WordDocument"), Format.DOC),
    ],
)
def test_the_content_decides(name: str, raw: bytes, form: Format) -> None:
    assert sniff(name, raw) is form


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (compound("EncryptedPackage"), "encrypted"),
        (compound("WordDocument", flags=0x0100), "encrypted"),
        (compound("Workbook"), "unknown-format"),
        (OLE + bytes(600), "unknown-format"),
        (OLE + b"\xff" * 600, "damaged"),
        (compound("Workbook")[:512], "damaged"),
        (b"\x89PNG\r\n\x1a\n", "unknown-format"),
        (b"\xff\xd8\xff\xe0", "unknown-format"),
        (b"Rar!\x1a\x07", "unknown-format"),
        (b'<?xml version="1.0"?><a/>', "unknown-format"),
    ],
)
def test_what_is_never_read_is_told(raw: bytes, code: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        sniff("a.docx", raw)
    assert caught.value.code == code


def test_the_suffixes_that_are_read() -> None:
    assert set(FORMATS) == {".txt", ".docx", ".pdf", ".html", ".htm", ".doc", ".wps"}


@pytest.mark.parametrize(
    ("name", "form", "told"),
    [
        ("a.docx", Format.PDF, True),
        ("a.TXT", Format.HTML, True),
        ("a.doc", Format.RTF, True),
        ("a.PDF", Format.PDF, False),
        ("a.htm", Format.HTML, False),
        ("a.wps", Format.DOC, False),
        ("a.text", Format.TXT, False),
        ("", Format.TXT, False),
    ],
)
def test_a_wrong_suffix_is_told(name: str, form: Format, told: bool) -> None:
    note = note_on_name(name, form)
    assert bool(note) is told
    assert not told or form in note


@pytest.mark.parametrize(
    ("stream", "told"), [("Workbook", "Excel"), ("PowerPoint Document", "PowerPoint"), ("Contents", "OLE")]
)
def test_an_office_file_of_another_kind_is_named(stream: str, told: str) -> None:
    with pytest.raises(UnreadableError, match=told) as caught:
        sniff("a.doc", compound(stream))
    assert told in caught.value.chinese


def test_flags_that_are_not_a_word_file_s_say_nothing() -> None:
    raw = compound("WordDocument", flags=0x0100)
    assert sniff("a.doc", raw.replace(b"\xec\xa5", b"\0\0")) is Format.DOC
