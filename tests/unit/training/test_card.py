"""The card of a model folder: what a hub reads of it, what people read, and that the model stays the same model."""

import dataclasses
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard

from fazhi.model.checkpoint import CARD, SUMS, ModelConfig, check_sums, load_config, load_predictor, version
from fazhi.training.assess import assess
from fazhi.training.card import base_model, render_card, write_card
from fazhi.training.report import previous_metrics

METRICS: dict[str, Any] = {
    "measured": {"documents": 5, "units": 651, "fingerprint": "0123456789abcdef", "seen": []},
    "role": {
        "accuracy": {"value": 0.951, "low": 0.932, "high": 0.968},
        "macro_f1_3": {"value": 0.925, "low": 0.893, "high": 0.953},
    },
    "topics": {"macro_f1": {"value": 0.894, "low": 0.861, "high": 0.918}},
    "both": {"value": 0.871, "low": 0.843, "high": 0.896},
    "calibration": {"role": {"ece": 0.0146}},
    "coverage": {"promised": {"share": 0.905, "role_accuracy": {"value": 0.985, "low": 0.971, "high": 0.994}}},
}
SEEDS = {
    "Role accuracy": ("accuracy", 0.951),
    "Role macro F1, three roles": ("f1", 0.925),
    "Topic macro F1": ("f1", 0.894),
    "Role and topics right": ("accuracy", 0.871),
    "Role expected calibration error": ("ece", 0.0146),
}


@pytest.fixture
def config(tiny_model: Path) -> ModelConfig:
    return load_config(tiny_model)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def trained_with(config: ModelConfig, **settings: object) -> ModelConfig:
    training = {**config.training, "settings": {**config.training["settings"], **settings}}
    return dataclasses.replace(config, training=training)


def results(text: str, split: str) -> dict[str | None, EvalResult]:
    """What a hub reads back of one split, by the name of the figure."""
    found = ModelCard(text).data.eval_results or []
    return {result.metric_name: result for result in found if result.dataset_split == split}


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_hub_reads_the_front_matter(folder: Path, config: ModelConfig) -> None:
    write_card(folder, config)  # other tests may have evaluated the shared model, and so completed its card
    data = ModelCard.load(folder / CARD).data.to_dict()
    expected = {"language": "zh", "license": "other", "library_name": "fazhi", "pipeline_tag": "text-classification"}
    assert {key: data[key] for key in expected} == expected
    assert "multi-label-classification" in data["tags"]
    (index,) = data["model-index"]
    assert index["name"] == "fazhi"
    (result,) = index["results"]
    assert result["task"]["type"] == "text-classification"
    assert {"name", "type", "split"} <= set(result["dataset"])
    assert all(set(metric) == {"type", "name", "value"} for metric in result["metrics"])


def test_training_gives_the_development_figures(config: ModelConfig) -> None:
    text = render_card(config)
    dev = results(text, "dev")
    figures = config.training["dev"][config.precision]
    keys = ("role_accuracy", "role_macro_f1_3", "topics_macro_f1", "both", "role_ece")
    assert list(dev) == list(SEEDS)
    for (name, result), key in zip(dev.items(), keys, strict=True):
        assert result.metric_value == round(figures[key], 4), name
        assert f"| {name} | {100 * figures[key]:.1f} |" in text
        assert result.dataset_revision == config.training["data"]["dev"]
    assert results(text, "test") == {}
    assert "has not been measured on real reports yet" in text
    share = f"{100 * figures['sure_share']:.1f} % of units are without it"
    assert share in flat(text)
    assert f"{100 * figures['sure_role_accuracy']:.1f} % of their roles are right" in flat(text)


def test_what_was_measured_on_the_seeds_is_added(config: ModelConfig) -> None:
    text = render_card(config, METRICS)
    seeds = results(text, "test")
    assert {name: (result.metric_type, result.metric_value) for name, result in seeds.items()} == SEEDS
    assert {result.dataset_revision for result in seeds.values()} == {"0123456789abcdef"}
    assert results(text, "dev").keys() == SEEDS.keys()
    assert re.search(r"\| Role accuracy \| [\d.]+ \| 95\.1 \(93\.2 to 96\.8\) \|", text)
    assert re.search(r"\| Role expected calibration error \| [\d.]+ \| 1\.5 \|", text)
    assert "90.5 % of units are without it, and 98.5 (97.1 to 99.4) % of their roles" in flat(text)
    assert "not been measured" not in text


def test_figures_of_documents_it_was_trained_on_are_left_out(config: ModelConfig) -> None:
    seen = render_card(
        trained_with(config, include_dev=True, include_test=True, decision_from="artifacts/other"),
        {**METRICS, "measured": {**METRICS["measured"], "seen": ["daye"]}},
    )
    data = ModelCard(seen).data
    assert data.eval_results is None
    assert "model-index" not in data.to_dict()
    assert "There is no figure to trust" in seen
    assert "taken over from a model" in seen
    assert "95.1" not in seen
    assert "the test reports among them" in seen
    assert "no documents left" in render_card(trained_with(config, include_test=True))
    without_dev = render_card(trained_with(config, include_dev=True), METRICS)
    assert results(without_dev, "dev") == {}
    assert results(without_dev, "test").keys() == SEEDS.keys()


