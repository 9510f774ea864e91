"""Training units that all but repeat a test unit -> a list of them. Knows characters only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from fazhi.data.corpus import LabelledDocument
from fazhi.model.normalize import normalize

NGRAM = 4
THRESHOLD = 0.6
SHORTEST = 12


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A training unit and the test unit it resembles most; `similarity` is the Jaccard index of their 4-grams."""

    document: str
    position: int
    text: str
    test_document: str
    test_text: str
    similarity: float


def near_duplicates(
    train: Sequence[LabelledDocument],
    test: Sequence[LabelledDocument],
    threshold: float = THRESHOLD,
    plain: Callable[[str], str] = normalize,
) -> list[NearDuplicate]:
    """Training units with a Jaccard index of character 4-grams >= `threshold` to some test unit, on `plain` text.

    Units under 12 characters are passed over: headings such as 二、存在的问题 are the same in every report, and no
    model can be judged on reports without having met them.
    """
    ours = [(d.id, i, u.text) for d in train for i, u in enumerate(d.units) if len(u.text) >= SHORTEST]
    theirs = [(d.id, i, u.text) for d in test for i, u in enumerate(d.units) if len(u.text) >= SHORTEST]
    if not ours or not theirs:
        return []
    counter = CountVectorizer(analyzer="char", ngram_range=(NGRAM, NGRAM), binary=True, lowercase=False)
    try:
        grams = counter.fit_transform([plain(text) for _, _, text in ours + theirs]).astype(np.float32)
    except ValueError:  # plain, no unit has four characters
        return []
    left, right = grams[: len(ours)], grams[len(ours) :]
    shared = (left @ right.T).tocsr()
    left_size = np.asarray(left.sum(axis=1)).ravel()
    right_size = np.asarray(right.sum(axis=1)).ravel()
    found: list[NearDuplicate] = []
    for row in range(len(ours)):
        columns = shared.indices[shared.indptr[row] : shared.indptr[row + 1]]
        if not len(columns):
            continue
        common = shared.data[shared.indptr[row] : shared.indptr[row + 1]]
        similarity = common / (left_size[row] + right_size[columns] - common)
        best = int(similarity.argmax())
        if similarity[best] >= threshold:
            name, position, text = ours[row]
            other, _, other_text = theirs[columns[best]]
            found.append(NearDuplicate(name, position, text, other, other_text, float(similarity[best])))
    return found
