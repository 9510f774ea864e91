"""Corpus folders and settings -> the documents of a run, by side, with what is left out of training."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fazhi.data.corpus import LabelledDocument, fingerprint, read_corpus
from fazhi.data.duplicates import SHORTEST, NearDuplicate, near_duplicates
from fazhi.data.split import of_split, resplit
from fazhi.model.errors import FazhiError
from fazhi.training.config import TrainConfig

COPIED = 0.5  # a document of whose sentences so many stand in one that judges is a copy of it

log = logging.getLogger(__name__)


class ExtraError(FazhiError):
    """A further corpus cannot be trained on."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Every document of a run, each with its split; `repeats` are training units that all but repeat a test unit.

    `lent` are the test documents that are trained on.
    """

    documents: tuple[LabelledDocument, ...]
    training: tuple[LabelledDocument, ...]
    repeats: tuple[NearDuplicate, ...]
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
    for folder in extra:
        documents += _read_extra(folder, documents, config)
    return assemble(documents, config)


def _read_extra(folder: Path, documents: Sequence[LabelledDocument], config: TrainConfig) -> list[LabelledDocument]:
    """A further corpus' training documents, but for copies of those by which the model is chosen or measured."""
    found = read_corpus(folder)
    known = {document.id for document in documents}
    if twice := sorted(document.id for document in found if document.id in known):
        raise ExtraError(f"{folder}: document {twice[0]} is in another corpus too: train on one of them")
    trained_on = {"dev": config.include_dev, "test": config.include_test}
    judges = [document for document in documents if not trained_on.get(document.split, True)]
    copies = dict(_copies(found, judges, config.near_duplicate))
    for name, original in copies.items():
        log.warning("%s: document %s is left out: it is a copy, or nearly, of %s", folder, name, original)
    kept = [document for document in of_split(found, "train") if document.id not in copies]
    if not kept:
        reason = "all its documents are copies, or nearly, of test or development documents" if copies else "none is"
        raise ExtraError(f"{folder}: expected documents for training, but {reason}")
    return kept


def _copies(
    documents: Sequence[LabelledDocument], judges: Sequence[LabelledDocument], threshold: float
) -> Iterator[tuple[str, str]]:
    """Documents of which too many sentences all but repeat those of a judge, each with the judge most repeated."""
    repeats = near_duplicates(documents, judges, threshold)
    for document in documents:
        originals = Counter(repeat.test_document for repeat in repeats if repeat.document == document.id)
        if originals.total() >= COPIED * max(1, sum(len(unit.text) >= SHORTEST for unit in document.units)):
            yield document.id, originals.most_common(1)[0][0]


def assemble(documents: Sequence[LabelledDocument], config: TrainConfig) -> Sources:
    """Choose what the settings train on, and find what must be left out of it."""
    splits = ["train", *(["dev"] if config.include_dev else []), *(["test"] if config.include_test else [])]
    training = of_split(documents, *splits)
    test = [] if config.include_test else of_split(documents, "test")
    repeats = near_duplicates(training, test, config.near_duplicate)
    lent = frozenset(d.id for d in training if d.split == "test")
    return Sources(tuple(documents), tuple(training), tuple(repeats), lent)


def hold_out(sources: Sources, test: str, config: TrainConfig) -> Sources:
    """The same documents with one test document left as test and the others moved to training (`crossval`)."""
    documents = [
        replace(document, split="train") if document.split == "test" and document.id != test else document
        for document in sources.documents
    ]
    lent = frozenset(document.id for document in sources.split("test") if document.id != test)
    return replace(assemble(documents, config), lent=lent)
