"""The wheel by itself: the four packages and no corpus; tagging without any extra, serving with the serve extra."""

import io
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from urllib.request import Request, urlopen

import docx
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
    for name in (
        "training/builtin/model.int8.safetensors",
        "training/templates/report.html.j2",
        "data/completeness.toml",
        "data/feedback/migrations/versions/r0001_documents.py",
        "serve/static/docs.html",
        "serve/static/index.html",
        "serve/fazhi.service",
    ):
        assert f"fazhi/{name}" in names
    assert not [name for name in names if name.endswith((".jsonl", ".txt")) and ".dist-info" not in name]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binaries of an environment that holds the wheel and what it asks for, at the locked versions."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=True)
    install(folder / "bin", str(wheel))
    return folder / "bin"


def install(binaries: Path, what: str) -> None:
    lock = str(ROOT / "requirements.lock")
    pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--constraint", lock, what]
    subprocess.run(pip, check=True, capture_output=True, text=True)


def word_file() -> bytes:
    """TEXT as Word writes it."""
    document, file = docx.Document(), io.BytesIO()
    for line in TEXT.splitlines():
        document.add_paragraph(line)
    document.save(file)
    return file.getvalue()


def has_torch(binaries: Path) -> bool:
    return not subprocess.run([binaries / "python", "-c", "import torch"], capture_output=True, check=False).returncode


@pytest.mark.slow
def test_it_tags_without_any_extra(environment: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(TEXT, encoding="utf-8")
    done = subprocess.run(
        [str(environment / "fazhi"), "tag", "report.txt", "--model", str(tiny_model), "--format", "jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert next(json.loads(line)["text"] for line in done.stdout.splitlines()) == TEXT.splitlines()[0]
    assert not has_torch(environment)
    for command, extra in (("train", "train extra"), ("serve", "serve extra")):
        refused = subprocess.run(
            [str(environment / "fazhi"), command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert extra in refused.stderr


@pytest.mark.slow
def test_it_serves_with_the_serve_extra_alone(environment: Path, wheel: Path, tiny_model: Path, tmp_path: Path) -> None:
    install(environment, f"{wheel}[serve]")
    assert not has_torch(environment)
    command = [str(environment / "fazhi"), "serve", "--port", "0", "--model", str(tiny_model)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        try:
            address = next(
                f"http://127.0.0.1:{line['port']}" for line in map(json.loads, server.stderr) if "port" in line
            )
            body = json.dumps({"text": TEXT}).encode()
            report = json.load(urlopen(Request(f"{address}/v1/reports", body, {"Content-Type": "application/json"})))
            assert [unit["text"] for unit in report["units"]] == TEXT.splitlines()
            file = Request(
                f"{address}/v1/documents?name=a.docx", word_file(), {"Content-Type": "application/octet-stream"}
            )
            kept = json.load(urlopen(file))
            assert [unit["text"] for unit in kept["units"]] == TEXT.splitlines()
            export = f"v1/documents/{kept['document']['sha256']}/export?format="
            pages = ("", "static/app.js", "docs", "docs/docs.js", "docs/swagger-ui-bundle.js", "openapi.json")
            for name in (*pages, *(export + style for style in ("xlsx", "csv", "jsonl", "docx"))):
                assert urlopen(f"{address}/{name}").read()
        finally:
            server.terminate()
        server.stderr.read()
        assert server.wait(10) == 0
