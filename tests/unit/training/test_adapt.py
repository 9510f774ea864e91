"""Continued pretraining of a tiny random BERT on the invented reports."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from fazhi.training import adapt as module
from fazhi.training.adapt import adapt
from fazhi.training.cli import app
from fazhi.training.config import ConfigError, read_adapt_config
from fazhi.training.encoders import resolve_encoder
from fazhi.training.folders import EncoderError
from fazhi.training.texts import TextError

QUICK = {"length": 24, "batch": 4, "passes": 2, "held_out": 0.1, "learning_rate": 0.01, "bf16": "off"}


@pytest.fixture
def texts(tiny_data: Path, tmp_path: Path) -> Path:
    """A folder with the invented reports, a sentence a line."""
    (tmp_path / "texts").mkdir()
    for path in sorted(tiny_data.glob("*/documents/*.txt")):
        sentences = re.sub("(?<=[。；])", "\n", path.read_text(encoding="utf-8"))
        (tmp_path / "texts" / path.name).write_text(sentences, encoding="utf-8")
    return tmp_path / "texts"


@pytest.fixture
def run(texts: Path, tiny_encoder_folder: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(name: str, **settings: Any) -> dict[str, Any]:
        given = {**QUICK, "encoder": str(tiny_encoder_folder), **settings}
        return adapt([texts], read_adapt_config(**given), tmp_path / name, tmp_path / name / "adapted")

    return run


def test_perplexity_falls_and_the_folder_is_an_encoder(
    run: Callable[..., dict[str, Any]], texts: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    facts = run("a", passes=4)

    assert facts["perplexity"]["last"] < 0.7 * facts["perplexity"]["first"]
    assert {name for name, _ in facts["texts"]} == {path.name for path in texts.iterdir()}
    assert facts["settings"]["passes"] == 4
    folder = tmp_path / "a" / "adapted"
    assert json.loads((folder / "adapted.json").read_text(encoding="utf-8")) == facts
    assert resolve_encoder(str(folder), tmp_path) == folder
    _, loading = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    assert not any(loading.values())
    sentence = "办理行政复议案件12件。"
    before, after = (AutoTokenizer.from_pretrained(path)(sentence) for path in (tiny_encoder_folder, folder))
    assert before["input_ids"] == after["input_ids"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["adapted", "runs"]
    assert not list((tmp_path / "a").rglob("checkpoint-*"))


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"save_every": 2, "judge_every": 2}
    unbroken = run("unbroken", **settings)
    steps = []
    step = module._MaskedTrainer.training_step

    def training_step(*args: Any, **kwargs: Any) -> Any:
        steps.append(None)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module._MaskedTrainer, "training_step", training_step)
        with pytest.raises(KeyboardInterrupt):
            run("broken", **settings)
    assert not (tmp_path / "broken" / "adapted").exists()
    assert list((tmp_path / "broken").rglob("checkpoint-4"))
    gone_on = run("broken", **settings)

    weights = [(tmp_path / name / "adapted" / "model.safetensors").read_bytes() for name in ("unbroken", "broken")]
    assert weights[0] == weights[1]
    assert gone_on["perplexity"] == unbroken["perplexity"]


def test_pieces_may_be_masked_instead_of_words_and_a_pass_may_take_some_blocks(
    run: Callable[..., dict[str, Any]], texts: Path
) -> None:
    facts = run("a", masking="piece", most_blocks=3, passes=1, batch=64)

    assert facts["pieces"]["trained"] == 3 * len(list(texts.iterdir())) * QUICK["length"]


def test_too_little_text(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(TextError, match="blocks of 254 pieces are too little text"):
        run("a", length=254)
    assert not (tmp_path / "a" / "adapted").exists()


def test_a_tokenizer_without_a_mask(
    run: Callable[..., dict[str, Any]], tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "maskless"))
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["mask_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(EncoderError, match="has no mask"):
        run("a", encoder=str(folder))


def test_a_folder_of_something_else_is_not_replaced(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "a" / "adapted").mkdir(parents=True)
    (tmp_path / "a" / "adapted" / "config.json").touch()  # as a trained model has

    with pytest.raises(EncoderError, match="not replaced"):
        run("a")
    assert (tmp_path / "a" / "adapted" / "config.json").exists()


def test_an_encoder_does_not_replace_itself(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run("a")
    with pytest.raises(EncoderError, match="name another folder"):
        run("a", encoder=str(tmp_path / "a" / "adapted"))


def test_a_finished_one_is_kept_until_texts_or_settings_change(
    run: Callable[..., dict[str, Any]], texts: Path, tmp_path: Path
) -> None:
    first = run("a")
    weights = tmp_path / "a" / "adapted" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert run("a") == first
    assert weights.stat().st_mtime_ns == written
    (texts / "more").mkdir()
    (texts / "more" / "A01.txt").write_text("依法办理行政复议案件。\n" * 20, encoding="utf-8")
    assert len(run("a")["texts"]) == len(first["texts"]) + 1
    assert weights.stat().st_mtime_ns != written


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("masked=0", "masked"),
        ("held_out=1", "held_out"),
        ("most_blocks=-1", "most_blocks"),
        ("head_rate=-1", "head_rate"),
    ],
)
def test_a_setting_that_cannot_be_is_named(setting: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_adapt_config([setting])


def test_a_block_longer_than_the_encoder_reads(run: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="length must be at most"):
        run("a", length=100_000)


@pytest.mark.parametrize(
    ("setting", "named"), [("masking=letter", "masking"), ("masked=2", "masked"), ("batch=0", "batch"), ("x=1", "x")]
)
def test_a_wrong_setting_is_named(setting: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_adapt_config([setting])


class TestCommand:
    def test_writes_the_encoder_and_a_packed_one(self, texts: Path, tiny_encoder_folder: Path, tmp_path: Path) -> None:
        options = ["--encoder", tiny_encoder_folder, "-o", tmp_path / "out" / "adapted", "--packed", tmp_path / "small"]
        settings = [part for key, value in {**QUICK, "passes": 1}.items() for part in ("--set", f"{key}={value}")]
        done = CliRunner().invoke(app, ["adapt", *map(str, [texts, *options, *settings])])

        assert done.exit_code == 0, done.output
        assert f"encoder: {tmp_path / 'out' / 'adapted'}" in done.output
        assert "->" in done.output
        unpacked = Path(resolve_encoder(str(tmp_path / "small"), tmp_path / "cache"))
        AutoModel.from_pretrained(unpacked, add_pooling_layer=False)
        facts = (tmp_path / "out" / "adapted" / "adapted.json").read_bytes()
        assert (unpacked / "adapted.json").read_bytes() == facts

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["{tmp}/none.txt"], "none.txt"),
            (["{texts}", "--set", "masking=letter"], "masking"),
            (["{texts}", "--encoder", "{tmp}/none"], "no encoder folder"),
            (["{texts}", "--encoder", "{encoder}"], "too little text"),
            (["{texts}", "--encoder", "{encoder}", "--packed", "{texts}"], "not replaced"),
        ],
    )
    def test_what_cannot_be_done_is_said_in_a_line(
        self, arguments: list[str], named: str, texts: Path, tiny_encoder_folder: Path, tmp_path: Path
    ) -> None:
        names = {"tmp": tmp_path, "texts": texts, "encoder": tiny_encoder_folder}
        filled = [part.format(**names) for part in arguments]
        done = CliRunner().invoke(app, ["adapt", *filled, "-o", str(tmp_path / "a" / "adapted")])

        assert done.exit_code == 2
        assert named in done.stderr
        assert "Traceback" not in done.stderr
