"""The store on SQLite and on a real PostgreSQL: the same suite on both, races, and kill -9 amid a thousand corrections.

The PostgreSQL server is the system's (Debian's package postgresql), started here in a folder of its own, on a socket
there, as an unprivileged user where the tests run as root.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, inspect, text

from fazhi.data.feedback import (
    Correction,
    DatabaseError,
    FeedbackError,
    Label,
    StaleError,
    Store,
    StoredDocument,
    StoredLabel,
    StoredUnit,
    UnknownDocumentError,
    UnknownUnitError,
)
from fazhi.data.feedback.tables import metadata
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction
from fazhi.model.segment import segment

TEXT = (
    "云溪县情况报告\r\n一、主要工作\r\n开展执法检查86次；办理𠮷件复议案件。\r\n“100%”培训'一次'。\r\n"
    "二、打算\r\n将举办讲座。"
)
NOON = datetime(2024, 3, 1, 12, tzinfo=timezone(timedelta(hours=8)))
_numbers = count()


class Server:
    """A PostgreSQL server in a folder of its own, for as long as the context lasts."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="fazhi-"))
        self._cluster = str(self._folder / "db")
        self._user = "nobody" if os.geteuid() == 0 else None

    def __enter__(self) -> "Server":
        if self._user:
            shutil.chown(self._folder, self._user)
        self._call(
            "initdb", "-D", self._cluster, "-U", "fazhi", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.break_off()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Listen on a socket in the folder; the disk is not waited for, as only processes die here."""
        options = f"-c listen_addresses='' -c fsync=off -k {self._folder}"
        self._call("pg_ctl", "start", "-w", "-D", self._cluster, "-o", options, "-l", str(self._folder / "log"))

    def break_off(self) -> None:
        """Stop at once, whatever is being done."""
        self._call("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._cluster)

    def database(self, encoding: str = "UTF8") -> str:
        """Make an empty database and give its URL."""
        name = f"feedback{next(_numbers)}"
        run(self.url("postgres"), f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
        return self.url(name)

    def url(self, name: str, user: str = "fazhi") -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={self._folder}"

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=True,
        )


def run(url: str, *statements: str) -> None:
    """Do something to a database behind the store's back."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server on this machine (apt-get install postgresql)")
    with Server(found[-1].parent) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/feedback.db"
    return str(request.getfixturevalue("server").database())


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def said(role: Role, *topics: Topic, sure: float = 0.7) -> Prediction:
    rest = (1 - sure) / 3
    scores = [0.9 if topic in topics else 0.05 for topic in Topic]
    return Prediction(role, topics, tuple(sure if role is other else rest for other in Role), tuple(scores), sure < 0.5)


def report(whole: str = TEXT, model: str = "m1", role: Role = Role.ACHIEVEMENT, **given: object) -> StoredDocument:
    units = [
        StoredUnit(unit.start, unit.end, unit.heading, said(role, Topic.ENFORCEMENT), page=1, paragraph=number)
        for number, unit in enumerate(segment(whole), 1)
    ]
    return replace(StoredDocument("云溪县.docx", whole, model, tuple(units), "docx", ("a note",)), **given)


def correction(label: StoredLabel, role: Role = Role.PLAN, *topics: Topic, user: str = "审核员甲") -> Correction:
    new = Label(role, topics)
    return Correction(label.sha256, label.start, label.end, new, label.revision, user, "m1", NOON, label.label)


def test_a_document_comes_back_as_it_was_kept(store: Store) -> None:
    document = report()
    units = (replace(document.units[0], table=(1, 2, 3), page=None, furniture=True), *document.units[1:])
    document = replace(document, units=units)
    store.keep(document)
    assert store.document(document.sha256) == document
    labels = store.labels(document.sha256)
    assert [(label.start, label.end) for label in labels] == [(unit.start, unit.end) for unit in units]
    assert {(label.label, label.revision, label.user, label.time) for label in labels} == {
        (Label(Role.ACHIEVEMENT, (Topic.ENFORCEMENT,)), 0, None, None)
    }
    assert store.history(document.sha256) == []


def test_kept_again_it_is_there_once_and_corrections_stay(store: Store) -> None:
    document = report()
    store.keep(document)
    stands = store.correct(correction(store.labels(document.sha256)[2]))
    store.keep(document)
    assert store.document(document.sha256) == document
    assert store.labels(document.sha256)[2] == stands
    assert [(one.units, one.corrected) for one in store.documents()] == [(len(document.units), 1)]


def test_a_correction_stands_and_is_remembered_with_all_that_belongs_to_it(store: Store) -> None:
    document = report()
    store.keep(document)
    before = store.labels(document.sha256)[2]
    stands = store.correct(correction(before, Role.PROBLEM, Topic.LEGAL_EDUCATION, Topic.APPROVAL))
    topics = (Topic.APPROVAL, Topic.LEGAL_EDUCATION)
    assert (stands.role, stands.topics, stands.revision, stands.user) == (Role.PROBLEM, topics, 1, "审核员甲")
    assert stands.time == NOON
    assert store.labels(document.sha256)[2] == stands
    (change,) = store.history(document.sha256)
    assert (change.start, change.end, change.revision) == (before.start, before.end, 1)
    assert (change.old, change.new) == (before.label, Label(Role.PROBLEM, topics))
    assert (change.user, change.model, change.time) == ("审核员甲", "m1", NOON)
    assert change.time.tzinfo == UTC


def test_who_comes_second_is_told_what_stands_and_changes_nothing(store: Store) -> None:
    document = report()
    store.keep(document)
    before = store.labels(document.sha256)[2]
    stands = store.correct(correction(before))
    with pytest.raises(StaleError) as caught:
        store.correct(correction(before, Role.OTHER, user="审核员乙"))
    assert caught.value.current == stands
    assert "审核员甲" in str(caught.value)
    assert store.labels(document.sha256)[2] == stands
    assert len(store.history(document.sha256)) == 1


def test_a_label_that_the_person_did_not_see_is_not_overwritten(store: Store) -> None:
    store.keep(report())
    seen = store.labels(report().sha256)[2]
    store.keep(report(model="m2", role=Role.OTHER))
    with pytest.raises(StaleError) as caught:
        store.correct(correction(seen))
    assert caught.value.current.role is Role.OTHER
    assert store.correct(replace(correction(seen), old=None)).revision == 1


def test_a_unit_that_is_not_there_cannot_be_corrected(store: Store) -> None:
    store.keep(report())
    label = store.labels(report().sha256)[2]
    strange = ({"start": 3}, {"end": 10**12}, {"start": -1}, {"start": 9, "end": 3}, {"sha256": "0" * 64})
    for other in (*strange, {"sha256": "\0"}):
        with pytest.raises(UnknownUnitError):
            store.correct(replace(correction(label), **other))
    assert store.history(report().sha256) == []


def test_a_document_that_is_not_there_is_said_to_be_unknown(store: Store) -> None:
    store.keep(report())
    for digest in ("0" * 64, "", "\0", "\ud800", "a" * 63 + "\n", report().sha256.upper()):
        for ask in (store.document, store.labels, store.history):
            with pytest.raises(UnknownDocumentError):
                ask(digest)


def test_of_several_corrections_all_are_kept_or_none(store: Store) -> None:
    document = report()
    store.keep(document)
    labels = store.labels(document.sha256)
    with pytest.raises(StaleError):
        store.correct_all([correction(labels[1]), correction(replace(labels[2], revision=7))])
    assert store.labels(document.sha256) == labels
    assert store.history(document.sha256) == []
    assert [label.revision for label in store.correct_all([correction(labels[1]), correction(labels[2])])] == [1, 1]


def test_a_correction_back_is_a_correction(store: Store) -> None:
    document = report()
    store.keep(document)
    first = store.labels(document.sha256)[2]
    changed = store.correct(correction(first))
    undone = store.correct(correction(changed, first.role, *first.topics))
    assert (undone.label, undone.revision) == (first.label, 2)
    changes = store.history(document.sha256)
    assert [(change.old, change.new) for change in changes] == [
        (first.label, changed.label),
        (changed.label, first.label),
    ]


def test_to_agree_with_the_model_is_a_judgement_too(store: Store) -> None:
    document = report()
    store.keep(document)
    label = store.labels(document.sha256)[2]
    store.correct(correction(label, label.role, *label.topics))
    assert store.documents()[0].corrected == 1
    assert (label.start, label.end) not in {(unit.start, unit.end) for unit in store.review(100, per_document=100)}


def test_another_models_word_is_taken_but_where_people_have_judged(store: Store) -> None:
    store.keep(report())
    stands = store.correct(correction(store.labels(report().sha256)[2], Role.PROBLEM))
    newer = report(model="m2", role=Role.OTHER)
    store.keep(newer)
    assert store.document(newer.sha256) == newer
    labels = store.labels(newer.sha256)
    assert labels[2] == stands
    assert {label.role for label in labels if label != stands} == {Role.OTHER}


def test_a_corrected_unit_outlives_another_cut_of_the_text(store: Store) -> None:
    document = report()
    store.keep(document)
    first, second = store.labels(document.sha256)[2:4]
    stands = store.correct(correction(first))
    joined = replace(document.units[2], end=second.end)
    store.keep(replace(document, units=(*document.units[:2], joined, *document.units[4:])))
    assert (first.start, second.end) in {(label.start, label.end) for label in store.labels(document.sha256)}
    assert stands not in store.labels(document.sha256)
    assert len(store.history(document.sha256)) == 1
    with pytest.raises(UnknownUnitError):
        store.correct(correction(stands))
    store.keep(document)
    assert store.labels(document.sha256)[2] == stands


def test_documents_are_listed_the_last_kept_first(store: Store) -> None:
    older, newer, empty = report(), report("另一份报告。", name="另一份.txt"), StoredDocument("空", "　", "m1", ())
    for document in (older, newer, empty):
        store.keep(document)
    store.correct(correction(store.labels(older.sha256)[1]))
    store.keep(newer)
    listed = store.documents()
    assert [(one.name, one.units, one.corrected) for one in listed] == [
        ("另一份.txt", 1, 0),
        ("空", 0, 0),
        ("云溪县.docx", len(older.units), 1),
    ]
    assert all(datetime.now(UTC) - one.time < timedelta(minutes=5) for one in listed)


def test_for_review_come_unsure_units_nobody_judged_with_the_text_around_them(store: Store) -> None:
    document = report()
    sure = [0.9, 0.9, 0.4, 0.5, 0.6, 0.9, 0.9]
    units = [
        replace(unit, prediction=said(Role.PLAN, sure=value), furniture=index == 3)
        for index, (unit, value) in enumerate(zip(document.units, sure, strict=True))
    ]
    store.keep(replace(document, units=tuple(units)))
    first, *others = store.review(10, per_document=10)
    assert first.text == "开展执法检查86次；"
    assert (TEXT[first.start : first.end], first.revision, first.name) == (first.text, 0, "云溪县.docx")
    assert first.before == TEXT[: first.start]
    assert first.after == TEXT[first.end :]
    assert others[0].text == "“100%”培训'一次'。"
    assert others[0].before == TEXT[: others[0].start]
    assert not {unit.text for unit in others} & {"办理𠮷件复议案件。", "二、打算"}  # furniture, and a short one
    store.correct(correction(store.labels(document.sha256)[2]))
    assert store.review(1)[0].text == others[0].text
    assert len(store.review(10, per_document=2)) == 2
    assert store.review(0) == store.review(-1) == []


def test_what_no_database_can_hold_is_refused(store: Store) -> None:
    for bad in ("含\0字符。", "半个\ud800字符。"):
        for refused in (report(bad), report(name=bad), report(notes=(bad,))):
            with pytest.raises(FeedbackError, match="cannot be kept"):
                store.keep(refused)
    assert store.documents() == []
    store.keep(report())
    with pytest.raises(FeedbackError, match="cannot be kept"):
        store.correct(correction(store.labels(report().sha256)[2], user="\0"))


def test_of_many_at_one_unit_one_is_first_and_the_others_are_told_its_label(url: str, store: Store) -> None:
    store.keep(report())
    label = store.labels(report().sha256)[2]

    def attempt(number: int) -> tuple[bool, StoredLabel]:
        own = Store.open(url)
        try:
            return True, own.correct(correction(label, list(Role)[number % 4], user=f"user {number}"))
        except StaleError as error:
            return False, error.current
        finally:
            own.close()

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(8)))
    assert [first for first, _ in outcomes].count(True) == 1
    assert {stands for _, stands in outcomes} == {store.labels(report().sha256)[2]}
    assert len(store.history(report().sha256)) == 1


