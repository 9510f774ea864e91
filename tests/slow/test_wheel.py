"""The wheel by itself: the four packages and nothing else, no corpus, and tagging without the train extra."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = "某县2024年法治政府建设工作报告\n一、主要工作\n办理行政复议案件12件。\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_it_holds_the_packages_and_no_corpus(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"fazhi"}
    assert "fazhi/training/templates/report.html.j2" in names
    assert not [name for name in names if name.endswith((".jsonl", ".txt")) and ".dist-info" not in name]


@pytest.mark.slow
def test_it_tags_in_an_environment_without_torch(wheel: Path, tiny_model: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    # The lock without its train and dev packages: what the wheel asks for, at the locked versions.
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "requirements.lock"), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    (tmp_path / "report.txt").write_text(TEXT, encoding="utf-8")
    done = subprocess.run(
        [str(environment / "bin" / "fazhi"), "tag", "report.txt", "--model", str(tiny_model), "--format", "jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert next(json.loads(line)["text"] for line in done.stdout.splitlines()) == TEXT.splitlines()[0]
    missing = subprocess.run([str(python), "-c", "import torch"], capture_output=True, check=False)
    assert missing.returncode != 0
    refused = subprocess.run(
        [str(environment / "bin" / "fazhi"), "train"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "train extra" in refused.stderr
