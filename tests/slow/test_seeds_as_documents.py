"""The seeds as an office would send them (Word, PDF, a web page): the same units, and the same tags, as their text."""

import html
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

import docx
import pytest

from fazhi.data.readers import Reading, read_bytes
from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import read_document
from fazhi.model.predict import Predictor
from fazhi.model.segment import segment
from tests.papers import pdf, print_text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SEEDS = sorted((ROOT / "data" / "seeds" / "documents").glob("*.txt"))
MODEL = Path(os.environ.get("MODEL", ROOT / "artifacts" / "model"))
SAME = 0.98


def as_word(text: str, folder: Path) -> bytes:
    document = docx.Document()
    for line in text.splitlines():
        document.add_paragraph(line)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def as_web(text: str, folder: Path) -> bytes:
    lines = "\n".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())
    page = (
        "<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>公开</title><script>var a = '文';</script></head>"
        "<body><div class='nav'><ul><li><a href='/'>首页</a><li><a href='/xxgk'>信息公开</a></ul></div>"
        f"<div class='main'><div id='zoom'>{lines}</div><div class='share'>分享到：微信 微博</div></div>"
        "<div class='footer'>主办单位 备案号</div></body></html>"
    )
    return page.encode()


def as_print(text: str, folder: Path) -> bytes:
    """A PDF with running heads and page numbers, of signs that its font has."""
    return pdf(*print_text(text, head="政府公报"))


def as_office_print(text: str, folder: Path) -> bytes:
    program = shutil.which("soffice")
    if not program:
        pytest.skip("LibreOffice (soffice) is not installed")
    (folder / "seed.docx").write_bytes(as_word(text, folder))
    profile = (folder / "profile").as_uri()
    command = [
        program,
        f"-env:UserInstallation={profile}",
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder),
    ]
    subprocess.run([*command, str(folder / "seed.docx")], check=True, capture_output=True, timeout=180)
    return (folder / "seed.pdf").read_bytes()


WRITERS: dict[str, Callable[[str, Path], bytes]] = {
    "docx": as_word,
    "html": as_web,
    "pdf": as_print,
    "pdf by LibreOffice": as_office_print,
}


def seed_texts() -> Iterator[str]:
    for path in SEEDS:
        # signs without a place in the named font of `as_print`
        yield path.read_text(encoding="utf-8").replace("\xa0", " ").replace("•", "·")


def squeezed(text: str) -> list[str]:
    return ["".join(unit.text.split()) for unit in segment(text)]


def pairs(left: str, right: str) -> list[tuple[int, int]]:
    """The units that two texts share, in their order, as indices into both."""
    matcher = SequenceMatcher(None, squeezed(left), squeezed(right), autojunk=False)
    return [(a + i, b + i) for a, b, size in matcher.get_matching_blocks() for i in range(size)]


@pytest.fixture(scope="module", params=WRITERS)
def readings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Reading]]:
    """Every seed's text, and what is read of it in one format."""
    found = []
    for text in seed_texts():
        raw = WRITERS[request.param](text, tmp_path_factory.mktemp("seed"))
        found.append((text, read_bytes(f"seed.{request.param[:4].strip()}", raw)))
    return found


def test_the_units_are_the_same(readings: list[tuple[str, Reading]]) -> None:
    units = same = 0
    for text, reading in readings:
        shared = pairs(text, reading.text)
        units += len(squeezed(text))
        same += len(shared)
        assert len(squeezed(reading.text)) - len(shared) <= 4, "what is read besides is furniture"
    assert len(readings) == 5
    assert units == 651
    assert same / units >= SAME


def test_every_unit_has_its_place(readings: list[tuple[str, Reading]]) -> None:
    for _, reading in readings:
        places = [reading.place_of(unit.start, unit.end) for unit in segment(reading.text)]
        assert all(places)
        paged = [block.place.page for block in places if block and block.kind != "furniture"]
        assert paged[:1] == ([1] if reading.format == "pdf" else [None])


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    if not (MODEL / "config.json").is_file():
        pytest.skip(f"no trained model at {MODEL}")
    return load_predictor(MODEL)


def test_the_tags_are_the_same(readings: list[tuple[str, Reading]], predictor: Predictor) -> None:
    units = same = 0
    for text, reading in readings:
        wanted, found = predictor.predict([read_document(text), read_document(reading.text)])
        units += len(wanted)
        for a, b in pairs(text, reading.text):
            same += (wanted[a].role, wanted[a].topics) == (found[b].role, found[b].topics)
    assert same / units >= SAME
