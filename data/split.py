"""Documents -> sides that share no document. Knows documents only as wholes."""

import random
from collections.abc import Sequence
from dataclasses import replace

from fazhi.data.corpus import LabelledDocument


def resplit(documents: Sequence[LabelledDocument], dev_share: float, seed: int) -> list[LabelledDocument]:
    """Draw the development split anew by whole documents, within each set of documents whose ids share a first letter.

    The same documents, share and seed give the same split whatever the order they come in. Test documents stay test.
    """
    if not 0 < dev_share < 1:
        raise ValueError(f"dev_share must lie between 0 and 1, found {dev_share}")
    sets: dict[str, list[str]] = {}
    for document in documents:
        if document.split != "test":
            sets.setdefault(document.id[0], []).append(document.id)
    rng = random.Random(seed)
    dev: set[str] = set()
    for letter in sorted(sets):
        ids = sorted(sets[letter])
        dev.update(rng.sample(ids, round(dev_share * len(ids))))
    return [d if d.split == "test" else replace(d, split="dev" if d.id in dev else "train") for d in documents]


def of_split(documents: Sequence[LabelledDocument], *splits: str) -> list[LabelledDocument]:
    """The documents of the named splits, in their order."""
    return [document for document in documents if document.split in splits]
