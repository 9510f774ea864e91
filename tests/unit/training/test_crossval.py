import dataclasses
from pathlib import Path

import pytest

from fazhi.model.checkpoint import load_config
from fazhi.training import crossval as module
from fazhi.training.config import ConfigError, TrainConfig, build_config
from fazhi.training.crossval import as_markdown, crossval, folder_name
from fazhi.training.sources import read_sources


def test_each_fold_goes_on_from_the_start_which_stands_beside_it(
    tiny_model: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a learning rate of 0 a fold is its start, so that the two lines say the same."""
    settings = load_config(tiny_model).training["settings"]
    config = build_config({**settings, "start": str(tiny_model), "learning_rate": 0.0, "max_steps": 1})
    sources = read_sources(tiny_data, config)
    figures = crossval(config, sources, tmp_path)
    assert (tmp_path / "crossval-start" / "linshan-2023" / "SHA256SUMS").is_file()
    lines = as_markdown(figures).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| all, each left out once",
        "| – the model started from",
        "| linshan-2023",
        "| – the model started from",
    ]
    assert lines[2].split(" | ")[1:] == lines[3].split(" | ")[1:]
    assert lines[4].split(" | ")[1:] == lines[5].split(" | ")[1:]
    monkeypatch.setattr(module, "train", pytest.fail)  # a finished fold is kept
    assert crossval(config, sources, tmp_path) == figures


def test_without_a_start_there_are_no_lines_of_one() -> None:
    score = {"value": 0.5, "low": 0.25, "high": 0.75}
    row = {
        "role": {"accuracy": score, "macro_f1_3": score},
        "topics": {"macro_f1": score},
        "both": dict.fromkeys(score),
    }
    lines = as_markdown({**row, "per_document": {"a": {"units": 3, **row}, "b": {"units": 4, **row}}}).splitlines()
    assert lines[2] == (
        "| all, each left out once | 7 | 50.0 (25.0 to 75.0) | 50.0 (25.0 to 75.0) | 50.0 (25.0 to 75.0) | – |"
    )
    assert len(lines) == 5
    assert folder_name(TrainConfig()) == "crossval"


def test_a_start_or_settings_that_have_seen_the_documents_are_refused(
    tiny_model: Path, tiny_data: Path, tmp_path: Path
) -> None:
    config = build_config(load_config(tiny_model).training["settings"])
    sources = read_sources(tiny_data, config)
    with pytest.raises(ConfigError, match="include_test"):
        crossval(dataclasses.replace(config, include_test=True), sources, tmp_path)
    other = dataclasses.replace(sources, documents=tuple(d for d in sources.documents if d.id != "linshan-2023"))
    with pytest.raises(ConfigError, match="other test documents"):
        crossval(dataclasses.replace(config, start=str(tiny_model)), other, tmp_path)
