"""Reads an `E5S1` file: header, unigram pieces, normalization map and tensors of a BERT encoder in 4-bit blocks.

The file is mapped, not loaded, and only what is asked for is dequantized. The reader knows neither which file it
reads nor what becomes of it. All numbers are little-endian:

    "E5S1", u32 version
    i32 hidden, layers, heads, ffn, word rows, positions, types; f32 layer-norm epsilon; i32 block length
    i32 pieces, <s>, </s>, <pad>, <unk>; u64 bytes of text; u32 offsets[pieces + 1]; f32 scores[pieces]; the text
    i32 mapped characters, u32 bytes; for each: u32 character, u8 count, u32 replacement[count]
    i32 tensors; for each: u16 length, name; u8 type (0 f32, 1 Q4_0); u32 weights; u64 offset, u64 bytes
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"E5S1"
VERSION = 1
BLOCK = 32  # weights in a Q4_0 block
BLOCK_BYTES = 2 + BLOCK // 2  # an fp16 scale and 32 nibbles
F32, Q4_0 = 0, 1

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shape:
    """The encoder's measures, in the order of the header."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    words: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Ids of the special pieces, in the order of the header."""

    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in the file: `count` weights in `size` bytes at `offset`."""

    kind: int
    count: int
    offset: int
    size: int


@dataclass(frozen=True)
class E5S1:
    """An opened file; tensors stay on disk until they are asked for."""

    path: Path
    shape: Shape
    special: SpecialIds
    pieces: list[str]
    scores: Floats
    normalization: dict[str, str]
    tensors: dict[str, Tensor]
    image: Bytes

    def matrix(self, name: str, columns: int, rows: NDArray[np.int64] | None = None) -> Floats:
        """Read a tensor as float32 [rows, columns]; `rows` picks some, so that a large table stays on disk."""
        tensor = self._tensor(name)
        if tensor.count % columns or (tensor.kind == Q4_0 and columns % BLOCK):
            raise ValueError(f"{self.path}: tensor {name} of {tensor.count} weights has no rows of {columns}")
        stored = self.image[tensor.offset : tensor.offset + tensor.size].reshape(tensor.count // columns, -1)
        picked = np.ascontiguousarray(stored if rows is None else stored[rows])
        weights: Floats = dequantize(picked) if tensor.kind == Q4_0 else picked.view("<f4").astype(np.float32)
        return weights.reshape(-1, columns)

    def vector(self, name: str) -> Floats:
        """Read a tensor as one row of float32."""
        return self.matrix(name, self._tensor(name).count).reshape(-1)

    def _tensor(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise ValueError(f"{self.path}: tensor {name} is missing")
        return self.tensors[name]


def dequantize(blocks: Bytes) -> Floats:
    """Q4_0 blocks, one after the other, to their weights.

    The low nibbles of a block's 16 bytes are its first 16 weights, the high nibbles the other 16; `(q - 8) * scale`.
    """
    blocks = blocks.reshape(-1, BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)
    weights: Floats = (nibbles.astype(np.float32) - 8) * scales
    return weights.reshape(-1)


def read_e5s1(path: Path) -> E5S1:
    """Open a file; one that is damaged, cut short or of another kind is a ValueError that says where."""
    if path.stat().st_size < len(MAGIC):  # an empty file cannot even be mapped
        raise ValueError(f"{path}: not an E5S1 file (it has {path.stat().st_size} bytes)")
    image = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(path, image)
    if cursor.take(4) != MAGIC:
        raise ValueError(f"{path}: not an E5S1 file (it begins with {bytes(image[:4])!r})")
    (version,) = cursor.unpack("<I")
    if version != VERSION:
        raise ValueError(f"{path}: E5S1 version {version}, expected {VERSION}")
    *measures, block = cursor.unpack("<7ifi")
    if block != BLOCK:
        raise ValueError(f"{path}: blocks of {block} weights, expected {BLOCK}")
    if min(measures) <= 0:
        raise ValueError(f"{path}: damaged: a measure in the header is not positive: {measures}")
    special, pieces, scores = _read_pieces(cursor)
    return E5S1(
        path=path,
        shape=Shape(*measures),
        special=special,
        pieces=pieces,
        scores=scores,
        normalization=_read_normalization(cursor),
        tensors=_read_directory(cursor),
        image=image,
    )


class _Cursor:
    """Reads onward through the file and says where it ended too early."""

    def __init__(self, path: Path, image: Bytes):
        self.path, self.image, self.at = path, image, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.image):
            raise ValueError(f"{self.path}: truncated or damaged: no {size} bytes at {self.at} of {len(self.image)}")
        self.at += size
        return self.image[self.at - size : self.at].tobytes()

    def unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def text(self, size: int) -> str:
        at = self.at
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path}: damaged: no UTF-8 text at {at}") from error


def _read_pieces(cursor: _Cursor) -> tuple[SpecialIds, list[str], Floats]:
    count, *ids, size = cursor.unpack("<5iQ")
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * count), "<f4").astype(np.float32)
    if count < 1 or offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets.astype(np.int64)) < 0).any():
        raise ValueError(f"{cursor.path}: damaged: the offsets of the pieces do not rise from 0 to {size}")
    if not all(0 <= i < count for i in ids):
        raise ValueError(f"{cursor.path}: damaged: a special piece is not among the {count} pieces")
    pieces = [cursor.text(length) for length in np.diff(offsets).tolist()]
    return SpecialIds(*ids), pieces, scores


def _read_normalization(cursor: _Cursor) -> dict[str, str]:
    count, size = cursor.unpack("<iI")
    end = cursor.at + size
    mapped = {}
    for _ in range(count):
        character, length = cursor.unpack("<IB")
        mapped[_character(cursor, character)] = "".join(
            _character(cursor, code) for code in cursor.unpack(f"<{length}I")
        )
    if cursor.at != end:
        raise ValueError(f"{cursor.path}: damaged: the normalization map ends at {cursor.at}, expected {end}")
    return mapped


def _character(cursor: _Cursor, code: int) -> str:
    if code > 0x10FFFF:
        raise ValueError(f"{cursor.path}: damaged: no character {code:#x}, before {cursor.at}")
    return chr(code)


def _read_directory(cursor: _Cursor) -> dict[str, Tensor]:
    (count,) = cursor.unpack("<i")
    tensors = {}
    for _ in range(count):
        (length,) = cursor.unpack("<H")
        name = cursor.text(length)
        tensor = Tensor(*cursor.unpack("<BIQQ"))
        expected = {F32: 4 * tensor.count, Q4_0: tensor.count // BLOCK * BLOCK_BYTES}.get(tensor.kind)
        if expected != tensor.size or (tensor.kind == Q4_0 and tensor.count % BLOCK):
            raise ValueError(
                f"{cursor.path}: damaged: tensor {name} has {tensor.count} weights of type {tensor.kind} "
                f"in {tensor.size} bytes"
            )
        if tensor.offset + tensor.size > len(cursor.image):
            raise ValueError(f"{cursor.path}: truncated: tensor {name} reaches beyond the end of the file")
        tensors[name] = tensor
    return tensors
