"""Batches -> logits, by ONNX Runtime. Imports neither torch nor transformers; knows no labels but their number."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

from fazhi.model.encode import Batch

Logits = npt.NDArray[np.float32]


class Engine(Protocol):
    """Anything that runs the model: role_logits and topic_logits, each [windows, units, 4]."""

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        """Answer one batch; rows past a window's own units are padding and mean nothing."""
        ...


class OnnxEngine:
    """The exported model on a CPU."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        # Sequences of many lengths would keep an arena for each of them; the plain allocator gives memory back.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        """Answer one batch."""
        feeds = {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "owners": batch.owners,
            "places": np.arange(batch.units, dtype=np.int64),
        }
        roles, topics = self._session.run(["role_logits", "topic_logits"], feeds)
        return roles, topics
