"""A trained model's speed, three ways, on the same units in one run.

Ratios are to be read, not the figures themselves.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertPreTrainedModel, PreTrainedTokenizerFast, pipeline
from transformers import logging as transformers_logging
from transformers.modeling_outputs import SequenceClassifierOutput

from fazhi.model.bert import MultiHeadBert, TorchEngine, load_network
from fazhi.model.checkpoint import load_config, load_encoder, load_predictor
from fazhi.model.document import Document, bare_sentence, read_document
from fazhi.model.labels import ROLES
from fazhi.model.normalize import normalize
from fazhi.model.predict import Predictor

ROUNDS = 3


class _SentenceClassifier(BertPreTrainedModel):
    """The same weights as the plain pipeline wants them: one sentence in, its role logits out."""

    config_class = BertConfig

    def __init__(self, config: BertConfig, network: MultiHeadBert) -> None:
        super().__init__(config)
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> SequenceClassifierOutput:
        owners = torch.zeros_like(input_ids) - 1
        owners[:, 1:-1] = 0
        roles, _topics = self.network(input_ids, attention_mask, owners, torch.arange(1))
        return SequenceClassifierOutput(logits=roles[:, 0])


def plain_pipeline(folder: Path, network: MultiHeadBert) -> Any:
    """A model folder as a transformers pipeline around its network: a sentence in, its role out."""
    config = load_config(folder)
    tokenizer = load_encoder(folder, config).tokenizer
    settings = BertConfig(**{**config.encoder, "id2label": dict(enumerate(map(str, ROLES)))})
    names = {"cls_token": config.encode.cls, "sep_token": config.encode.sep, "pad_token": config.encode.pad}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{name: tokenizer.id_to_token(i) for name, i in names.items()}
    )
    transformers_logging.set_verbosity(logging.CRITICAL)  # it lists every model it knows when a class is not among them
    classifier = _SentenceClassifier(settings, network)
    return pipeline("text-classification", model=classifier, tokenizer=fast, device="cpu")


def bench(folder: Path, texts: Sequence[str]) -> str:
    """Units per second of each way, the best of three interleaved rounds, as a Markdown table."""
    documents = [read_document(text) for text in texts]
    units = [unit.text for document in documents for unit in document.units]
    sentences = [bare_sentence(text) for text in units]
    ways = _ways(folder, units, sentences, documents)
    seconds: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name] = min(seconds.get(name, float("inf")), time.perf_counter() - begin)
    slowest = seconds["transformers pipeline, one sentence at a time"]
    lines = [f"{len(units)} units, {torch.get_num_threads()} threads, best of {ROUNDS} interleaved rounds", ""]
    lines += ["| way | units per second | times the pipeline |", "|---|--:|--:|"]
    lines += [f"| {name} | {len(units) / taken:.0f} | {slowest / taken:.1f} |" for name, taken in seconds.items()]
    return "\n".join(lines)


def _ways(
    folder: Path, units: list[str], sentences: list[Document], documents: list[Document]
) -> dict[str, Callable[[], object]]:
    config = load_config(folder)
    network = load_network(folder)
    encoder = load_encoder(folder, config)
    int8 = load_predictor(folder, "int8", lanes=torch.get_num_threads())
    in_torch = Predictor(encoder, TorchEngine(network), config.decision)
    plain = plain_pipeline(folder, network)
    normalized = [normalize(text) for text in units]
    return {
        "int8 engine, bare sentences, length-sorted batches": lambda: int8.predict(sentences),
        "int8 engine, whole documents in context": lambda: int8.predict(documents),
        "torch fp32, bare sentences, the same batches": lambda: in_torch.predict(sentences),
        "transformers pipeline, one sentence at a time": lambda: plain(normalized),
    }
