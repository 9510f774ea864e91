"""Further corpora to train on: they join the training documents, and copies of what judges do not."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fazhi.data.corpus import LabelledDocument, read_corpus
from fazhi.data.schema import CorpusError, format_line
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


def test_of_a_document_that_shares_a_sentence_only_that_is_left_out(
    root: Path, fresh: LabelledDocument, seed: LabelledDocument, tmp_path: Path
) -> None:
    shared = max(seed.units, key=lambda unit: len(unit.text))
    start = len(fresh.text)
    last = replace(shared, start=start, end=start + len(shared.text))
    mixed = replace(fresh, text=fresh.text + shared.text, units=(*fresh.units, last))
    sources = read_sources(root, SETTINGS, [write(tmp_path / "extra", mixed)])
    assert "own-1" in {document.id for document in sources.training}
    assert sources.dropped("own-1") == {len(fresh.units)}


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


def test_a_corpus_that_is_none_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="none"):
        read_sources(root, SETTINGS, [tmp_path / "none"])


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
