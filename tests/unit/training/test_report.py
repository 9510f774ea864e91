"""The report's folder: three files, a link, and pages that show what they are given and nothing else."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fazhi.data.corpus import LabelledDocument
from fazhi.data.schema import LabelledUnit
from fazhi.model.document import Document
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.segment import segment
from fazhi.training.evaluate import Evaluation, evaluate
from fazhi.training.figures import cell, duration, percent, points
from fazhi.training.report import (
    MARKS,
    differences,
    previous_metrics,
    publish,
    report_folder,
    set_latest,
    summary,
    write_report,
)

EVIL = '<script>alert("1")</script><img src=http://evil.example/x.png>|`执法`'
TEXT = f"一、主要工作\n全年办理行政复议案件3件。\n{EVIL}\n二、存在的问题\n执法人员缺口较大。\n"
FACTS = {
    "date": "2025-01-02 03:04",
    "encoder": EVIL,
    "epochs": 3,
    "trained_on_dev": False,
    "thresholds": {"执法": 0.45},
    "export": {"fp32": {"role": 0.9}, "int8": {"role": 0.89}},
    "seconds": {"fit": 1840.4, "export": 0.0},
    "near_duplicates": ["a", "b"],
}


class Fixed(Predictor):
    """Says the same of every unit."""

    def __init__(self, role: Role, topics: tuple[Topic, ...] = ()) -> None:
        self.answer = Prediction(
            role,
            topics,
            tuple(0.91 if label is role else 0.03 for label in ROLES),
            tuple(0.8 if label in topics else 0.2 for label in TOPICS),
            unsure=False,
        )

    def predict(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None = None
    ) -> list[list[Prediction]]:
        return [[self.answer] * len(document.units) for document in documents]


def document(text: str = TEXT) -> LabelledDocument:
    rows = [
        (Role.OTHER, ()),
        (Role.ACHIEVEMENT, (Topic.RECONSIDERATION,)),
        (Role.ACHIEVEMENT, ()),
        (Role.OTHER, ()),
        (Role.PROBLEM, (Topic.ENFORCEMENT,)),
    ]
    units = tuple(
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, role, topics)
        for unit, (role, topics) in zip(segment(text), rows, strict=True)
    )
    return LabelledDocument("云岭-2021", "test", text, units, EVIL)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    train = [replace(document(TEXT.replace("3", str(i))), id=f"t{i}") for i in range(4, 8)]
    return evaluate(Fixed(Role.ACHIEVEMENT, (Topic.ENFORCEMENT,)), [document()], train, FACTS)


@pytest.fixture(scope="module")
def worse() -> Evaluation:
    return evaluate(Fixed(Role.PLAN), [document()], facts={"date": "2024-12-31"})


class Page(HTMLParser):
    """Collects what a browser would see: elements, their attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_three_files_are_written_whole(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "metrics.json",
        "report.html",
        "report.md",
    ]
    stored = json.loads((tmp_path / "new" / "folder" / "metrics.json").read_text(encoding="utf-8"))
    assert stored == evaluation.metrics


def test_page_is_well_formed_and_loads_nothing(evaluation: Evaluation, worse: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path, worse.metrics)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert "url(" not in (attributes.get("style") or "").replace("url(#", "")
    css = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    assert css
    assert not any("url(" in sheet or "@import" in sheet for sheet in css)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert targets <= {f"#{name}" for name in ids}


