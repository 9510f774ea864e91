"""Documents and a frozen encoder -> a vector for every unit, in the context of its document. Trains nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import AutoModel

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import read_gold
from fazhi.model import checkpoint
from fazhi.model.bert import MultiHeadBert, load_network
from fazhi.model.encode import Encoder, Window, collate, pack
from fazhi.training.config import TrainConfig
from fazhi.training.encoders import resolve_encoder
from fazhi.training.finetune import use_bf16
from fazhi.training.tokenizer import load_encoder

log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]

LOGGED = 50  # batches between two lines of the log


@dataclass(frozen=True, slots=True)
class Frozen:
    """A network that answers with units' vectors, and the Encoder that goes with it."""

    encoder: Encoder
    network: MultiHeadBert


class _TwoLayers(nn.Module):
    """An encoder whose hidden states are those of its last layer and, beside them, of a middle one."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """[B, L] ids and mask -> hidden states [B, L, 2H]."""
        outputs = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        middle = outputs.hidden_states[len(outputs.hidden_states) // 2]
        return SimpleNamespace(last_hidden_state=torch.cat([outputs.last_hidden_state, middle], dim=-1))


def load_pretrained(name: str, cache: Path) -> Frozen:
    """`builtin`, a folder or a hub name, encoding as a training with default settings does; raises EncoderError."""
    config = TrainConfig()
    start = resolve_encoder(name, cache)
    body = AutoModel.from_pretrained(
        start, attn_implementation=config.attention, use_safetensors=True, dtype=torch.float32
    )
    return freeze(load_encoder(start, config), body)


def load_trained(folder: Path) -> Frozen:
    """The encoder of a trained model's folder, encoding as that model does; raises CheckpointError."""
    return freeze(checkpoint.load_encoder(folder, checkpoint.load_config(folder)), load_network(folder).encoder)


def freeze(encoder: Encoder, body: nn.Module) -> Frozen:
    """Pool units as the tagger does, with heads that hand on the vectors they are given."""
    network = MultiHeadBert(_TwoLayers(body), hidden=1, dropout=0.0)
    for head in ("role", "topic"):
        network.register_module(head, nn.Identity())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Frozen(encoder, network.eval().to(device))


def unit_vectors(frozen: Frozen, documents: Sequence[LabelledDocument], bf16: str = "auto") -> Vectors:
    """Means over each unit's own tokens, [units of all documents, 2H]: the last layer's, then the middle layer's."""
    windows, places = _windows(frozen.encoder, documents)
    total = sum(len(document.units) for document in documents)
    vectors: Vectors = np.zeros((0, 0), np.float32)
    groups = pack(windows, TrainConfig().batch_tokens)
    for number, group in enumerate(groups):
        answers = _run(frozen, [windows[index] for index in group], use_bf16(bf16))
        if not number:
            vectors = np.zeros((total, answers.shape[-1]), np.float32)
        for index, answer in zip(group, answers, strict=True):
            window = windows[index]
            first, last = window.answered
            shown = slice(first - window.units[0], last - window.units[0])
            vectors[places[index] + first : places[index] + last] = answer[shown]
        if number % LOGGED == LOGGED - 1:
            log.info("vectors: %d of %d batches", number + 1, len(groups))
    return vectors


def _windows(encoder: Encoder, documents: Sequence[LabelledDocument]) -> tuple[list[Window], list[int]]:
    """Give the windows of all documents, and for each the place of its document's first unit among all units."""
    windows: list[Window] = []
    places: list[int] = []
    units = 0
    for document in documents:
        cut = encoder.windows(read_gold(document))
        windows += cut
        places += [units] * len(cut)
        units += len(document.units)
    return windows, places


def _run(frozen: Frozen, windows: Sequence[Window], bf16: bool) -> Vectors:
    batch = collate(windows, frozen.encoder.config.pad)
    device = next(frozen.network.parameters()).device
    arrays = (batch.ids, batch.mask, batch.owners, np.arange(batch.units, dtype=np.int64))
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        vectors, _ = frozen.network(*(torch.from_numpy(array).to(device) for array in arrays))
    pooled: Vectors = vectors.float().cpu().numpy()
    return pooled
