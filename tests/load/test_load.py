"""That the load test itself works: every part in small, on the tiny model, speed not judged."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_part_runs_and_nothing_but_speed_could_fail(tiny_model: Path, tiny_data: Path) -> None:
    command = [sys.executable, "-m", "tests.load", "--quick", "--model", str(tiny_model), "--data", str(tiny_data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Nothing failed." in done.stdout
    for part in ("start", "sentences", "reports", "overload", "hostile", "reloads", "terms"):
        assert f"## {part}\n" in done.stdout
