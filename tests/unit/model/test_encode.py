"""Windows of token ids: who answers for which unit, what is shown around it, and that no budget is passed."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tokenizers import Tokenizer

from fazhi.model.document import Document, bare_sentence, read_document
from fazhi.model.encode import CONTEXT, Encoder, Window, collate, pack, without
from fazhi.model.outline import Outline
from fazhi.model.units import Unit

MakeEncoder = Callable[..., Encoder]
SMALL = {"window": 64, "unit": 24, "title": 8, "opening": 10, "heading": 6, "path": 12}
CHARACTERS = "法治政府建设工作执法监督行政复议审批普法宣传"


def document_of(
    texts: Sequence[str], title: str = "", opening: str = "", paths: Sequence[tuple[str, ...]] = ()
) -> Document:
    """A document of these units, each with its headings."""
    units = tuple(Unit(0, len(text), text, heading=False) for text in texts)
    return Document(units, Outline(title, opening, tuple(paths) or ((),) * len(texts), (0,) * len(texts)))


def random_document(seed: int, units: int = 40) -> Document:
    """Units of any length under paths of any length, some of both beyond every budget."""
    rng = random.Random(seed)

    def text(most: int) -> str:
        return "".join(rng.choices(CHARACTERS, k=rng.randint(1, most)))

    headings = [text(12) for _ in range(6)]
    paths = [tuple(rng.sample(headings, rng.randint(0, 4))) for _ in range(units)]
    return document_of([text(40) for _ in range(units)], text(14) * (seed % 2), text(30) * (seed % 3 > 0), paths)


class Pieces:
    """Text to ids as the tiny tokenizer gives them."""

    def __init__(self, encoder: Encoder) -> None:
        self._tokenizer = encoder.tokenizer
        self.cls, self.sep = encoder.config.cls, encoder.config.sep

    def __call__(self, text: str) -> tuple[int, ...]:
        ids = tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
        assert len(ids) == len(text), "one piece a character"
        return ids


@pytest.fixture
def encoder(make_encoder: MakeEncoder) -> Encoder:
    return make_encoder(**SMALL)


@pytest.fixture
def pieces(encoder: Encoder) -> Pieces:
    return Pieces(encoder)


class TestWindows:
    @pytest.mark.parametrize("margin", [0, 1, 3])
    @pytest.mark.parametrize("seed", range(12))
    def test_every_unit_is_answered_for_once_and_no_window_is_over_budget(
        self, make_encoder: MakeEncoder, seed: int, margin: int
    ) -> None:
        encoder, document = make_encoder(**SMALL, margin=margin), random_document(seed)
        windows = encoder.windows(document)
        answered = Counter(unit for window in windows for unit in range(*window.answered))
        assert answered == dict.fromkeys(range(len(document.units)), 1)
        assert max(len(window.ids) for window in windows) <= SMALL["window"]

    @pytest.mark.parametrize("seed", range(12))
    def test_windows_go_through_the_document_in_order(self, encoder: Encoder, seed: int) -> None:
        windows = encoder.windows(random_document(seed))
        ends = [window.answered[1] for window in windows]
        assert [window.answered[0] for window in windows] == [0, *ends[:-1]]

    @pytest.mark.parametrize("margin", [0, 1, 3])
    @pytest.mark.parametrize("seed", range(6))
    def test_a_window_shows_the_units_it_answers_for_and_up_to_a_margin_around_them(
        self, make_encoder: MakeEncoder, seed: int, margin: int
    ) -> None:
        windows = make_encoder(**SMALL, margin=margin).windows(random_document(seed))
        for window in windows:
            first, last = window.answered
            assert window.units == tuple(range(window.units[0], window.units[-1] + 1))
            assert first - margin <= window.units[0] <= first
            assert last <= window.units[-1] + 1 <= last + margin
        if margin:
            assert any(len(window.units) > window.answered[1] - window.answered[0] for window in windows)

    @pytest.mark.parametrize("seed", range(6))
    def test_owners_give_every_piece_of_a_unit_to_it_and_nothing_else(self, encoder: Encoder, seed: int) -> None:
        document = random_document(seed)
        encoded = encoder.encode(document)
        for window in encoder.windows(document):
            for place, unit in enumerate(window.units):
                own = [i for i, owner in zip(window.ids, window.owners, strict=True) if owner == place]
                assert tuple(own) == encoded.units[unit]
            assert set(window.owners) == {CONTEXT, *range(len(window.units))}

    def test_a_neighbour_is_left_out_when_the_longer_path_of_the_unit_itself_needs_the_room(
        self, make_encoder: MakeEncoder, pieces: Pieces
    ) -> None:
        """The unit before stands under no heading: with it goes the short prefix that would leave room behind."""
        encoder = make_encoder(**SMALL)
        texts = [CHARACTERS[:20] * 2, CHARACTERS[:20] * 2, CHARACTERS[:15]]
        document = document_of(texts, CHARACTERS[:8], CHARACTERS[:10], [(), ("法治政府", "建设工作", "执法监督"), ()])
        window = encoder.window(encoder.encode(document), 1, 2, margin=1)
        assert len(window.ids) <= SMALL["window"]
        assert window.units == (1,)

    def test_six_special_pieces_stand_around_a_unit_and_its_context(self, make_encoder: MakeEncoder) -> None:
        """So much, and a cue, must a window hold beyond the budgets of unit, title, opening and path."""
        encoder = make_encoder(window=7 + 8 + 9 + 10 + 6 + 2, unit=7, title=8, opening=9, path=10)
        (window,) = encoder.windows(document_of([CHARACTERS], CHARACTERS, CHARACTERS, [(CHARACTERS,)]))
        assert len(window.ids) == encoder.config.window

    def test_a_short_document_is_one_window(self, make_encoder: MakeEncoder) -> None:
        document = read_document("云溪县2022年法治政府建设情况报告\n一、主要工作\n开展执法案卷评查。\n")
        (window,) = make_encoder().windows(document)
        assert (window.units, window.answered) == ((0, 1, 2), (0, 3))

    @pytest.mark.parametrize("text", ["", " \n\u3000\n"])
    def test_an_empty_document_has_no_windows(self, encoder: Encoder, text: str) -> None:
        assert encoder.windows(read_document(text)) == []

    def test_a_unit_without_pieces_is_answered_for_too(self, encoder: Encoder, pieces: Pieces) -> None:
        (window,) = encoder.windows(document_of(["法治", "\u200b", "执法"]))
        assert window.answered == (0, 3)
        assert window.ids == (pieces.cls, *pieces("法治"), pieces.sep, pieces.sep, *pieces("执法"), pieces.sep)


class TestPieces:
    def test_title_opening_headings_and_units_stand_in_this_order(self, encoder: Encoder, pieces: Pieces) -> None:
        path = ("主要工作", "行政")
        (window,) = encoder.windows(document_of(["执法", "普法"], "法治", "政府", [path, path]))
        parts = ["法治", "政府", "主要工作行政", "", "成效执法", "成效普法"]
        expected = [pieces.cls, *(i for part in parts for i in (*pieces(part), pieces.sep))]
        assert list(window.ids) == expected
        owners = [CONTEXT] * 15 + [CONTEXT, CONTEXT, 0, 0, CONTEXT] + [CONTEXT, CONTEXT, 1, 1, CONTEXT]
        assert list(window.owners) == owners

    def test_what_is_missing_is_left_out_with_its_separator(self, encoder: Encoder, pieces: Pieces) -> None:
        cls, sep = pieces.cls, pieces.sep
        (bare,) = encoder.windows(bare_sentence("执法"))
        assert bare.ids == (cls, *pieces("执法"), sep)
        (titled,) = encoder.windows(document_of(["执法"], title="法治"))
        assert titled.ids == (cls, *pieces("法治"), sep, sep, *pieces("成效执法"), sep)
        (headed,) = encoder.windows(bare_sentence("执法", ["工作"]))
        assert headed.ids == (cls, *pieces("工作"), sep, sep, *pieces("执法"), sep)

    def test_a_window_has_the_headings_of_the_first_unit_it_shows(self, encoder: Encoder, pieces: Pieces) -> None:
        document = document_of(["执法", "普法", "审批"], paths=[("工作",), ("宣传",), ("政府",)])
        window = encoder.window(encoder.encode(document), 1, 2, margin=1)
        assert window.ids[:4] == (pieces.cls, *pieces("工作"), pieces.sep)
        alone = encoder.window(encoder.encode(document), 1, 2, margin=0)
        assert alone.ids[:4] == (pieces.cls, *pieces("宣传"), pieces.sep)

    def test_a_long_unit_keeps_its_beginning_and_its_end(self, make_encoder: MakeEncoder, pieces: Pieces) -> None:
        encoded = make_encoder(unit=10).encode(document_of([CHARACTERS, CHARACTERS[:10], CHARACTERS[:11]]))
        assert encoded.units[0] == pieces(CHARACTERS[:6] + CHARACTERS[-4:])
        assert encoded.units[1] == pieces(CHARACTERS[:10])
        assert encoded.units[2] == pieces(CHARACTERS[:6] + CHARACTERS[7:11])

    def test_a_long_opening_keeps_both_halves(self, make_encoder: MakeEncoder, pieces: Pieces) -> None:
        encoded = make_encoder(opening=6).encode(document_of(["执法"], opening=CHARACTERS))
        assert encoded.opening == pieces(CHARACTERS[:3] + CHARACTERS[-3:])

    def test_a_long_title_and_a_long_heading_keep_their_beginnings(
        self, make_encoder: MakeEncoder, pieces: Pieces
    ) -> None:
        document = document_of(["执法"], title=CHARACTERS, paths=[(CHARACTERS, "工作")])
        encoded = make_encoder(title=5, heading=4, path=64).encode(document)
        assert encoded.title == pieces(CHARACTERS[:5])
        assert encoded.paths == (pieces(CHARACTERS[:4] + "工作"),)

    def test_a_long_path_keeps_the_nearest_headings(self, make_encoder: MakeEncoder, pieces: Pieces) -> None:
        encoded = make_encoder(path=5).encode(document_of(["执法"], paths=[("主要工作", "行政复议")]))
        assert encoded.paths == (pieces("作行政复议"),)

    def test_the_models_copy_is_encoded(self, encoder: Encoder) -> None:
        simplified = document_of(["执法、复议，"], "法治", "政府", [("一、主要工作",)])
        traditional = document_of(["執法、 複議,"], "法 治", "政府\u200b", [("一、主要\n工作",)])
        assert encoder.encode(traditional) == encoder.encode(simplified)

    def test_without_leaves_out_what_is_asked_and_keeps_the_units(self, encoder: Encoder) -> None:
        encoded = encoder.encode(document_of(["执法", "普法"], "法治", "政府", [(), ("工作",)]))
        bare = without(encoded, document=True)
        assert (bare.title, bare.opening, bare.paths, bare.units) == ((), (), encoded.paths, encoded.units)
        flat = without(encoded, headings=True)
        assert (flat.title, flat.opening) == (encoded.title, encoded.opening)
        assert (flat.paths, flat.units) == (((), ()), encoded.units)
        assert without(encoded) == encoded
        alone = without(encoded, document=True, headings=True)
        assert encoder.prefix(alone, 1) == []

    @pytest.mark.parametrize("budget", [16, 30, 64])
    def test_a_smaller_budget_is_kept_by_every_run_of_several_units(self, encoder: Encoder, budget: int) -> None:
        encoded = encoder.encode(random_document(0))
        runs = list(encoder.tile(encoded, budget, 0))
        assert [unit for run in runs for unit in range(*run)] == list(range(len(encoded.units)))
        for first, last in runs:
            assert last == first + 1 or len(encoder.window(encoded, first, last, 0).ids) <= budget


def window_of(length: int, units: int = 1) -> Window:
    owners = tuple(min(place, units - 1) for place in range(length))
    return Window(tuple(range(5, 5 + length)), owners, tuple(range(units)), (0, units))


class TestBatches:
    def test_windows_are_padded_to_the_longest_of_them(self) -> None:
        batch = collate([window_of(3, 2), window_of(5)], pad=9)
        assert batch.ids.tolist() == [[5, 6, 7, 9, 9], [5, 6, 7, 8, 9]]
        assert batch.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
        assert batch.owners.tolist() == [[0, 1, 1, CONTEXT, CONTEXT], [0, 0, 0, 0, 0]]
        assert batch.units == 2
        assert {array.dtype for array in (batch.ids, batch.mask, batch.owners)} == {np.dtype(np.int64)}

    def test_a_window_alone_is_not_padded(self) -> None:
        batch = collate([window_of(4)], pad=0)
        assert batch.ids.shape == batch.mask.shape == batch.owners.shape == (1, 4)
        assert batch.mask.all()

    @pytest.mark.parametrize("most", [1, 40, 100, 10_000])
    @pytest.mark.parametrize("seed", range(4))
    def test_groups_cover_all_windows_and_keep_the_budget(self, seed: int, most: int) -> None:
        rng = random.Random(seed)
        windows = [window_of(rng.randint(1, 60)) for _ in range(50)]
        groups = pack(windows, most)
        assert sorted(index for group in groups for index in group) == list(range(50))
        for group in groups:
            longest = max(len(windows[index].ids) for index in group)
            assert len(group) == 1 or longest * len(group) <= most

    def test_like_lengths_go_together_the_longest_first(self) -> None:
        assert pack([window_of(n) for n in (2, 10, 9, 3, 3)], 20) == [[1, 2], [3, 4, 0]]

    def test_groups_are_filled(self) -> None:
        assert [len(group) for group in pack([window_of(10)] * 7, 30)] == [3, 3, 1]

    def test_no_windows_are_no_groups(self) -> None:
        assert pack([], 100) == []


def test_the_tokenizers_own_special_pieces_are_not_added(tiny_tokenizer: Tokenizer, encoder: Encoder) -> None:
    assert tiny_tokenizer.encode("执法").ids[0] == encoder.config.cls
    assert encoder.encode(bare_sentence("执法")).units == (tuple(tiny_tokenizer.encode("执法").ids[1:-1]),)


def test_special_pieces_spelt_in_a_text_do_not_act_as_such(make_encoder: Callable[..., Encoder]) -> None:
    encoder = make_encoder()
    (window,) = encoder.windows(bare_sentence("办理[SEP]案件[CLS][PAD]12件。"))
    assert window.ids.count(encoder.config.sep) == 1
    assert window.ids.count(encoder.config.cls) == 1
    assert encoder.config.pad not in window.ids
