"""Evaluation -> a folder with report.html, report.md and metrics.json, and what changed since the report before.

The pages are templates; this file names things for them, compares with the previous figures, and writes. It computes
no score.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.evaluate import Evaluation
from fazhi.training.figures import cell, duration, percent, pick, points, words
from fazhi.training.invariance import MOST_CHANGED
from fazhi.training.metrics import as_json
from fazhi.training.plots import calibration_plot, coverage_plot

log = logging.getLogger(__name__)

HEADLINE = (
    ("Role accuracy", ("role", "accuracy")),
    ("Role macro F1, three roles", ("role", "macro_f1_3")),
    ("Role macro F1, all four", ("role", "macro_f1")),
    ("Topics micro F1", ("topics", "micro_f1")),
    ("Topics macro F1", ("topics", "macro_f1")),
    ("Topics exactly right", ("topics", "exact_match")),
    ("Role and topics right", ("both",)),
)
BASELINES = {
    "majority": "Majority",
    "heading_rule": "Heading rule",
    "tfidf": "TF-IDF",
    "tfidf_context": "TF-IDF with context",
}
SLICES = {
    "kind": "Kind of unit",
    "length": "Length in characters",
    "script": "Script of the document",
    "digits": "Digits in the unit",
    "context": "What the model is shown",
}
CONTEXTS = {"document": "the whole document", "headings": "the unit and its headings", "none": "the unit alone"}
MARKS = dict(zip(ROLES, "●▲→○", strict=True))  # colour never stands alone
TIMED = ("seconds", "evaluation_seconds", "training_peak_memory_mb", "evaluation_peak_memory_mb")  # have their table
GLOSSES = {str(label): label.name.lower().replace("_", " ") for label in (*ROLES, *TOPICS)}
AUTHORED = (
    "{train} reports that were written for this project, with invented places and figures; they are not real reports"
)


def report_folder(root: Path, name: str) -> Path:
    """Name the folder of a report made now: `root`/<YYYYmmdd-HHMMSS>-<name>."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "report"
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{plain}"
    folder, again = root / stem, 1
    while folder.exists():
        again += 1
        folder = root / f"{stem}-{again}"
    return folder


def publish(evaluation: Evaluation, root: Path, name: str) -> Path:
    """Write a report under `root`, compared with the one before, then point `latest` to it; gives its folder."""
    folder = report_folder(root, name)
    write_report(evaluation, folder, previous_metrics(root))
    set_latest(folder)
    return folder


def previous_metrics(root: Path) -> dict[str, Any] | None:
    """Read the figures of the report that `latest` points to; None if there is none that can be read."""
    path = root / "latest" / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("the previous report is left out of the comparison: %s: %s", path, error)
        return None
    return metrics if isinstance(metrics, dict) else None


def set_latest(folder: Path) -> None:
    """Point the relative link `latest` beside `folder` to it, in one step, so that it never points to half a report."""
    new = folder.parent / f".latest-{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(folder.name)
    new.replace(folder.parent / "latest")


def write_report(evaluation: Evaluation, folder: Path, previous: Mapping[str, Any] | None = None) -> None:
    """Write the three files, each whole or not at all; metrics.json last."""
    metrics = evaluation.metrics
    view = {
        "m": metrics,
        "evaluation": evaluation,
        "summary": summary(metrics),
        "ahead": ahead(metrics),
        "changes": differences(metrics, previous) if previous else None,
        "plots": {
            "calibration": Markup(calibration_plot(metrics["calibration"])),
            "coverage": Markup(coverage_plot(metrics["coverage"])),
        },
        "name": folder.name,
    }
    environment = _environment()
    pages = {page: environment.get_template(f"{page}.j2").render(view) for page in ("report.html", "report.md")}
    pages["metrics.json"] = as_json(metrics)
    folder.mkdir(parents=True, exist_ok=True)
    for page, text in pages.items():
        _write(folder / page, text)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fazhi.training"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "points": points, "duration": duration, "cell": cell, "words": words}
    environment.globals |= {
        "headline": HEADLINE,
        "baseline_names": BASELINES,
        "slice_names": SLICES,
        "context_names": CONTEXTS,
        "roles": [str(role) for role in ROLES],
        "topics": [str(topic) for topic in TOPICS],
        "marks": {str(role): mark for role, mark in MARKS.items()},
        "glosses": GLOSSES,
        "timed": TIMED,
        "most_changed": MOST_CHANGED,
        "invariance_note": invariance_note,
        "pick": pick,
    }
    return environment


