"""Old Word files through LibreOffice: what stands in its place here is a program that the test writes."""

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from fazhi.data.readers import Limits, UnreadableError, read_bytes
from fazhi.data.readers.office import convert
from fazhi.data.readers.sniff import Format
from tests.papers import paragraph, word
from tests.processes import running, wait_until

TEXT = "办理行政复议案件12件，审结11件。"
USUAL = Limits()


def refusal(name: str, raw: bytes, limits: Limits = USUAL) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_bytes(name, raw, limits)
    return caught.value.code


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


def test_its_docx_is_read(office: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.docx"
    made.write_bytes(word(paragraph(TEXT)))
    find = 'for one; do [ "$was" = --outdir ] && out=$one; was=$one; done'
    write(office, f"{find}\nmkdir $out && cp {made} $out/document.docx")
    reading = read_bytes("a.doc", b"{\\rtf1 }")
    assert (reading.text, reading.format) == (TEXT, "rtf")
    assert "rtf" in reading.notes[0]


def test_its_profile_is_its_own_and_fetches_nothing(office: Path, tmp_path: Path) -> None:
    write(office, f'for one; do echo "$one"; done > {tmp_path}/told; cat profile/user/*.xcu >> {tmp_path}/told')
    refusal("a.doc", b"{\\rtf1 }")
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert "-env:UserInstallation=file://" in told
    assert "--headless" in told
    assert "document.rtf" in told
    assert 'oor:name="DisableMacrosExecution" oor:op="fuse"><value>true' in told


@pytest.mark.parametrize(
    ("made", "limits", "code"),
    [("", USUAL, "damaged"), ("x" * 99, Limits(unpacked=50), "too-large"), ("x" * 99, USUAL, "")],
)
def test_what_it_makes_is_measured(made: str, limits: Limits, code: str, office: Path, tmp_path: Path) -> None:
    (tmp_path / "document").write_bytes(b"{\\rtf1 }")
    written = f"mkdir converted && printf {made} > converted/document.docx" if made else "true"
    write(office, f"cd {tmp_path} && {written}")
    if not code:
        assert convert(tmp_path / "document", Format.RTF, tmp_path, limits) == made.encode()
        return
    with pytest.raises(UnreadableError) as caught:
        convert(tmp_path / "document", Format.RTF, tmp_path, limits)
    assert caught.value.code == code


def test_its_socket_is_cleared_away_where_it_was_killed(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fazhi.data.readers.office._SOCKETS", tmp_path)
    (tmp_path / "document").write_bytes(b"")
    name = hashlib.md5((tmp_path / "profile").as_uri().encode("utf-16-le")).digest()
    socket = tmp_path / f"OSL_PIPE_{os.getuid()}_SingleOfficeIPC_{''.join(f'{byte:x}' for byte in name)}"
    write(office, f"touch {socket}; exec sleep 60")
    with pytest.raises(UnreadableError, match="longer"):
        convert(tmp_path / "document", Format.DOC, tmp_path, Limits(office_seconds=0.3))
    assert not socket.exists()


def test_it_makes_nothing_of_a_damaged_file(office: Path) -> None:
    write(office, "exit 1")
    assert refusal("a.doc", b"{\\rtf1 }") == "damaged"


def test_it_hangs_and_is_ended_with_all_it_started(office: Path, tmp_path: Path) -> None:
    write(office, f"sleep 300 & echo $! > {tmp_path}/pid; wait")
    started = time.monotonic()
    assert refusal("a.doc", b"{\\rtf1 }", Limits(office_seconds=0.7)) == "too-slow"
    assert time.monotonic() - started < 5
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: not running(pid))  # the kernel's time to end it


def test_it_is_not_there(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(office.parent))
    assert refusal("a.doc", b"{\\rtf1 }") == "no-libreoffice"


def test_the_child_sees_no_secrets(tmp_path: Path, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_API_KEYS", "xyzzy")
    write(office, f"env > {tmp_path}/seen")
    refusal("a.doc", b"{\\rtf1 }")
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "HOME=" in seen
    assert "xyzzy" not in seen
