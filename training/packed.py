"""An encoder's folder <-> a packed one, small enough for git: matrices as int8 with a scale for each row.

A weight moves by half a step of its row at most, a step being the row's largest weight / 127; vectors stay as they are.
Knows arrays and files, no network.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from fazhi.training.encoder_card import encoder_card
from fazhi.training.folders import EncoderError, damaged, keep_others, write_whole

WEIGHTS = "model.int8.safetensors"
FLOAT_WEIGHTS = "model.safetensors"
CONFIG, CARD, ADAPTED = "config.json", "README.md", "adapted.json"
COPIED = (CONFIG, "tokenizer.json", "tokenizer_config.json")
PACKED = (*COPIED, WEIGHTS)
UNPACKED = (*COPIED, FLOAT_WEIGHTS)
SCALE = ".scale"  # beside the matrix of this name
STEPS = np.float32(127)
OF_ONE_MACHINE = ("_name_or_path",)
WAY_OUT = "get the packed encoder anew"

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]


def pack(folder: Path, out: Path, about: str = "") -> None:
    """Write the encoder in `folder` to `out`, packed, with a card; `about` says on the card what its texts are.

    Raises EncoderError.
    """
    check_target(out)
    config, adapted = _read_json(folder / CONFIG), None
    if (folder / ADAPTED).is_file():
        adapted = _read_json(folder / ADAPTED)
    weights = _quantized(_load(folder / FLOAT_WEIGHTS))
    card = encoder_card(config, adapted, about)

    def fill(new: Path) -> None:
        _copy(folder, new)
        kept = {key: value for key, value in config.items() if key not in OF_ONE_MACHINE}
        (new / CONFIG).write_text(json.dumps(kept, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        (new / WEIGHTS).write_bytes(save(weights))
        (new / CARD).write_text(card, encoding="utf-8")

    write_whole(out, fill)


def unpack(packed: Path, folder: Path) -> None:
    """Write a packed encoder to `folder` as `AutoModel` and `AutoTokenizer` load it; raises EncoderError."""
    if name := damaged(packed, PACKED):
        raise EncoderError(f"{packed / name} is missing or damaged: {WAY_OUT}")
    weights = _restored(_load(packed / WEIGHTS))

    def fill(new: Path) -> None:
        _copy(packed, new)
        (new / FLOAT_WEIGHTS).write_bytes(save(weights, metadata={"format": "pt"}))

    write_whole(folder, fill)


def check_target(out: Path) -> None:
    """Raise EncoderError if packing to `out` would replace anything but a packed encoder."""
    keep_others(out, WEIGHTS)


def quantize_rows(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Give int8 rows and the scale of each: value x scale is within half a scale of the weight."""
    scales = np.abs(matrix).max(axis=1, initial=0) / STEPS
    scales[scales == 0] = 1
    return np.rint(matrix / scales[:, None]).clip(-STEPS, STEPS).astype(np.int8), scales


def _quantized(weights: Arrays) -> Arrays:
    packed: Arrays = {}
    for name, array in weights.items():
        if not np.issubdtype(array.dtype, np.floating):
            packed[name] = array
            continue
        if not np.isfinite(array).all():
            raise EncoderError(f"the weights {name} are not all finite numbers: train the encoder anew")
        packed[name] = array.astype(np.float32)
        if array.ndim == 2:
            packed[name], packed[name + SCALE] = quantize_rows(packed[name])
    return packed


def _restored(packed: Arrays) -> Arrays:
    scales = {name + SCALE for name in packed if name + SCALE in packed}
    return {
        name: array * packed[name + SCALE][:, None] if name + SCALE in scales else array
        for name, array in packed.items()
        if name not in scales
    }


def _load(path: Path) -> Arrays:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise EncoderError(f"{path} is missing: pass a folder that transformers wrote with save_pretrained") from error
    except (SafetensorError, KeyError, TypeError) as error:  # the last two: numbers that numpy does not have
        raise EncoderError(f"{path} cannot be read ({error}): get the encoder anew") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{path} cannot be read ({error}): pass a folder that transformers wrote with save_pretrained"
        ) from error
    return content


def _copy(source: Path, new: Path) -> None:
    """Copy the small files that both kinds of folder have."""
    for name in (*COPIED, ADAPTED):
        if name != ADAPTED or (source / name).is_file():
            try:
                shutil.copyfile(source / name, new / name)
            except FileNotFoundError as error:
                raise EncoderError(f"{source / name} is missing: get the encoder anew") from error