def test_a_document_kept_by_many_at_once_is_there_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: store.keep(report(model=f"m{number}")), range(16)))
    assert store.document(report().sha256).units == report().units
    assert [one.units for one in store.documents()] == [len(report().units)]


@contextmanager
def migrating(url: str) -> Iterator[tuple[Connection, Config]]:
    """What Alembic needs to go up and down, in one transaction."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", "fazhi.data.feedback:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            yield connection, config
    finally:
        engine.dispose()


def differences(connection: Connection) -> object:
    """What the tables are not that the program reads."""
    return compare_metadata(MigrationContext.configure(connection), metadata)


def test_the_migrations_make_the_tables_that_the_program_reads(url: str, store: Store) -> None:
    with migrating(url) as (connection, config):
        assert differences(connection) == []
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
        assert differences(connection) == []
    store.keep(report())
    assert len(store.labels(report().sha256)) == len(report().units)


def test_going_down_loses_nobodys_word(url: str, store: Store) -> None:
    store.keep(report())
    stands = store.correct(correction(store.labels(report().sha256)[2]))
    with pytest.raises(CommandError, match="would be lost"), migrating(url) as (_, config):
        command.downgrade(config, "base")
    assert store.labels(report().sha256)[2] == stands


def test_a_database_of_a_newer_program_is_left_alone(url: str, store: Store) -> None:
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FeedbackError, match="newer version"):
        Store.open(url)


OPENING = """
import multiprocessing
import sys

