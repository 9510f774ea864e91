"""The child process: what it gives back, and that nothing in a file keeps it, its memory or its children alive."""

import os
import signal
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fazhi.data.readers import Kind, Limits, UnreadableError, read_bytes, read_file
from fazhi.data.readers.child import load_parsers, parse
from fazhi.data.readers.sniff import Format
from tests.papers import LEFT, Line, paragraph, pdf, word
from tests.processes import running, starter_of, wait_until

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


def test_a_text_without_chinese_is_told(tmp_path: Path) -> None:
    assert "汉字" in read_bytes("a.txt", "Qlb¥ NRtLe?Yﬁ".encode() * 20).notes[0]
    assert read_bytes("a.txt", b"fazhi").notes == ()


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


@pytest.mark.parametrize(("name", "form"), [("lxml", Format.DOCX), ("lxml", Format.HTML), ("pdfminer", Format.PDF)])
def test_a_parser_that_is_not_installed_is_named(name: str, form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, name, None)
    raw = {Format.DOCX: word(paragraph(TEXT)), Format.HTML: b"<html>", Format.PDF: pdf([])}[form]
    with pytest.raises(UnreadableError, match="fazhi\\[documents\\]") as caught:
        parse(raw, form, USUAL)
    assert caught.value.code == "not-installed"
    assert "fazhi[documents]" in caught.value.chinese
    load_parsers()  # does without


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


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ("slow", "too-slow"),
        (str(-signal.SIGXCPU), "too-slow"),
        (str(-signal.SIGALRM), "too-slow"),
        ("3", "too-much-memory"),
        (str(-signal.SIGKILL), "too-much-memory"),
        (str(-signal.SIGSEGV), "damaged"),
        ("2", "damaged"),
        ("1", "reader-failed"),
        ("", "reader-failed"),
    ],
)
def test_however_a_parser_ends_there_is_a_reason(ended: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fazhi.data.readers.isolate._Starter.run", lambda *_: ended)
    assert refusal("a.docx", word(paragraph(TEXT))) == code


class TestStarter:
    def test_files_may_be_read_at_the_same_time(self) -> None:
        def outcome(number: int) -> str:
            if number % 5 == 0:
                return refusal("a.pdf", endless(60), Limits(seconds=0.3))
            return read_bytes("a.docx", word(paragraph(f"第{number}件"))).text

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(outcome, range(20)))
        assert outcomes == ["too-slow" if number % 5 == 0 else f"第{number}件" for number in range(20)]

    def test_it_is_started_again_if_it_was_killed(self) -> None:
        raw = word(paragraph(TEXT))
        read_bytes("a.docx", raw)
        first = starter_of(os.getpid())
        for _ in range(3):
            os.kill(starter_of(os.getpid()), signal.SIGKILL)
            assert read_bytes("a.docx", raw).text == TEXT
        assert starter_of(os.getpid()) != first

    def test_it_ends_with_the_process_that_asked_and_clears_up_behind_it(self, tmp_path: Path) -> None:
        (tmp_path / "endless.pdf").write_bytes(endless(60))
        script = "import sys; from fazhi.data.readers import *; read_file(Path(sys.argv[1]))"
        command = [sys.executable, "-c", f"from pathlib import Path; {script}", str(tmp_path / "endless.pdf")]
        folder = tmp_path / "temporary"
        folder.mkdir()
        with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}) as process:
            wait_until(lambda: list(folder.glob("*/document")) != [] and starter_of(process.pid) > 0)
            starter = starter_of(process.pid)
            process.kill()
        wait_until(lambda: not running(starter))
        wait_until(lambda: list(folder.iterdir()) == [])

    def test_a_fork_of_the_process_has_one_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "a.docx").write_bytes(word(paragraph(TEXT)))
        script = (
            "import os, sys; from pathlib import Path; from fazhi.data.readers import read_file, prepare\n"
            "prepare(); path = Path(sys.argv[1]); text = read_file(path).text\n"
            "if child := os.fork():\n"
            "    assert os.waitpid(child, 0)[1] == 0; assert read_file(path).text == text\n"
            "else:\n"
            "    os._exit(read_file(path).text != text)\n"
        )
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.docx")], check=True, timeout=60)
