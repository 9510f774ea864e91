"""Damaged and hostile files: each is read or refused in time with a clear sentence, and nothing remains."""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from fazhi.data.readers import Limits, Reading, UnreadableError, read_bytes
from tests.bombs import pdf_bombs, text_bombs, word_bombs
from tests.hostile import MB, TEXT, Case, cut, damaged, entities, flip, good_files, other_kinds

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=3, office_seconds=30, memory_mb=300, unpacked=60 * MB, part=8 * MB, characters=300_000)
GRACE = 3.0  # seconds over the limit, for starting and ending a process on a busy machine
SECRET = "root:x:0:0"
MAKERS = (damaged, other_kinds, entities, word_bombs, pdf_bombs, text_bombs)
FILES = [case for make in MAKERS for case in make()]
OFFICE = shutil.which("soffice")


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    case: Case
    result: Reading | UnreadableError
    seconds: float


def attempt(case: Case) -> Outcome:
    raw = case.make()
    started = time.monotonic()
    result: Reading | UnreadableError
    try:
        result = read_bytes(case.name, raw, LIMITS)
    except UnreadableError as error:
        result = error
    return Outcome(case, result, time.monotonic() - started)


def attempt_all(cases: list[Case], folder: Path) -> Iterator[Outcome]:
    """Read files two at a time, with `folder` for what is temporary, and see that nothing stays there."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield from pool.map(attempt, cases)
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    found = attempt_all(FILES, tmp_path_factory.mktemp("reading"))
    return {outcome.case.name: outcome for outcome in found}


def check(outcome: Outcome, longest: float) -> None:
    result = outcome.result
    assert outcome.seconds < longest + GRACE
    if isinstance(result, Reading):
        assert outcome.case.allows(None), result.text[:100]
        assert result.text.strip()
        assert SECRET not in result.text
        assert all(0 <= block.start < block.end <= len(result.text) for block in result.blocks)
        result.text.encode("utf-8")
    else:
        assert outcome.case.allows(result.code), (result.code, result.message)
        assert result.message[0].islower()
        assert result.message.isascii()
        assert re.search("[一-鿿]", result.chinese)
        assert result.chinese.endswith("。")


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 200
    assert len({case.name for case in FILES}) == len(FILES)


@pytest.mark.parametrize("name", [case.name for case in FILES])
def test_it_is_read_or_refused(name: str, outcomes: dict[str, Outcome]) -> None:
    check(outcomes[name], LIMITS.seconds)


@pytest.mark.usefixtures("outcomes")
def test_good_files_are_still_read_afterwards() -> None:
    for form, raw in good_files().items():
        assert TEXT in read_bytes(f"a.{form}", raw, LIMITS).text


def convert(folder: Path, name: str, to: str, **options: str) -> bytes:
    """Have LibreOffice write a good Word file in another format."""
    (folder / "good.docx").write_bytes(good_files()["docx"])
    chosen = ",".join(f'"{key}":{{"type":"{"boolean" if value == "true" else "string"}","value":"{value}"}}'
                      for key, value in options.items())  # fmt: skip
    command = [str(OFFICE), f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to"]
    command += [f"{to}:{{{chosen}}}" if options else to, "--outdir", str(folder), str(folder / "good.docx")]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return (folder / name).read_bytes()


@pytest.mark.skipif(not OFFICE, reason="LibreOffice (soffice) is not installed")
class TestThroughLibreOffice:
    def test_old_word_files_are_read_or_refused(self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        raw, rich = convert(tmp_path, "good.doc", "doc"), convert(tmp_path, "good.rtf", "rtf")
        files = [Case("good.doc", partial(bytes, raw), ""), Case("good.wps", partial(bytes, raw), "")]
        files += [Case("good.rtf", partial(bytes, rich), ""), Case("groups.rtf", lambda: b"{\\rtf1 " + b"{" * 20_000)]
        files += [Case(f"cut-{part}.doc", partial(cut, raw, part)) for part in (2, 6, 12)]
        files += [Case(f"flipped-{bits}.doc", partial(flip, raw, bits)) for bits in (1, 50, 2000)]
        for outcome in attempt_all(files, tmp_path_factory.mktemp("reading")):
            check(outcome, LIMITS.seconds + LIMITS.office_seconds)
            assert outcome.case.codes or TEXT in getattr(outcome.result, "text", "")

    def test_a_pdf_with_a_password_is_refused_and_one_that_only_may_not_be_changed_is_read(
        self, tmp_path: Path
    ) -> None:
        form = "pdf:writer_pdf_Export"
        locked = convert(tmp_path, "good.pdf", form, EncryptFile="true", DocumentOpenPassword="secret")
        with pytest.raises(UnreadableError) as caught:
            read_bytes("a.pdf", locked, LIMITS)
        assert caught.value.code == "encrypted"
        kept = convert(tmp_path, "good.pdf", form, RestrictPermissions="true", PermissionPassword="secret")
        assert b"/Encrypt" in kept
        assert TEXT in read_bytes("a.pdf", kept, LIMITS).text
