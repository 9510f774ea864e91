"""Corpus folders and settings -> the documents of a run, by side, with what is left out of training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fazhi.data.corpus import LabelledDocument, fingerprint, read_corpus
from fazhi.data.duplicates import NearDuplicate, near_duplicates
from fazhi.data.split import of_split, resplit
from fazhi.training.config import TrainConfig


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


def read_sources(root: Path, config: TrainConfig) -> Sources:
    """Read `root/authored` and `root/seeds`; raises CorpusError."""
    documents = read_corpus(root / "authored") + read_corpus(root / "seeds")
    if config.dev_share:
        documents = resplit(documents, config.dev_share, config.seed)
    return assemble(documents, config)


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