def invariance_note(found: Mapping[str, Any]) -> str:
    """Say why a way of writing was measured on less than all documents, or on more changes than it should make."""
    notes = []
    if found["documents_cut_otherwise"]:
        notes.append(f"documents left out, since they fall into other units: {found['documents_cut_otherwise']}")
    elif not found["units"]:
        notes.append("the documents are written so already")
    if found["role_changed"] is not None and found["role_changed"] > MOST_CHANGED:
        notes.append("over the target")
    return "; ".join(notes)


def summary(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """Say in two sentences what was measured on what, and what the figures rest on."""
    measured, facts = metrics["measured"], metrics["facts"]
    many = "" if measured["documents"] == 1 else "s"
    kind = (
        f"real government report{many}" if measured["splits"] == ["test"] else f"report{many} written for this project"
    )
    seen = "some of which it was trained on" if measured["seen"] else "none of which it was trained on"
    accuracy = metrics["role"]["accuracy"]
    first = (
        f"The model was given {measured['units']:,} sentences of {measured['documents']} {kind}, {seen}: it found the"
        f" right role for {percent(accuracy['value'])} % of them (95 % interval {percent(accuracy['low'])} to"
        f" {percent(accuracy['high'])}), all the right topics for"
        f" {percent(metrics['topics']['exact_match']['value'])} %, and both for {percent(metrics['both']['value'])} %."
    )
    trained = facts.get("training_data") or AUTHORED.format(train=measured["train_documents"] or "the")
    second = (
        f"It was trained on {trained}, and the labels it is measured against were given by language models,"
        " so the figures tell how closely it follows the annotation guideline, not how far people would agree with it."
    )
    return first, second


def ahead(metrics: Mapping[str, Any]) -> list[str]:
    """Name the scores on which a baseline does better than the model, and that baseline."""
    found = []
    for title, path in HEADLINE:
        scores = {name: pick(baseline, path)["value"] or 0.0 for name, baseline in metrics["baselines"].items()}
        best = max(scores, key=lambda name: scores[name], default=None)
        if best and scores[best] > (pick(metrics, path)["value"] or 0.0):
            found.append(f"{title} ({BASELINES.get(best, best)}, {percent(scores[best])})")
    return found


def differences(metrics: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, Any]:
    """Compare with the previous figures; only the same test documents make them comparable."""
    scores = {name: _change(pick(metrics, path), pick(previous, path)) for name, path in HEADLINE}
    labels = {
        label: _change(
            pick(metrics, ("per_label", group, label, "f1")), pick(previous, ("per_label", group, label, "f1"))
        )
        for group, names in (("role", ROLES), ("topics", TOPICS))
        for label in map(str, names)
    }
    before = previous.get("measured") if isinstance(previous.get("measured"), dict) else {}
    facts = previous.get("facts") if isinstance(previous.get("facts"), dict) else {}
    return {
        "same_test": (before or {}).get("fingerprint") == metrics["measured"]["fingerprint"],
        "date": (facts or {}).get("date"),
        "scores": scores,
        "labels": labels,
    }


def _change(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Give the difference, and whether it stays inside the previous interval."""
    value, old, low, high = now["value"], before.get("value"), before.get("low"), before.get("high")
    known = value is not None and old is not None
    inside = bool(known and low is not None and high is not None and low <= value <= high)
    return {"before": old, "by": value - old if known else None, "inside": inside}
