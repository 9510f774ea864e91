"""The resolver: packed and plain folders, and the model hub. The builtin encoder has its own tests (test_builtin)."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from fazhi.training.encoders import resolve_encoder
from fazhi.training.folders import EncoderError
from fazhi.training.packed import pack


@pytest.fixture
def tiny_folder(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder_folder, tmp_path / "tiny"))


class TestPackedFolder:
    def test_is_unpacked_once_and_mended(self, tiny_folder: Path, tmp_path: Path) -> None:
        packed, cache = tmp_path / "packed", tmp_path / "cache"
        pack(tiny_folder, packed)

        folder = Path(resolve_encoder(str(packed), cache))
        assert re.fullmatch("packed-[0-9a-f]{12}", folder.name)
        model, loading = AutoModel.from_pretrained(folder, output_loading_info=True)
        assert not any(loading.values())
        assert model.dtype == torch.float32
        weights = folder / "model.safetensors"
        content, written = weights.read_bytes(), weights.stat().st_mtime_ns
        assert resolve_encoder(str(packed), cache) == folder
        assert weights.stat().st_mtime_ns == written

        weights.write_bytes(content[:-1])
        assert resolve_encoder(str(packed), cache) == folder
        assert weights.read_bytes() == content
        assert [path.name for path in cache.iterdir()] == [folder.name]

    def test_another_one_has_another_place(self, tiny_folder: Path, tmp_path: Path) -> None:
        packed, cache = tmp_path / "packed", tmp_path / "cache"
        pack(tiny_folder, packed)
        before = resolve_encoder(str(packed), cache)
        config = json.loads((tiny_folder / "config.json").read_text(encoding="utf-8"))
        write("config.json", json.dumps({**config, "origin": "another"}))(tiny_folder)
        pack(tiny_folder, packed)

        assert resolve_encoder(str(packed), cache) != before

    def test_a_damaged_one_is_not_unpacked(self, tiny_folder: Path, tmp_path: Path) -> None:
        packed, cache = tmp_path / "packed", tmp_path / "cache"
        pack(tiny_folder, packed)
        (packed / "tokenizer.json").write_text("{}", encoding="utf-8")

        with pytest.raises(EncoderError, match=r"packed/tokenizer\.json is missing or damaged"):
            resolve_encoder(str(packed), cache)
        assert not cache.exists()


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).write_text(text, encoding="utf-8"), None][1]


def only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def decoder(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"is_decoder": True}), encoding="utf-8")


class TestFolder:
    def test_is_taken_as_it_is(self, tiny_folder: Path, tmp_path: Path) -> None:
        assert resolve_encoder(str(tiny_folder), tmp_path / "unused") == tiny_folder
        assert not (tmp_path / "unused").exists()

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (drop("config.json"), "has no config.json"),
            (write("config.json", "{"), "is not a JSON object"),
            (write("config.json", "[]"), "is not a JSON object"),
            (write("config.json", "{}"), "model of type None"),
            (write("config.json", '{"model_type": "qwen2"}'), "model of type 'qwen2', not an encoder"),
            (write("config.json", '{"model_type": "own", "auto_map": {"AutoModel": "own.Own"}}'), "of type 'own'"),
            (write("config.json", '{"model_type": "bart", "is_encoder_decoder": true}'), "of type 'bart'"),
            (decoder, "of type 'bert'"),
            (only_pickle, "no safetensors weights"),
            (write("model.safetensors", "no weights"), "weights in .* are damaged"),
            (write("model.safetensors.index.json", "{}"), "weights in .* are damaged"),
            (write("model.safetensors.index.json", '{"weight_map": {"a": "b.safetensors"}}'), "no safetensors weights"),
            (drop("tokenizer.json"), "has no tokenizer.json"),
            (write("tokenizer.json", "{}"), "tokenizer in .* cannot be loaded"),
        ],
    )
    def test_says_what_is_missing_and_the_way_out(
        self, tiny_folder: Path, damage: Callable[[Path], None], message: str
    ) -> None:
        damage(tiny_folder)

        with pytest.raises(EncoderError, match=message) as caught:
            resolve_encoder(str(tiny_folder), tiny_folder.parent)
        assert "ENCODER=builtin" in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "./missing", "/missing", "~/missing", "models/of/ours", "pyproject.toml"])
    def test_a_path_that_is_no_folder_is_no_hub_name(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "pyproject.toml").touch()

        with pytest.raises(EncoderError, match="there is no encoder folder"):
            resolve_encoder(name, tmp_path)


RESOLVE = """
import sys
from pathlib import Path
from fazhi.training.encoders import resolve_encoder
from fazhi.training.folders import EncoderError
try:
    print(resolve_encoder(sys.argv[1], Path(sys.argv[2])))
except EncoderError as error:
    print("EncoderError:", error)
"""


class TestHub:
    """In processes of their own: the hub library reads its environment when it is imported."""

    @staticmethod
    def resolve(name: str, home: Path, **environment: str) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", RESOLVE, name, str(home)],
            env={**kept, "HF_HOME": str(home), **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    @pytest.mark.parametrize(
        "environment",
        [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}],
        ids=["switched off", "out of reach"],
    )
    def test_fails_soon_with_the_way_out(self, tmp_path: Path, environment: dict[str, str]) -> None:
        started = time.monotonic()
        answer = self.resolve("hfl/chinese-macbert-base", tmp_path, **environment)

        assert re.fullmatch(
            r"EncoderError: cannot get the encoder 'hfl/chinese-macbert-base' from the model hub, .*: "
            r"pass a folder .*, or ENCODER=builtin, or set HF_ENDPOINT to a mirror",
            answer,
        )
        assert time.monotonic() - started < 20

    def test_a_name_that_no_hub_can_have(self, tmp_path: Path) -> None:
        assert "the model hub has no 'no such name'" in self.resolve("no such name", tmp_path, HF_HUB_OFFLINE="1")

    @pytest.mark.parametrize("revision", ["main", "v2"])
    def test_offline_it_takes_what_was_fetched_before(self, tiny_folder: Path, tmp_path: Path, revision: str) -> None:
        kept = tmp_path / "hub" / "models--some--encoder"
        snapshot = kept / "snapshots" / ("0" * 39 + "1")
        snapshot.parent.mkdir(parents=True)
        tiny_folder.rename(snapshot)
        (kept / "refs").mkdir()
        (kept / "refs" / revision).write_text(snapshot.name, encoding="utf-8")

        name = "some/encoder" if revision == "main" else f"some/encoder@{revision}"
        assert self.resolve(name, tmp_path, HF_HUB_OFFLINE="1") == str(snapshot)
