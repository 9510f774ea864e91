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


def test_what_it_keeps_lies_where_it_may_write(unit: str) -> None:
    place = re.search(r"^Environment=FAZHI_DATABASE=sqlite:///(/\S+)$", unit, re.MULTILINE)
    folder = re.search(r"^StateDirectory=(\S+)$", unit, re.MULTILINE)
    assert place
    assert folder
    assert Path(place[1]).parent == Path("/var/lib", folder[1])
    assert "\nProtectSystem=strict\n" in unit
    assert "\nPrivateTmp=yes\n" in unit  # where a file lies while it is read


def test_a_file_that_takes_all_memory_does_not_end_the_service(unit: str) -> None:
    limit = re.search(r"^MemoryMax=(\d+)G$", unit, re.MULTILINE)
    assert limit
    defaults = {name: ServeConfig.model_fields[name].default for name in ("readers", "read_memory_mb")}
    assert int(limit[1]) * 1024 >= defaults["readers"] * defaults["read_memory_mb"] + 500
    assert "\nOOMPolicy=continue\n" in unit


def test_libreoffice_may_make_code_as_it_runs(unit: str) -> None:
    assert not re.search("^MemoryDenyWriteExecute=", unit, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_accepts_it(unit: str, tmp_path: Path) -> None:
    copy = tmp_path / "fazhi.service"
    copy.write_text(unit.replace(BINARY, str(Path(sys.executable).with_name("fazhi"))), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
