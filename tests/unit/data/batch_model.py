"""A model for the tests of batches, which every process can make for itself: its answers follow from characters alone.

A text that holds 杀 kills the process that tags it, one that holds 错 raises, and 慢 takes a while.
"""

import os
import signal
import time
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from fazhi.model.decision import Decision
from fazhi.model.encode import Batch, EncodeConfig, Encoder
from fazhi.model.engine import Logits
from fazhi.model.predict import Predictor

PIECES = dict(zip(("[UNK]", "[CLS]", "[SEP]", "[PAD]", "杀", "错", "慢", "不", "将"), range(9), strict=True))
LOG = "BATCH_TEST_LOG"  # names a file that gets a line, the process's number, for every batch of windows


class CharacterEngine:
    """Role by a character: 不 is a problem, 将 a plan, all else an achievement."""

    lanes = 1

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        if (batch.ids == PIECES["杀"]).any():
            os.kill(os.getpid(), signal.SIGKILL)
        if (batch.ids == PIECES["错"]).any():
            raise ValueError("no answer for this one")
        if (batch.ids == PIECES["慢"]).any():
            time.sleep(0.2)
        if name := os.environ.get(LOG):
            with Path(name).open("a", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        roles = np.zeros((len(batch.ids), batch.units, 4), np.float32)
        for place in range(batch.units):
            own = batch.ids * (batch.owners == place)
            roles[:, place, 1] = 4 * (own == PIECES["不"]).any(axis=1)
            roles[:, place, 2] = 3 * (own == PIECES["将"]).any(axis=1)
        roles[..., 0] = 2
        return roles, np.full((*roles.shape[:2], 4), -1, np.float32)


def load() -> Predictor:
    """The model, as `load_predictor` would give it."""
    tokenizer = Tokenizer(models.WordLevel(PIECES, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    encoder = Encoder(tokenizer, EncodeConfig(cls=PIECES["[CLS]"], sep=PIECES["[SEP]"], pad=PIECES["[PAD]"]))
    return Predictor(encoder, CharacterEngine(), Decision(abstain_below=0.5))


def load_nothing() -> Predictor:
    """A model that is damaged."""
    raise RuntimeError("the model is damaged")
