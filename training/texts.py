"""Files of unlabelled text -> blocks of word pieces for pretraining. Knows no labels and no corpus."""

import gzip
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rjieba
from tokenizers import Encoding, Tokenizer

from fazhi.data.readers import UnreadableError, decode
from fazhi.model.errors import FazhiError
from fazhi.model.normalize import normalize

SUFFIXES = (".txt", ".txt.xz", ".txt.gz")
LINES_AT_ONCE = 4096


class TextError(FazhiError):
    """Unlabelled text that cannot be read, or too little of it."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """One file's text, cut into runs of equal length: `ids` and `starts`, both [blocks, pieces].

    `starts` is True where a word begins; lines are closed by a separator, which is a word of its own.
    """

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.bool_]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The text files named, and those in the folders named, each once; raises TextError."""
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.name.endswith(SUFFIXES))
        if not inside or not path.exists():
            raise TextError(f"{path}: expected a text file or a folder of {', '.join(SUFFIXES)} files")
        found += inside
    for path in found:
        if not os.access(path, os.R_OK):
            raise TextError(f"{path}: cannot be read")
    return list({path.resolve(): path for path in found}.values())


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank, normalized as the model's input is; raises TextError."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".xz":
            raw = lzma.decompress(raw)
        elif path.suffix == ".gz":
            raw = gzip.decompress(raw)
        text = decode(raw)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, UnreadableError) as error:
        raise TextError(f"{path}: {error}") from error
    return [line for line in (normalize(line) for line in text.splitlines()) if line]


def cut_blocks(lines: Sequence[str], tokenizer: Tokenizer, separator: int, length: int, by_word: bool) -> Blocks:
    """Set the lines' pieces side by side and cut them into blocks of `length`; the last, incomplete one is left out."""
    ids: list[npt.NDArray[np.int32]] = []
    starts: list[npt.NDArray[np.bool_]] = []
    for line, encoding in _encode(lines, tokenizer):
        ids.append(np.array([*encoding.ids, separator], dtype=np.int32))
        starts.append(np.array([*_word_starts(line, encoding, by_word), True]))
    if not ids:
        return Blocks(np.zeros((0, length), np.int32), np.zeros((0, length), np.bool_))
    blocks = sum(map(len, ids)) // length
    return Blocks(
        np.concatenate(ids)[: blocks * length].reshape(blocks, length),
        np.concatenate(starts)[: blocks * length].reshape(blocks, length),
    )


def _encode(lines: Sequence[str], tokenizer: Tokenizer) -> Iterator[tuple[str, Encoding]]:
    for first in range(0, len(lines), LINES_AT_ONCE):
        chunk = list(lines[first : first + LINES_AT_ONCE])
        yield from zip(chunk, tokenizer.encode_batch(chunk, add_special_tokens=False), strict=True)


def _word_starts(line: str, encoding: Encoding, by_word: bool) -> list[bool]:
    """Whether a word begins with each piece; a piece that holds several words is one."""
    if not by_word:
        return [True] * len(encoding.ids)
    begins = {begin for _, begin, _ in rjieba.tokenize(line)}
    return [begin in begins for begin, _ in encoding.offsets]
