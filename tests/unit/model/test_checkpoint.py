"""A model's folder: what it holds, and every way in which it is refused."""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fazhi.model import checkpoint
from fazhi.model.bert import load_network
from fazhi.model.checkpoint import (
    CARD,
    CONFIG,
    ONNX,
    SUMS,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
    ModelConfig,
    check_sums,
    load_config,
    load_predictor,
    version,
    write_sums,
)
from fazhi.model.decision import Decision
from fazhi.model.document import read_document
from fazhi.model.encode import EncodeConfig
from fazhi.model.errors import FazhiError
from fazhi.model.predict import Predictor

TEXT = "一、主要工作\n开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件。\n"
FILES = [CARD, SUMS, CONFIG, "metrics.json", ONNX["fp32"], ONNX["int8"], WEIGHTS, TOKENIZER]


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    """Change config.json and make its checksum fit."""
    content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    change(content)
    (folder / CONFIG).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    write_sums(folder)


def refusal(folder: Path, load: Callable[[Path], object] = load_predictor) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    return str(caught.value)


def test_a_finished_folder_holds_what_its_card_says(tiny_model: Path) -> None:
    assert sorted(path.name for path in tiny_model.iterdir()) == FILES
    check_sums(tiny_model)


@pytest.mark.parametrize("precision", [None, "int8", "fp32"])
def test_a_folder_gives_a_predictor(tiny_model: Path, precision: str | None) -> None:
    document = read_document(TEXT)
    (predictions,) = load_predictor(tiny_model, precision, lanes=1).predict([document])
    assert len(predictions) == len(document.units) == 3


def test_the_folders_own_precision_is_the_default(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(checkpoint, "OnnxEngine", lambda path, threads: opened.append(path.name))
    load_predictor(tiny_model)
    load_predictor(tiny_model, "fp32")
    assert opened == [ONNX["int8"], ONNX["fp32"]]


def test_a_config_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    config = ModelConfig(
        encode=EncodeConfig(window=200, unit=50, margin=0, cls=7, sep=8, pad=9),
        decision=Decision(1.25, 0.75, (0.1, 0.2, 0.3, 0.4), 0.55),
        encoder={"model_type": "bert", "hidden_size": 32},
        precision="fp32",
        training={"date": "2024-01-08", "settings": {"encoder": "builtin"}},
    )
    config.save(tmp_path)
    assert load_config(tmp_path) == config


@pytest.mark.parametrize("load", [load_predictor, load_config, load_network])
def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path, load: Callable[[Path], object]) -> None:
    expected = f"{tmp_path / 'no'} holds no trained model (config.json is missing): run `make train`, or name another"
    assert refusal(tmp_path / "no", load).startswith(expected)


def test_an_unfinished_folder_says_so(folder: Path) -> None:
    (folder / SUMS).unlink()
    assert refusal(folder) == f"{folder} holds no finished model ({SUMS} is missing): run `make train`"


@pytest.mark.parametrize("load", [load_predictor, load_network])
@pytest.mark.parametrize("name", [name for name in FILES if name not in (CARD, SUMS, CONFIG)])
def test_a_damaged_file_is_named(folder: Path, name: str, load: Callable[[Path], object]) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    assert refusal(folder, load).startswith(f"{folder / name} is damaged: expected SHA-256 ")


@pytest.mark.parametrize("name", [WEIGHTS, ONNX["int8"], TOKENIZER])
def test_a_file_cut_short_or_missing_is_named(folder: Path, name: str) -> None:
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[:-1])
    assert refusal(folder).startswith(f"{folder / name} is damaged: expected SHA-256 ")
    (folder / name).unlink()
    assert refusal(folder).endswith("found no file")


@pytest.mark.parametrize("lines", [0, 1, 5])
def test_checksums_that_lack_a_file_are_damaged_themselves(folder: Path, lines: int) -> None:
    kept = (folder / SUMS).read_text(encoding="utf-8").splitlines(keepends=True)[:lines]
    (folder / SUMS).write_text("".join(kept), encoding="utf-8")
    assert refusal(folder).startswith(f"{folder / SUMS} is damaged: ")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe\x00", b"{}", b'{"format": 1}'])
def test_a_config_that_is_none_is_named(folder: Path, raw: bytes) -> None:
    (folder / CONFIG).write_bytes(raw)
    write_sums(folder)
    assert refusal(folder).startswith(f"{folder / CONFIG}: not a model's config (")


def test_checksums_that_are_no_text_are_named(folder: Path) -> None:
    (folder / SUMS).write_bytes(b"\xff\xfe\x00")
    assert refusal(folder).startswith(f"{folder / SUMS} is damaged: ")


def test_a_config_of_another_format_is_refused(folder: Path) -> None:
    edit(folder, lambda content: content.update(format=2))
    assert refusal(folder) == f"{folder / CONFIG}: expected format 1, found 2"


@pytest.mark.parametrize(
    "labels",
    [
        {"roles": ["成效", "问题", "计划"], "topics": ["执法", "复议", "审批", "普法"]},
        {"roles": ["问题", "成效", "计划", "其他"], "topics": ["执法", "复议", "审批", "普法"]},
        {"roles": ["成效", "问题", "计划", "其他"], "topics": ["执法", "复议", "审批", "宣传"]},
        [],
    ],
    ids=["fewer", "another order", "another name", "none"],
)
@pytest.mark.parametrize("load", [load_predictor, load_network])
def test_a_model_of_other_labels_is_refused(folder: Path, labels: object, load: Callable[[Path], object]) -> None:
    edit(folder, lambda content: content.update(labels=labels))
    expected = "成效, 问题, 计划, 其他, 执法, 复议, 审批, 普法"
    assert refusal(folder, load) == f"{folder / CONFIG}: expected the labels {expected}, found {labels}"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("encode"),
        lambda content: content.pop("precision"),
        lambda content: content["encode"].update(widow=1),
        lambda content: content["decision"].pop("thresholds"),
        lambda content: content["decision"].update(thresholds=0.5),
        lambda content: content.update(decision=None),
        lambda content: content.update(precision="fp16"),
    ],
    ids=["no encode", "no precision", "unknown budget", "no thresholds", "one threshold", "null", "precision"],
)
def test_a_config_that_lacks_or_misnames_something_is_named(folder: Path, change: Callable[[Any], object]) -> None:
    edit(folder, change)
    assert refusal(folder).startswith(f"{folder / CONFIG}: not a model's config (")


def test_every_refusal_is_one_the_user_can_mend() -> None:
    assert issubclass(CheckpointError, FazhiError)


def test_a_version_names_the_contents(tiny_model: Path, folder: Path) -> None:
    before = version(tiny_model)
    assert version(folder) == before
    assert len(before) == 12
    edit(folder, lambda content: content["decision"].update(abstain_below=0.123))
    assert version(folder) != before


def test_the_card_is_no_part_of_the_model(folder: Path) -> None:
    before = version(folder)
    (folder / CARD).write_text("another", encoding="utf-8")
    check_sums(folder)
    (folder / CARD).unlink()
    check_sums(folder)
    assert version(folder) == before


def test_nothing_is_unpickled(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert isinstance(load_predictor(tiny_model), Predictor)
    assert load_network(tiny_model).role.weight.shape == (4, 32)


def test_no_file_is_a_pickle_or_an_archive_of_them(tiny_model: Path) -> None:
    for path in tiny_model.iterdir():
        raw = path.read_bytes()
        assert not raw.startswith(b"\x80"), f"{path.name} begins as a pickle does"
        assert not zipfile.is_zipfile(io.BytesIO(raw)), path.name
