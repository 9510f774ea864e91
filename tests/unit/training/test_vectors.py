"""Units' vectors are what the tagger's heads would be given, whatever shares their batch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fazhi.data.corpus import LabelledDocument, read_corpus
from fazhi.data.gold import SegmentationDiffersError
from fazhi.data.schema import LabelledUnit
from fazhi.model.document import read_document
from fazhi.model.encode import CONTEXT
from fazhi.model.labels import Role
from fazhi.training.vectors import Frozen, load_pretrained, load_trained, unit_vectors


@pytest.fixture(scope="module")
def frozen(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    return load_pretrained(str(tiny_encoder_folder), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def documents(tiny_data: Path) -> list[LabelledDocument]:
    return read_corpus(tiny_data / "authored")


def test_a_vector_is_the_mean_of_the_units_own_tokens_in_two_layers(
    frozen: Frozen, documents: list[LabelledDocument]
) -> None:
    vectors = unit_vectors(frozen, documents[:1], bf16="off")
    (window,) = frozen.encoder.windows(read_document(documents[0].text))
    body = frozen.network.encoder.encoder
    assert isinstance(body, torch.nn.Module)
    with torch.inference_mode():
        outputs = body(input_ids=torch.tensor([window.ids]), output_hidden_states=True)
    owners = np.array(window.owners)
    assert (owners == CONTEXT).any()
    for layer, half in ((outputs.hidden_states[-1], vectors[:, :32]), (outputs.hidden_states[1], vectors[:, 32:])):
        expected = [layer[0].numpy()[owners == unit].mean(axis=0) for unit in range(len(documents[0].units))]
        np.testing.assert_allclose(half, np.stack(expected), atol=1e-5)


def test_documents_are_answered_for_in_their_order(frozen: Frozen, documents: list[LabelledDocument]) -> None:
    together = unit_vectors(frozen, documents, bf16="off")
    alone = [unit_vectors(frozen, [document], bf16="off") for document in documents]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_units_of_several_windows_are_all_there(
    frozen: Frozen, documents: list[LabelledDocument], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fazhi.training.vectors.LOGGED", 2)
    caplog.set_level("INFO", "fazhi")
    text = documents[0].text * 40
    units = read_document(text).units
    labelled = [LabelledUnit(u.start, u.end, u.text, u.heading, Role.OTHER, ()) for u in units]
    document = LabelledDocument("X01", "train", text, tuple(labelled), "")
    assert len(frozen.encoder.windows(read_document(text))) > 20
    vectors = unit_vectors(frozen, [document, *documents], bf16="off")
    assert np.abs(vectors).sum(axis=1).min() > 0
    assert "vectors: 2 of" in caplog.text
    assert len(vectors) == len(units) + sum(len(d.units) for d in documents)


def test_labels_of_another_segmentation_are_refused(frozen: Frozen, documents: list[LabelledDocument]) -> None:
    first = documents[0]
    document = LabelledDocument(first.id, first.split, first.text, first.units[:-1], "")
    with pytest.raises(SegmentationDiffersError, match="document A01: unit"):
        unit_vectors(frozen, [document])


def test_a_trained_models_encoder_is_its_own(tiny_model: Path, documents: list[LabelledDocument]) -> None:
    trained = load_trained(tiny_model)
    vectors = unit_vectors(trained, documents, bf16="off")
    assert vectors.shape == (sum(len(document.units) for document in documents), 64)
    assert np.isfinite(vectors).all()
