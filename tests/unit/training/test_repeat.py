import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.checkpoint import load_config, write_sums
from fazhi.training import repeat as module
from fazhi.training.config import ConfigError, TrainConfig, build_config
from fazhi.training.metrics import as_json
from fazhi.training.repeat import as_markdown, figures, read_seeds, repeat
from fazhi.training.sources import Sources, read_sources
from fazhi.training.train import Places


def test_seeds_are_numbers_that_differ() -> None:
    assert read_seeds("13, 14,15") == [13, 14, 15]
    for wrong in ("", "13,", "13;14", "1.5"):
        with pytest.raises(ConfigError, match="whole numbers"):
            read_seeds(wrong)
    with pytest.raises(ConfigError, match="differ"):
        read_seeds("13,14,13")


@pytest.fixture
def trained(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Training made the copying of a model; gives the seeds that were trained with."""
    seeds: list[int] = []

    def train(config: TrainConfig, sources: Sources, places: Places) -> None:
        seeds.append(config.seed)
        shutil.copytree(tiny_model, places.model)
        content = json.loads((places.model / "config.json").read_text(encoding="utf-8"))
        content["training"]["settings"] = dataclasses.asdict(config)
        content["training"]["dev"]["int8"]["both"] = config.seed / 100
        (places.model / "config.json").write_text(json.dumps(content), encoding="utf-8")
        write_sums(places.model)

    monkeypatch.setattr(module, "train", train)
    return seeds


def test_each_seed_is_trained_once_and_measured(
    trained: list[int], tiny_model: Path, tiny_data: Path, tmp_path: Path
) -> None:
    config = build_config(load_config(tiny_model).training["settings"])
    sources = read_sources(tiny_data, config)
    repeat(config, sources, tmp_path, [40])
    repeated = repeat(config, sources, tmp_path, [40, 50, 60])
    assert trained == [40, 50, 60]
    assert sorted(path.name for path in (tmp_path / "repeat").iterdir()) == ["40", "50", "60"]
    row = repeated["figures"]["dev, both right"]
    assert row["by_seed"] == {40: 0.4, 50: 0.5, 60: 0.6}
    assert (row["mean"], row["sd"], row["min"], row["max"]) == pytest.approx((0.5, 0.1, 0.4, 0.6))
    same = repeated["figures"]["seeds, role accuracy"]  # one model under three names
    assert same["sd"] == pytest.approx(0.0)
    assert same["mean"] == repeated["figures"]["role accuracy, linshan-2023"]["mean"]
    assert list(json.loads(as_json(repeated))["models"]) == ["40", "50", "60"]
    table = as_markdown(repeated).splitlines()
    assert table[0] == "| % | seed 40 | seed 50 | seed 60 | mean ± sd | min | max |"
    assert "| dev, both right | 40.0 | 50.0 | 60.0 | 50.0 ± 10.0 | 40.0 | 60.0 |" in table
    assert all(line.count("|") == 8 for line in table)


def test_every_figure_asked_for_is_found_in_what_evaluate_measures(
    trained: list[int], tiny_model: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """The rows are read by name; a name that evaluate no longer has would show as missing."""
    config = build_config(load_config(tiny_model).training["settings"])
    found = repeat(config, read_sources(tiny_data, config), tmp_path, [1])["figures"]
    missing = [name for name, row in found.items() if row["mean"] is None and "roles changed" not in name]
    assert missing == []
    assert any("roles changed" in name for name in found)
    assert {"seeds, role error at 100% coverage", "seeds, role error at 90% coverage"} <= set(found)
    assert found["seeds, role accuracy"]["sd"] is None


def test_a_figure_that_is_not_there_is_shown_as_missing() -> None:
    metrics: dict[str, Any] = {"role": {"accuracy": {"value": 0.5}}, "both": 3.0, "invariance": {"so": {}}}
    found = figures({"both": 0.25}, metrics)
    assert found["seeds, role accuracy"] == 0.5
    assert found["dev, both right"] == 0.25
    assert {name for name, value in found.items() if value is not None} == {"seeds, role accuracy", "dev, both right"}
    rows = {"r": {"by_seed": {1: None}, "mean": None, "sd": None, "min": None, "max": None}}
    assert as_markdown({"models": {1: {}}, "figures": rows}).splitlines()[2] == "| r | – | – | – | – |"


def test_models_that_have_seen_the_seed_reports_are_not_measured_on_them(tiny_data: Path, tmp_path: Path) -> None:
    config = TrainConfig(include_test=True)
    with pytest.raises(ConfigError, match="include_test"):
        repeat(config, read_sources(tiny_data, config), tmp_path, [1])
