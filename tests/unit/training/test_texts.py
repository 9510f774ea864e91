"""Files of unlabelled text -> blocks of pieces."""

import gzip
import itertools
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from fazhi.training.texts import TextError, cut_blocks, find_files, read_lines

TEXT = "一、主要工作\n\n  查处各類違法案件４５件。\n"
LINES = ["一、主要工作", "查处各类违法案件45件。"]  # as the model reads them


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "squeeze"), [("a.txt", bytes), ("a.txt.xz", lzma.compress), ("a.txt.gz", gzip.compress)]
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
    def test_kinds(self, tmp_path: Path, name: str, squeeze: Callable[[bytes], bytes], encoding: str) -> None:
        (tmp_path / name).write_bytes(squeeze(TEXT.encode(encoding)))

        assert read_lines(tmp_path / name) == LINES

    def test_a_folder_gives_its_texts_in_order(self, tmp_path: Path) -> None:
        for name in ("b.txt", "a.txt.gz", "c/d.txt.xz", "notes.md", "e.pdf"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()

        found = find_files([tmp_path, tmp_path / "notes.md"])

        assert [path.relative_to(tmp_path).as_posix() for path in found] == [
            "a.txt.gz",
            "b.txt",
            "c/d.txt.xz",
            "notes.md",  # named, so it is wanted
        ]

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for path in (tmp_path / "empty", tmp_path / "none.txt"):
            with pytest.raises(TextError, match=path.name):
                find_files([path])

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.txt", b""),
            ("a.txt", b" \n\n"),
            ("a.txt", b"\x00\x01\x02\x03"),
            ("a.txt", bytes(range(128, 256))),
            ("a.txt.xz", b""),
            ("a.txt.xz", b"no xz at all"),
            ("a.txt.xz", lzma.compress(TEXT.encode())[:-9]),
            ("a.txt.xz", lzma.compress(b"\x00\x01\x02")),
            ("a.txt.gz", b""),
            ("a.txt.gz", b"no gz at all"),
            ("a.txt.gz", gzip.compress(TEXT.encode(), mtime=0)[:-9]),
            ("a.txt.gz", gzip.compress(b"", mtime=0)),
            ("a.txt.gz", gzip.compress(TEXT.encode(), mtime=0)[:10] + b"\xff" * 20),
        ],
    )
    def test_what_is_no_text_is_named(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)

        with pytest.raises(TextError, match=rf"{name}: \S+"):
            read_lines(tmp_path / name)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(TextError, match=tmp_path.name):
            read_lines(tmp_path)


class TestBlocks:
    SEP = 3
    LINES = ("办理行政复议案件12件。", "执法人员力量不足。", "企业开办压缩至一个工作日。")

    def test_lines_stand_side_by_side_with_a_separator(self, tiny_tokenizer: Tokenizer) -> None:
        blocks = cut_blocks(self.LINES, tiny_tokenizer, self.SEP, 8, by_word=False)

        stream = [
            i for line in self.LINES for i in [*tiny_tokenizer.encode(line, add_special_tokens=False).ids, self.SEP]
        ]
        whole = len(stream) // 8 * 8
        assert blocks.ids.shape == blocks.starts.shape == (len(stream) // 8, 8)
        assert blocks.ids.ravel().tolist() == stream[:whole]
        assert blocks.starts.all()

    def test_words_begin_where_words_begin(self, tiny_tokenizer: Tokenizer) -> None:
        line = "办理行政复议案件12件。"
        length = len(line) + 1
        blocks = cut_blocks([line], tiny_tokenizer, self.SEP, length, by_word=True)

        begins = np.flatnonzero(blocks.starts[0]).tolist()
        words = [line[a:b] for a, b in itertools.pairwise(begins)]
        assert "".join(words) == line
        assert {"办理", "案件"} <= set(words)
        assert begins[-1] == len(line), "a separator is a word of its own"

    def test_what_does_not_fill_a_block_is_left_out(self, tiny_tokenizer: Tokenizer) -> None:
        for lines in ([], ["执法"]):
            blocks = cut_blocks(lines, tiny_tokenizer, self.SEP, 8, by_word=True)
            assert blocks.ids.shape == blocks.starts.shape == (0, 8)

    def test_many_lines_are_no_other_than_few(self, tiny_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = cut_blocks(self.LINES, tiny_tokenizer, self.SEP, 5, by_word=True)
        monkeypatch.setattr("fazhi.training.texts.LINES_AT_ONCE", 2)
        blocks = cut_blocks(self.LINES, tiny_tokenizer, self.SEP, 5, by_word=True)

        assert np.array_equal(blocks.ids, expected.ids)
        assert np.array_equal(blocks.starts, expected.starts)
