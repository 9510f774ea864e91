"""Every command of the README does what a reader would see it do; one that no row below runs fails the test."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from openpyxl import load_workbook

from fazhi.data.feedback import Correction, Label, Store, StoredDocument, StoredUnit
from fazhi.data.feedback.exchange import FORMATS, write_file
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment

ROOT = Path(__file__).parents[2]
TEXT = "某县2024年法治政府建设工作报告\n一、主要工作\n办理行政复议案件12件。\n"
QUICK = "max_steps=4 passes=1 bf16=off most_int8_loss=100"

# Commands that CI itself runs, and those run here: what is added, so that they take seconds, and what must come of it.
BY_CI = {"make test"}
BY_THE_SMOKE_RUN = {"make train"}
SERVICE = "make serve"  # and what calls it: see the last test
ADDRESS = "http://127.0.0.1:8000"
RUN_HERE = {
    "make help": ("", "crossval"),
    "make eval": ("MODEL={model} DATA={data} REPORTS={tmp}/reports", "report.html"),
    "make bench": ("MODEL={model}", "| .docx |"),
    "make crossval": (
        "MODEL={tmp}/m/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='{quick}'",
        "left out",
    ),
    'make crossval START=artifacts/model SET="passes=1"': (
        "START={model} MODEL={tmp}/m/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='{quick}'",
        "the model started from",
    ),
    "make repeat": (
        "SEEDS=1,2 MODEL={tmp}/m/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='{quick}'",
        "seed 2",
    ),
    "make train ENCODER=path/to/bert": (
        "MODEL={tmp}/n/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='{quick}'",
        "report.html",
    ),
    ".venv/bin/fazhi adapt texts/ -o artifacts/adapted": (
        "--encoder {encoder} --set length=16 --set batch=4 --set bf16=off",
        "perplexity",
    ),
    "make train ENCODER=artifacts/adapted": (
        "MODEL={tmp}/q/model DATA={data} REPORTS={tmp}/reports ENCODER={tmp}/artifacts/adapted SET='{quick}'",
        "report.html",
    ),
    'make train SET="passes=3 seed=7"': (
        "MODEL={tmp}/o/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='passes=3 seed=7 {quick}'",
        "report.html",
    ),
    "make load": ("ARGS='--quick --only start' MODEL={model} DATA={data}", "start"),
    ".venv/bin/fazhi data stats": ("--data {data}", "Labels"),
    ".venv/bin/fazhi probe": ("--data {data} --encoder {encoder} --reports {tmp}/reports", "Suspected topics"),
    ".venv/bin/fazhi tag report.docx": ("--model {model}", "report"),
    ".venv/bin/fazhi tag reports-2024/ -o tags.xlsx": ("--model {model}", ""),
    ".venv/bin/fazhi tag reports-2024/ -o tags/": ("--model {model}", ""),
    ".venv/bin/fazhi feedback export corrections/": ("", "1 documents"),
    "make train EXTRA=corrections": (
        "EXTRA={tmp}/corrections MODEL={tmp}/x/model DATA={data} REPORTS={tmp}/reports ENCODER={encoder} SET='{quick}'",
        "report.html",
    ),
    ".venv/bin/fazhi feedback export tasks.json --format label-studio": ("", "1 documents"),
    ".venv/bin/fazhi feedback import annotated.json --format label-studio": ("", "corrections kept"),
    "cat report.txt | .venv/bin/fazhi tag --format jsonl": ("--model {model}", '"role"'),
}


def is_a_call(command: str) -> bool:
    return command == SERVICE or ADDRESS in command


def commands(page: str) -> list[str]:
    """The lines of a page's shell blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_every_command_is_run_somewhere(page: str) -> None:
    assert commands(page)
    others = {command for command in commands(page) if not is_a_call(command)}
    assert others <= BY_CI | BY_THE_SMOKE_RUN | set(RUN_HERE)


def prepare(folder: Path) -> None:
    """What the README's reader has: reports, and a correction in the database, exported to another tool too."""
    document = docx.Document()
    for line in TEXT.splitlines():
        document.add_paragraph(line)
    document.save(str(folder / "report.docx"))
    (folder / "report.txt").write_text(TEXT, encoding="utf-8")
    (folder / "reports-2024").mkdir()
    (folder / "reports-2024" / "a.txt").write_text(TEXT, encoding="utf-8")
    said = Prediction(Role.OTHER, (), (0.1, 0.1, 0.1, 0.7), (0.0, 0.0, 0.0, 0.0), False)
    units = tuple(StoredUnit(unit.start, unit.end, unit.heading, said) for unit in segment(TEXT))
    kept = StoredDocument("report.docx", TEXT, "0123456789ab", units)
    (folder / "artifacts").mkdir()
    with closing(Store.open(f"sqlite:///{folder}/artifacts/feedback.db")) as store:
        store.keep(kept)
        right, last = Label(Role.ACHIEVEMENT, (Topic.RECONSIDERATION,)), units[-1]
        store.correct(Correction(kept.sha256, last.start, last.end, right, 0, "", kept.model, datetime.now(UTC)))
        known = ((kept, store.labels(kept.sha256)),)
        write_file(known, folder / "annotated.json", FORMATS["label-studio"])


@pytest.mark.slow
def test_what_the_readme_says_can_be_done(
    tmp_path: Path, tiny_model: Path, tiny_data: Path, tiny_encoder_folder: Path
) -> None:
    prepare(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(TEXT * 20, encoding="utf-8")
    names = {"model": tiny_model, "data": tiny_data, "encoder": tiny_encoder_folder, "tmp": tmp_path, "quick": QUICK}
    binaries = Path(sys.executable).parent
    for command in commands("README.md"):
        if command not in RUN_HERE:
            continue
        added, expected = RUN_HERE[command]
        line = f"{command} {added.format(**names)}".replace(".venv/bin/", f"{binaries}/")
        if command.startswith("make"):
            line = line.replace("make ", f"make -C {ROOT} ", 1)
        environment = {**os.environ, "MAKEFLAGS": ""}
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert expected in done.stdout, line
    assert (tmp_path / "tags" / "a.jsonl").is_file()
    assert load_workbook(tmp_path / "tags.xlsx").sheetnames


@pytest.fixture
def address(tiny_model: Path) -> Iterator[str]:
    """The address of a service that `make serve` started."""
    command = ["make", "-s", "-C", str(ROOT), "serve", f"MODEL={tiny_model}", "ARGS=--port 0"]
    environment = {**os.environ, "MAKEFLAGS": ""}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as make:
        assert make.stderr
        lines = (json.loads(line) for line in make.stderr if line.startswith("{"))
        port = next(line["port"] for line in lines if line["event"] == "listening")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(make.pid, signal.SIGTERM)
            make.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_service_answers_as_the_readme_calls_it(page: str, address: str, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(TEXT, encoding="utf-8")
    calls = [command for command in commands(page) if ADDRESS in command]
    assert SERVICE in commands(page)
    for call in calls:
        line = call.replace(ADDRESS, address)
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=True)
        assert len(json.loads(done.stdout)["sentences"]) == 2
    programs = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    for program in programs:
        command = [sys.executable, "-c", program.replace(ADDRESS, address)]
        environment = {**os.environ, "HF_HUB_OFFLINE": "0"}  # else the hub's client calls nobody, not even loopback
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout
    assert calls
