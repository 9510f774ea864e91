"""The main job on real input, cut short: `make train` with the builtin encoder ends with a model and a report."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fazhi.model.checkpoint import load_config, load_predictor
from fazhi.model.document import read_document

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_make_train_ends_with_a_model_and_a_report(tmp_path: Path) -> None:
    model, reports = tmp_path / "artifacts" / "model", tmp_path / "reports"
    command = ["make", "train", f"MODEL={model}", f"REPORTS={reports}", "SET=max_steps=6 passes=1 most_int8_loss=100"]
    environment = {**os.environ, "MAKEFLAGS": "", "HF_HUB_OFFLINE": "1"}
    del environment["OMP_NUM_THREADS"]  # one thread suits the small networks of other tests
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    metrics = json.loads((reports / "latest" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["measured"]["units"] == 651
    assert metrics["measured"]["seen"] == []
    assert {"value", "low", "high"} <= set(metrics["baselines"]["tfidf_context"]["role"]["macro_f1_3"])
    assert load_config(model).training["units"]["training"] > 8000
    document = read_document("2024年，我局办理行政复议案件12件。")
    assert len(load_predictor(model).predict([document])[0]) == len(document.units)
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert "up to date" in again.stdout
    assert "is of this model" in again.stdout