import alembic.command
from fazhi.data.feedback import Store

def open_it(number):
    barrier.wait()
    return Store.open(sys.argv[1]).documents()

fork = multiprocessing.get_context("fork")
barrier = fork.Barrier(6)
with fork.Pool(6) as processes:
    print(processes.map(open_it, range(6), chunksize=1))
"""


def test_processes_that_open_a_new_database_at_once_all_find_it_whole(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENING, url], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == f"{[[]] * 6}\n", done.stderr[-2000:]


@pytest.mark.slow
def test_a_database_that_cannot_hold_chinese_is_refused(server: Server) -> None:
    with pytest.raises(FeedbackError, match="LATIN1"):
        Store.open(server.database("LATIN1"))


@pytest.mark.slow
def test_who_may_only_read_can_export_and_is_told_when_writing(server: Server) -> None:
    url = server.database()
    name = url.rpartition("/feedback")[2].partition("?")[0]
    writer = Store.open(url)
    writer.keep(report())
    run(
        url,
        f"CREATE ROLE reader{name} LOGIN",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader{name}",
    )
    reader = Store.open(server.url(f"feedback{name}", f"reader{name}"))
    assert reader.labels(report().sha256) == writer.labels(report().sha256)
    with pytest.raises(DatabaseError, match="permission denied"):
        reader.correct(correction(writer.labels(report().sha256)[2]))
    reader.close()
    writer.close()


@pytest.mark.slow
def test_a_server_that_breaks_off_is_named_and_once_back_has_all(server: Server) -> None:
    store = Store.open(server.database())
    store.keep(report())
    stands = store.correct(correction(store.labels(report().sha256)[2]))
    server.break_off()
    try:
        with pytest.raises(DatabaseError) as caught:
            store.correct(correction(stands, Role.OTHER))
        assert "\n" not in str(caught.value)
    finally:
        server.start()
    assert store.labels(report().sha256)[2] == stands
    assert store.correct(correction(stands, Role.OTHER)).revision == 2
    store.close()


CORRECTING = """
import sys
from datetime import UTC, datetime
from fazhi.data.feedback import Correction, Label, Store
from fazhi.model.labels import ROLES

