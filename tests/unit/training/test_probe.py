"""`fazhi probe` on the invented reports: every section is there, the seeds are not read."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fazhi.data.schema import CorpusError
from fazhi.training.cli import app
from fazhi.training.probe import Choice, probe

SECTIONS = ["Encoders", "More documents", "A set of documents left out", "Suspected roles", "Suspected topics"]


@pytest.fixture
def authored(corpus: Callable[..., Path]) -> Path:
    """A corpus without seeds: whoever reads them fails."""
    root = corpus()
    shutil.rmtree(root / "seeds")
    return root


def _rows(page: str, section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    body = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_command_prints_the_page_and_keeps_it(
    authored: Path, tiny_encoder_folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folder = str(tiny_encoder_folder)
    named = ["--encoder", folder, "--encoder", folder, "--model", str(tiny_model)]
    places = ["--data", str(authored), "--artifacts", str(tmp_path), "--reports", str(tmp_path / "reports")]
    done = CliRunner().invoke(app, ["probe", *named, *places], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    page = done.stdout
    assert (tmp_path / "reports" / "probe.md").read_text(encoding="utf-8") == page
    assert re.findall("^## (.*)$", page, re.MULTILINE) == SECTIONS
    first, again, trained = _rows(page, "Encoders")
    assert first == again
    assert trained[0].endswith("(trained)")
    assert "What follows is of" in page
    assert "2 training documents (29 units)" in page


@pytest.fixture(scope="module")
def page(tiny_data: Path, tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return probe([Choice(str(tiny_encoder_folder))], tiny_data, tmp_path_factory.mktemp("cache"))


def test_shares_and_sets_are_counted_by_document(page: str) -> None:
    curve = _rows(page, "More documents")
    assert [row[:2] for row in curve] == [["1/8", "1"], ["1/4", "1"], ["1/2", "1"], ["all", "2"]]
    assert curve[-1][3:] == _rows(page, "Encoders")[0][1:4]
    assert [row[:3] for row in _rows(page, "A set of documents left out")] == [["A", "1", "15"], ["B", "1", "14"]]


def test_a_trained_encoder_is_said_to_know_these_labels_where_no_set_can_be_left_out(
    corpus: Callable[..., Path], tiny_model: Path, tmp_path: Path
) -> None:
    root = corpus()
    index = root / "authored" / "index.jsonl"
    lines = index.read_text(encoding="utf-8").splitlines(keepends=True)
    index.write_text("".join(line for line in lines if "B01" not in line), encoding="utf-8")
    page = probe([Choice(str(tiny_model), trained=True)], root, tmp_path)
    assert "trained on these labels" in page
    assert _rows(page, "A set of documents left out") == []


def test_suspects_point_to_their_unit(page: str, tiny_data: Path) -> None:
    suspects = [*_rows(page, "Suspected roles"), *_rows(page, "Suspected topics")]
    assert suspects, "an untrained encoder has much to find fault with"
    for document, number, _, given, suggested, text in suspects:
        labels = (tiny_data / "authored" / "labels" / f"{document}.jsonl").read_text(encoding="utf-8").splitlines()
        assert f'"text": "{text}"' in labels[int(number) - 1]
        assert all(f'"{label}"' in labels[int(number) - 1] for label in given.split() if label != "–")
        assert given != suggested


def test_a_corpus_without_development_documents_is_refused(
    corpus: Callable[..., Path], tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    root = corpus()
    index = root / "authored" / "index.jsonl"
    index.write_text(index.read_text(encoding="utf-8").replace('"dev"', '"train"'), encoding="utf-8")
    with pytest.raises(CorpusError, match="documents of train and of dev"):
        probe([Choice(str(tiny_encoder_folder))], root, tmp_path)
