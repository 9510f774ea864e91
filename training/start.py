"""A finished model -> the network that a fit goes on from (setting `start`), if what it has seen and its make allow it.

Trains nothing, writes nothing.
"""

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoConfig

from fazhi.data.corpus import fingerprint
from fazhi.model.bert import MultiHeadBert, build, load_network
from fazhi.model.checkpoint import SUMS, TOKENIZER, load_config, version
from fazhi.model.encode import Encoder
from fazhi.training.config import ConfigError, TrainConfig
from fazhi.training.sources import Sources

SHAPE = (
    "model_type",
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)


def origin(config: TrainConfig) -> str:
    """Which model the settings start from, by its version; empty for a pretrained encoder."""
    if not config.start:
        return ""
    if not (Path(config.start) / SUMS).is_file():
        raise ConfigError(f"start: {config.start} holds no finished model ({SUMS} is missing)")
    return version(Path(config.start))


def check_unseen(config: TrainConfig, sources: Sources) -> None:
    """Refuse a start that has seen the documents which are to judge what comes of it.

    It must have been kept from our very dev and test sets. A start's own start was held to the same when it was used.
    """
    if not origin(config):
        return
    training = load_config(Path(config.start)).training
    test = [document for document in sources.documents if document.split == "test" or document.id in sources.lent]
    judges = {"dev": sources.split("dev"), "test": test}
    for name, documents in judges.items():
        if getattr(config, f"include_{name}"):
            continue
        if training["settings"][f"include_{name}"]:
            raise ConfigError(f"start: {config.start} was trained on the {name} documents, which are to judge here")
        if training["data"][name] != fingerprint([replace(document, split=name) for document in documents]):
            raise ConfigError(f"start: {config.start} was kept from other {name} documents than those that judge here")


def check_encoding(config: TrainConfig, encoder: Encoder) -> None:
    """Refuse a start that reads texts otherwise than the settings and their encoder do."""
    if not origin(config):
        return
    folder = Path(config.start)
    theirs = load_config(folder).encode
    if theirs != encoder.config:
        raise ConfigError(f"start: {folder} was made with other budgets: {theirs}, the settings have {encoder.config}")
    if Tokenizer.from_file(str(folder / TOKENIZER)).to_str() != encoder.tokenizer.to_str():
        raise ConfigError(f"start: {folder} has another tokenizer than the encoder {config.encoder}")


def load_start(config: TrainConfig, encoder: Path | str) -> MultiHeadBert:
    """The whole network of the start, encoder and heads, with the dropout and attention of the settings."""
    trained = load_network(Path(config.start))
    theirs = dict(trained.encoder.config.to_diff_dict())  # type: ignore[union-attr,operator]
    ours = AutoConfig.from_pretrained(encoder)
    shape = {name: getattr(ours, name, None) for name in SHAPE}
    shape["num_hidden_layers"] = config.layers or shape["num_hidden_layers"]
    for name, expected in shape.items():
        if theirs.get(name) != expected:
            raise ConfigError(
                f"start: {config.start} has {name} {theirs.get(name)}, the encoder {config.encoder} {expected}"
            )
    dropout = {"hidden_dropout_prob": config.encoder_dropout, "attention_probs_dropout_prob": config.encoder_dropout}
    network = build({**theirs, **dropout}, config.attention, config.head_dropout)
    network.load_state_dict(trained.state_dict())
    return network
