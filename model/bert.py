"""The network: a BERT encoder, and two heads over each unit's own tokens.

Imports torch; serving on a CPU does not import this.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from fazhi.model.checkpoint import WEIGHTS, check_sums, load_config
from fazhi.model.encode import Batch
from fazhi.model.engine import Logits
from fazhi.model.labels import ROLES, TOPICS


class MultiHeadBert(nn.Module):
    """Token ids of windows in, role and topic logits of their units out."""

    def __init__(self, encoder: nn.Module, hidden: int, dropout: float) -> None:
        super().__init__()
        if hasattr(encoder, "pooler"):
            encoder.register_module("pooler", None)  # a layer over the first token, which nothing here reads
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.role = nn.Linear(hidden, len(ROLES))
        self.topic = nn.Linear(hidden, len(TOPICS))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, owners: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[B, L] ids, mask and owners, [U] places = 0..U-1 -> role and topic logits, each [B, U, 4].

        A unit's vector is the mean of its own tokens' last hidden states; a place without tokens has a zero vector.
        """
        outputs: Any = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        hidden: Tensor = outputs.last_hidden_state  # [B, L, H]
        owned = (owners.unsqueeze(1) == places.view(1, -1, 1)).to(hidden.dtype)  # [B, U, L]
        counts = owned.sum(dim=2, keepdim=True).clamp(min=1.0)  # [B, U, 1]
        pooled = self.dropout(torch.matmul(owned, hidden) / counts)  # [B, U, H]
        return self.role(pooled), self.topic(pooled)


def build(encoder_config: dict[str, Any], attention: str = "sdpa", dropout: float = 0.0) -> MultiHeadBert:
    """An untrained network of the saved encoder's shape."""
    settings = AutoConfig.for_model(**encoder_config)
    encoder = AutoModel.from_config(settings, attn_implementation=attention)
    return MultiHeadBert(encoder, settings.hidden_size, dropout)


class TorchEngine:
    """The network in torch, on whatever device it lies: for GPUs, and to judge an export by."""

    lanes = 1  # torch spreads one batch over the cores by itself

    def __init__(self, model: MultiHeadBert, bf16: bool = False) -> None:
        self._model = model
        self._bf16 = bf16

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        """Answer one batch."""
        device = self._model.role.weight.device
        arrays = (batch.ids, batch.mask, batch.owners, np.arange(batch.units, dtype=np.int64))
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            roles, topics = self._model(*(torch.from_numpy(array).to(device) for array in arrays))
        return roles.float().cpu().numpy(), topics.float().cpu().numpy()


def load_network(folder: Path) -> MultiHeadBert:
    """The network of a model folder, its checksums checked; for GPUs, benchmarks and further training."""
    config = load_config(folder)
    check_sums(folder)
    network = build(dict(config.encoder))
    network.load_state_dict(load_file(str(folder / WEIGHTS)))
    return network.eval()
