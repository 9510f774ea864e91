"""serve/fazhi.service: systemd accepts it, and what it sets exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fazhi.serve.config import ServeConfig

UNIT = Path(__file__).parents[2] / "serve" / "fazhi.service"
BINARY = "/opt/fazhi/bin/fazhi"


@pytest.fixture(scope="module")
def unit() -> str:
    return UNIT.read_text(encoding="utf-8")


def test_every_variable_is_a_setting(unit: str) -> None:
    named = set(re.findall(r"FAZHI_([A-Z_]+)", unit))
    assert {"MODEL", "HOST", "KEYS"} <= named
    assert {name.lower() for name in named} <= set(ServeConfig.model_fields)


def test_there_is_time_to_answer_what_is_in_hand(unit: str) -> None:
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found
    assert int(found[1]) >= ServeConfig.model_fields["drain_seconds"].default + 20


def test_it_starts_and_reloads_the_command(unit: str) -> None:
    assert f"\nExecStart={BINARY} serve\n" in unit
    assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in unit
    assert "\nKillMode=mixed\n" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_accepts_it(unit: str, tmp_path: Path) -> None:
    copy = tmp_path / "fazhi.service"
    copy.write_text(unit.replace(BINARY, str(Path(sys.executable).with_name("fazhi"))), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
