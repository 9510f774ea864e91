"""Documents -> the tables of the dataset card. Counts only."""

from collections import Counter
from collections.abc import Sequence

from fazhi.data.corpus import LabelledDocument
from fazhi.data.coverage import coverage_table, like_case_table, table_cell, term_coverage
from fazhi.data.duplicates import NearDuplicate
from fazhi.data.schema import LabelledUnit
from fazhi.model.labels import ROLES, TOPICS

SPLITS = ("train", "dev", "test")


def _units(documents: Sequence[LabelledDocument], split: str) -> list[LabelledUnit]:
    return [unit for document in documents if document.split == split for unit in document.units]


def card_tables(documents: Sequence[LabelledDocument], repeats: Sequence[NearDuplicate]) -> str:
    """Every table of the card, as Markdown."""
    sections = {
        "Size": size_table(documents),
        "Labels": label_table(documents),
        "Sets of authored documents": group_table(documents),
        "Seeds": test_document_table(documents),
        "Training units left out as near-duplicates of test units": duplicate_table(repeats),
        "Coverage of the guideline's terms": coverage_table(term_coverage(documents)),
        "Like cases labelled differently": like_case_table(documents),
    }
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in sections.items())


def size_table(documents: Sequence[LabelledDocument]) -> str:
    """Documents, units and characters of each split, as Markdown."""
    lines = [
        "| split | documents | units | headings | characters | median length | longest |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for split in SPLITS:
        units = _units(documents, split)
        lengths = sorted(len(unit.text) for unit in units) or [0]
        count = sum(document.split == split for document in documents)
        headings = sum(unit.heading for unit in units)
        figures = (count, len(units), headings, sum(lengths), lengths[len(lengths) // 2], lengths[-1])
        lines.append(f"| {split} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
    return "\n".join(lines)


def label_table(documents: Sequence[LabelledDocument]) -> str:
    """Units of each role and topic by split, with their share, as Markdown."""
    lines = ["| label | " + " | ".join(SPLITS) + " |", "|---|" + "--:|" * len(SPLITS)]
    counts = {split: _label_counts(_units(documents, split)) for split in SPLITS}
    for label in (*ROLES, *TOPICS, "no topic", "two topics or more"):
        cells = []
        for split in SPLITS:
            total = max(1, len(_units(documents, split)))
            cells.append(f"{counts[split][label]:,} ({counts[split][label] / total:.0%})")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _label_counts(units: Sequence[LabelledUnit]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for unit in units:
        counts.update([unit.role, *unit.topics])
        counts["no topic"] += not unit.topics
        counts["two topics or more"] += len(unit.topics) > 1
    return counts


def group_table(documents: Sequence[LabelledDocument]) -> str:
    """Documents and units of each set of the training and development documents, by the letter of their ids."""
    lines = ["| set | documents | units | of them dev |", "|---|--:|--:|--:|"]
    authored = [document for document in documents if document.split != "test"]
    for letter in sorted({document.id[0] for document in authored}):
        group = [document for document in authored if document.id[0] == letter]
        dev = sum(len(document.units) for document in group if document.split == "dev")
        lines.append(f"| {letter} | {len(group)} | {sum(len(d.units) for d in group):,} | {dev:,} |")
    return "\n".join(lines)


def test_document_table(documents: Sequence[LabelledDocument]) -> str:
    """Units and labels of each test document."""
    lines = ["| document | units | " + " | ".join((*ROLES, *TOPICS)) + " |", "|---|--:|" + "--:|" * 8]
    for document in documents:
        if document.split == "test":
            counts = _label_counts(document.units)
            cells = " | ".join(str(counts[label]) for label in (*ROLES, *TOPICS))
            lines.append(f"| {document.id} | {len(document.units)} | {cells} |")
    return "\n".join(lines)


def duplicate_table(repeats: Sequence[NearDuplicate]) -> str:
    """Training units that are left out because they all but repeat a test unit, as Markdown."""
    lines = ["| similarity | training unit | test unit |", "|--:|---|---|"]
    for repeat in sorted(repeats, key=lambda repeat: -repeat.similarity):
        left, right = f"{repeat.document}: {repeat.text}", f"{repeat.test_document}: {repeat.test_text}"
        lines.append(f"| {repeat.similarity:.2f} | {table_cell(left)} | {table_cell(right)} |")
    return "\n".join(lines)
