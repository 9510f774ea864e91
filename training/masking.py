"""Blocks of pieces -> what a masked language model is shown, and what it must guess.

Words are masked whole or not at all (whole-word masking, Cui et al. 2019, arXiv:1906.08101), of those chosen 80 % by
the mask, 10 % by other pieces, 10 % not at all (Devlin et al. 2018, arXiv:1810.04805). A block's masks follow from the
seed and its place in the order alone, so that a run that was killed goes on as it would have gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fazhi.training.texts import Blocks

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The tokenizer's special ids, and the ids of ordinary pieces."""

    cls: int
    sep: int
    mask: int
    special: frozenset[int]
    ordinary: Ids  # all others


@dataclass(frozen=True, slots=True)
class Masked:
    """One block as shown, [length + 2], with the places that were chosen and the pieces that stood there."""

    shown: Ids
    places: Ids
    hidden: Ids


def mask_block(
    ids: npt.NDArray[np.int32], starts: npt.NDArray[np.bool_], pieces: Pieces, share: float, rng: np.random.Generator
) -> Masked:
    """Choose words at random until `share` of the pieces are chosen; special pieces never are."""
    shown = np.concatenate([[pieces.cls], ids, [pieces.sep]]).astype(np.int64)
    begins = np.flatnonzero(np.concatenate([[True], starts[1:]]))  # a block may begin within a word
    words = np.split(np.arange(1, len(ids) + 1), begins[1:])
    wanted = round(share * len(ids))
    chosen: list[int] = []
    for word in rng.permutation(len(words)):
        places = words[word]
        if len(chosen) >= wanted:
            break
        if shown[places[0]] in pieces.special:
            continue
        chosen += places.tolist()
    places = np.sort(np.array(chosen, dtype=np.int64))
    hidden = shown[places].copy()
    fate = rng.random(len(places))
    shown[places[fate < 0.8]] = pieces.mask
    others = places[fate >= 0.9]
    shown[others] = rng.choice(pieces.ordinary, len(others))
    return Masked(shown, places, hidden)


class MaskedBlocks(Dataset[Masked]):
    """Blocks in the order they are trained on, each masked when it is asked for."""

    def __init__(self, blocks: Blocks, order: Sequence[int], pieces: Pieces, share: float, seed: int) -> None:
        self._blocks, self._order, self._pieces, self._share, self._seed = blocks, order, pieces, share, seed

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Masked:
        block = self._order[index]
        rng = np.random.default_rng((self._seed, index))
        return mask_block(self._blocks.ids[block], self._blocks.starts[block], self._pieces, self._share, rng)


def collate_masked(blocks: Sequence[Masked]) -> dict[str, Tensor]:
    """`input_ids` [B, L], and of all masked places one after the other `places` (into [B x L]) and `labels`."""
    length = len(blocks[0].shown)
    return {
        "input_ids": torch.from_numpy(np.stack([block.shown for block in blocks])),
        "places": torch.from_numpy(np.concatenate([block.places + row * length for row, block in enumerate(blocks)])),
        "labels": torch.from_numpy(np.concatenate([block.hidden for block in blocks])),
    }
