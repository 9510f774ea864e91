"""The report's tables of what is left to a person, of rewritten texts, of documents, of time and memory."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.model.document import Document
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.segment import segment
from fazhi.training.evaluate import Evaluation, evaluate
from fazhi.training.figures import percent
from fazhi.training.report import write_report

FACTS = {
    "seconds": {"fit": 1840.4, "export": 0.0},
    "training_peak_memory_mb": 4430,
    "evaluation_peak_memory_mb": 746,
    "decision": {"unsure_below": 0.95, "sure_on_development_documents": 0.878},
}


class Fixed(Predictor):
    """Says the same of every unit."""

    def __init__(self) -> None:
        pass

    def predict(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None = None
    ) -> list[list[Prediction]]:
        answer = Prediction(
            Role.ACHIEVEMENT, (Topic.ENFORCEMENT,), (0.9, 0.04, 0.03, 0.03), (0.8, 0.1, 0.1, 0.1), unsure=False
        )
        return [[answer] * len(document.units) for document in documents]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    text = "执法人员缺口较大。查处案件12件。办理案件3件。\n"
    rows = [(Role.PROBLEM, (Topic.ENFORCEMENT,)), (Role.ACHIEVEMENT, (Topic.ENFORCEMENT,)), (Role.ACHIEVEMENT, ())]
    units = tuple(
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, role, topics)
        for unit, (role, topics) in zip(segment(text), rows, strict=True)
    )
    return evaluate(Fixed(), [LabelledDocument("d", "test", text, units, "")], facts=FACTS)


def rows(html: str, section: str) -> list[list[str]]:
    """The cells of every table row of a section, as they read."""
    part = html[html.index(f'<section id="{section}">') :].partition("</section>")[0]
    found = re.findall("<tr.*?</tr>", part, re.DOTALL)
    return [
        [" ".join(re.sub("<[^>]*>", "", cell).split()) for cell in re.findall("<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in found
    ]


def test_time_and_memory_have_a_table(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = rows(html, "time")
    assert ["fit", "1,840.4", "100.0", ""] in table
    assert ["export", "0.0", "0.0", ""] in table
    assert ["all", "1,840.4", "100.0", "31 min, at most 4,430 MB of memory"] in table
    assert table[-1][-1].endswith("at most 746 MB of memory")
    assert "tagging variants" in [row[0] for row in table]
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    time = markdown[markdown.index("## Where the time goes") : markdown.index("## How it was made")]
    assert "| Step | Seconds | Share, % |\n|---|---|---|\n| fit | 1,840.4 | 100.0 |\n| export | 0.0 | 0.0 |\n" in time
    assert "at most 4,430 MB of memory" in time
    assert "at most 746 MB of memory" in time
    for text in (html[html.index('<section id="made">') :], markdown[markdown.index("## How it was made") :]):
        assert "peak memory" not in text, "what has its table is not told again"


def test_a_report_without_facts_of_training_has_no_table_of_it(evaluation: Evaluation, tmp_path: Path) -> None:
    facts = {"evaluation_seconds": evaluation.metrics["facts"]["evaluation_seconds"]}
    write_report(replace(evaluation, metrics={**evaluation.metrics, "facts": facts}), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h3>Training</h3>" not in html
    assert "<h3>This evaluation</h3>" in html
    assert "not marked, on development documents" not in [row[0] for row in rows(html, "trust")]


def test_what_is_left_to_a_person_has_a_table(evaluation: Evaluation, tmp_path: Path) -> None:
    coverage = {
        **evaluation.metrics["coverage"],
        "points": [{"coverage": 1.0, "units": 10, "error": 0.4}],
        "selective": [
            {"coverage": 0.9, "units": 9, "error": 0.3, "of_all": 0.75, "halved": False},
            {"coverage": 0.8, "units": 8, "error": 0.2, "of_all": 0.5, "halved": True},
        ],
        "unsure": {"share": 0.1, "error_unsure": 0.25, "error_sure": 0.02},
        "promised": {
            "accuracy": 0.99,
            "units": 9,
            "share": 0.9,
            "role_accuracy": {"value": 0.981, "low": 0.95, "high": 0.995},
        },
    }
    write_report(replace(evaluation, metrics={**evaluation.metrics, "coverage": coverage}), tmp_path)
    table = rows((tmp_path / "report.html").read_text(encoding="utf-8"), "trust")
    assert ["100 %", "10", "40.0", "100", ""] in table
    assert ["90 %, the surest", "9", "30.0", "75", "no"] in table
    assert ["80 %, the surest", "8", "20.0", "50", "yes"] in table
    assert ["not marked, here", "90.0", "98.1", "95.0–99.5", "99.0"] in table
    assert ["marked unsure, here", "10.0", "75.0", "", ""] in table
    assert ["not marked, on development documents", "87.8", "", "", "99.0"] in table
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| 90 % | 9 | 30.0 | 75 | not halved |\n| 80 % | 8 | 20.0 | 50 | halved |" in markdown
    assert "87.8 % of the development units" in markdown
    assert "90.0 % of the units here (9), of whose roles 98.1 (95.0–99.5) % are right." in markdown


def test_changes_by_writing_stand_beside_their_target(evaluation: Evaluation, tmp_path: Path) -> None:
    found = {"topics_changed": 0.0, "documents": 1, "documents_cut_otherwise": 0}
    invariance = {
        "well": {**found, "units": 200, "role_changed": 0.01},
        "badly": {**found, "units": 200, "role_changed": 0.015},
        "so already": {**found, "units": 0, "role_changed": None, "topics_changed": None},
        "cut": {**found, "units": 50, "role_changed": 0.0, "documents_cut_otherwise": 2},
    }
    write_report(replace(evaluation, metrics={**evaluation.metrics, "invariance": invariance}), tmp_path)
    cut = "documents left out, since they fall into other units: 2"
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<td class="num missed">([^<]*)</td>', html) == ["1.5"]
    assert rows(html, "invariance")[1:] == [
        ["well", "200", "1.0", "≤ 1.0", "0.0"],
        ["badlyover the target", "200", "1.5", "≤ 1.0", "0.0"],
        ["so alreadythe documents are written so already", "0", "–", "≤ 1.0", "–"],
        [f"cut{cut}", "50", "0.0", "≤ 1.0", "0.0"],
    ]
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| badly | 200 | 1.5 | ≤ 1.0 | 0.0 | over the target |" in markdown
    assert "| so already | 0 | – | ≤ 1.0 | – | the documents are written so already |" in markdown


def test_a_document_has_its_row(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path)
    head, row = rows((tmp_path / "report.html").read_text(encoding="utf-8"), "documents")
    assert head == ["Document", "Units", "Role accuracy", "Role macro F1", "Topics micro F1", "Both right"]
    scores = evaluation.metrics["per_document"]["d"]
    assert row[1:3] == ["3", percent(scores["role"]["accuracy"]["value"])]
    assert row[4] == percent(scores["topics"]["micro_f1"]["value"])
    assert scores["topics"]["micro_f1"]["value"] != scores["role"]["accuracy"]["value"]
