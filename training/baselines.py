"""Training documents and test documents -> tags by means simpler than a neural network. What a model must beat.

All read documents as the program does (its own segmentation, outline and normalization) and see no gold label of the
test documents. The words of `heading_rule` are those of the annotation guideline; none was chosen on test documents.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from fazhi.data.corpus import LabelledDocument
from fazhi.model.document import Document, read_document
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.normalize import normalize
from fazhi.training.metrics import Bools, Ints, Tags, tags_of

Documents = Sequence[LabelledDocument]
Baseline = Callable[[Documents, Documents], Tags]

_ROLE_WORDS = (
    (Role.PROBLEM, re.compile("问题|不足|短板|困难|薄弱")),
    (Role.PLAN, re.compile("下一步|下步|打算|计划|安排|目标|思路|展望")),
)
_SECTION_NAME = re.compile("(情况|成效|做法|工作|问题|不足|短板|打算|计划|安排|目标|措施|附件|报告|总结)[：:。]?$")
_TOPIC_WORDS = {
    Topic.ENFORCEMENT: re.compile(
        "执法|行政处罚|行政强制|行政检查|监管|双随机|专项整治|查处|立案|罚款|三项制度|裁量|案卷评查|行刑衔接"
    ),
    Topic.RECONSIDERATION: re.compile("复议|应诉|行政诉讼|败诉|行政争议|府院联动"),
    Topic.APPROVAL: re.compile(
        "审批|行政许可|政务服务|一网通办|一件事|跨省通办|网上办理|好差评|放管服|证明事项|告知承诺|权责清单"
        "|权力事项|负面清单|市场准入|联合验收|中介服务"
    ),
    Topic.LEGAL_EDUCATION: re.compile("普法|法治宣传|以案释法|宪法宣传|法律进|法治讲座|学法|法律明白人|法治文化"),
}


def majority(train: Documents, test: Documents) -> Tags:
    """Give every unit the commonest role and the commonest set of topics of the training units."""
    known = [unit for document in train for unit in document.units]
    role = Counter(unit.role for unit in known).most_common(1)[0][0]
    topics = Counter(unit.topics for unit in known).most_common(1)[0][0]
    units = sum(len(document.units) for document in test)
    return Tags(np.full(units, ROLES.index(role)), np.tile([topic in topics for topic in TOPICS], (units, 1)))


@dataclass(frozen=True, slots=True)
class _Guess:
    role: Role
    topics: tuple[Topic, ...]


def heading_rule(train: Documents, test: Documents) -> Tags:
    """Take the role that the nearest heading names, and the topics whose plain words stand in the unit or that heading.

    `train` teaches it nothing; that a heading's topics are handed down is better on training documents than that not.
    """
    return tags_of(guess for document in test for guess in _guess(read_document(document.text)))


def _guess(document: Document) -> list[_Guess]:
    outline = document.outline
    guesses = []
    for unit, path, level in zip(document.units, outline.headings, outline.levels, strict=True):
        text, above = normalize(unit.text), [normalize(heading) for heading in path]
        spoken = text + "\n" + "".join(above[-1:])
        topics = tuple(topic for topic in TOPICS if _TOPIC_WORDS[topic].search(spoken))
        names_section = unit.text == outline.title or (level > 0 and _SECTION_NAME.search(text))
        role = Role.OTHER if names_section else _named_role([*above, text] if level > 0 else above)
        guesses.append(_Guess(role, topics))
    return guesses


def _named_role(headings: Sequence[str]) -> Role:
    """Find the role named by the nearest heading that names one; the first of them is the outermost."""
    for heading in reversed(headings):
        for role, words in _ROLE_WORDS:
            if words.search(heading):
                return role
    return Role.ACHIEVEMENT


def tfidf(train: Documents, test: Documents) -> Tags:
    """Character 1- to 3-grams of the unit alone, TF-IDF, logistic regression."""
    return _learn(train, [_texts(train)], [_texts(test)])


def tfidf_context(train: Documents, test: Documents) -> Tags:
    """Add n-grams of the headings above the unit, and of the document's title, each with a vocabulary of its own."""
    return _learn(train, [_texts(train), *_contexts(train)], [_texts(test), *_contexts(test)])


def _texts(documents: Documents) -> list[str]:
    return [normalize(unit.text) for document in documents for unit in document.units]


def _contexts(documents: Documents) -> tuple[list[str], list[str]]:
    """Give each unit's headings, and its document's title."""
    read = [read_document(document.text) for document in documents]
    paths = [normalize("\n".join(path)) for document in read for path in document.outline.headings]
    titles = [title for document in read for title in [normalize(document.outline.title)] * len(document.units)]
    return paths, titles


def _learn(train: Documents, known: Sequence[list[str]], asked: Sequence[list[str]]) -> Tags:
    """Fit one classifier for the role and one for each topic over the columns of text side by side."""
    gold = tags_of(unit for document in train for unit in document.units)
    known_columns, asked_columns = [], []
    for ours, theirs in zip(known, asked, strict=True):
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True, lowercase=False)
        try:
            known_columns.append(vectorizer.fit_transform(ours))
        except ValueError:  # nothing occurs twice, as when no document has a title
            continue
        asked_columns.append(vectorizer.transform(theirs))
    features, questions = hstack(known_columns, format="csr"), hstack(asked_columns, format="csr")
    roles = _classify(features, gold.roles, questions)
    topics = [_classify(features, gold.topics[:, index], questions) for index in range(len(TOPICS))]
    return Tags(roles.astype(np.int64), np.stack(topics, axis=1).astype(np.bool_))


def _classify(features: Any, labels: Ints | Bools, questions: Any) -> Ints | Bools:
    """Logistic regression with scikit-learn's default C, each class weighing the same; one class alone needs none."""
    if len(np.unique(labels)) == 1:
        return np.full(questions.shape[0], labels[0])
    solver = "liblinear" if labels.dtype == np.bool_ else "lbfgs"
    model = LogisticRegression(class_weight="balanced", solver=solver, max_iter=1000, random_state=0)
    return np.asarray(model.fit(features, labels).predict(questions))


BASELINES: dict[str, Baseline] = {
    "majority": majority,
    "heading_rule": heading_rule,
    "tfidf": tfidf,
    "tfidf_context": tfidf_context,
}


def run_baselines(train: Documents, test: Documents) -> dict[str, Tags]:
    """Apply every baseline: tags of the test documents' units, one after another."""
    return {name: baseline(train, test) for name, baseline in BASELINES.items()}
