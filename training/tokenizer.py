"""A pretrained encoder's tokenizer and the settings -> the Encoder that training and serving share."""

import dataclasses
from pathlib import Path

from transformers import AutoTokenizer

from fazhi.model.encode import Budgets, EncodeConfig, Encoder
from fazhi.training.config import TrainConfig
from fazhi.training.folders import EncoderError


def load_encoder(start: Path | str, config: TrainConfig) -> Encoder:
    """Take the fast tokenizer of an encoder, with its special pieces' ids; raises EncoderError."""
    tokenizer = AutoTokenizer.from_pretrained(start, use_fast=True)
    ids = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if not tokenizer.is_fast or None in ids:
        raise EncoderError(
            f"{start} has no fast tokenizer with [CLS], [SEP] and [PAD]: name a BERT, or use ENCODER=builtin"
        )
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    budgets = {field.name: getattr(config, field.name) for field in dataclasses.fields(Budgets)}
    return Encoder(backend, EncodeConfig(**budgets, cls=ids[0], sep=ids[1], pad=ids[2]))
