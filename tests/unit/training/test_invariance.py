"""Documents written otherwise: what each way touches, and what is counted of what changes."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.model.document import Document, read_document
from fazhi.model.labels import Role, Topic
from fazhi.model.normalize import normalize
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.segment import segment
from fazhi.training import invariance as module
from fazhi.training.invariance import measure_invariance, variants

TEXT = """一、主要工作
查处行政执法案件12件，受理行政复议案件3件。
印发普法手册。
二、存在的问题
执法人员缺口较大。
三、下一步打算
我县将深化行政审批改革。
"""
HALF = "查处案件12件,其中立案3件;组织A级培训(线上)。\n"


class Reader(Predictor):
    """Finds a problem where 缺口 is written, education where 普法 is, in the text as the model would see it."""

    def __init__(self) -> None:
        pass

    def predict(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None = None
    ) -> list[list[Prediction]]:
        return [[self._answer(normalize(unit.text)) for unit in document.units] for document in documents]

    def _answer(self, text: str) -> Prediction:
        role = Role.PROBLEM if "缺口" in text else Role.ACHIEVEMENT
        topics = (Topic.LEGAL_EDUCATION,) if "普法" in text else ()
        return Prediction(role, topics, (0.9, 0.1, 0.0, 0.0), (0.1, 0.1, 0.1, 0.9), unsure=False)


def measure(*texts: str) -> dict[str, Any]:
    documents = [LabelledDocument(str(i), "test", text, (), "") for i, text in enumerate(texts)]
    read = [read_document(text) for text in texts]
    return measure_invariance(Reader(), documents, read, Reader().predict(read))


def test_what_changes_is_counted_among_what_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    rewrites = {
        "one character": lambda text: text.replace("缺口", "空额"),
        "another length": lambda text: text.replace("普法手册", "手册一本又一本"),
        "other units": lambda text: text.replace("，", "。"),
        "nothing": lambda text: text,
    }
    monkeypatch.setattr(module, "variants", lambda: rewrites)
    table = measure(TEXT)
    same = {"documents": 1, "documents_cut_otherwise": 0}
    assert table["one character"] == {"units": 1, "role_changed": 1, "topics_changed": 0, **same}
    assert table["another length"] == {"units": 1, "role_changed": 0, "topics_changed": 1, **same}
    none = {"units": 0, "role_changed": None, "topics_changed": None, "documents": 0}
    assert table["other units"] == {**none, "documents_cut_otherwise": 1}
    assert table["nothing"] == {**none, "documents_cut_otherwise": 0}


def test_an_answer_is_compared_with_that_of_the_same_unit_of_the_same_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "variants", lambda: {"mark": lambda text: text.replace("。", "！")})
    table = measure("一切如常\n", "不改\n" + HALF + TEXT, TEXT.replace("缺口", "空额"), "执法缺口大。\n")
    assert table["mark"] == {
        **{"units": 10, "role_changed": 0, "topics_changed": 0},
        **{"documents": 3, "documents_cut_otherwise": 0},
    }


def test_no_way_of_writing_changes_what_the_model_sees() -> None:
    table = measure(TEXT, HALF)
    assert list(table) == list(variants())
    assert table["in Traditional characters"]["units"] > 3
    for name, found in table.items():
        assert found["documents_cut_otherwise"] == 0, name
        assert not found["role_changed"], name
        assert not found["topics_changed"], name


def test_the_round_trip_of_width_touches_texts_of_either_width() -> None:
    """Figures get their full-width form too, so a text without any half-width mark is touched, and one without full."""
    trip = variants()["to half width and back to full"]
    assert trip("案件12件，（A级）") == "案件１２件，（Ａ级）"
    assert trip("案件12件,(A级)") == "案件１２件，（Ａ级）"
    assert trip("案件。、一") == "案件。、一"
    assert trip(trip(HALF)) == trip(HALF)
    assert len(segment(trip(TEXT + HALF))) == len(segment(TEXT + HALF))
    table = measure(TEXT)
    assert table["with full-width punctuation"]["units"] == 0
    assert table["to half width and back to full"]["units"] == 1
    only_half = measure(HALF)
    assert only_half["with half-width punctuation"]["units"] == 0
    assert only_half["to half width and back to full"]["units"] == len(segment(HALF))


def test_the_round_trip_of_script_is_not_the_text_again() -> None:
    trip = variants()["to Traditional characters and back"]
    assert trip("执法后台") == "执法后台"
    assert trip("執法後臺") == "执法后台"
    assert trip("乾县、瞭解、发著") != "乾县、瞭解、发著"
    assert measure("執法後臺。\n")["to Traditional characters and back"]["units"] == 1
