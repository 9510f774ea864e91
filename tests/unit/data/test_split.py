"""A new development split: by whole documents, by seed alone, and never out of the test documents."""

import random
from collections import Counter

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.data.split import of_split, resplit
from fazhi.model.labels import Role


def document(name: str, split: str = "train") -> LabelledDocument:
    text = f"{name}号文件完成。"
    return LabelledDocument(name, split, text, (LabelledUnit(0, len(text), text, False, Role.ACHIEVEMENT, ()),), "")


DOCUMENTS = [
    *(document(f"A{number:02}") for number in range(20)),
    *(document(f"B{number:02}", "dev" if number < 3 else "train") for number in range(10)),
    *(document(f"A9{number}", "test") for number in range(5)),  # the letter of a set does not make them part of it
]


def dev_of(documents: list[LabelledDocument]) -> set[str]:
    return {document.id for document in of_split(documents, "dev")}


def test_the_same_seed_gives_the_same_split() -> None:
    assert resplit(DOCUMENTS, 0.2, seed=3) == resplit(DOCUMENTS, 0.2, seed=3)


def test_another_seed_gives_another_split() -> None:
    assert len({frozenset(dev_of(resplit(DOCUMENTS, 0.2, seed))) for seed in range(5)}) == 5


def test_the_order_of_the_documents_does_not_matter_and_is_kept() -> None:
    shuffled = random.Random(1).sample(DOCUMENTS, len(DOCUMENTS))
    split = resplit(shuffled, 0.2, seed=3)
    assert [document.id for document in split] == [document.id for document in shuffled]
    assert dev_of(split) == dev_of(resplit(DOCUMENTS, 0.2, seed=3))


def test_the_split_before_does_not_matter() -> None:
    assert dev_of(resplit(resplit(DOCUMENTS, 0.5, seed=1), 0.2, seed=3)) == dev_of(resplit(DOCUMENTS, 0.2, seed=3))


def test_every_set_gives_its_share() -> None:
    assert Counter(name[0] for name in dev_of(resplit(DOCUMENTS, 0.2, seed=3))) == {"A": 4, "B": 2}


@pytest.mark.parametrize("share", [0.01, 0.2, 0.99])
def test_documents_stay_whole_and_each_is_on_one_side(share: float) -> None:
    split = resplit(DOCUMENTS, share, seed=3)
    assert [(d.id, d.text, d.units, d.note) for d in split] == [(d.id, d.text, d.units, d.note) for d in DOCUMENTS]
    assert {d.split for d in split} <= {"train", "dev", "test"}


@pytest.mark.parametrize("share", [0.01, 0.2, 0.99])
def test_test_documents_stay_test_and_no_other_becomes_one(share: float) -> None:
    split = resplit(DOCUMENTS, share, seed=3)
    assert [document.id for document in of_split(split, "test")] == [f"A9{number}" for number in range(5)]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_a_share_that_leaves_a_side_empty_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 1, found {share}"):
        resplit(DOCUMENTS, share, seed=3)


def test_documents_of_several_splits_keep_their_order() -> None:
    chosen = of_split(DOCUMENTS, "test", "dev")
    assert [document.id for document in chosen] == ["B00", "B01", "B02", "A90", "A91", "A92", "A93", "A94"]
    assert of_split(DOCUMENTS) == []