def test_a_model_of_an_earlier_program_has_a_card_too(config: ModelConfig) -> None:
    """Its figures lack what was added since: calibration error and the share that is not marked."""
    figures = config.training["dev"]["int8"]
    old = {key: figures[key] for key in figures if key not in ("role_ece", "sure_share", "sure_role_accuracy")}
    assert len(old) == len(figures) - 3
    training = {**config.training, "dev": {"int8": old}}
    text = render_card(dataclasses.replace(config, training=training), {**METRICS, "coverage": {}})
    assert "Role expected calibration error" not in results(text, "dev")
    assert "| Role expected calibration error | – | 1.5 |" in text
    assert "are without it" not in text


def test_the_card_says_what_a_reader_must_know(tiny_model: Path) -> None:
    text = (tiny_model / CARD).read_text(encoding="utf-8")
    headings = re.findall("^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "What it does",
        "How to use it",
        "Training data",
        "Evaluation",
        "Decision rule",
        "Limits",
        "What it must not be used for",
        "Licence and origin",
    ]
    for words in (
        "they are not real reports",
        "language models",
        "Deciding anything about a person",
        "99 % of the other",
    ):
        assert words in flat(text)
    assert not re.search(r"\n{3,}", text)
    assert text.endswith(".\n")


def test_the_lines_of_python_on_it_run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "model").symlink_to(tiny_model)
    (tmp_path / "report.txt").write_text("一、主要工作\n办理行政复议案件12件。\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (tiny_model / CARD).read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, CARD, "exec"), {})
    assert "办理行政复议案件12件。" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("encoder", "shape", "expected"),
    [
        ("builtin", {}, "intfloat/multilingual-e5-small"),
        ("artifacts/adapted", {"origin": "multilingual-e5-small (MIT) as carried"}, "intfloat/multilingual-e5-small"),
        ("hfl/chinese-macbert-base", {}, "hfl/chinese-macbert-base"),
        ("hfl/chinese-macbert-base@0123abc", {}, "hfl/chinese-macbert-base"),
        ("/somewhere/else", {}, None),
        ("./here/it-is", {}, None),
        ("here/it-is", {}, None),
    ],
)
def test_the_base_model_is_named_as_far_as_it_is_known(
    encoder: str, shape: dict[str, str], expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "it-is").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert base_model(encoder, shape) == expected


def test_writing_the_card_anew_leaves_the_model_what_it_is(folder: Path, config: ModelConfig) -> None:
    before, sums = version(folder), (folder / SUMS).read_bytes()
    assert b"README" not in sums
    names = sorted(path.name for path in folder.iterdir())
    write_card(folder, config, METRICS)
    assert results((folder / CARD).read_text(encoding="utf-8"), "test")
    assert (version(folder), (folder / SUMS).read_bytes()) == (before, sums)
    assert sorted(path.name for path in folder.iterdir()) == names
    load_predictor(folder)


def test_a_folder_whose_sums_list_the_card_bears_another_one(folder: Path, config: ModelConfig) -> None:
    with (folder / SUMS).open("a", encoding="utf-8") as sums:
        sums.write(f"{'0' * 64}  {CARD}\n")
    before = version(folder)
    write_card(folder, config, METRICS)
    check_sums(folder)
    assert version(folder) == before


def test_a_folder_that_cannot_be_written_to_keeps_its_card(
    folder: Path, config: ModelConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    before = (folder / CARD).read_bytes()
    monkeypatch.setattr(Path, "write_text", refuse)
    with caplog.at_level(logging.WARNING):
        write_card(folder, config, METRICS)
    assert (folder / CARD).read_bytes() == before
    assert "not brought up to date: read-only" in caplog.text


def test_an_evaluation_completes_the_card(folder: Path, corpus: Callable[..., Path], tmp_path: Path) -> None:
    root, reports, before = corpus(), tmp_path / "reports", version(folder)
    assess(folder, root, reports, name="seeds", force=False)
    metrics = previous_metrics(reports)
    assert metrics
    text = (folder / CARD).read_text(encoding="utf-8")
    seeds = results(text, "test")
    assert seeds["Role accuracy"].metric_value == round(metrics["role"]["accuracy"]["value"], 4)
    assert seeds["Role expected calibration error"].metric_value == round(metrics["calibration"]["role"]["ece"], 4)
    assert version(folder) == before == metrics["facts"]["model"]
    facts = metrics["facts"]
    assert facts["evaluation_peak_memory_mb"] >= 1
    figures = load_config(folder).training["dev"]["int8"]
    assert facts["decision"]["sure_on_development_documents"] == figures["sure_share"]
    (folder / CARD).unlink()
    assert "is of this model" in assess(folder, root, reports, name="seeds", force=False)
    assert (folder / CARD).read_text(encoding="utf-8") == text
