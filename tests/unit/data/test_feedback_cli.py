"""`fazhi feedback` as a user meets it: what is written and read, exit codes, one clear line for what went wrong."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fazhi.data.corpus import read_corpus
from fazhi.data.feedback import Correction, Label, Store, StoredDocument, StoredUnit
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment
from fazhi.training.feedback_cli import feedback

TEXT = "云溪县情况报告\n开展执法检查86次。\n将举办法治讲座。\n"
SAID = Prediction(Role.OTHER, (), (0.1, 0.1, 0.1, 0.7), (0.0, 0.0, 0.0, 0.0), False)


@pytest.fixture
def db(tmp_path: Path) -> str:
    """A database with one document, of which one unit was corrected."""
    url = f"sqlite:///{tmp_path}/feedback.db"
    store = Store.open(url)
    units = [StoredUnit(unit.start, unit.end, unit.heading, SAID) for unit in segment(TEXT)]
    document = StoredDocument("云溪县.docx", TEXT, "m1", tuple(units))
    store.keep(document)
    place = (document.sha256, units[2].start, units[2].end)
    label = Label(Role.PLAN, (Topic.LEGAL_EDUCATION,))
    store.correct(Correction(*place, label, 0, "审核员甲", "m1", datetime.now(UTC)))
    store.close()
    return url


def invoke(*arguments: object, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(feedback, [str(argument) for argument in arguments], env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_corpus_is_written(db: str, tmp_path: Path) -> None:
    code, out, errors = invoke("export", tmp_path / "corpus", "--db", db)
    assert (code, errors) == (0, "")
    assert out.strip().endswith("corpus: 1 documents, 1 units")
    assert [unit.text for unit in read_corpus(tmp_path / "corpus")[0].units] == ["将举办法治讲座。"]
    assert invoke("export", tmp_path / "whole", "--with-predicted", FAZHI_DATABASE=db)[0] == 0
    assert len(read_corpus(tmp_path / "whole")[0].units) == 3


@pytest.mark.parametrize("tool", ["label-studio", "doccano"])
def test_what_another_tool_is_given_can_be_taken_back(db: str, tool: str, tmp_path: Path) -> None:
    file = tmp_path / "export" / "reports.json"
    code, out, _ = invoke("export", file, "--db", db, "--format", tool)
    assert code == 0
    assert "1 documents; set the project up with" in out
    assert len(list(file.parent.iterdir())) == 2
    file.write_text(file.read_text(encoding="utf-8").replace("普法", "审批"), encoding="utf-8")
    code, out, errors = invoke("import", file, "--db", db, "--format", tool, "--user", "审核员乙")
    assert (code, errors) == (0, "")
    assert out.startswith("1 corrections kept")
    store = Store.open(db)
    (summary,) = store.documents()
    assert [(change.user, change.new.topics) for change in store.history(summary.sha256)][1:] == [
        ("审核员乙", (Topic.APPROVAL,))
    ]
    store.close()


def test_what_cannot_be_taken_over_is_named_and_the_exit_code_tells(db: str, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"text": "另一份。", "label": [[0, 4, "计划"]]}), encoding="utf-8")
    code, out, errors = invoke("import", file, "--db", db, "--format", "doccano")
    assert code == 1
    assert out == "0 corrections kept, 0 labels unchanged\n"
    assert "is kept here" in errors


def test_units_left_out_of_a_corpus_are_counted(db: str, tmp_path: Path) -> None:
    store = Store.open(db)
    document = store.document(store.documents()[0].sha256)
    store.keep(StoredDocument("旧", "甲乙。丙丁。", "m1", (StoredUnit(0, 6, False, SAID),)))
    odd = store.documents()[0]
    place = (odd.sha256, 0, 6)
    store.correct(Correction(*place, Label(Role.PLAN, ()), 0, "审核员甲", "m1", datetime.now(UTC)))
    store.close()
    assert odd.sha256 != document.sha256
    code, _, errors = invoke("export", tmp_path / "corpus", "--db", db)
    assert code == 0
    assert errors.startswith("1 units are left out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "{tmp}/out", "--db", "{tmp}/none.db"), "no such database"),
        (("export", "{tmp}", "--db", "{db}"), "not empty"),
        (("import", "{tmp}/none", "--db", "{db}", "--format", "doccano"), "No such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(db: str, arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, errors = invoke(*(argument.format(db=db, tmp=tmp_path) for argument in arguments))
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1


def test_a_package_that_is_not_there_is_named(db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy")

    monkeypatch.setattr(Store, "open", missing)
    code, _, errors = invoke("export", tmp_path / "out", "--db", db)
    assert code == 2
    assert errors.startswith("fazhi: sqlalchemy is not installed")
    assert errors.endswith("pip install 'fazhi[serve]'\n")


def test_a_password_is_not_printed(tmp_path: Path) -> None:
    code, _, errors = invoke("export", tmp_path / "out", FAZHI_DATABASE="postgresql://user:secret@127.0.0.1:1/feedback")
    assert code == 2
    assert "refused" in errors
    assert "secret" not in errors
