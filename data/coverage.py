"""Authored documents -> which of the guideline's terms they hold, and how like units are labelled, as Markdown.

Counts words and labels only: whether a unit asserts a term or merely names it, it does not know.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fazhi.data.corpus import LabelledDocument
from fazhi.data.terms import TERMS
from fazhi.model.labels import Topic
from fazhi.model.normalize import normalize

FEWEST_UNITS, FEWEST_DOCUMENTS = 25, 8  # a term with fewer of either is thin
SHORTEST = 8
MOST_CASES = 40

Topics = tuple[Topic, ...]

_MARKS = re.compile("[“”‘’\"'《》〈〉]")
_WITHIN_CLAUSE = "[^，。；：！？]*"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often authored units hold a term: how many, in how many documents, and under which sets of topics."""

    topic: Topic | None
    term: str
    documents: int
    labels: Counter[Topics]

    @property
    def units(self) -> int:
        """Units that hold the term."""
        return self.labels.total()

    @property
    def carrying(self) -> int:
        """Those of them that have the term's topic, or none if it speaks for none."""
        return sum(count for topics, count in self.labels.items() if self.topic in (topics or (None,)))

    @property
    def thin(self) -> bool:
        """Whether there is too little of the term to learn it from."""
        return self.units < FEWEST_UNITS or self.documents < FEWEST_DOCUMENTS


def comparable(text: str) -> str:
    """Text as terms are looked for in it: normalized, and without quotation and book-title marks."""
    return _MARKS.sub("", normalize(text))


def term_pattern(term: str) -> re.Pattern[str]:
    """What finds a term in comparable text; its `…` is any words of one clause, or none."""
    return re.compile(_WITHIN_CLAUSE.join(map(re.escape, re.split("…+", comparable(term)))))


def term_coverage(
    documents: Sequence[LabelledDocument], terms: Mapping[Topic | None, Sequence[str]] = TERMS
) -> list[Coverage]:
    """Coverage of every term by the training and development documents, in the order of the terms."""
    units = [(d.id, comparable(u.text), u.topics) for d in _authored(documents) for u in d.units]
    found = []
    for topic, term in ((topic, term) for topic, group in terms.items() for term in group):
        pattern = term_pattern(term)
        holders = [(name, topics) for name, text, topics in units if pattern.search(text)]
        labels = Counter(topics for _, topics in holders)
        found.append(Coverage(topic, term, len({name for name, _ in holders}), labels))
    return found


def coverage_table(coverage: Sequence[Coverage]) -> str:
    """Units and documents of each term and the topics of its units, as Markdown."""
    lines = [
        "| topic | term | units | with the topic | documents | other topics of these units | thin |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for row in coverage:
        alone = (row.topic,) if row.topic else ()
        others = sorted(((n, topics) for topics, n in row.labels.items() if topics != alone), key=lambda o: (-o[0], o))
        cells = [_named(alone), row.term, f"{row.units:,}", f"{row.carrying:,}", f"{row.documents:,}"]
        cells += [", ".join(f"{_named(topics)} {n:,}" for n, topics in others), "yes" if row.thin else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def like_case_table(documents: Sequence[LabelledDocument]) -> str:
    """Texts that training and development units share, once normalized, under differing topics, as Markdown.

    Roles differ by section, and are no matter. The most frequent come first, and no more than `MOST_CASES`.
    """
    cases: dict[str, dict[Topics, list[str]]] = defaultdict(lambda: defaultdict(list))
    for document in _authored(documents):
        for unit in document.units:
            cases[normalize(unit.text)][unit.topics].append(document.id)
    differing = [(text, sets) for text, sets in cases.items() if len(text) >= SHORTEST and len(sets) > 1]
    if not differing:
        return "None."
    differing.sort(key=lambda case: (-sum(map(len, case[1].values())), case[0]))
    lines = ["| text | topics and where |", "|---|---|"]
    for text, sets in differing[:MOST_CASES]:
        places = "; ".join(f"{_named(topics)}: {', '.join(names)}" for topics, names in sorted(sets.items()))
        lines.append(f"| {table_cell(text)} | {places} |")
    return "\n".join(lines)


def table_cell(text: str) -> str:
    """Text that breaks no Markdown table."""
    return text.replace("|", "\\|")


def _authored(documents: Sequence[LabelledDocument]) -> list[LabelledDocument]:
    return [document for document in documents if document.split != "test"]


def _named(topics: Topics) -> str:
    return "+".join(topics) or "no topic"