store = Store.open(sys.argv[1])
(document,) = store.documents()
labels = {label.start: label for label in store.labels(document.sha256)}
done = sum(label.revision for label in labels.values())
for number in range(done, 1000):
    label = labels[sorted(labels)[number % len(labels)]]
    place, new, user = (label.sha256, label.start, label.end), Label(ROLES[number % 4], ()), f"user {number}"
    labels[label.start] = store.correct(Correction(*place, new, label.revision, user, "m1", datetime.now(UTC)))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_outlives_kill_9(url: str) -> None:
    """Killed three times amid a thousand corrections, each time going on with those that are there."""
    store = Store.open(url)
    store.keep(report())
    there = 0
    for more in (1, 400, 150):
        acknowledged = _correct_until_killed(url, more)
        assert acknowledged[0] in (there, there + 1)  # the last may have been kept, but not told any more
        assert acknowledged[-1] < 999
        _check(store, acknowledged)
        there = acknowledged[-1] + 1
    done = subprocess.run(
        [sys.executable, "-c", CORRECTING, url], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(done.stdout.split()[0]) in (there, there + 1)
    _check(store, range(1000))
    assert len(store.history(report().sha256)) == 1000
    store.close()


def _correct_until_killed(url: str, more: int) -> list[int]:
    """The numbers of the corrections that a process was told of, killed once it has told `more`."""
    with subprocess.Popen([sys.executable, "-c", CORRECTING, url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        acknowledged = [int(child.stdout.readline()) for _ in range(more)]
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split("\n")[:-1]]
    assert child.returncode == -signal.SIGKILL
    return acknowledged


def _check(store: Store, acknowledged: Sequence[int]) -> None:
    """Every acknowledged correction is in the history, and the labels are what the history leads to."""
    changes = store.history(report().sha256)
    assert [change.user for change in changes] == [f"user {number}" for number in range(len(changes))]
    assert len(changes) - acknowledged[-1] in (1, 2)
    last = {change.start: (change.new, change.revision) for change in changes}
    stand = {label.start: (label.label, label.revision) for label in store.labels(report().sha256) if label.revision}
    assert stand == last
