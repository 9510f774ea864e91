"""The Predictor: every unit's own scores whatever its company, and the decision rule applied to them."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fazhi.model.decision import Decision
from fazhi.model.document import Document, bare_sentence, read_document
from fazhi.model.encode import Batch, Encoder
from fazhi.model.engine import Engine
from fazhi.model.engine import Logits as Scores
from fazhi.model.labels import ROLES, Role, Topic
from fazhi.model.predict import Logits, Prediction, Predictor

MakeEncoder = Callable[..., Encoder]
SENTENCES = [
    "开展执法案卷评查，抽查案卷86宗；",
    "一、主要工作及成效",
    "办理行政复议案件12件。",
    "推进一件事集成办理，上线政务服务事项35项，组织会前学法4次，学习宪法、民法典等法律。",
    "部分乡镇执法人员力量不足。",
]


def random_documents(seed: int, count: int = 9) -> list[Document]:
    rng = random.Random(seed)
    texts = ["".join(rng.choices(SENTENCES, k=rng.randint(0, 30))) for _ in range(count)]
    return [read_document(text.replace("成效", "成效\n")) for text in texts]


@pytest.fixture
def predictor(make_encoder: MakeEncoder, fake_engine: Engine) -> Predictor:
    """Windows so small that documents need several."""
    encoder = make_encoder(window=128, unit=40, title=8, opening=10, heading=8, path=16, margin=1)
    return Predictor(encoder, fake_engine, Decision(), max_tokens=500)


def test_lanes_change_nothing_but_the_time(predictor: Predictor, fake_engine: Engine) -> None:
    documents = random_documents(7, 6)
    alone, told = predictor.predict(documents), list[int]()
    fake_engine.lanes = 3
    assert predictor.predict(documents, told.append) == alone
    assert sum(told) == sum(len(document.units) for document in documents)


class GivenEngine:
    """Gives every unit the logits that its first piece stands for."""

    lanes = 1

    def __init__(self, encoder: Encoder, table: dict[str, tuple[list[float], list[float]]]) -> None:
        self._table = {encoder.tokenizer.token_to_id(character): rows for character, rows in table.items()}

    def run(self, batch: Batch) -> tuple[Scores, Scores]:
        roles = np.zeros((len(batch.ids), batch.units, 4), np.float32)
        topics = np.zeros_like(roles)
        for row, place in np.ndindex(len(batch.ids), batch.units):
            own = batch.ids[row][batch.owners[row] == place]
            if len(own):
                roles[row, place], topics[row, place] = self._table[int(own[0])]
        return roles, topics


@pytest.mark.parametrize("most", [1, 130, 500, 100_000])
@pytest.mark.parametrize("seed", range(3))
def test_documents_together_score_as_each_alone(predictor: Predictor, seed: int, most: int) -> None:
    documents = random_documents(seed)
    alone = [predictor.logits([document])[0] for document in documents]
    predictor.max_tokens = most
    together = predictor.logits(documents)
    for one, other, document in zip(alone, together, documents, strict=True):
        assert one.roles.shape == one.topics.shape == (len(document.units), 4)
        np.testing.assert_allclose(one.roles, other.roles, atol=1e-5)
        np.testing.assert_allclose(one.topics, other.topics, atol=1e-5)


def test_the_order_of_documents_is_kept_and_does_not_matter(predictor: Predictor) -> None:
    documents = random_documents(4)
    forward, backward = predictor.predict(documents), predictor.predict(documents[::-1])
    assert forward == backward[::-1]
    assert [len(predictions) for predictions in forward] == [len(document.units) for document in documents]


def test_units_of_a_document_keep_their_order_over_windows(make_encoder: MakeEncoder) -> None:
    """Each unit's answer must stand at its own place, though it is one among others in one of several windows."""
    encoder = make_encoder(window=40, unit=12, title=4, opening=4, heading=4, path=8, margin=1)
    roles = [[9.0 if place == role else 0.0 for place in range(4)] for role in range(4)]
    engine = GivenEngine(encoder, {character: (roles[i], [-9.0] * 4) for i, character in enumerate("执复审普")})
    rng = random.Random(1)
    wanted = rng.choices("执复审普", k=60)
    text = "".join(character + "法" * rng.randint(0, 14) + "。" for character in wanted)
    predictor = Predictor(encoder, engine, Decision(), max_tokens=200)
    assert len(encoder.windows(read_document(text))) > 10
    (predictions,) = predictor.predict([read_document(text)])
    assert [prediction.role for prediction in predictions] == [ROLES["执复审普".index(c)] for c in wanted]


