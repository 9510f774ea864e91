"""The `fazhi` command as a user meets it: outputs, exit codes, one clear line for what went wrong."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from fazhi.data.corpus import read_corpus
from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import read_document
from fazhi.model.labels import ROLES, TOPICS
from fazhi.training.cli import app

TEXT = "某县2024年法治政府建设工作报告\n一、主要工作\n办理行政复议案件12件。\n二、存在的问题\n执法力量不足。\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def _invoke(*arguments: object, text: bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_tag_writes_units_with_offsets_into_the_text(report: Path, tiny_model: Path) -> None:
    code, out, _ = _invoke("tag", report, "--model", tiny_model, "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["text"] for row in rows] == [TEXT[row["start"] : row["end"]] for row in rows]
    assert all(row["role"] in ROLES and set(row["topics"]) <= set(TOPICS) for row in rows)
    assert all(list(row["scores"]) == [*ROLES, *TOPICS] for row in rows)
    (predictions,) = load_predictor(tiny_model).predict([read_document(TEXT)])
    assert [row["role"] for row in rows] == [prediction.role for prediction in predictions]


@pytest.mark.parametrize(
    "raw", [TEXT.encode("utf-8"), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode("gb18030"), TEXT.encode("utf-16")]
)
def test_standard_input_is_read_in_any_usual_encoding(raw: bytes, tiny_model: Path) -> None:
    code, out, _ = _invoke("tag", "--model", tiny_model, "--format", "jsonl", text=raw)
    assert code == 0
    assert json.loads(out.splitlines()[0])["text"] == TEXT.splitlines()[0]


def test_a_folder_becomes_a_folder_and_a_bad_file_stops_nothing(report: Path, tmp_path: Path, tiny_model: Path) -> None:
    folder, out = tmp_path / "reports", tmp_path / "tags"
    (folder / "east").mkdir(parents=True)
    report.rename(folder / "east" / "a.txt")
    (folder / "b.txt").write_bytes(bytes(range(256)) * 4)
    (folder / "c.txt").write_bytes(b"")
    (folder / "d.txt").write_text(TEXT, encoding="gb18030")
    code, _, errors = _invoke("tag", folder, "--model", tiny_model, "-o", out, "--format", "csv")
    assert code == 1
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.csv")) == ["d.csv", "east/a.csv"]
    assert "b.txt: " in errors
    assert "c.txt: the file holds no text" in errors
    with (out / "d.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["text"] == TEXT.splitlines()[0]


def test_a_folder_becomes_one_workbook_and_what_is_done_is_not_done_again(
    report: Path, tmp_path: Path, tiny_model: Path
) -> None:
    folder, out = tmp_path / "reports", tmp_path / "tags.xlsx"
    (folder / "east").mkdir(parents=True)
    report.rename(folder / "east" / "a.txt")
    (folder / "east" / "b.html").write_text(f"<html><body><p>{TEXT}</p></body></html>", encoding="utf-8")
    (folder / "c.docx").write_bytes(b"PK\x03\x04 and no more")
    command = ("tag", folder, "--model", tiny_model, "-o", out, "--workers", 1)
    code, _, errors = _invoke(*command)
    assert code == 1
    failure, *_, summary = errors.splitlines()
    assert failure.startswith("c.docx: the file is damaged")
    assert "units of 2 files" in summary
    assert "1 failed (in sheet 失败)" in summary
    book = load_workbook(out, read_only=True)
    rows = list(book["句子"].iter_rows(min_row=2, values_only=True))
    assert {row[0] for row in rows} == {"east/a.txt", "east/b.html"}
    assert [row[4] for row in rows if row[0] == "east/a.txt"] == TEXT.splitlines()
    assert [row[:2] for row in book["失败"].iter_rows(min_row=2, values_only=True)] == [("c.docx", "damaged")]
    book.close()
    code, _, errors = _invoke(*command)
    assert code == 1
    assert "3 of 3 done before" in errors


def test_a_table_is_shown_by_default(report: Path, tiny_model: Path) -> None:
    code, out, _ = _invoke("tag", report, "--model", tiny_model)
    assert code == 0
    assert "办理行政复议案件12件。" in out.replace("\n", "").replace(" ", "") or "办理行政" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("tag", "none.txt", "--model", "{model}"), "no such file"),
        (("tag", "{report}", "--model", "{tmp}/none"), "make train"),
        (("tag", "{report}", "--model", "{model}", "-o", "{tmp}/x.csv", "--format", "table"), "table"),
        (("train", "--data", "{tmp}/none"), "index.jsonl"),
        (("train", "--set", "pases=1"), "pases"),
        (("evaluate", "--model", "{tmp}/none"), "make train"),
        (("repeat", "--seeds", "13;14"), "whole numbers"),
        (("crossval", "--start", "{tmp}/none", "--data", "{data}"), "no finished model"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: tuple[str, ...], named: str, report: Path, tmp_path: Path, tiny_model: Path, tiny_data: Path
) -> None:
    filled = [part.format(report=report, tmp=tmp_path, model=tiny_model, data=tiny_data) for part in arguments]
    code, _, errors = _invoke(*filled)
    assert code in (1, 2)
    assert named in errors
    assert "Traceback" not in errors


def test_a_missing_encoder_has_a_way_out(corpus: Callable[..., Path], tmp_path: Path) -> None:
    code, _, errors = _invoke("train", "--data", corpus(), "--model", tmp_path / "m", "--encoder", tmp_path / "none")
    assert code == 2
    assert "builtin" in errors


def test_evaluate_reports_once_and_again_when_told(tiny_model: Path, tiny_data: Path, tmp_path: Path) -> None:
    where = ("--model", tiny_model, "--data", tiny_data, "--reports", tmp_path / "reports")
    code, out, _ = _invoke("evaluate", *where)
    assert code == 0
    assert "role macro-F1" in out
    latest = tmp_path / "reports" / "latest"
    metrics = json.loads((latest / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["role"]) >= {"accuracy", "macro_f1_3", "macro_f1"}
    assert set(metrics["topics"]) >= {"micro_f1", "macro_f1", "exact_match"}
    assert set(metrics["baselines"]) == {"majority", "heading_rule", "tfidf", "tfidf_context"}
    assert metrics["facts"]["development_documents_trained_on"] is False
    assert "成效" in (latest / "report.html").read_text(encoding="utf-8")
    first = latest.resolve()
    assert "is of this model" in _invoke("evaluate", *where)[1]
    assert latest.resolve() == first
    _invoke("evaluate", *where, "--force")
    assert latest.resolve() != first


def test_evaluate_refuses_seeds_that_the_model_was_not_kept_from(
    tiny_model: Path, corpus: Callable[..., Path], tmp_path: Path
) -> None:
    root = corpus(line_end="\r\n")
    code, _, errors = _invoke("evaluate", "--model", tiny_model, "--data", root, "--reports", tmp_path / "reports")
    assert code == 2
    assert "train again" in errors


@pytest.mark.slow
def test_crossval_and_repeat_print_and_keep_their_tables(
    tiny_model: Path, tiny_data: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    quick = ("max_steps=1", "passes=1", "bf16=off", "most_int8_loss=100")
    sets = [part for setting in quick for part in ("--set", setting)]
    reports = tmp_path / "reports"
    where = (
        "--data",
        tiny_data,
        "--artifacts",
        tmp_path,
        "--reports",
        reports,
        "--encoder",
        tiny_encoder_folder,
        *sets,
    )
    code, out, _ = _invoke("crossval", "--start", tiny_model, *where)
    assert code == 0
    assert "the model started from" in out
    assert out.endswith((reports / "crossval-start.md").read_text(encoding="utf-8"))
    code, out, _ = _invoke("repeat", "--seeds", "1,2", *where)
    assert code == 0
    assert "| seed 1 | seed 2 | mean ± sd |" in out
    assert out.endswith((reports / "repeat.md").read_text(encoding="utf-8"))
    assert set(json.loads((reports / "repeat.json").read_text(encoding="utf-8"))["models"]) == {"1", "2"}


def test_stats_are_the_tables_of_the_card() -> None:
    root = Path(__file__).parents[2] / "data"
    code, out, _ = _invoke("data", "stats", "--data", root)
    assert code == 0
    card = (root / "README.md").read_text(encoding="utf-8")
    assert card.endswith("\n\n" + out)
    assert len(read_corpus(root / "seeds")) == 5
