"""Batches -> logits, by ONNX Runtime. Imports neither torch nor transformers; knows no labels but their number."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

from fazhi.model.encode import Batch

Logits = npt.NDArray[np.float32]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Engine(Protocol):
    """Anything that runs the model: role_logits and topic_logits, each [windows, units, 4].

    `lanes` is how many batches it should be given at once, from as many threads.
    """

    lanes: int

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        """Answer one batch; rows past a window's own units are padding and mean nothing."""
        ...


class OnnxEngine:
    """The exported model on a CPU: one core to a batch, which takes less of them than two that wait for each other."""

    def __init__(self, path: Path, lanes: int | None = None) -> None:
        self.lanes = lanes or cores()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # Sequences of many lengths would keep an arena for each of them; the plain allocator gives memory back.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        # Fused with the sum before it, a layer norm takes several times as long on a CPU (ONNX Runtime 1.32).
        options.add_session_config_entry("optimization.disable_specified_optimizers", "SkipLayerNormFusion")
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
