"""A whole training on an invented corpus with a tiny encoder: finished, killed and gone on with, on two processes."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fazhi.model.bert import TorchEngine, load_network
from fazhi.model.checkpoint import load_config, load_predictor
from fazhi.model.document import read_document
from fazhi.model.predict import Predictor
from fazhi.training.config import ConfigError, TrainConfig, build_config
from fazhi.training.sources import assemble, hold_out, read_sources
from fazhi.training.train import Places, is_current, train

TEXT = "某县2024年法治政府建设工作报告\n一、主要工作\n办理行政复议案件12件。\n二、存在的问题\n执法力量不足。\n"


def _run(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fazhi.training.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload,no-any-return]


def _arguments(root: Path, encoder: Path, model: Path, **settings: object) -> list[str]:
    chosen = {"bf16": "off", "most_int8_loss": 100.0, "passes": 2, "batch_tokens": 300, **settings}
    sets = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
    return ["train", "--data", str(root), "--model", str(model), "--encoder", str(encoder), *sets]


def test_the_exported_model_says_what_the_network_says(tiny_model: Path) -> None:
    config = load_config(tiny_model)
    exported = load_predictor(tiny_model, "fp32")
    network = Predictor(exported.encoder, TorchEngine(load_network(tiny_model)), config.decision)
    document = read_document(TEXT)
    for ours, theirs in zip(exported.predict([document])[0], network.predict([document])[0], strict=True):
        assert ours.role_scores == pytest.approx(theirs.role_scores, abs=1e-4)
        assert ours.topic_scores == pytest.approx(theirs.topic_scores, abs=1e-4)


def test_the_folder_says_how_it_was_made(tiny_model: Path) -> None:
    training = load_config(tiny_model).training
    assert build_config(training["settings"]).passes == 1
    assert set(training["data"]) == {"train", "dev", "test"}
    assert list(training["seconds"])[:3] == ["encoder", "data", "fit"]
    assert set(training["dev"]) == {"fp32", "int8"}
    card = (tiny_model / "README.md").read_text(encoding="utf-8")
    assert "not real reports" in card
    assert not list(tiny_model.parent.glob("*.draft"))


@pytest.mark.slow
def test_a_killed_run_goes_on_and_a_finished_one_is_not_repeated(
    corpus: Callable[..., Path], tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "artifacts" / "model"
    arguments = _arguments(corpus(), tiny_encoder_folder, model, passes=40, checkpoints=4)
    first = _run(*arguments)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("artifacts/runs/*/checkpoint-*/trainer_state.json")):
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not model.exists()
    output = _run(*arguments).communicate()[0]
    assert "going on from" in output
    assert load_config(model).training["settings"]["passes"] == 40
    assert not list(tmp_path.glob("artifacts/runs/*/checkpoint-*"))
    assert list(tmp_path.glob("artifacts/runs/*/runs/*/events.*"))
    again = _run(*arguments).communicate()[0]
    assert "up to date" in again


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batch(
    corpus: Callable[..., Path], tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    root = corpus()
    settings = {"passes": 60, "head_dropout": 0.0, "patience": 1000}
    curves = []
    for name, processes, accumulate in (("one", 1, 2), ("two", 2, 1)):
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        arguments = _arguments(root, tiny_encoder_folder, tmp_path / name / "model", accumulate=accumulate, **settings)
        command = [*launcher, "-m", "fazhi.training.cli", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1200, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        curves.append([float(loss) for loss in re.findall(r"'loss': '?([\d.]+)", done.stdout)])
    one, two = curves
    assert len(one) >= 2
    assert two == pytest.approx(one, rel=0.02)


def test_another_setting_or_corpus_makes_a_model_out_of_date(corpus: Callable[..., Path], tiny_model: Path) -> None:
    config = build_config(load_config(tiny_model).training["settings"])
    sources = read_sources(corpus(), config)
    assert is_current(config, sources, tiny_model)
    assert not is_current(dataclasses.replace(config, seed=99), sources, tiny_model)
    fewer = assemble([d for d in sources.documents if d.id != "B01"], config)
    assert not is_current(config, fewer, tiny_model)
    assert not is_current(config, sources, tiny_model.parent / "none")


def test_training_on_everything_needs_a_decision_rule_made_without_it(
    corpus: Callable[..., Path], tiny_model: Path, tmp_path: Path
) -> None:
    config = TrainConfig(include_dev=True, include_test=True)
    sources = read_sources(corpus(), config)
    assert {d.split for d in sources.training} == {"train", "dev", "test"}
    with pytest.raises(ConfigError, match="decision_from"):
        train(config, sources, Places(tmp_path / "model", tmp_path))


def test_test_documents_are_never_trained_on_unless_said(corpus: Callable[..., Path]) -> None:
    sources = read_sources(corpus(), TrainConfig())
    assert {d.split for d in sources.training} == {"train"}
    held = hold_out(sources, "linshan-2023", TrainConfig())
    assert [d.id for d in held.split("test")] == ["linshan-2023"]
    assert "linshan-2023" not in {d.id for d in held.training}
    moved = hold_out(sources, "another", TrainConfig())
    assert "linshan-2023" in {d.id for d in moved.training}


def test_metrics_of_the_development_split_are_in_the_folder(tiny_model: Path) -> None:
    figures = json.loads((tiny_model / "metrics.json").read_text(encoding="utf-8"))
    assert 0 <= figures["int8"]["role_macro_f1_3"] <= 1


def test_the_development_split_can_be_drawn_anew(corpus: Callable[..., Path]) -> None:
    root = corpus()
    assert [d.id for d in read_sources(root, TrainConfig()).split("dev")] == ["A02"]
    drawn = [read_sources(root, TrainConfig(dev_share=0.5, seed=seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert drawn[0] == drawn[1]
    assert len({tuple(d.id for d in sources.split("dev")) for sources in drawn}) > 1
    assert all([d.id for d in sources.split("test")] == ["linshan-2023"] for sources in drawn)
