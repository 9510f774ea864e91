"""What holds for every document: label lines read back, windows answer for each unit once, company changes no score."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fazhi.data.schema import LabelledUnit, format_line, parse_line
from fazhi.model.decision import Decision
from fazhi.model.document import Document, bare_sentence, read_document
from fazhi.model.encode import CONTEXT, Encoder, collate, pack
from fazhi.model.engine import Engine
from fazhi.model.labels import Role, Topic
from fazhi.model.outline import Outline
from fazhi.model.predict import Predictor
from fazhi.model.units import Unit

MakeEncoder = Callable[..., Encoder]

# The fixtures are made once and keep no state that an answer depends on.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

LINES = [
    "云溪县2022年法治政府建设情况报告",
    "现将有关情况报告如下：",
    "一、主要工作及成效",
    "（一）规范行政执法。",
    "二、存在的问题",
    "开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件，审结11件。",
    "部分乡镇执法人员力量不足，持证上岗率不高。" * 3,
    "推进一件事集成办理，上线政务服务事项35项，" * 12,
    "將進一步壓減行政許可的辦理時限。",
    "①\u200b②&nbsp;",
    "\u3000",
]
REPORTS = st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=25).map("\n".join)

BETWEEN = 8  # pieces of a window that are nobody's: [cls], five [sep], a cue of two

PIECES = st.text("法治政府执法复议审批普法", max_size=40)
PATHS = st.lists(PIECES, max_size=4).map(tuple)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Units and outlines that no text need have: any length, any path, changing from unit to unit."""
    texts = draw(st.lists(PIECES, max_size=30))
    paths = tuple(draw(PATHS) for _ in texts)
    units = tuple(Unit(0, len(text), text, heading=False) for text in texts)
    return Document(units, Outline(draw(PIECES), draw(PIECES), paths, (0,) * len(texts)))


@st.composite
def budgets(draw: st.DrawFn) -> dict[str, int]:
    """Budgets that go together: a window holds one unit with its cue, its context and the pieces between them."""
    parts = {name: draw(st.integers(1, 24)) for name in ("unit", "title", "opening", "path", "heading")}
    least = parts["unit"] + parts["title"] + parts["opening"] + parts["path"] + BETWEEN
    return {**parts, "window": least + draw(st.integers(0, 60)), "margin": draw(st.integers(0, 3))}


@given(st.integers(0), st.integers(0), st.text(), st.booleans(), st.sampled_from(Role), st.sets(st.sampled_from(Topic)))
def test_a_label_line_reads_back(
    start: int, end: int, text: str, heading: bool, role: Role, topics: set[Topic]
) -> None:
    unit = LabelledUnit(start, end, text, heading, role, tuple(topic for topic in Topic if topic in topics))
    line = format_line(unit)
    assert parse_line(line, Path("a.jsonl"), 1) == unit
    assert "\n" not in line
    assert "\r" not in line


@shared
@given(document=documents() | REPORTS.map(read_document), sizes=budgets())
def test_windows_answer_for_every_unit_once_within_their_budget(
    make_encoder: MakeEncoder, document: Document, sizes: dict[str, int]
) -> None:
    encoder = make_encoder(**sizes)
    windows = encoder.windows(document)
    assert [unit for window in windows for unit in range(*window.answered)] == list(range(len(document.units)))
    for window in windows:
        (first, last), margin = window.answered, sizes["margin"]
        assert len(window.ids) == len(window.owners) <= sizes["window"]
        assert set(range(first, last)) <= set(window.units) <= set(range(first - margin, last + margin))


@shared
@given(document=documents(), sizes=budgets())
def test_owners_mark_the_pieces_of_each_unit(
    make_encoder: MakeEncoder, document: Document, sizes: dict[str, int]
) -> None:
    encoder = make_encoder(**sizes)
    encoded = encoder.encode(document)
    for window in encoder.windows(document):
        runs = itertools.groupby(zip(window.owners, window.ids, strict=True), key=lambda pair: pair[0])
        pieces = {owner: tuple(id_ for _, id_ in pairs) for owner, pairs in runs if owner != CONTEXT}
        expected = {place: encoded.units[unit] for place, unit in enumerate(window.units) if encoded.units[unit]}
        assert pieces == expected


@shared
@given(document=documents(), most=st.integers(1, 400))
def test_batches_hold_every_window_whole(make_encoder: MakeEncoder, document: Document, most: int) -> None:
    windows = make_encoder(window=96, unit=20, title=8, opening=8, path=16).windows(document)
    groups = pack(windows, most)
    assert sorted(index for group in groups for index in group) == list(range(len(windows)))
    for group in groups:
        batch = collate([windows[index] for index in group], pad=0)
        assert len(group) == 1 or batch.ids.size <= most
        for row, index in enumerate(group):
            length = int(batch.mask[row].sum())
            assert tuple(batch.ids[row, :length]) == windows[index].ids
            assert tuple(batch.owners[row, :length]) == windows[index].owners
            assert (batch.owners[row, length:] == CONTEXT).all()


@shared
@given(
    group=st.lists(documents() | REPORTS.map(read_document) | PIECES.map(bare_sentence), max_size=6),
    most=st.sampled_from([1, 100, 1000, 100_000]),
)
def test_documents_together_score_as_each_alone(
    make_encoder: MakeEncoder, fake_engine: Engine, group: list[Document], most: int
) -> None:
    encoder = make_encoder(window=128, unit=40, title=8, opening=10, path=16)
    predictor = Predictor(encoder, fake_engine, Decision(), max_tokens=most)
    together = predictor.logits(group)
    assert len(together) == len(group)
    for document, scores in zip(group, together, strict=True):
        (alone,) = predictor.logits([document])
        assert scores.roles.shape == scores.topics.shape == (len(document.units), 4)
        np.testing.assert_allclose(scores.roles, alone.roles, atol=1e-5)
        np.testing.assert_allclose(scores.topics, alone.topics, atol=1e-5)
    given_ = predictor.predict(group)
    assert given_ == [predictor.predict([document])[0] for document in group]
