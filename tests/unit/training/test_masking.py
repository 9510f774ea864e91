"""What a masked language model is shown, and what it must guess."""

import numpy as np
import pytest

from fazhi.training.masking import Masked, MaskedBlocks, Pieces, collate_masked, mask_block
from fazhi.training.texts import Blocks

PIECES = Pieces(cls=2, sep=3, mask=499, special=frozenset({0, 1, 2, 3, 499}), ordinary=np.arange(4, 499))
LENGTH, COUNT = 60, 200
SHARE = 0.2


@pytest.fixture(scope="module")
def blocks() -> Blocks:
    """Random pieces in words of one to four, some separators among them; the first piece is often within a word."""
    rng = np.random.default_rng(3)
    ids = rng.choice(PIECES.ordinary, (COUNT, LENGTH)).astype(np.int32)
    starts = rng.random((COUNT, LENGTH)) < 0.5
    ends = rng.random((COUNT, LENGTH)) < 0.05
    ids[ends] = PIECES.sep
    starts |= ends  # a separator is a word
    starts[:, 1:] |= ends[:, :-1]  # and so is what follows it
    return Blocks(ids, starts)


@pytest.fixture(scope="module")
def masked(blocks: Blocks) -> list[Masked]:
    data = MaskedBlocks(blocks, range(COUNT), PIECES, SHARE, 13)
    return [data[index] for index in range(len(data))]


def test_the_share_of_masked_pieces(masked: list[Masked]) -> None:
    counts = np.array([len(block.places) for block in masked])

    assert counts.min() >= round(SHARE * LENGTH)
    assert counts.mean() / LENGTH == pytest.approx(SHARE, abs=0.03)  # the last word may go beyond it


def test_words_are_masked_whole(blocks: Blocks, masked: list[Masked]) -> None:
    for starts, block in zip(blocks.starts, masked, strict=True):
        words = np.cumsum([0, *starts[1:]])
        chosen = np.zeros(LENGTH, bool)
        chosen[block.places - 1] = True
        for word in range(words[-1] + 1):
            assert chosen[words == word].all() or not chosen[words == word].any()


def test_specials_are_never_masked(blocks: Blocks, masked: list[Masked]) -> None:
    for ids, block in zip(blocks.ids, masked, strict=True):
        assert (block.shown[0], block.shown[-1]) == (PIECES.cls, PIECES.sep)
        assert len(block.shown) == LENGTH + 2
        assert not set(block.hidden.tolist()) & PIECES.special
        assert (block.shown[1:-1][ids == PIECES.sep] == PIECES.sep).all()


def test_what_is_hidden_stood_there_and_nothing_else_changes(blocks: Blocks, masked: list[Masked]) -> None:
    for ids, block in zip(blocks.ids, masked, strict=True):
        assert np.array_equal(block.hidden, ids[block.places - 1])
        restored = block.shown.copy()
        restored[block.places] = block.hidden
        assert np.array_equal(restored[1:-1], ids)


def test_eight_of_ten_are_masked_one_is_another_one_stays(masked: list[Masked]) -> None:
    shown = np.concatenate([block.shown[block.places] for block in masked])
    hidden = np.concatenate([block.hidden for block in masked])
    others = shown[(shown != PIECES.mask) & (shown != hidden)]

    assert (shown == PIECES.mask).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown == hidden).mean() == pytest.approx(0.1, abs=0.02)
    assert len(others) / len(shown) == pytest.approx(0.1, abs=0.02)
    assert not set(others.tolist()) & PIECES.special


def test_masks_do_not_depend_on_what_was_asked_for_before(blocks: Blocks, masked: list[Masked]) -> None:
    data = MaskedBlocks(blocks, range(COUNT), PIECES, SHARE, 13)
    for index in (150, 7, 7, 0):
        assert np.array_equal(data[index].shown, masked[index].shown)
        assert np.array_equal(data[index].places, masked[index].places)


def test_another_seed_or_pass_masks_otherwise(blocks: Blocks, masked: list[Masked]) -> None:
    other = MaskedBlocks(blocks, range(COUNT), PIECES, SHARE, 14)
    assert not np.array_equal(other[0].shown, masked[0].shown)
    twice = MaskedBlocks(blocks, [5, 5], PIECES, SHARE, 13)
    assert not np.array_equal(twice[0].places, twice[1].places)


def test_nothing_but_specials_masks_nothing() -> None:
    ids = np.full(8, PIECES.sep, np.int32)
    block = mask_block(ids, np.ones(8, bool), PIECES, SHARE, np.random.default_rng(1))

    assert len(block.places) == len(block.hidden) == 0


def test_places_of_a_batch_lead_to_what_is_hidden(blocks: Blocks, masked: list[Masked]) -> None:
    batch = collate_masked(masked[:4])

    assert batch["input_ids"].shape == (4, LENGTH + 2)
    whole = np.stack([[PIECES.cls, *ids, PIECES.sep] for ids in blocks.ids[:4]]).ravel()
    assert np.array_equal(whole[batch["places"].numpy()], batch["labels"].numpy())
