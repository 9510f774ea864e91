"""Further corpora to train on: they join the training documents, and copies of what judges do not."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fazhi.data.corpus import LabelledDocument, fingerprint, read_corpus
from fazhi.data.duplicates import SHORTEST
from fazhi.data.schema import CorpusError, LabelledUnit, format_line
from fazhi.training.config import TrainConfig
from fazhi.training.sources import ExtraError, hold_out, read_sources

CorpusFactory = Callable[..., Path]
SETTINGS = TrainConfig()


@pytest.fixture
def root(corpus: CorpusFactory) -> Path:
    return corpus()


def write(folder: Path, *documents: LabelledDocument) -> Path:
    """Write a corpus folder of these documents."""
    for name in ("documents", "labels"):
        (folder / name).mkdir(parents=True)
    index = [json.dumps({"id": document.id, "split": document.split, "note": ""}) + "\n" for document in documents]
    (folder / "index.jsonl").write_text("".join(index), encoding="utf-8")
    for document in documents:
        (folder / "documents" / f"{document.id}.txt").write_bytes(document.text.encode())
        labels = "".join(format_line(unit) + "\n" for unit in document.units)
        (folder / "labels" / f"{document.id}.jsonl").write_text(labels, encoding="utf-8")
    return folder


def altered(document: LabelledDocument, name: str, old: str, new: str, split: str = "train") -> LabelledDocument:
    """Another document with other characters in the same places."""
    units = tuple(replace(unit, text=unit.text.translate(str.maketrans(old, new))) for unit in document.units)
    return replace(document, id=name, split=split, text=document.text.translate(str.maketrans(old, new)), units=units)


@pytest.fixture
def fresh(root: Path) -> LabelledDocument:
    """A document that is like no other: each character is replaced by the next."""
    document = read_corpus(root / "authored")[0]
    characters = "".join(sorted({c for unit in document.units for c in unit.text if "\u4e00" <= c <= "\u9fff"}))
    return altered(document, "own-1", characters, characters[1:] + characters[0])


@pytest.fixture
def seed(root: Path) -> LabelledDocument:
    return read_corpus(root / "seeds")[0]


def test_further_documents_are_trained_on_and_nothing_else_changes(
    root: Path, fresh: LabelledDocument, tmp_path: Path
) -> None:
    plain = read_sources(root, SETTINGS)
    sources = read_sources(root, SETTINGS, [write(tmp_path / "one", fresh)])
    assert [document.id for document in sources.training] == [*(document.id for document in plain.training), "own-1"]
    assert sources.split("dev") == plain.split("dev")
    assert sources.split("test") == plain.split("test")
    before, after = plain.fingerprints(), sources.fingerprints()
    assert before["train"] != after["train"]
    assert (before["dev"], before["test"]) == (after["dev"], after["test"])


def test_several_corpora_join_in_their_order(root: Path, fresh: LabelledDocument, tmp_path: Path) -> None:
    folders = [write(tmp_path / name, replace(fresh, id=name)) for name in ("own-2", "own-1")]
    sources = read_sources(root, SETTINGS, folders)
    assert [document.id for document in sources.training][-2:] == ["own-2", "own-1"]


def test_drawing_the_development_documents_anew_leaves_further_ones_alone(
    root: Path, fresh: LabelledDocument, tmp_path: Path
) -> None:
    extra = write(tmp_path / "extra", *(replace(fresh, id=f"own-{number}") for number in range(6)))
    drawn = replace(SETTINGS, dev_share=0.5)
    sources = read_sources(root, drawn, [extra])
    assert sources.split("dev") == read_sources(root, drawn).split("dev")
    assert sum(document.id.startswith("own-") for document in sources.training) == 6


@pytest.mark.parametrize("judge", ["seeds", "authored"])
@pytest.mark.parametrize("change", [("", ""), ("2023", "１９９９")])
def test_a_copy_of_a_test_or_development_document_is_left_out_and_named(
    root: Path,
    fresh: LabelledDocument,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    judge: str,
    change: tuple[str, str],
) -> None:
    original = next(document for document in read_corpus(root / judge) if document.split != "train")
    copy = altered(original, "own-2", *change)
    with caplog.at_level(logging.WARNING):
        sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", fresh, copy)])
    assert "own-2" not in {document.id for document in sources.documents}
    assert "own-1" in {document.id for document in sources.training}
    assert f"own-2 is left out: it is a copy, or nearly, of {original.id}" in caplog.text


def test_an_excerpt_of_a_test_document_is_left_out(
    root: Path, fresh: LabelledDocument, seed: LabelledDocument, tmp_path: Path
) -> None:
    unit = max(seed.units, key=lambda unit: len(unit.text))
    alone = replace(unit, start=0, end=len(unit.text))
    excerpt = LabelledDocument("own-2", "train", unit.text, (alone,), "")
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", fresh, excerpt)])
    assert "own-2" not in {document.id for document in sources.documents}


def alone(unit: LabelledUnit, name: str = "own-2") -> LabelledDocument:
    """A document of one unit."""
    return LabelledDocument(name, "train", unit.text, (replace(unit, start=0, end=len(unit.text)),), "")


@pytest.mark.parametrize("judge", ["seeds", "authored"])
def test_an_excerpt_of_short_units_is_a_copy_where_they_are_the_same(
    root: Path, fresh: LabelledDocument, tmp_path: Path, judge: str
) -> None:
    original = next(document for document in read_corpus(root / judge) if document.split != "train")
    short = next(unit for unit in original.units if len(unit.text) < SHORTEST and not unit.heading)
    excerpts = [alone(short), alone(replace(short, text="另一句短话。"), "own-3")]
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", fresh, *excerpts)])
    assert {"own-1", "own-3"} == {document.id for document in sources.training} & {"own-1", "own-2", "own-3"}


@pytest.mark.parametrize("judge", ["seeds", "authored"])
@pytest.mark.parametrize("figure", [("", ""), ("0123456789", "9876543210")])
def test_of_a_document_that_shares_a_sentence_only_that_is_left_out(
    root: Path, fresh: LabelledDocument, tmp_path: Path, judge: str, figure: tuple[str, str]
) -> None:
    """Of a development document too, and with last year's figures."""
    original = next(document for document in read_corpus(root / judge) if document.split != "train")
    changed = altered(original, "", *figure)
    shared = max(changed.units, key=lambda unit: sum(map(str.isdigit, unit.text)))
    start = len(fresh.text)
    last = replace(shared, start=start, end=start + len(shared.text))
    mixed = replace(fresh, text=fresh.text + shared.text, units=(*fresh.units, last))
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", mixed)])
    assert "own-1" in {document.id for document in sources.training}
    assert sources.dropped("own-1") == {len(fresh.units)}
    assert [repeat.text for repeat in sources.repeats if repeat.document == "own-1"] == [shared.text]
    assert hold_out(sources, "linshan-2023", SETTINGS).dropped("own-1") == {len(fresh.units)}
    (corpus,) = sources.further
    assert corpus.facts() == {
        "folder": str(tmp_path / "extra"),
        "documents": 1,
        "units": len(fresh.units),
        "fingerprint": fingerprint([mixed]),
    }


