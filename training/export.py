"""A fine-tuned network -> ONNX, fp32 and int8. Whether the export is good enough is judged by its caller."""

import warnings
from pathlib import Path
from typing import Any

import onnx
import torch

from fazhi.model.bert import MultiHeadBert
from fazhi.model.checkpoint import ONNX
from fazhi.training.quantize import quantize_by_token

OPSET = 20  # the first with Gelu as one operation, which ONNX Runtime runs as one


def export_onnx(network: MultiHeadBert, folder: Path) -> None:
    """Write the fp32 graph and its int8 twin; batch, length and units stay free."""
    # Written out, attention is an operation less to a layer than fused and taken apart again by the exporter.
    encoder: Any = network.encoder
    encoder.set_attn_implementation("eager")
    fp32, int8 = folder / ONNX["fp32"], folder / ONNX["int8"]
    ids = torch.ones(2, 16, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 12:] = 0
    owners = torch.tensor([[-1, -1, *[0] * 6, -1, *[1] * 6, -1]] * 2)
    dynamic = {
        "input_ids": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},
        "attention_mask": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},
        "owners": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},
        "places": {0: torch.export.Dim.DYNAMIC},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        program = torch.onnx.export(
            network.cpu().float().eval(),
            (ids, mask, owners, torch.arange(3)),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(dynamic),
            output_names=["role_logits", "topic_logits"],
            dynamic_shapes=dynamic,
            verbose=False,
        )
        assert program
        program.save(str(fp32), external_data=False)
    graph = onnx.load(fp32)
    quantize_by_token(graph)
    onnx.save(graph, int8)
    for path in (fp32, int8):
        onnx.checker.check_model(str(path))
