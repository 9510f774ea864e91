"""Documents written otherwise -> how many units then get other tags. Knows no gold label."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from opencc import OpenCC

from fazhi.data.corpus import LabelledDocument
from fazhi.model.document import Document, read_document
from fazhi.model.predict import Prediction, Predictor

MOST_CHANGED = 0.01  # the target: the share of units whose role may change
_HALF, _FULL = ",;:?!()", "，；：？！（）"
_ASCII = range(0x21, 0x7F)  # each has its full-width form as many places on
_FULL_FORMS = 0xFEE0


def variants() -> dict[str, Callable[[str], str]]:
    """Ways to write a text otherwise that change no label; `。` stays, since `.` would end no sentence.

    A round trip is not the text again: OpenCC takes some words back otherwise, and back from half width everything
    that has a full-width form gets it, figures and Latin letters too. So it touches texts with marks of one width only.
    """
    full, half = str.maketrans(_HALF, _FULL), str.maketrans(_FULL, _HALF)
    to_traditional, to_simplified = OpenCC("s2t").convert, OpenCC("t2s").convert
    widen = {code: code + _FULL_FORMS for code in _ASCII}
    narrow = {wide: code for code, wide in widen.items()}
    return {
        "in Traditional characters": to_traditional,
        "in Simplified characters": to_simplified,
        "to Traditional characters and back": lambda text: to_simplified(to_traditional(text)),
        "with full-width punctuation": lambda text: text.translate(full),
        "with half-width punctuation": lambda text: text.translate(half),
        "to half width and back to full": lambda text: text.translate(narrow).translate(widen),
    }


def measure_invariance(
    predictor: Predictor,
    documents: Sequence[LabelledDocument],
    read: Sequence[Document],
    predictions: Sequence[Sequence[Prediction]],
) -> dict[str, Any]:
    """Of the units that a variant writes otherwise, the share that get another role, or another set of topics.

    `read` and `predictions` are of the documents as they are. Units are matched by their order; a document that falls
    into another number of units is left out, and counted.
    """
    table: dict[str, Any] = {}
    for name, rewrite in variants().items():
        texts = [rewrite(document.text) for document in documents]
        places = [i for i, text in enumerate(texts) if text != documents[i].text]
        again = {place: read_document(texts[place]) for place in places}
        same = [place for place in places if len(again[place].units) == len(read[place].units)]
        answers = chain.from_iterable(predictor.predict([again[place] for place in same]))
        olds = chain.from_iterable(predictions[place] for place in same)
        units = chain.from_iterable(zip(read[place].units, again[place].units, strict=True) for place in same)
        pairs = [(o, n) for o, n, (u, v) in zip(olds, answers, units, strict=True) if u.text != v.text]
        table[name] = {
            "units": len(pairs),
            "role_changed": _share([old.role != new.role for old, new in pairs]),
            "topics_changed": _share([old.topics != new.topics for old, new in pairs]),
            "documents": len(same),
            "documents_cut_otherwise": len(places) - len(same),
        }
    return table


def _share(facts: list[bool]) -> float | None:
    return round(sum(facts) / len(facts), 6) if facts else None
