"""The shape of the program, read off its source: who imports whom, how long files are, where a label is spelt."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fazhi.model.labels import ROLES, TOPICS

ROOT = Path(__file__).parents[2]
FOLDERS = ("model", "data", "training", "serve")
FILES = sorted(path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
EDGE = Path("training/cli.py")  # the command line calls everything
ALLOWED = {"model": {"model"}, "data": {"data", "model"}, "training": {"training", "data", "model"}}
ALLOWED["serve"] = {"serve", "data", "model"}
HEAVY = {"torch", "transformers", "safetensors", "datasets", "sklearn", "scipy", "pandas", "accelerate", "onnx"}
SERVED = {"answers", "completeness", "exports", "feedback", "readers"}  # what the service takes of the data's part
LATER = {"alembic", "docx", "lxml", "openpyxl", "pdfminer", "psycopg", "pyarrow", "sqlalchemy"}  # when they are needed


def parsed(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), str(file))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module imported anywhere in a file, inside functions and for type checking too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tops(tree: ast.AST) -> set[str]:
    return {name.partition(".")[0] for name in imported(tree)}


def strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """String constants that are no docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


@pytest.fixture(params=FILES, ids=str)
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_the_folders_are_found() -> None:
    assert {file.parts[0] for file in FILES} == set(FOLDERS)
    assert len(FILES) > 30


def test_imports_point_one_way(file: Path) -> None:
    if file == EDGE:
        return
    parts = {name.split(".")[1] for name in imported(parsed(file)) if name.startswith("fazhi.")}
    assert parts <= ALLOWED[file.parts[0]]


def test_no_import_is_by_a_bare_folder_name(file: Path) -> None:
    assert not tops(parsed(file)) & set(FOLDERS)


def test_torch_is_imported_by_one_file_of_the_model(file: Path) -> None:
    if file.parts[0] != "model":
        return
    expected = {"torch", "transformers", "safetensors"} if file == Path("model/bert.py") else set()
    assert tops(parsed(file)) & HEAVY == expected


def test_nothing_of_the_model_needs_the_file_that_imports_torch(file: Path) -> None:
    if file.parts[0] == "model":
        assert "fazhi.model.bert" not in set(imported(parsed(file)))


def test_files_are_short_enough_to_read(file: Path) -> None:
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= 300


def test_a_label_is_spelt_in_one_file(file: Path) -> None:
    found = [(node.lineno, node.value) for node in strings(parsed(file)) if node.value in (*ROLES, *TOPICS)]
    if file == Path("model/labels.py"):
        assert [value for _, value in found] == [*ROLES, *TOPICS]
    else:
        assert found == []


def test_the_service_takes_no_more_of_the_data_than_it_serves(file: Path) -> None:
    if file.parts[0] == "serve":
        taken = {name.split(".")[2] for name in imported(parsed(file)) if name.startswith("fazhi.data.")}
        assert taken <= SERVED
        assert not tops(parsed(file)) & (HEAVY | LATER)


def test_the_service_starts_without_what_is_heavy_or_needed_later() -> None:
    program = (
        "import sys, fazhi.serve.server\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1].split(','))))"
    )
    command = [sys.executable, "-c", program, ",".join(HEAVY | LATER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=lambda path: path.stem)
def test_tests_import_the_program_by_its_own_name(path: Path) -> None:
    assert not tops(parsed(path)) & set(FOLDERS)


def test_no_folder_was_imported_by_its_bare_name() -> None:
    assert not {name.partition(".")[0] for name in sys.modules} & set(FOLDERS)


def test_importing_everything_imports_no_folder_by_its_bare_name() -> None:
    """From the root the bare names could be imported by accident, and every module would then exist twice."""
    modules = [".".join(("fazhi", *file.with_suffix("").parts)) for file in FILES if file.stem != "__init__"]
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[2:]: importlib.import_module(name)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1].split(','))))"
    )
    command = [sys.executable, "-c", program, ",".join(FOLDERS), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "\n"


class TestTheRulesThemselves:
    """That the readers above see what they are to forbid."""

    def test_imports_in_functions_are_seen(self) -> None:
        tree = ast.parse("def f():\n    import torch.nn\n    from fazhi.data import corpus\n    from data import x\n")
        assert {"torch.nn", "fazhi.data", "fazhi.data.corpus", "data"} <= set(imported(tree))
        assert tops(tree) == {"torch", "fazhi", "data"}

    def test_labels_are_seen_in_code_but_not_in_docstrings(self) -> None:
        tree = ast.parse('"""成效"""\ndef f():\n    """问题"""\n    return {"计划": f"{x}其他"}\n')
        assert [node.value for node in strings(tree)] == ["计划", "其他"]
