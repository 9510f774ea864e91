"""Going on from a finished model: what it must not have seen, what must be the same, and that it is gone on from."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from fazhi.model.bert import load_network
from fazhi.model.checkpoint import load_config, version, write_sums
from fazhi.model.encode import Encoder
from fazhi.training import train as training
from fazhi.training.config import ConfigError, TrainConfig, build_config
from fazhi.training.finetune import Fit
from fazhi.training.sources import Sources, assemble, hold_out, read_sources
from fazhi.training.start import check_encoding, check_unseen, load_start, origin
from fazhi.training.tokenizer import load_encoder
from fazhi.training.train import Places, is_current, train


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    """The settings of the tiny model, going on from it without learning anything."""
    settings = load_config(tiny_model).training["settings"]
    return build_config({**settings, "start": str(tiny_model), "learning_rate": 0.0, "max_steps": 1})


@pytest.fixture
def sources(tiny_data: Path, config: TrainConfig) -> Sources:
    return read_sources(tiny_data, config)


def _edited(model: Path, folder: Path, **settings: Any) -> Path:
    """A copy of a model that says it was trained with other settings."""
    shutil.copytree(model, folder)
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content["training"]["settings"].update(settings)
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    write_sums(folder)
    return folder


def test_without_a_start_nothing_is_asked(sources: Sources) -> None:
    assert origin(TrainConfig()) == ""
    check_unseen(TrainConfig(), sources)


def test_the_origin_is_the_models_version(config: TrainConfig, tiny_model: Path, tmp_path: Path) -> None:
    assert origin(config) == version(tiny_model)
    with pytest.raises(ConfigError, match="no finished model"):
        origin(dataclasses.replace(config, start=str(tmp_path / "none")))


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_start_that_has_seen_what_judges_is_refused(
    split: str, config: TrainConfig, sources: Sources, tiny_model: Path, tmp_path: Path
) -> None:
    check_unseen(config, sources)
    seen = _edited(tiny_model, tmp_path / "seen", **{f"include_{split}": True})
    chosen = dataclasses.replace(config, start=str(seen))
    with pytest.raises(ConfigError, match=f"trained on the {split} documents"):
        check_unseen(chosen, sources)
    check_unseen(dataclasses.replace(chosen, **{f"include_{split}": True}), sources)  # type: ignore[arg-type]


@pytest.mark.parametrize(("split", "document"), [("dev", "A02"), ("test", "linshan-2023")])
def test_a_start_kept_from_other_documents_is_refused(
    split: str, document: str, config: TrainConfig, sources: Sources
) -> None:
    fewer = assemble([d for d in sources.documents if d.id != document], config)
    with pytest.raises(ConfigError, match=f"other {split} documents"):
        check_unseen(config, fewer)


def test_documents_lent_to_training_are_still_those_it_was_kept_from(config: TrainConfig, sources: Sources) -> None:
    fold = hold_out(sources, "another", config)
    assert fold.lent == {"linshan-2023"}
    check_unseen(config, fold)
    assert assemble(sources.documents, config).lent == frozenset()
    assert assemble(sources.documents, dataclasses.replace(config, include_test=True)).lent == {"linshan-2023"}


def test_budgets_and_tokenizer_must_be_the_same(
    config: TrainConfig, tiny_encoder_folder: Path, make_encoder: Callable[..., Encoder]
) -> None:
    encoder = load_encoder(tiny_encoder_folder, config)
    check_encoding(config, encoder)
    check_encoding(TrainConfig(), make_encoder(margin=9))
    with pytest.raises(ConfigError, match="other budgets"):
        check_encoding(config, make_encoder(margin=9))
    other = Tokenizer.from_str(encoder.tokenizer.to_str())
    other.add_tokens(["法治政府"])
    with pytest.raises(ConfigError, match="another tokenizer"):
        check_encoding(config, Encoder(other, encoder.config))


def test_the_whole_network_is_gone_on_from(config: TrainConfig, tiny_model: Path, tiny_encoder_folder: Path) -> None:
    chosen = dataclasses.replace(config, head_dropout=0.3, encoder_dropout=0.2)
    network: Any = load_start(chosen, tiny_encoder_folder)
    before = load_network(tiny_model).state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.dropout.p == 0.3
    assert network.encoder.config.hidden_dropout_prob == network.encoder.encoder.layer[0].output.dropout.p == 0.2
    assert network.encoder.config._attn_implementation == "eager"


def test_another_shape_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    vocabulary = load_config(Path(config.start)).encoder["vocab_size"]
    BertModel(BertConfig(vocab_size=vocabulary, **shape)).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="num_hidden_layers 2"):
        load_start(config, tmp_path)


def test_layers_are_those_the_settings_leave(config: TrainConfig, tiny_encoder_folder: Path) -> None:
    load_start(dataclasses.replace(config, layers=2), tiny_encoder_folder)
    with pytest.raises(ConfigError, match=r"num_hidden_layers 2.* 1"):
        load_start(dataclasses.replace(config, layers=1), tiny_encoder_folder)


def test_a_run_goes_on_from_its_start_and_says_so(
    config: TrainConfig, sources: Sources, tiny_model: Path, tmp_path: Path
) -> None:
    places = Places(tmp_path / "model", tmp_path)
    train(config, sources, places)
    before, after = load_network(tiny_model).state_dict(), load_network(places.model).state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())
    assert load_config(places.model).training["start"] == version(tiny_model)
    assert is_current(config, sources, places.model)
    for changed in ({"start": str(places.model)}, {"start": "", "teacher": str(places.model)}):
        with pytest.raises(ConfigError, match="overwritten"):
            train(dataclasses.replace(config, **changed), sources, places)


def test_another_model_in_the_starts_place_makes_another_run(
    config: TrainConfig, sources: Sources, tiny_model: Path, tmp_path: Path
) -> None:
    start = _edited(tiny_model, tmp_path / "start")
    chosen = dataclasses.replace(config, start=str(start))
    run = training._run_name(chosen, sources)
    train(chosen, sources, Places(tmp_path / "model", tmp_path))
    assert is_current(chosen, sources, tmp_path / "model")
    shutil.rmtree(start)
    _edited(tiny_model, start, seed=99)
    assert not is_current(chosen, sources, tmp_path / "model")
    assert training._run_name(chosen, sources) != run


def test_the_documents_lent_to_training_can_be_shown_more_often(
    config: TrainConfig, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[Fit] = []

    class Enough(Exception):  # noqa: N818
        pass

    def finetune(encoder: object, config: object, fit: Fit, run: object) -> None:
        fits.append(fit)
        raise Enough

    monkeypatch.setattr(training, "finetune", finetune)
    plain = dataclasses.replace(config, bare_units=0.0, reversed_plans=0.0)
    for weight, chosen in (
        (1, hold_out(sources, "another", plain)),
        (3, hold_out(sources, "another", plain)),
        (3, sources),
    ):
        with pytest.raises(Enough):
            train(dataclasses.replace(plain, test_weight=weight), chosen, Places(tmp_path / "model", tmp_path))
    once, thrice, none = (sum(len(w.roles) for batch in fit.passes[0] for w in batch) for fit in fits)
    lent = len(sources.split("test")[0].units)
    assert (once - none, thrice - none) == (lent, 3 * lent)
