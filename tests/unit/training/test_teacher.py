from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fazhi.model.bert import TorchEngine, load_network
from fazhi.model.checkpoint import load_config, load_encoder, load_predictor, version
from fazhi.model.document import read_document
from fazhi.model.predict import Predictor
from fazhi.training.config import ConfigError, TrainConfig, build_config
from fazhi.training.examples import Collator, TrainingBatch, draw_batches, encode_example
from fazhi.training.losses import IGNORED
from fazhi.training.sources import Sources, read_sources
from fazhi.training.teacher import load_teacher, teach, teacher_version
from fazhi.training.train import Places, is_current, train


@pytest.fixture(scope="module")
def config(tiny_model: Path, tiny_encoder_folder: Path) -> TrainConfig:
    settings = {"bf16": "off", "batch_tokens": 300, "passes": 2, "margin": 1}
    return build_config({**settings, "encoder": str(tiny_encoder_folder), "teacher": str(tiny_model)})


@pytest.fixture(scope="module")
def sources(tiny_data: Path, config: TrainConfig) -> Sources:
    return read_sources(tiny_data, config)


@pytest.fixture(scope="module")
def passes(tiny_model: Path, sources: Sources, config: TrainConfig) -> list[list[TrainingBatch]]:
    encoder = load_encoder(tiny_model, load_config(tiny_model))
    examples = [encode_example(encoder, document, frozenset()) for document in sources.training]
    return draw_batches(encoder, examples, config)


def test_each_window_gets_the_teachers_logits_of_its_units(
    tiny_model: Path, passes: list[list[TrainingBatch]], sources: Sources, config: TrainConfig
) -> None:
    teacher = load_teacher(config, sources, load_encoder(tiny_model, load_config(tiny_model)))
    assert isinstance(teacher, Predictor)
    assert teacher_version(config) == version(tiny_model)
    for given, taught in zip(passes, teach(teacher, passes), strict=True):
        assert [[replace(window, taught=None) for window in batch] for batch in taught] == given
        for window in (window for batch in taught for window in batch):
            alone = teacher.run([window.window])[0]
            assert window.taught
            assert len(window.taught.roles) == len(window.roles)
            np.testing.assert_allclose(window.taught.roles, alone.roles, atol=1e-4)
            np.testing.assert_allclose(window.taught.topics, alone.topics, atol=1e-4)


def test_the_collator_lays_them_beside_the_labels(tiny_model: Path, passes: list[list[TrainingBatch]]) -> None:
    plain = Collator(pad=0)(passes[0][:2])
    assert not {name for name in plain if name.startswith("taught")}
    batches = teach(load_predictor(tiny_model), passes)[0][:2]
    tensors = Collator(pad=0)(batches)
    there = tensors["roles"] != IGNORED
    for name in ("roles", "topics"):
        rows = [getattr(window.taught, name) for batch in batches for window in batch]
        assert torch.equal(tensors[f"taught_{name}"][there], torch.from_numpy(np.concatenate(rows)))


def test_without_one_there_is_none(tiny_model: Path, sources: Sources, config: TrainConfig) -> None:
    encoder = load_encoder(tiny_model, load_config(tiny_model))
    assert load_teacher(replace(config, teacher=""), sources, encoder) is None
    assert teacher_version(replace(config, teacher="")) == ""


def test_a_teacher_that_reads_otherwise_or_knows_the_answers_is_refused(
    tiny_model: Path, sources: Sources, config: TrainConfig
) -> None:
    saved = load_config(tiny_model)
    encoder = load_encoder(tiny_model, replace(saved, encode=replace(saved.encode, window=300)))
    with pytest.raises(ConfigError, match=r"^teacher: .* other budgets"):
        load_teacher(config, sources, encoder)
    encoder = load_encoder(tiny_model, saved)
    encoder.tokenizer.add_tokens(["法治"])
    with pytest.raises(ConfigError, match=r"^teacher: .* another tokenizer"):
        load_teacher(config, sources, encoder)
    moved = tuple(replace(d, split="dev") if d.split == "train" else d for d in sources.documents)
    with pytest.raises(ConfigError, match=r"^teacher: .* other dev documents"):
        load_teacher(config, replace(sources, documents=moved), load_encoder(tiny_model, saved))
    with pytest.raises(ConfigError, match="nowhere"):
        load_teacher(replace(config, teacher="nowhere"), sources, encoder)


def test_a_short_student_is_a_model_like_any_other(
    tiny_model: Path, sources: Sources, config: TrainConfig, tmp_path: Path
) -> None:
    methods = {"layers": 1, "smoothing": 0.1, "topic_gamma": 1.0, "average": 0.5, "adversarial": 0.1, "frozen": 0.0}
    student = replace(config, **methods, passes=1, max_steps=2, most_int8_loss=100.0)  # type: ignore[arg-type]
    places = Places(tmp_path / "model", tmp_path)
    train(student, sources, places)
    assert is_current(student, sources, places.model)
    assert load_config(places.model).training["teacher"] == version(tiny_model)
    exported, network = load_predictor(places.model, "fp32"), load_network(places.model)
    assert network.encoder.config.num_hidden_layers == 1  # type: ignore[union-attr]
    documents = [read_document(document.text) for document in sources.split("dev")]
    own = Predictor(exported.encoder, TorchEngine(network), exported.decision)
    for ours, theirs in zip(exported.logits(documents), own.logits(documents), strict=True):
        np.testing.assert_allclose(ours.roles, theirs.roles, atol=1e-4)