def test_copies_alone_are_refused(root: Path, seed: LabelledDocument, tmp_path: Path) -> None:
    with pytest.raises(ExtraError, match="copies"):
        read_sources(root, SETTINGS, [write(tmp_path / "extra", altered(seed, "own-1", "", ""))])
    with pytest.raises(ExtraError, match="another corpus too"):
        read_sources(root, SETTINGS, [root / "seeds"])


def test_documents_of_other_splits_are_not_trained_on(root: Path, fresh: LabelledDocument, tmp_path: Path) -> None:
    kept = replace(fresh, id="own-2", split="test")
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", fresh, kept)])
    assert "own-2" not in {document.id for document in sources.documents}
    with pytest.raises(ExtraError, match="none is"):
        read_sources(root, SETTINGS, [write(tmp_path / "other", kept)])


def broken(folder: Path, file: str, old: str, new: str) -> Path:
    path = next(folder.glob(file))
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("index.jsonl", "{", "", r"index\.jsonl:1: expected a JSON object"),
        ("index.jsonl", '"train"', '"learn"', r"index\.jsonl:1: expected an id and a split"),
        ("index.jsonl", "own-1", "own-9", r"own-9\.txt: expected a file"),
        ("labels/*", '"其他"', '"要求"', r"own-1\.jsonl:1: expected a role of .*要求"),
        ("labels/*", '"start": 0', '"start": 1', r"own-1\.jsonl:1: expected"),
        ("labels/*", '"heading"', '"title"', r"own-1\.jsonl:1: expected the fields"),
        ("documents/*", "。", "", r"own-1\.jsonl:\d+: expected"),
    ],
)
def test_a_corpus_that_is_none_is_named_with_file_and_line(
    root: Path, fresh: LabelledDocument, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(CorpusError, match=said):
        read_sources(root, SETTINGS, [broken(write(tmp_path / "extra", fresh), file, old, new)])


def test_a_corpus_that_is_not_there_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="none"):
        read_sources(root, SETTINGS, [tmp_path / "none"])


def test_a_file_that_may_not_be_read_is_named(
    fresh: LabelledDocument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    extra = write(tmp_path / "extra", fresh)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CorpusError, match=r"index\.jsonl: expected a file that can be read, found 'Permission denied'"):
        read_corpus(extra)


def test_units_that_the_segmentation_does_not_find_are_named_before_anything_is_done(
    root: Path, fresh: LabelledDocument, tmp_path: Path
) -> None:
    first, second, *others = fresh.units
    text = fresh.text[first.start : second.end]
    joined = replace(fresh, units=(replace(first, end=second.end, text=text), *others))
    with pytest.raises(ExtraError, match="extra: document own-1: unit 1 is"):
        read_sources(root, SETTINGS, [write(tmp_path / "extra", joined)])


def test_the_same_document_in_two_corpora_is_refused(root: Path, fresh: LabelledDocument, tmp_path: Path) -> None:
    folders = [write(tmp_path / name, fresh) for name in ("one", "two")]
    with pytest.raises(ExtraError, match="own-1 is in another corpus too"):
        read_sources(root, SETTINGS, folders)


def test_where_the_test_documents_are_trained_on_copies_of_them_may_be_too(
    root: Path, fresh: LabelledDocument, seed: LabelledDocument, tmp_path: Path
) -> None:
    extra = write(tmp_path / "extra", fresh, altered(seed, "own-2", "", ""))
    sources = read_sources(root, replace(SETTINGS, include_dev=True, include_test=True), [extra])
    assert {"own-1", "own-2"} <= {document.id for document in sources.training}
    assert sources.lent == {seed.id}


def test_a_held_out_report_is_kept_from_further_documents_too(
    root: Path, fresh: LabelledDocument, seed: LabelledDocument, tmp_path: Path
) -> None:
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", fresh)])
    held = hold_out(sources, seed.id, SETTINGS)
    assert [document.id for document in held.split("test")] == [seed.id]
    assert "own-1" in {document.id for document in held.training}
