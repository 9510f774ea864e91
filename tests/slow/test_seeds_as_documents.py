"""The seeds as an office would send them (Word, PDF, a web page): the same units, and the same tags, as their text.

`-s` prints the figures of every seed.
"""

import os
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from fazhi.data.readers import Reading, read_bytes
from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import Document, read_document
from fazhi.model.normalize import normalize
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.segment import segment
from tests.offices import SOFFICE, converted, numbered_word, official_word, plain_word, web_page
from tests.papers import pdf, print_text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# Signs without a place in the named font of the tests' own print.
SEEDS = {
    path.stem: path.read_text(encoding="utf-8").replace("\xa0", " ").replace("•", "·")
    for path in sorted((ROOT / "data" / "seeds" / "documents").glob("*.txt"))
}
MODEL = Path(os.environ.get("MODEL", ROOT / "artifacts" / "model"))
SAME = 0.98
MORE = 4  # units of furniture that a reading may hold besides


def each(write: Callable[[str], bytes]) -> Callable[[Path], dict[str, bytes]]:
    return lambda folder: {name: write(text) for name, text in SEEDS.items()}


def by_office(write: Callable[[str], bytes], to: str) -> Callable[[Path], dict[str, bytes]]:
    return lambda folder: converted({name: write(text) for name, text in SEEDS.items()}, to, folder)


FORMS: dict[str, Callable[[Path], dict[str, bytes]]] = {
    "docx, numbered by Word": each(numbered_word),
    "docx, in a table": each(lambda text: numbered_word(text, in_table=True)),
    "html, paragraphs": each(web_page),
    "html, line breaks": each(lambda text: web_page(text, broken=True, encoding="gb18030")),
    "pdf, own print": each(lambda text: pdf(*print_text(text, head="政府公报"))),
    "pdf, LibreOffice, official layout": by_office(official_word, "pdf"),
    "pdf, LibreOffice, no layout": by_office(plain_word, "pdf"),
    "doc, LibreOffice": by_office(numbered_word, "doc"),
}


def squeezed(text: str) -> list[str]:
    return ["".join(unit.text.split()) for unit in segment(text)]


def pairs(left: str, right: str) -> list[tuple[int, int]]:
    """The units that two texts share, in their order, as indices into both."""
    matcher = SequenceMatcher(None, squeezed(left), squeezed(right), autojunk=False)
    return [(a + i, b + i) for a, b, size in matcher.get_matching_blocks() for i in range(size)]


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def readings(form: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    """What is read of every seed in one format."""
    if "LibreOffice" in form and not SOFFICE:
        pytest.skip("LibreOffice (soffice) is not installed")
    files = FORMS[form](tmp_path_factory.mktemp("seeds"))
    return {name: read_bytes(f"{name}.{form.partition(',')[0]}", raw) for name, raw in files.items()}


def tell(what: str, form: str, same: dict[str, int]) -> float:
    """Print how many units are the same, and give their part of all."""
    units = {name: len(squeezed(SEEDS[name])) for name in same}
    part = sum(same.values()) / sum(units.values())
    each_seed = ", ".join(f"{name} {count}/{units[name]}" for name, count in same.items())
    print(f"\n{form}: {what} {part:.1%} ({each_seed})")
    return part


def test_the_units_are_the_same(form: str, readings: dict[str, Reading]) -> None:
    assert len(readings) == 5
    assert sum(len(squeezed(text)) for text in SEEDS.values()) == 651
    same = {name: len(pairs(SEEDS[name], reading.text)) for name, reading in readings.items()}
    assert tell("units", form, same) >= SAME
    for name, reading in readings.items():
        others = len(squeezed(reading.text)) - same[name]
        assert others <= MORE + len(squeezed(SEEDS[name])) - same[name], "what is read besides is furniture"


def test_every_unit_has_its_place(readings: dict[str, Reading]) -> None:
    for reading in readings.values():
        assert reading.notes == ()
        places = [reading.place_of(unit.start, unit.end) for unit in segment(reading.text)]
        assert all(places)
        text = [block.place for block in places if block and block.kind != "furniture"]
        pages = [place.page for place in text]
        if reading.format == "pdf":
            assert pages[0] == 1
            assert sorted(page or 0 for page in pages) == pages
            assert (pages[-1] or 0) > 2
        else:
            assert set(pages) == {None}
            assert all(place.paragraph or place.table for place in text)


Tags = list[tuple[str, tuple[str, ...]]]


def tagger(predictor: Predictor) -> Callable[[str], Tags]:
    """Tag texts; those that look the same to the model are tagged once."""
    known: dict[tuple[tuple[str, bool], ...], Sequence[Prediction]] = {}

    def tags(text: str) -> Tags:
        document: Document = read_document(text)
        seen = tuple((normalize(unit.text), unit.heading) for unit in document.units)
        if seen not in known:
            (known[seen],) = predictor.predict([document])
        return [(prediction.role, tuple(prediction.topics)) for prediction in known[seen]]

    return tags


def same_tags(texts: dict[str, str], tags: Callable[[str], Tags]) -> dict[str, int]:
    same = {}
    for name, text in texts.items():
        wanted, found = tags(SEEDS[name]), tags(text)
        same[name] = sum(wanted[a] == found[b] for a, b in pairs(SEEDS[name], text))
    return same


def without_furniture(reading: Reading) -> str:
    """The text but for what stands behind it."""
    return reading.text[: max(block.end for block in reading.blocks if block.kind != "furniture")]


def test_the_tags_are_the_same_whatever_the_model(
    form: str, readings: dict[str, Reading], fake_predictor: Predictor
) -> None:
    """This one's answers depend on every sign in a window: they differ wherever a model would see a difference."""
    texts = {name: without_furniture(reading) for name, reading in readings.items()}
    assert tell("tags of a made-up model", form, same_tags(texts, tagger(fake_predictor))) >= SAME


@pytest.fixture(scope="module")
def trained() -> Callable[[str], Tags]:
    if not (MODEL / "config.json").is_file():
        pytest.skip(f"no trained model at {MODEL}: the tags are compared with a made-up model's only")
    return tagger(load_predictor(MODEL))


def test_the_tags_of_the_trained_model_are_the_same(
    form: str, readings: dict[str, Reading], trained: Callable[[str], Tags]
) -> None:
    texts = {name: reading.text for name, reading in readings.items()}
    assert tell("tags", form, same_tags(texts, trained)) >= SAME
