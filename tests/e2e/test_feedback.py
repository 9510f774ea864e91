"""A correction's whole way: a report is tagged and kept, people correct it, and the next model has learnt from them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fazhi.data.corpus import fingerprint, read_corpus
from fazhi.data.feedback import Correction, Label, Store, StoredDocument, StoredUnit
from fazhi.data.gold import read_gold
from fazhi.model.checkpoint import load_config, load_predictor, version
from fazhi.model.document import read_document
from fazhi.model.labels import Role, Topic
from fazhi.training.cli import app
from fazhi.training.config import build_config
from fazhi.training.sources import read_sources
from fazhi.training.train import is_current

OWN = "青禾县情况报告\n一、主要做法\n推行“综合查一次”，减少入企检查41次。\n二、短板\n个别镇街文书制作粗糙。\n"
PLAN = Label(Role.PLAN, (Topic.LEGAL_EDUCATION,))


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def root(corpus: Callable[..., Path]) -> Path:
    return corpus()


@pytest.fixture
def db(root: Path, tiny_model: Path, tmp_path: Path) -> Path:
    """Two reports as the model tags them, an own one and one that is a test report, each with three corrections."""
    predictor, model = load_predictor(tiny_model), version(tiny_model)
    store = Store.open(str(tmp_path / "feedback.db"))
    for text in (OWN, read_corpus(root / "seeds")[0].text):
        document = read_document(text)
        (tags,) = predictor.predict([document])
        units = [StoredUnit(u.start, u.end, u.heading, said) for u, said in zip(document.units, tags, strict=True)]
        kept = StoredDocument("报告.txt", text, model, tuple(units))
        store.keep(kept)
        for label in store.labels(kept.sha256)[2:5]:
            place = (label.sha256, label.start, label.end)
            store.correct(Correction(*place, PLAN, label.revision, "审核员甲", model, datetime.now(UTC)))
    store.close()
    return tmp_path / "feedback.db"


def test_what_people_corrected_is_exported_and_trained_on(
    db: Path,
    root: Path,
    tiny_model: Path,
    tiny_encoder_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    extra, model = tmp_path / "corrections", tmp_path / "artifacts" / "model"
    code, out, errors = invoke("feedback", "export", extra, "--db", db)
    assert (code, errors) == (0, "")
    assert out == f"{extra}: 2 documents, 6 units\n"
    exported = read_corpus(extra)
    assert {Label(unit.role, unit.topics) for document in exported for unit in document.units} == {PLAN}
    assert [unit.text for unit in exported[0].units] == OWN.splitlines()[2:]
    for document in exported:
        read_gold(document)

    settings = {"max_steps": 2, "passes": 1, "bf16": "off", "most_int8_loss": 100.0}
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    places = ("--data", root, "--model", model, "--encoder", tiny_encoder_folder)
    code, out, errors = invoke("train", *places, "--extra", extra, *sets)
    assert code == 0, errors
    assert f"{exported[1].id} is left out: it is a copy, or nearly, of linshan-2023" in caplog.text

    training = load_config(model).training
    ours = fingerprint(exported[:1])
    assert training["further"] == [{"folder": str(extra), "documents": 1, "units": 3, "fingerprint": ours}]
    assert training["documents"]["training"] == load_config(tiny_model).training["documents"]["training"] + 1
    assert f"`{ours}`" in (model / "README.md").read_text(encoding="utf-8")

    assert "up to date" in invoke("train", *places, "--extra", extra, *sets)[1]
    config = build_config(training["settings"])
    assert not is_current(config, read_sources(root, config), model)
    labels = next((extra / "labels").glob(f"{exported[0].id}*"))
    labels.write_text(labels.read_text(encoding="utf-8").replace("普法", "审批", 1), encoding="utf-8")
    assert not is_current(config, read_sources(root, config, [extra]), model)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (None, "", "", "index.jsonl: expected the list"),
        ("index.jsonl", '"id"', '"name"', "index.jsonl:1: expected an id"),
        ("labels/*", "计划", "要求", ".jsonl:1: expected a role"),
        ("labels/*", '"end": ', '"end": 9', ".jsonl:1: expected offsets"),
    ],
)
def test_what_cannot_be_trained_on_is_named_in_one_line(
    db: Path, root: Path, tmp_path: Path, file: str | None, old: str, new: str, said: str
) -> None:
    extra = tmp_path / "corrections"
    if file:
        invoke("feedback", "export", extra, "--db", db)
        path = next(extra.glob(file))
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    code, _, errors = invoke("train", "--data", root, "--model", tmp_path / "model", "--extra", extra)
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_whether_people_have_looked_goes_both_ways(db: Path, tmp_path: Path) -> None:
    """What another tool was given and gave back unchanged is what stands; what it confirms is judged."""
    file = tmp_path / "reports.json"
    invoke("feedback", "export", file, "--db", db, "--format", "label-studio")
    tasks = json.loads(file.read_text(encoding="utf-8"))
    assert sorted(len(task["data"]["revisions"]) for task in tasks) == [3, 3]
    code, out, errors = invoke("feedback", "import", file, "--db", db, "--format", "label-studio", "--confirm")
    assert (code, out, errors) == (0, "0 corrections kept, 6 labels unchanged\n", "")
