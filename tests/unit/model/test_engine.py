"""The exported model in ONNX Runtime against the network it was made from."""

from pathlib import Path

import numpy as np
import pytest

from fazhi.model.bert import TorchEngine, load_network
from fazhi.model.checkpoint import ONNX
from fazhi.model.encode import CONTEXT, Batch
from fazhi.model.engine import Engine, OnnxEngine


@pytest.fixture(scope="module")
def torch_engine(tiny_model: Path) -> Engine:
    return TorchEngine(load_network(tiny_model))


@pytest.fixture(scope="module")
def fp32(tiny_model: Path) -> Engine:
    return OnnxEngine(tiny_model / ONNX["fp32"], lanes=1)


@pytest.fixture(scope="module")
def int8(tiny_model: Path) -> Engine:
    return OnnxEngine(tiny_model / ONNX["int8"], lanes=1)


def random_batch(windows: int, length: int, units: int, seed: int = 0) -> Batch:
    """Windows of random ids and lengths, the first as long as the batch, with `units` units in each that has room."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((windows, length), np.int64)
    mask, owners = np.zeros_like(ids), np.full_like(ids, CONTEXT)
    for row in range(windows):
        own = length if row == 0 else int(rng.integers(1, length + 1))
        ids[row, :own] = rng.integers(5, 300, own)
        mask[row, :own] = 1
        owners[row, :own] = np.sort(rng.integers(CONTEXT, units, own))
    return Batch(ids, mask, owners, units)


SHAPES = [(1, 1, 1), (1, 5, 1), (1, 200, 1), (3, 17, 4), (2, 16, 3), (8, 64, 9), (1, 384, 40), (16, 2, 2)]


@pytest.mark.parametrize(("windows", "length", "units"), SHAPES)
def test_fp32_equals_the_network_for_every_shape_of_batch(
    torch_engine: Engine, fp32: Engine, windows: int, length: int, units: int
) -> None:
    batch = random_batch(windows, length, units)
    for found, expected in zip(fp32.run(batch), torch_engine.run(batch), strict=True):
        assert found.shape == expected.shape == (windows, units, 4)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("windows", "length", "units"), SHAPES)
def test_int8_takes_every_shape_and_stays_near(
    torch_engine: Engine, int8: Engine, windows: int, length: int, units: int
) -> None:
    batch = random_batch(windows, length, units)
    for found, expected in zip(int8.run(batch), torch_engine.run(batch), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=0.2)


def test_answers_depend_on_the_text(torch_engine: Engine) -> None:
    """Else the comparisons above would say nothing."""
    roles, topics = torch_engine.run(random_batch(8, 64, 9))
    assert roles.std(axis=(0, 1)).min() > 0.01
    assert topics.std(axis=(0, 1)).min() > 0.01


@pytest.mark.parametrize("engine", ["torch_engine", "fp32", "int8"])
def test_padding_and_company_change_nothing(engine: str, request: pytest.FixtureRequest) -> None:
    runs: Engine = request.getfixturevalue(engine)
    batch = random_batch(5, 40, 6, seed=3)
    together = runs.run(batch)
    for row in range(5):
        own = int(batch.mask[row].sum())
        alone = Batch(batch.ids[row : row + 1, :own], batch.mask[row : row + 1, :own], batch.owners[[row], :own], 6)
        for one, all_ in zip(runs.run(alone), together, strict=True):
            np.testing.assert_allclose(one[0], all_[row], atol=1e-5)


@pytest.mark.parametrize("engine", ["torch_engine", "fp32"])
def test_a_unit_without_pieces_has_the_scores_of_nothing(engine: str, request: pytest.FixtureRequest) -> None:
    runs: Engine = request.getfixturevalue(engine)
    ids = np.full((1, 4), 7, np.int64)
    roles, topics = runs.run(Batch(ids, np.ones_like(ids), np.array([[CONTEXT, 0, 0, CONTEXT]]), 3))
    assert np.isfinite(roles).all()
    np.testing.assert_allclose(roles[0, 1], roles[0, 2])
    np.testing.assert_allclose(topics[0, 1], topics[0, 2])
    assert not np.allclose(roles[0, 0], roles[0, 1])


def test_context_is_read_but_owns_nothing(torch_engine: Engine) -> None:
    """A unit's vector is the mean of its own pieces, each of which has seen the whole window."""
    batch = random_batch(1, 12, 1)
    batch.owners[:] = CONTEXT
    batch.owners[0, 4:8] = 0
    before = torch_engine.run(batch)[0]
    batch.ids[0, 0] += 1
    assert not np.allclose(torch_engine.run(batch)[0], before, atol=1e-6)
