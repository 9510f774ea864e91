import dataclasses
from pathlib import Path

import pytest

from fazhi.training.config import ConfigError, TrainConfig, build_config, read_config


def test_settings_override_keywords_and_those_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("passes = 2\nseed = 5\nlearning_rate = 1\n", encoding="utf-8")
    config = read_config(file, ["seed=7"], encoder="folder", include_dev=None)
    assert (config.passes, config.seed, config.encoder, config.learning_rate) == (2, 7, "folder", 1.0)
    assert config.include_dev is False


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("pases=3", "pases"),
        ("passes", "key=value"),
        ("passes=many", "passes"),
        ("passes=0", "passes"),
        ("bf16=maybe", "bf16"),
        ("precision=int4", "precision"),
        ("bare_units=1.5", "bare_units"),
        ("window=100", "window"),
        ("include_dev=perhaps", "include_dev"),
        ("layers=-1", "layers"),
        ("frozen=-0.1", "frozen"),
        ("distill=-0.5", "distill"),
        ("topic_gamma=nan", "topic_gamma"),
        ("smoothing=1", "smoothing must be at least 0 and below 1.0"),
        ("average=1.0", "average"),
        ("adversarial=inf", "adversarial"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_config(None, [setting])


def test_frozen_embeddings_cannot_be_moved() -> None:
    with pytest.raises(ConfigError, match="frozen"):
        build_config({"adversarial": 0.5, "frozen": 0.5})


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("passes = ", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.toml"):
        read_config(file)
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read_config(tmp_path / "none.toml")


def test_types_are_those_of_the_fields() -> None:
    with pytest.raises(ConfigError, match="include_dev"):
        build_config({"include_dev": 1})
    assert build_config({"include_dev": "true"}).include_dev is True


def test_saved_settings_build_the_same_config() -> None:
    config = TrainConfig(passes=2)
    assert build_config(dataclasses.asdict(config)) == config