def test_no_batch_is_over_the_budget_of_tokens(predictor: Predictor, fake_engine: Any) -> None:
    predictor.predict(random_documents(2))
    batches: list[Batch] = fake_engine.batches
    assert len(batches) > 1
    assert all(batch.ids.size <= predictor.max_tokens for batch in batches)


@pytest.mark.parametrize("most", [1, 500, 100_000])
def test_progress_sums_to_the_units(predictor: Predictor, most: int) -> None:
    predictor.max_tokens = most
    documents = random_documents(5)
    told: list[int] = []
    predictor.predict(documents, told.append)
    assert sum(told) == sum(len(document.units) for document in documents)
    assert all(units > 0 for units in told)


def test_progress_changes_no_answer(predictor: Predictor) -> None:
    documents = random_documents(5)
    assert predictor.predict(documents, lambda units: None) == predictor.predict(documents)


def test_an_empty_document_has_no_predictions_and_its_neighbours_theirs(predictor: Predictor) -> None:
    text = read_document(SENTENCES[0])
    empty = read_document(" \n")
    assert predictor.predict([]) == []
    assert predictor.predict([empty]) == [[]]
    assert predictor.predict([empty, text, empty]) == [[], *predictor.predict([text]), []]


@pytest.mark.parametrize("text", [SENTENCES[0], "法" * 500, "", "\u200b"])
def test_a_bare_sentence_is_a_document_of_one_unit(predictor: Predictor, text: str) -> None:
    (predictions,) = predictor.predict([bare_sentence(text)])
    assert len(predictions) == 1


def test_a_headings_words_are_shown_to_the_model(predictor: Predictor) -> None:
    bare, under = predictor.logits([bare_sentence(SENTENCES[2]), bare_sentence(SENTENCES[2], ["二、存在的问题"])])
    assert not np.allclose(bare.roles, under.roles)


class TestDecide:
    LOGITS = Logits(
        np.array([[1, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 9]], np.float32),
        np.array([[2, -2, -2, 2], [-2, -2, -2, -2], [0, 0, 0, -1]], np.float32),
    )

    def decide(self, predictor: Predictor, decision: Decision) -> list[Prediction]:
        predictor.decision = decision
        return predictor.decide(self.LOGITS)

    def test_the_likeliest_role_and_the_topics_over_their_thresholds_are_given(self, predictor: Predictor) -> None:
        predictions = self.decide(predictor, Decision(thresholds=(0.5, 0.5, 0.6, 0.5)))
        assert [(prediction.role, prediction.topics) for prediction in predictions] == [
            (Role.ACHIEVEMENT, (Topic.ENFORCEMENT, Topic.LEGAL_EDUCATION)),
            (Role.PLAN, ()),
            (Role.OTHER, (Topic.ENFORCEMENT, Topic.RECONSIDERATION)),
        ]

    def test_scores_are_probabilities_in_the_order_of_the_labels(self, predictor: Predictor) -> None:
        decision = Decision(role_temperature=1.5, topic_temperature=0.7)
        predictions = self.decide(predictor, decision)
        roles = [prediction.role_scores for prediction in predictions]
        topics = [prediction.topic_scores for prediction in predictions]
        np.testing.assert_allclose(roles, decision.role_probabilities(self.LOGITS.roles))
        np.testing.assert_allclose(topics, decision.topic_probabilities(self.LOGITS.topics))

    def test_values_are_plain_python(self, predictor: Predictor) -> None:
        prediction = self.decide(predictor, Decision())[0]
        assert isinstance(prediction.role, Role)
        assert {type(score) for score in (*prediction.role_scores, *prediction.topic_scores)} == {float}
        assert type(prediction.unsure) is bool

    @pytest.mark.parametrize(
        ("below", "unsure"), [(0.0, [0, 0, 0]), (0.5, [1, 0, 0]), (0.9, [1, 1, 0]), (1.0, [1, 1, 1])]
    )
    def test_a_role_below_the_line_is_unsure(self, predictor: Predictor, below: float, unsure: list[int]) -> None:
        """The likeliest roles have 0.475, 0.870 and 0.9996."""
        predictions = self.decide(predictor, Decision(abstain_below=below))
        assert [prediction.unsure for prediction in predictions] == [bool(flag) for flag in unsure]

    def test_the_line_itself_is_sure(self, predictor: Predictor) -> None:
        likeliest = self.decide(predictor, Decision())[0].role_scores[0]
        assert not self.decide(predictor, Decision(abstain_below=likeliest))[0].unsure
