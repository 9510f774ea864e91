"""The child process: what it gives back, and that nothing in a file keeps it, its memory or its children alive."""

import os
import stat
import time
import zlib
from pathlib import Path

import pytest

from fazhi.data.readers import Kind, Limits, UnreadableError, read_bytes, read_file
from tests.papers import LEFT, Line, paragraph, pdf, word

TEXT = "办理行政复议案件12件，审结11件。"


USUAL = Limits()


def refusal(name: str, raw: bytes, limits: Limits = USUAL) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_bytes(name, raw, limits)
    return caught.value.code


def endless(seconds_of_work: int) -> bytes:
    """A PDF whose page takes very long to draw."""
    content = zlib.compress(b"q 1 0 0 1 0 0 cm Q\n" * 20_000 * seconds_of_work)
    raw = pdf([Line("文", LEFT, 700)])
    head = b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(content)
    start = raw.index(b"<< /Length")
    end = raw.index(b"endstream")
    return raw[:start] + head + content + b"\n" + raw[end:]


def test_a_text_is_read_in_this_process_as_it_is() -> None:
    raw = "\ufeff一、工作\r\n\r\n  办理12件。\n".encode()
    reading = read_bytes("a.txt", raw)
    assert reading.text == "一、工作\r\n\r\n  办理12件。\n"
    assert [reading.text[block.start : block.end] for block in reading.blocks] == ["一、工作", "  办理12件。"]
    assert [block.place.paragraph for block in reading.blocks] == [1, 2]
    assert (reading.format, reading.notes) == ("txt", ())


def test_the_child_gives_the_reading_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "报告.docx"
    path.write_bytes(word(paragraph("一、工作", '<w:outlineLvl w:val="0"/>') + paragraph(TEXT)))
    reading = read_file(path)
    assert reading.text == f"一、工作\n{TEXT}"
    assert [block.kind for block in reading.blocks] == [Kind.HEADING, Kind.PARAGRAPH]
    assert reading.place_of(6, 9) == reading.blocks[1]
    assert reading.format == "docx"


def test_a_wrong_suffix_is_read_by_content_with_a_note() -> None:
    reading = read_bytes("a.docx", pdf([Line(TEXT, LEFT, 700)]))
    assert (reading.text, reading.format) == (TEXT, "pdf")
    assert ".docx" in reading.notes[0]
    assert "pdf" in reading.notes[0]


def test_a_file_that_is_too_large_is_not_looked_at(tmp_path: Path) -> None:
    assert refusal("a.txt", b"a" * 101, Limits(bytes=100)) == "too-large"
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 200)
    with pytest.raises(UnreadableError, match="larger"):
        read_file(path, Limits(bytes=100))


def test_a_text_of_too_many_characters_is_refused() -> None:
    assert refusal("a.txt", b"a" * 101, Limits(characters=100)) == "too-large"
    assert refusal("a.docx", word(paragraph("a" * 101)), Limits(characters=100)) == "too-large"


@pytest.mark.parametrize("name", ["a.docx", "a.pdf", "a.html"])
def test_an_empty_file_is_told_whatever_its_name(name: str) -> None:
    assert refusal(name, b"") == "empty"


def test_the_parser_s_failures_come_back_with_both_sentences() -> None:
    with pytest.raises(UnreadableError) as caught:
        read_bytes("a.docx", b"PK\x03\x04" + bytes(100))
    assert caught.value.code == "damaged"
    assert "damaged" in str(caught.value)
    assert "损坏" in caught.value.chinese


def test_a_file_that_takes_too_long_is_given_up() -> None:
    started = time.monotonic()
    assert refusal("a.pdf", endless(60), Limits(seconds=1)) == "too-slow"
    assert time.monotonic() - started < 4


def test_a_file_that_takes_too_much_memory_is_given_up() -> None:
    raw = word(paragraph("文") * 200_000)
    assert refusal("a.docx", raw, Limits(memory_mb=150)) == "too-much-memory"


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read_bytes("a.docx", word(paragraph(TEXT)))
    refusal("a.pdf", endless(60), Limits(seconds=0.2))
    assert list(tmp_path.iterdir()) == []


def test_the_child_sees_no_secrets(tmp_path: Path, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_API_KEYS", "xyzzy")
    write(office, f"env > {tmp_path}/seen")
    refusal("a.doc", b"{\\rtf1 }")
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "HOME=" in seen
    assert "xyzzy" not in seen


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in LibreOffice's place, which the test writes."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return binaries / "soffice"


def write(program: Path, lines: str) -> None:
    program.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


class TestOffice:
    def test_its_docx_is_read(self, office: Path, tmp_path: Path) -> None:
        made = tmp_path / "made.docx"
        made.write_bytes(word(paragraph(TEXT)))
        find = 'for one; do [ "$was" = --outdir ] && out=$one; was=$one; done'
        write(office, f"{find}\nmkdir $out && cp {made} $out/document.docx")
        reading = read_bytes("a.doc", b"{\\rtf1 }")
        assert (reading.text, reading.format) == (TEXT, "rtf")
        assert "rtf" in reading.notes[0]

    def test_its_profile_is_its_own_and_fetches_nothing(self, office: Path, tmp_path: Path) -> None:
        write(office, f'for one; do echo "$one"; done > {tmp_path}/told; cat profile/user/*.xcu >> {tmp_path}/told')
        refusal("a.doc", b"{\\rtf1 }")
        told = (tmp_path / "told").read_text(encoding="utf-8")
        assert "-env:UserInstallation=file://" in told
        assert "--headless" in told
        assert "document.rtf" in told
        assert 'oor:name="DisableMacrosExecution" oor:op="fuse"><value>true' in told

    def test_it_makes_nothing_of_a_damaged_file(self, office: Path) -> None:
        write(office, "exit 1")
        assert refusal("a.doc", b"{\\rtf1 }") == "damaged"

    def test_it_hangs_and_is_ended_with_all_it_started(self, office: Path, tmp_path: Path) -> None:
        write(office, f"sleep 300 & echo $! > {tmp_path}/pid; wait")
        started = time.monotonic()
        assert refusal("a.doc", b"{\\rtf1 }", Limits(office_seconds=0.7)) == "too-slow"
        assert time.monotonic() - started < 5
        pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
        for _ in range(100):  # the kernel's time to end it
            if not running(pid):
                break
            time.sleep(0.02)
        assert not running(pid)

    def test_it_is_not_there(self, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(office.parent))
        assert refusal("a.doc", b"{\\rtf1 }") == "no-libreoffice"


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
