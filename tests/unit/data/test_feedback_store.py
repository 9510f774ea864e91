"""Opening a store: what is made, how it is set, and what is said of a database that cannot be used."""

import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest
from sqlalchemy import event

from fazhi.data.feedback import DatabaseError, Label, StaleError, Store, StoredDocument, StoredLabel, digest
from fazhi.data.feedback import database as databases
from fazhi.model.labels import Role, Topic


def test_a_file_is_made_with_its_folders_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "50%" / "feedback.db"
    for url in (f"sqlite:///{file}", str(file), f"sqlite+pysqlite:///{file}"):
        store = Store.open(url)
        store.keep(StoredDocument(url, url, "m1", ()))
        store.close()
    store = Store.open(str(file), create=False)
    assert len(store.documents()) == 3
    store.close()


def test_sqlite_writes_so_that_a_crash_loses_nothing(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "feedback.db"))
    with databases.reading(store._engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


def test_one_can_read_while_another_writes(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "feedback.db"))
    with databases.writing(store._engine) as connection:
        connection.exec_driver_sql("DELETE FROM units")
        assert store.documents() == []
    store.close()


def test_who_waits_too_long_for_anothers_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.05)
    store = Store.open(str(tmp_path / "feedback.db"))
    with databases.writing(store._engine), pytest.raises(DatabaseError, match="locked"):
        store.keep(StoredDocument("a", "文字。", "m1", ()))
    store.keep(StoredDocument("a", "文字。", "m1", ()))
    store.close()


def test_who_comes_while_another_makes_the_database_waits(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "feedback.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # SQLite does not wait for this one by itself when its log is to be another
    done = threading.Timer(0.2, other.commit)
    done.start()
    store = Store.open(str(tmp_path / "feedback.db"))
    assert store.documents() == []
    store.close()
    done.join()
    other.close()


def test_a_full_disk_is_named_and_what_was_kept_stays(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "feedback.db"))
    store.keep(StoredDocument("a", "文字。", "m1", ()))
    with databases.reading(store._engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    event.listen(store._engine, "begin", lambda own: own.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(DatabaseError, match=r"feedback\.db: database or disk is full"):
        store.keep(StoredDocument("b", "长。" * 100_000, "m1", ()))
    assert [one.name for one in store.documents()] == ["a"]
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("mysql://user:secret@host/feedback", "sqlite or postgresql"),
        ("no such thing://secret", "cannot be read"),
        ("postgresql://user:secret@127.0.0.1:1/feedback", r"user:\*\*\*@127\.0\.0\.1:1/feedback: .*refused"),
        ("postgres://user:secret@127.0.0.1:1/feedback", "refused"),
        ("postgresql://user@127.0.0.1:1/feedback?password=secret&sslpassword=secret", "/feedback: .*refused"),
        ("postgresql://user:half@secret@127.0.0.1:1/feedback", "%40"),
        ("postgresql://user:secret@127.0.0.1:port/feedback", "cannot be read"),
        ("postgresql://user:secret:5432/feedback", "cannot be read"),
        ("postgresql://user:secret@/feedback?host=one,two&port=1,2,3", "number of hosts"),
        ("mysql://user@host/feedback?password=secret", "sqlite or postgresql"),
        ("sqlite://folder/feedback.db", "three slashes"),
        ("sqlite:///{tmp}/new.db?mode=ro", "three slashes"),
        ("\ud800.db", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("postgresql://user:secret@/feedback?host=/nowhere/at-all&connect_timeout=1", "nowhere"),
        ("sqlite:///{tmp}/file/feedback.db", "file"),
        ("{tmp}/file", "file is not a database"),
        ("{tmp}", "unable to open"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_and_no_password(tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "file").write_text("这不是数据库" * 100, encoding="utf-8")
    with pytest.raises(DatabaseError, match=said) as caught:
        Store.open(url.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_to_read_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="no such database"):
        Store.open(str(tmp_path / "new" / "feedback.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_database_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match="psycopg is not installed"):
        Store.open("postgresql://user@host/feedback")


def test_a_database_driver_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise ImportError("no pq wrapper available.\nAttempts made: ...")

    monkeypatch.setattr(databases, "create_engine", without)
    with pytest.raises(DatabaseError, match=r"no pq wrapper available\.: pip install 'fazhi\[postgres\]'"):
        Store.open("postgresql://user@host/feedback")


def test_tables_of_another_program_are_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE documents (id INTEGER)")
    connection.close()
    with pytest.raises(DatabaseError, match="already exists"):
        Store.open(str(file))
    with sqlite3.connect(file) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    connection.close()
    assert names == ["documents"]


def test_a_database_that_may_only_be_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "feedback.db"
    Store.open(str(file)).close()
    file.chmod(stat.S_IRUSR)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with file.open("ab"):
            pytest.skip("this user may write everywhere")
    except PermissionError:
        with pytest.raises(DatabaseError, match=r"readonly|unable to open"):
            Store.open(str(file))
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_the_package_imports_nothing_heavy() -> None:
    heavy = {"datasets", "torch", "transformers", "pandas", "sklearn", "scipy", "alembic"}
    program = "import sys, fazhi.data.feedback\nprint(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not heavy & set(done.stdout.split())


def test_a_label_has_its_topics_in_order_and_once() -> None:
    mixed = Label(Role.PLAN, (Topic.LEGAL_EDUCATION, Topic.APPROVAL, Topic.LEGAL_EDUCATION))
    assert mixed == Label("计划", ("审批", "普法"))  # type: ignore[arg-type]
    assert mixed.topics == (Topic.APPROVAL, Topic.LEGAL_EDUCATION)
    with pytest.raises(ValueError, match="没有"):
        Label("没有", ())  # type: ignore[arg-type]


def test_what_is_stale_says_what_stands() -> None:
    current = StoredLabel(digest("字"), 3, 9, Role.PLAN, (Topic.APPROVAL,), 4, "审核员甲", None)
    assert str(StaleError(current)) == "unit [3, 9) was changed meanwhile by 审核员甲: revision 4 is 计划 审批"
