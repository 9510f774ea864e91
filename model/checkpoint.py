"""A trained model's folder: written whole, read with its checksums and labels checked.

Unpickles nothing, imports no torch.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from fazhi.model.decision import Decision
from fazhi.model.encode import EncodeConfig, Encoder
from fazhi.model.engine import OnnxEngine
from fazhi.model.errors import FazhiError
from fazhi.model.labels import ROLES, TOPICS
from fazhi.model.predict import Predictor

FORMAT = 1
CONFIG, TOKENIZER, WEIGHTS, SUMS = "config.json", "tokenizer.json", "model.safetensors", "SHA256SUMS"
CARD = "README.md"  # tells of the model and is no part of it: it gains figures later, and the version stays
ONNX = {"int8": "model.int8.onnx", "fp32": "model.fp32.onnx"}


class CheckpointError(FazhiError):
    """A model folder that is missing, damaged or made for other labels."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What a model folder says of itself: how to encode, how to decide, the encoder's shape, and how it was trained."""

    encode: EncodeConfig
    decision: Decision
    encoder: Mapping[str, Any]
    precision: str
    training: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write config.json."""
        content = {
            "format": FORMAT,
            "labels": {"roles": list(ROLES), "topics": list(TOPICS)},
            **dataclasses.asdict(self),
        }
        (folder / CONFIG).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def load_config(folder: Path) -> ModelConfig:
    """Read config.json; raises CheckpointError."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(
            f"{folder} holds no trained model ({CONFIG} is missing): run `make train`, or name another folder"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise CheckpointError(f"{path}: expected format {FORMAT}, found {content['format']!r}")
        if content["labels"] != {"roles": list(ROLES), "topics": list(TOPICS)}:
            raise CheckpointError(
                f"{path}: expected the labels {', '.join([*ROLES, *TOPICS])}, found {content['labels']}"
            )
        if content["precision"] not in ONNX:
            raise ValueError(f"precision {content['precision']!r}")
        decision = {**content["decision"], "thresholds": tuple(content["decision"]["thresholds"])}
        return ModelConfig(
            encode=EncodeConfig(**content["encode"]),
            decision=Decision(**decision),
            encoder=content["encoder"],
            precision=content["precision"],
            training=content["training"],
        )
    except (KeyError, TypeError, ValueError) as error:  # JSON's and UTF-8's errors are ValueErrors
        raise CheckpointError(f"{path}: not a model's config ({error})") from error


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over the files of the folder, its card apart: that may be completed without a new version."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name not in (SUMS, CARD))
    lines = [f"{sha256(folder / name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> None:
    """Compare every file with SHA256SUMS; raises CheckpointError that names the first that differs.

    The card is not compared, even where it has a sum.
    """
    path = folder / SUMS
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no finished model ({SUMS} is missing): run `make train`")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    sums = {name: expected for expected, _, name in (line.partition("  ") for line in lines)}
    for name in (CONFIG, TOKENIZER, WEIGHTS, *ONNX.values()):
        if name not in sums:
            raise CheckpointError(f"{path} is damaged: expected a line for {name}, found none")
    sums.pop(CARD, None)
    for name, expected in sums.items():
        file = folder / name
        found = sha256(file) if file.is_file() else "no file"
        if found != expected:
            raise CheckpointError(f"{file} is damaged: expected SHA-256 {expected}, found {found}")


def version(folder: Path) -> str:
    """Twelve hex digits that name a model: those of its SHA256SUMS."""
    return sha256(folder / SUMS)[:12]


def load_encoder(folder: Path, config: ModelConfig) -> Encoder:
    """The encoder of a model folder."""
    return Encoder(Tokenizer.from_file(str(folder / TOKENIZER)), config.encode)


def load_predictor(folder: Path, precision: str | None = None, lanes: int | None = None) -> Predictor:
    """The exported model of a folder, checked and ready; `precision` (int8, fp32) overrides the folder's own."""
    config = load_config(folder)
    check_sums(folder)
    engine = OnnxEngine(folder / ONNX[precision or config.precision], lanes)
    return Predictor(load_encoder(folder, config), engine, config.decision)


def sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
