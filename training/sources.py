"""Corpus folders and settings -> the documents of a run, by side, with what is left out of training."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fazhi.data.corpus import LabelledDocument, fingerprint, read_corpus
from fazhi.data.duplicates import SHORTEST, NearDuplicate, near_duplicates
from fazhi.data.gold import SegmentationDiffersError, read_gold
from fazhi.data.split import of_split, resplit
from fazhi.model.errors import FazhiError
from fazhi.model.normalize import normalize
from fazhi.training.config import TrainConfig

COPIED = 0.5  # a document of whose sentences so many stand in one that judges is a copy of it
FIGURES = re.compile(r"\d+(?:[.,]\d+)*")

log = logging.getLogger(__name__)


class ExtraError(FazhiError):
    """A further corpus cannot be trained on."""


@dataclass(frozen=True, slots=True)
class Further:
    """A further corpus, of which `documents` are trained on but for what `repeats` a unit that judges."""

    folder: str
    documents: tuple[LabelledDocument, ...]
    repeats: tuple[NearDuplicate, ...]

    def facts(self) -> dict[str, object]:
        """What a model says of a further corpus that it was trained on."""
        return {
            "folder": self.folder,
            "documents": len(self.documents),
            "units": sum(len(document.units) for document in self.documents) - len(self.repeats),
            "fingerprint": fingerprint(self.documents),
        }


@dataclass(frozen=True, slots=True)
class Sources:
    """Every document of a run, each with its split; `repeats` are training units that all but repeat one that judges.

    `further` are corpora beside the project's own, `lent` the test documents that are trained on.
    """

    documents: tuple[LabelledDocument, ...]
    training: tuple[LabelledDocument, ...]
    repeats: tuple[NearDuplicate, ...]
    further: tuple[Further, ...] = ()
    lent: frozenset[str] = frozenset()

    def split(self, name: str) -> list[LabelledDocument]:
        """The documents of one split."""
        return of_split(self.documents, name)

    def dropped(self, document: str) -> frozenset[int]:
        """Positions of a training document's units that are left out."""
        return frozenset(repeat.position for repeat in self.repeats if repeat.document == document)

    def fingerprints(self) -> dict[str, str]:
        """What stands in each split."""
        return {name: fingerprint(self.split(name)) for name in ("train", "dev", "test")}


def read_sources(root: Path, config: TrainConfig, extra: Sequence[Path] = ()) -> Sources:
    """Read `root/authored` and `root/seeds`, and further corpora to train on; raises CorpusError, ExtraError."""
    documents = read_corpus(root / "authored") + read_corpus(root / "seeds")
    if config.dev_share:
        documents = resplit(documents, config.dev_share, config.seed)
    further: list[Further] = []
    for folder in extra:
        corpus = _read_further(folder, documents, config)
        further.append(corpus)
        documents += corpus.documents
    return assemble(documents, config, further)


def _read_further(folder: Path, documents: Sequence[LabelledDocument], config: TrainConfig) -> Further:
    """A further corpus' training documents, but for copies of those by which the model is chosen or measured."""
    found = read_corpus(folder)
    known = {document.id for document in documents}
    if twice := sorted(document.id for document in found if document.id in known):
        raise ExtraError(f"{folder}: document {twice[0]} is in another corpus too: train on one of them")
    trained_on = {"dev": config.include_dev, "test": config.include_test}
    judges = [document for document in documents if not trained_on.get(document.split, True)]
    repeats = near_duplicates(found, judges, config.near_duplicate, _without_figures)
    copies = dict(_copies(found, judges, repeats))
    for name, original in copies.items():
        log.warning("%s: document %s is left out: it is a copy, or nearly, of %s", folder, name, original)
    kept = [document for document in of_split(found, "train") if document.id not in copies]
    if not kept:
        reason = "all its documents are copies, or nearly, of test or development documents" if copies else "none is"
        raise ExtraError(f"{folder}: expected documents for training, but {reason}")
    for document in kept:
        try:
            read_gold(document)
        except SegmentationDiffersError as error:
            raise ExtraError(f"{folder}: {error}") from error
    names = {document.id for document in kept}
    return Further(str(folder), tuple(kept), tuple(repeat for repeat in repeats if repeat.document in names))


def _without_figures(text: str) -> str:
    """The same sentence with last year's figures is no other one."""
    return FIGURES.sub("0", normalize(text))


def _copies(
    documents: Sequence[LabelledDocument], judges: Sequence[LabelledDocument], repeats: Sequence[NearDuplicate]
) -> Iterator[tuple[str, str]]:
    """Documents of which too many sentences all but repeat those of judges, each with the judge most repeated.

    Short units say little: they count, if they are the same, only where a document has no others.
    """
    short = {normalize(unit.text): judge.id for judge in judges for unit in judge.units if len(unit.text) < SHORTEST}
    for document in documents:
        originals = Counter(repeat.test_document for repeat in repeats if repeat.document == document.id)
        sentences = sum(len(unit.text) >= SHORTEST for unit in document.units)
        if not sentences:
            sentences = len(document.units)
            originals.update(short[text] for unit in document.units if (text := normalize(unit.text)) in short)
        if originals and originals.total() >= COPIED * sentences:
            yield document.id, originals.most_common(1)[0][0]


def assemble(documents: Sequence[LabelledDocument], config: TrainConfig, further: Sequence[Further] = ()) -> Sources:
    """Choose what the settings train on, and find what must be left out of it."""
    splits = ["train", *(["dev"] if config.include_dev else []), *(["test"] if config.include_test else [])]
    training = of_split(documents, *splits)
    test = [] if config.include_test else of_split(documents, "test")
    others = {document.id for corpus in further for document in corpus.documents}
    repeats = near_duplicates([d for d in training if d.id not in others], test, config.near_duplicate)
    repeats += [repeat for corpus in further for repeat in corpus.repeats]
    lent = frozenset(d.id for d in training if d.split == "test")
    return Sources(tuple(documents), tuple(training), tuple(repeats), tuple(further), lent)


def hold_out(sources: Sources, test: str, config: TrainConfig) -> Sources:
    """The same documents with one test document left as test and the others moved to training (`crossval`)."""
    documents = [
        replace(document, split="train") if document.split == "test" and document.id != test else document
        for document in sources.documents
    ]
    lent = frozenset(document.id for document in sources.split("test") if document.id != test)
    return replace(assemble(documents, config, sources.further), lent=lent)