def test_page_shows_any_text_as_text(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(" in html
    assert Page(html).text.count(EVIL) >= 3  # an error, a neighbour, the document's note, the encoder
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<" not in markdown
    assert r"\|\`执法\`" in markdown


def test_page_is_one_for_people(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert dict(page.elements)["html"] == {"lang": "en"}
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert "Noto Sans CJK SC" in html
    for label in (*ROLES, *TOPICS):
        assert label in page.text
    for role, mark in MARKS.items():
        assert re.search(rf"{mark}\s*{role}", page.text), "a role is told by more than its colour"
    assert "they are not real reports" in page.text
    assert "given by language models" in page.text
    assert "A baseline does better" in page.text
    assert html.count("<svg") == 2
    assert "31 min" in page.text


def test_summary_says_what_was_measured_on_what(evaluation: Evaluation) -> None:
    first, second = summary(evaluation.metrics)
    assert first.startswith(
        "The model was given 5 sentences of 1 real government report, none of which it was trained on"
    )
    assert "40.0 %" in first
    assert "4 reports that were written for this project" in second
    metrics = {**evaluation.metrics, "facts": {"training_data": "two real reports"}}
    metrics["measured"] = {**evaluation.metrics["measured"], "splits": ["dev"], "seen": ["a"]}
    first, second = summary(metrics)
    assert "report written for this project, some of which it was trained on" in first
    assert second.startswith("It was trained on two real reports,")


def test_a_page_about_training_documents_says_so(tmp_path: Path) -> None:
    seen = evaluate(Fixed(Role.OTHER), [document()], [document()])
    write_report(seen, tmp_path)
    for name in ("report.html", "report.md"):
        assert "Not a test." in (tmp_path / name).read_text(encoding="utf-8")


def test_difference_to_the_previous_report(evaluation: Evaluation, worse: Evaluation, tmp_path: Path) -> None:
    found = differences(evaluation.metrics, worse.metrics)
    assert found["same_test"]
    assert found["date"] == "2024-12-31"
    assert found["scores"]["Role accuracy"] == {"before": 0.0, "by": 0.4, "inside": False}
    assert found["labels"]["成效"]["by"] == pytest.approx(4 / 7, abs=1e-6)
    assert found["labels"]["普法"] == {"before": 0.0, "by": 0.0, "inside": True}
    write_report(evaluation, tmp_path, worse.metrics)
    for name in ("report.html", "report.md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "+40.0" in text
        assert "Change" in text
    write_report(evaluation, tmp_path)
    assert "Change" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "previous", [{"role": 3, "measured": None, "facts": []}, {"measured": {"fingerprint": "other"}}]
)
def test_a_previous_report_of_another_kind_is_borne(
    evaluation: Evaluation, tmp_path: Path, previous: dict[str, Any]
) -> None:
    write_report(evaluation, tmp_path, previous)
    assert "cannot be set against these" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert differences(evaluation.metrics, previous)["scores"]["Role accuracy"]["by"] is None


def test_latest_points_to_the_newest_report(evaluation: Evaluation, worse: Evaluation, tmp_path: Path) -> None:
    assert previous_metrics(tmp_path) is None
    first = publish(worse, tmp_path, "first")
    second = publish(evaluation, tmp_path, "second run/ä")
    assert re.fullmatch(r"\d{8}-\d{6}-second-run-ä", second.name)
    latest = tmp_path / "latest"
    assert latest.readlink() == Path(second.name)
    assert previous_metrics(tmp_path) == evaluation.metrics
    assert "+40.0" in (latest / "report.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"latest", first.name, second.name}
    set_latest(first)
    assert previous_metrics(tmp_path) == worse.metrics


def test_a_report_that_fails_leaves_the_link(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(evaluation, tmp_path, "first")
    broken = replace(
        evaluation, metrics={**evaluation.metrics, "facts": {**evaluation.metrics["facts"], "loss": float("nan")}}
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        publish(broken, tmp_path, "second")
    assert (tmp_path / "latest").readlink() == Path(first.name)
    assert not list(tmp_path.glob("*-second"))


def test_a_previous_report_that_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "metrics.json").write_text("{", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert previous_metrics(tmp_path) is None
    assert "left out of the comparison" in caplog.text


def test_two_reports_in_one_second_do_not_share_a_folder(tmp_path: Path) -> None:
    first = report_folder(tmp_path, "x")
    first.mkdir()
    assert report_folder(tmp_path, "x") != first
    assert report_folder(tmp_path, "..").name.endswith("-report")


def test_numbers_as_people_write_them() -> None:
    assert [percent(x) for x in (0.93125, 1.0, None)] == ["93.1", "100.0", "–"]
    assert [points(x) for x in (0.0123, -0.0123, 0.0001, None)] == ["+1.2", "−1.2", "±0.0", "–"]
    assert [duration(x) for x in (0.04, 33.5, 1840.4, 9000)] == ["0.0 s", "34 s", "31 min", "2.5 h"]
    assert cell("a|b <i>\n*") == r"a\|b &lt;i&gt; \*"
