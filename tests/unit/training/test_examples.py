from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import SegmentationDiffersError
from fazhi.data.schema import LabelledUnit
from fazhi.model.encode import EncodeConfig, Encoder
from fazhi.model.labels import ROLES, Role, Topic
from fazhi.model.segment import segment
from fazhi.training.config import TrainConfig, build_config
from fazhi.training.examples import Collator, draw_batches, encode_example, gold, label_weights
from fazhi.training.losses import IGNORED

TEXT = "某县2024年法治政府建设工作报告\n一、主要工作\n" + "".join(
    f"办理第{n}件行政复议案件。加强执法检查。" for n in range(60)
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    pieces = {
        piece: place for place, piece in enumerate(["[CLS]", "[PAD]", "[SEP]", "[UNK]", *sorted(set(TEXT) - {"\n"})])
    }
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return Encoder(tokenizer, EncodeConfig(window=200, unit=60, title=20, opening=20, heading=10, path=20))


@pytest.fixture(scope="module")
def document() -> LabelledDocument:
    units = tuple(
        LabelledUnit(u.start, u.end, u.text, u.heading, ROLES[n % 4], (Topic.RECONSIDERATION,) if n % 2 else ())
        for n, u in enumerate(segment(TEXT))
    )
    return LabelledDocument("X01", "train", TEXT, units, "")


def _config(**settings: object) -> TrainConfig:
    return build_config(
        {
            "window": 200,
            "unit": 60,
            "title": 20,
            "opening": 20,
            "path": 20,
            "batch_tokens": 400,
            "passes": 2,
            "reversed_plans": 0,
            **settings,
        }
    )


def test_each_pass_shows_every_unit_once_in_its_windows(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset())
    for batches in draw_batches(encoder, [example], _config(bare_units=0)):
        shown = Counter(unit for batch in batches for window in batch for unit in window.window.units)
        assert shown == Counter(range(len(document.units)))


def test_labels_stay_with_their_units(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset())
    roles, topics = gold(document)
    for batch in draw_batches(encoder, [example], _config(bare_units=0.5))[0]:
        for window in batch:
            units = list(window.window.units)
            assert (window.roles == roles[units]).all()
            assert (window.topics == topics[units]).all()


def test_dropped_units_are_nowhere(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset({2, 5}))
    assert len(example.roles) == len(example.encoded.units) == len(document.units) - 2
    kept = [role for n, role in enumerate(gold(document)[0]) if n not in (2, 5)]
    assert example.roles.tolist() == kept


def test_batches_fit_their_budget_and_waste_little_padding(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset())
    batches = [b for p in draw_batches(encoder, [example] * 8, _config()) for b in p]
    sizes = [len(batch) * max(len(w.window.ids) for w in batch) for batch in batches]
    pieces = sum(len(window.window.ids) for batch in batches for window in batch)
    assert max(sizes) <= 400
    assert pieces / sum(sizes) > 0.95


def test_the_same_seed_draws_the_same_and_another_other_batches(encoder: Encoder, document: LabelledDocument) -> None:
    examples = [encode_example(encoder, document, frozenset())]
    ids = [
        [window.window.ids for batch in draw_batches(encoder, examples, _config(seed=seed))[0] for window in batch]
        for seed in (1, 1, 2)
    ]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


def test_context_is_dropped_as_often_as_set(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset())
    title = list(example.encoded.title)
    assert title

    def titled(**settings: float) -> float:
        windows = [
            w.window for b in draw_batches(encoder, [example] * 10, _config(bare_units=0, **settings))[0] for w in b
        ]
        return float(np.mean([list(w.ids[1 : 1 + len(title)]) == title and w.owners[1] < 0 for w in windows]))

    assert titled(drop_document=0) == 1
    assert titled(drop_document=1) == 0
    assert 0.2 < titled(drop_document=0.5) < 0.8


def test_the_collator_pads_with_ignored_places(encoder: Encoder, document: LabelledDocument) -> None:
    batches = draw_batches(encoder, [encode_example(encoder, document, frozenset())], _config(bare_units=0.5))[0]
    tensors = Collator(pad=1)(batches[:2])
    rows = sum(len(batch) for batch in batches[:2])
    assert tensors["roles"].shape == (rows, len(tensors["places"]))
    assert tensors["topics"].shape == (*tensors["roles"].shape, 4)
    counts = [len(window.roles) for batch in batches[:2] for window in batch]
    assert (tensors["roles"] != IGNORED).sum(dim=1).tolist() == counts
    assert ((tensors["input_ids"] == 1) == (tensors["attention_mask"] == 0)).all()


def test_rare_labels_weigh_more_and_the_mean_weight_is_one(encoder: Encoder, document: LabelledDocument) -> None:
    example = encode_example(encoder, document, frozenset())
    example.roles[:] = [0] * (len(example.roles) - 5) + [ROLES.index(Role.PROBLEM)] * 5
    weights = label_weights([example], _config())
    assert weights.roles[1] > weights.roles[0]
    assert float(weights.roles[example.roles].mean()) == pytest.approx(1.0, rel=1e-5)


def test_labels_of_another_segmentation_are_refused(encoder: Encoder, document: LabelledDocument) -> None:
    short = LabelledDocument("X02", "train", document.text, document.units[:-1], "")
    with pytest.raises(SegmentationDiffersError, match="X02"):
        encode_example(encoder, short, frozenset())


def test_tenseless_plans_are_shown_as_achievements_too_and_no_others(encoder: Encoder) -> None:
    text = "某县2024年工作报告\n三、下一步打算\n加强执法检查。\n将办理案件。\n办理行政复议案件。\n"
    roles = [Role.OTHER, Role.OTHER, Role.PLAN, Role.PLAN, Role.PLAN]
    units = tuple(
        LabelledUnit(u.start, u.end, u.text, u.heading, role, ()) for u, role in zip(segment(text), roles, strict=True)
    )
    example = encode_example(encoder, LabelledDocument("X03", "train", text, units, ""), frozenset())
    assert example.reversed
    assert example.reversed.encoded.units == (example.encoded.units[2], example.encoded.units[4])
    assert [ROLES[role] for role in example.reversed.roles] == [Role.ACHIEVEMENT] * 2
    assert example.reversed.encoded.cue(0) == encoder.cues[Role.ACHIEVEMENT]
    assert example.encoded.cue(2) == encoder.cues[Role.PLAN]
    batches = draw_batches(encoder, [example], _config(reversed_plans=1.0, bare_units=0))[0]
    shown = [role for batch in batches for window in batch for role in window.roles]
    assert shown.count(ROLES.index(Role.PLAN)) == 3
    assert shown.count(ROLES.index(Role.ACHIEVEMENT)) == 2
