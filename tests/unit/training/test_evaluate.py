"""Evaluation through a real Predictor over a fake engine that reads labels off single characters."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from fazhi.data.corpus import LabelledDocument
from fazhi.data.gold import SegmentationDiffersError
from fazhi.data.schema import LabelledUnit
from fazhi.model.decision import Decision
from fazhi.model.document import Document, read_document
from fazhi.model.encode import Batch, EncodeConfig, Encoder
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.segment import segment
from fazhi.training.evaluate import evaluate
from fazhi.training.metrics import as_json
from fazhi.training.slices import is_traditional, slices

DONE, LACK, PLAN, OTHER = Role
ENFORCE, RECONSIDER, APPROVE, TEACH = Topic
PIECES = {"[cls]": 0, "[pad]": 1, "[sep]": 2, "[unk]": 3, **{c: 4 + i for i, c in enumerate("、缺将执复批普")}}

TEXT = """一、主要工作
查处行政执法案件12件，受理行政复议案件3件。
印发普法手册。
二、存在的问题
执法人员缺口较大。
三、下一步打算
我县将深化行政审批改革。
"""
ROWS = [
    (OTHER, ()),
    (DONE, (ENFORCE, RECONSIDER)),
    (DONE, (TEACH,)),
    (OTHER, ()),
    (LACK, (ENFORCE,)),
    (OTHER, ()),
    (PLAN, (APPROVE,)),
]


class CharacterEngine:
    """缺 makes a problem, 将 a plan, 、 something other; surer of a role the fewer pieces the unit has."""

    lanes = 1

    def run(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        roles = np.zeros((len(batch.ids), batch.units, 4), np.float32)
        topics = np.full((len(batch.ids), batch.units, 4), -4, np.float32)
        for row, place in np.ndindex(len(batch.ids), batch.units):
            ids = batch.ids[row][batch.owners[row] == place].tolist()
            role = 3 if PIECES["、"] in ids else 1 if PIECES["缺"] in ids else 2 if PIECES["将"] in ids else 0
            roles[row, place, role] = 2 + 30 / (5 + len(ids))
            for topic, sign in enumerate("执复批普"):
                if PIECES[sign] in ids:
                    topics[row, place, topic] = 4
        return roles, topics


@pytest.fixture
def predictor() -> Predictor:
    tokenizer = Tokenizer(WordLevel(PIECES, unk_token="[unk]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    return Predictor(Encoder(tokenizer, EncodeConfig()), CharacterEngine(), Decision(abstain_below=0.9))


def labelled(text: str, rows: Sequence[tuple[Role, tuple[Topic, ...]]], name: str = "d") -> LabelledDocument:
    units = tuple(
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, role, topics)
        for unit, (role, topics) in zip(segment(text), rows, strict=True)
    )
    return LabelledDocument(name, "test", text, units, "云岭县")


def with_errors() -> LabelledDocument:
    """Gold that the engine does not follow in two roles (surer of the shorter unit's) and one set of topics."""
    rows = list(ROWS)
    rows[1] = (PLAN, (ENFORCE,))
    rows[2] = (LACK, (TEACH,))
    return labelled(TEXT, rows)


def value(score: dict[str, Any]) -> float:
    assert score["low"] <= score["value"] <= score["high"]
    return float(score["value"])


def test_a_predictor_that_is_right_scores_one(predictor: Predictor) -> None:
    found = evaluate(predictor, [labelled(TEXT, ROWS)])
    metrics = found.metrics
    for score in (*metrics["role"].values(), *metrics["topics"].values(), metrics["both"]):
        assert value(score) == 1
    assert found.wrong_roles == found.wrong_topics == []
    assert metrics["coverage"]["aurc"] == 0
    assert metrics["baselines"] == {}


def test_errors_are_counted(predictor: Predictor) -> None:
    metrics = evaluate(predictor, [with_errors(), labelled(TEXT, ROWS, "e")]).metrics
    assert value(metrics["role"]["accuracy"]) == pytest.approx(12 / 14, abs=1e-6)
    assert value(metrics["topics"]["exact_match"]) == pytest.approx(13 / 14, abs=1e-6)
    assert value(metrics["both"]) == pytest.approx(12 / 14, abs=1e-6)
    assert value(metrics["per_document"]["d"]["role"]["accuracy"]) == pytest.approx(5 / 7, abs=1e-6)
    assert value(metrics["per_document"]["e"]["role"]["accuracy"]) == 1
    assert metrics["per_document"]["d"]["note"] == "云岭县"
    assert metrics["per_label"]["role"]["计划"]["recall"] == pytest.approx(2 / 3, abs=1e-6)
    assert metrics["per_label"]["topics"]["复议"]["precision"] == 0.5
    assert metrics["confusion"]["role"][2][0] == metrics["confusion"]["role"][1][0] == 1
    assert metrics["confusion"]["topics"]["复议"] == [[12, 1], [0, 1]]
    assert metrics["coverage"]["points"][-1]["error"] == pytest.approx(2 / 14, abs=1e-6)
    assert 0 < metrics["coverage"]["unsure"]["share"] < 1


def test_worst_errors_come_surest_first_and_in_their_context(predictor: Predictor) -> None:
    found = evaluate(predictor, [with_errors()])
    first, second = found.wrong_roles
    assert first.probability > second.probability
    assert (first.document, first.number, first.gold.role, first.predicted.role) == ("d", 3, LACK, DONE)
    assert first.headings == ("一、主要工作",)
    assert first.before.startswith("查处行政执法")
    assert first.after == "二、存在的问题"
    (topic,) = found.wrong_topics
    assert topic.topic is RECONSIDER
    assert topic.probability == pytest.approx(1 / (1 + np.exp(-4)))


def test_units_that_differ_from_gold_are_an_error_that_says_where(predictor: Predictor) -> None:
    whole = labelled(TEXT, ROWS)
    units = list(whole.units)
    merged = replace(units[1], end=units[2].end, text=TEXT[units[1].start : units[2].end])
    with pytest.raises(
        SegmentationDiffersError, match=r"document d: unit 2 is \[7, 38\) '查处.*6 units in gold, 7 found"
    ):
        evaluate(predictor, [replace(whole, units=(units[0], merged, *units[3:]))])
    with pytest.raises(SegmentationDiffersError, match="unit 7 is no unit in gold"):
        evaluate(predictor, [replace(whole, units=tuple(units[:-1]))])
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(predictor, [])


def test_golds_heading_flags_make_a_slice_and_nothing_else(predictor: Predictor) -> None:
    document = with_errors()
    turned = replace(document, units=tuple(replace(unit, heading=not unit.heading) for unit in document.units))
    left, right = evaluate(predictor, [document]).metrics, evaluate(predictor, [turned]).metrics
    assert left["slices"]["kind"]["heading"] == right["slices"]["kind"]["body"]
    for metrics in (left, right):
        del metrics["slices"]["kind"], metrics["facts"], metrics["measured"]
    assert left == right


def test_slices_cut_the_units_without_rest() -> None:
    documents = [
        with_errors(),
        labelled("一、存在的問題\n執法人員數量與任務不相適應。\n", [(OTHER, ()), (LACK, (ENFORCE,))]),
    ]
    table = slices(documents)
    assert {name: list(masks) for name, masks in table.items()} == {
        "kind": ["heading", "body"],
        "length": ["1–20", "21–50"],
        "script": ["Simplified", "Traditional"],
        "digits": ["with", "without"],
    }
    for masks in table.values():
        assert (np.sum(list(masks.values()), axis=0) == 1).all()
    assert table["script"]["Traditional"].tolist() == [False] * 7 + [True] * 2
    assert table["digits"]["with"].sum() == 1


def test_script_of_a_document() -> None:
    assert is_traditional("法治政府建設情況報告")
    assert not is_traditional("法治政府建设情况报告")
    assert not is_traditional("法治" * 100 + "設")
    assert not is_traditional("")


def test_calibration_is_that_of_the_answers_given(predictor: Predictor) -> None:
    documents = [labelled(TEXT, ROWS)]
    metrics = evaluate(predictor, documents).metrics
    (answers,) = predictor.predict([read_document(TEXT)])
    shortfall = 1 - np.mean([max(answer.role_scores) for answer in answers])
    assert metrics["calibration"]["role"]["ece"] == pytest.approx(shortfall, abs=1e-5)
    assert metrics["calibration"]["topics"]["ece"] == pytest.approx(1 - 1 / (1 + np.exp(-4)), abs=1e-5)


def test_less_context_is_less_context(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[Document]] = []
    predict = predictor.predict

    def watched(documents: Sequence[Document]) -> list[list[Prediction]]:
        asked.append(documents)
        return predict(documents)

    monkeypatch.setattr(predictor, "predict", watched)
    evaluate(predictor, [with_errors()])
    whole, headings, none = asked[:3]
    assert [len(document.units) for document in whole] == [7]
    assert [len(document.units) for document in (*headings, *none)] == [1] * 14
    assert [document.outline.headings for document in headings[:2]] == [((),), (("一、主要工作",),)]
    assert {document.outline.headings for document in none} == {((),)}


def test_less_context_is_measured_on_the_same_units(predictor: Predictor) -> None:
    contexts = evaluate(predictor, [with_errors()]).metrics["slices"]["context"]
    assert list(contexts) == ["document", "headings", "none"]
    assert [part["units"] for part in contexts.values()] == [7, 7, 7]
    assert contexts["none"]["role"]["accuracy"]["value"] == pytest.approx(5 / 7, abs=1e-6)


def test_what_the_mark_of_unsure_roles_promises_is_measured(predictor: Predictor) -> None:
    document = with_errors()
    (answers,) = predictor.predict([read_document(TEXT)])
    sure = [answer.role == unit.role for answer, unit in zip(answers, document.units, strict=True) if not answer.unsure]
    promised = evaluate(predictor, [document]).metrics["coverage"]["promised"]
    assert 0 < len(sure) < 7
    assert (promised["accuracy"], promised["units"]) == (0.99, len(sure))
    assert promised["share"] == pytest.approx(len(sure) / 7, abs=1e-6)
    assert value(promised["role_accuracy"]) == pytest.approx(sum(sure) / len(sure), abs=1e-6) != 1


def test_where_all_is_unsure_nothing_is_promised(predictor: Predictor) -> None:
    predictor.decision = Decision(abstain_below=1.0)
    promised = evaluate(predictor, [labelled(TEXT, ROWS)]).metrics["coverage"]["promised"]
    none = {"value": None, "low": None, "high": None}
    assert promised == {"accuracy": 0.99, "units": 0, "share": 0, "role_accuracy": none}


def test_a_document_has_its_own_role_accuracy_and_topic_f1(predictor: Predictor) -> None:
    found = evaluate(predictor, [with_errors(), labelled(TEXT, ROWS, "e")]).metrics["per_document"]
    assert value(found["d"]["role"]["accuracy"]) == pytest.approx(5 / 7, abs=1e-6)
    assert value(found["d"]["topics"]["micro_f1"]) == pytest.approx(8 / 9, abs=1e-6)  # 4 right, 5 given, 4 in gold
    assert value(found["e"]["topics"]["micro_f1"]) == 1


def test_baselines_facts_and_measured(predictor: Predictor) -> None:
    train = [labelled(TEXT.replace("12", str(i)), ROWS, f"t{i}") for i in range(20, 24)]
    metrics = evaluate(predictor, [labelled(TEXT, ROWS)], train, {"encoder": "builtin"}).metrics
    assert list(metrics["baselines"]) == ["majority", "heading_rule", "tfidf", "tfidf_context"]
    assert set(metrics["baselines"]["tfidf"]) == {"role", "topics", "both"}
    assert metrics["facts"]["encoder"] == "builtin"
    assert "tagging documents" in metrics["facts"]["evaluation_seconds"]
    measured = metrics["measured"]
    assert (measured["documents"], measured["units"], measured["train_documents"]) == (1, 7, 4)
    assert measured["splits"] == ["test"]
    assert measured["seen"] == []


def test_documents_the_model_was_trained_on_are_named(predictor: Predictor) -> None:
    documents = [labelled(TEXT, ROWS)]
    assert evaluate(predictor, documents, documents).metrics["measured"]["seen"] == ["d"]


def test_metrics_are_json(predictor: Predictor) -> None:
    metrics = evaluate(predictor, [with_errors()]).metrics
    assert json.loads(as_json(metrics)) == metrics
    for name in ("per_label", "per_document", "slices", "confusion", "calibration", "coverage", "invariance", "facts"):
        assert metrics[name], name


def test_facts_that_cannot_be_stored_are_refused_before_the_work(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        evaluate(predictor, [], facts={"path": object()})
