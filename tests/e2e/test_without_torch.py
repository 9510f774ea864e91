"""Tagging on an install without the train extra: `fazhi tag` in a process where its packages cannot be imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fazhi.data.tagging import Source, Tagged
from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import read_document

TRAINING_ONLY = ("torch", "transformers", "datasets", "sklearn", "pandas", "safetensors", "scipy", "accelerate")
TEXT = """云溪县2022年法治政府建设情况报告
一、主要工作及成效
（一）规范行政执法。开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件。
二、存在的问题
部分乡镇执法人员力量不足。
"""

PROGRAM = """
import sys

ABSENT = set(sys.argv[1].split(","))

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from fazhi.training.cli import app

code = app(sys.argv[2:], standalone_mode=False)
loaded = sorted(ABSENT & {name.partition(".")[0] for name in sys.modules})
print("loaded:", *loaded, file=sys.stderr)
sys.exit(code)
"""


def fazhi(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, from another folder, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, ",".join(TRAINING_ONLY), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "160"},
        cwd=Path(__file__).parent,
        timeout=120,
        check=False,
    )


def expected_rows(model: Path, name: str) -> list[dict[str, object]]:
    document = read_document(TEXT)
    (predictions,) = load_predictor(model).predict([document])
    rows = Tagged(Source(Path(name), Path(name)), document.units, predictions).rows()
    return [json.loads(json.dumps(row)) for row in rows]


def test_a_file_is_tagged_as_in_this_process(tiny_model: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text(TEXT, encoding="utf-8")
    done = fazhi("tag", report, "--model", tiny_model, "--format", "jsonl")
    assert (done.returncode, done.stderr.decode()) == (0, "loaded:\n")
    rows = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert len(rows) == 7
    assert rows == expected_rows(tiny_model, "report")


def test_standard_input_is_tagged(tiny_model: Path) -> None:
    done = fazhi("tag", "--model", tiny_model, "--format", "jsonl", stdin=TEXT.encode("gb18030"))
    assert (done.returncode, done.stderr.decode()) == (0, "loaded:\n")
    assert [json.loads(line) for line in done.stdout.decode().splitlines()] == expected_rows(tiny_model, "stdin")


def test_a_folder_is_written_as_csv(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.txt").write_text(TEXT, encoding="utf-8")
    done = fazhi("tag", tmp_path / "reports", "--model", tiny_model, "--format", "csv", "-o", tmp_path / "tags")
    assert (done.returncode, done.stdout, done.stderr.decode()) == (0, b"", "loaded:\n")
    assert (tmp_path / "tags" / "a.csv").read_text(encoding="utf-8-sig").count("\n") == 8


@pytest.mark.parametrize("command", [["train"], ["evaluate"], ["bench"], ["crossval"], ["data", "stats"]])
def test_the_other_commands_say_what_they_need(command: list[str]) -> None:
    done = fazhi(*command)
    assert done.returncode == 2
    line = done.stderr.decode().splitlines()[0]
    assert line.startswith("fazhi: ")
    assert line.endswith(" is not installed; this command needs the train extra: pip install 'fazhi[train]'")


def test_help_needs_nothing() -> None:
    done = fazhi("--help")
    assert (done.returncode, done.stderr.decode()) == (0, "loaded:\n")
    assert "tag" in done.stdout.decode()
