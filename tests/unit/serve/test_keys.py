"""API keys: who is let in, how a key is revoked, and how a file is refused."""

import fcntl
import hashlib
import logging
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fazhi.model.errors import FazhiError
from fazhi.serve import keys
from fazhi.serve.keys import LONGEST, Key, Keys, KeysError, add, line, new_key

OFFICE, ADMIN = "office-key", "admin-key"
TEXT = f"# keys of 2024\n\n{line('office', OFFICE, False)}\n{line('admin', ADMIN, True)}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of two keys."""
    path = tmp_path / "keys.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the keys; it stands still otherwise."""
    now = [1000.0]
    monkeypatch.setattr("fazhi.serve.keys.time.monotonic", lambda: now[0])

    def passing(seconds: float) -> None:
        now[0] += seconds

    return passing


def refusal(path: Path) -> str:
    with pytest.raises(KeysError) as caught:
        Keys(path)
    return str(caught.value)


class TestFinding:
    def test_a_key_is_found_by_its_digest(self, path: Path) -> None:
        found = Keys(path)
        assert found.find(OFFICE) == Key("office", admin=False)
        assert found.find(ADMIN) == Key("admin", admin=True)

    @pytest.mark.parametrize(
        "presented",
        [
            "",
            "other",
            "office",
            OFFICE + " ",
            OFFICE.upper(),
            hashlib.sha256(OFFICE.encode()).hexdigest(),
            "密钥",
            "\ud800",
            "\x00",
            OFFICE * 1_000_000,
        ],
    )
    def test_anything_else_is_nobodys(self, path: Path, presented: str) -> None:
        assert Keys(path).find(presented) is None

    def test_the_empty_key_is_nobodys_even_if_its_digest_is_there(self, path: Path) -> None:
        path.write_text(line("empty", "", True), encoding="utf-8")
        assert Keys(path).find("") is None

    @pytest.mark.parametrize("characters", [LONGEST, LONGEST + 1])
    def test_a_key_has_a_longest_length(self, path: Path, characters: int) -> None:
        path.write_text(line("long", "a" * characters, False), encoding="utf-8")
        assert bool(Keys(path).find("a" * characters)) == (characters == LONGEST)

    def test_every_key_is_compared_whichever_is_shown(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[str] = []

        def compare(known: str, shown: str) -> bool:
            compared.append(known)
            return known == shown

        monkeypatch.setattr("fazhi.serve.keys.hmac.compare_digest", compare)
        found = Keys(path)
        for presented in (OFFICE, ADMIN, "other"):
            compared.clear()
            found.find(presented)
            assert len(set(compared)) == 2

    @pytest.mark.parametrize(
        "text",
        [
            "\ufeff" + TEXT,
            TEXT.replace("\n", "\r\n"),
            TEXT.rstrip("\n"),
            TEXT.replace(" ", "\t  "),
            "  # 密钥\n" + TEXT,
        ],
        ids=["byte order mark", "windows", "no last end", "wide", "comment"],
    )
    def test_an_editors_habits_do_not_matter(self, path: Path, text: str) -> None:
        path.write_bytes(text.encode("utf-8"))
        assert Keys(path).find(ADMIN) == Key("admin", admin=True)

    def test_a_digest_may_be_in_capitals(self, path: Path) -> None:
        path.write_text(f"a {hashlib.sha256(OFFICE.encode()).hexdigest().upper()}", encoding="utf-8")
        assert Keys(path).find(OFFICE) == Key("a", admin=False)


class TestRefusing:
    @pytest.mark.parametrize(
        "row",
        [
            "abc",
            "abc 123",
            "abc " + "g" * 64,
            "abc " + "a" * 63,
            "abc " + "a" * 65,
            "abc " + "a" * 64 + " root",
            "abc " + "a" * 64 + " Admin",
            "abc " + "a" * 64 + " admin admin",
            "a" * 64 + " abc",
            "司法局 " + "a" * 64,
            "a/b " + "a" * 64,
            "a" * 65 + " " + "a" * 64,
        ],
    )
    def test_a_malformed_line_is_named_by_its_place_alone(self, path: Path, row: str) -> None:
        path.write_text(TEXT + row + "\n", encoding="utf-8")
        expected = "expected `name sha256-hex-digest` or `name sha256-hex-digest admin`"
        assert refusal(path) == f"{path}:5: {expected}"

    @pytest.mark.parametrize("row", [line("office", "third", False), line("third", OFFICE, False)])
    def test_a_name_or_a_key_given_twice_is_refused(self, path: Path, row: str) -> None:
        path.write_text(TEXT + row, encoding="utf-8")
        assert refusal(path) == f"{path}:5: has the name or the key of a line above"

    @pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n"])
    def test_a_file_without_a_key_is_refused_at_the_start(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        assert refusal(path) == f"{path}: holds no key; `fazhi key NAME --file {path}` makes one"

    def test_a_missing_file_says_how_to_make_one(self, tmp_path: Path) -> None:
        path = tmp_path / "no.txt"
        expected = f"cannot be read (No such file or directory); `fazhi key NAME --file {path}` makes a key file"
        assert refusal(path) == f"{path}: {expected}"

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        assert refusal(tmp_path).startswith(f"{tmp_path}: cannot be read (Is a directory)")

    def test_another_encoding_is_refused(self, path: Path) -> None:
        path.write_bytes(TEXT.encode() + "# 密钥".encode("gb18030"))
        assert refusal(path) == f"{path}:5: is no UTF-8"

    def test_a_keys_error_is_one_the_user_can_mend(self) -> None:
        assert issubclass(KeysError, FazhiError)


class TestChanging:
    def test_a_revoked_key_stops_to_work_within_a_second(self, path: Path, wait: Callable[[float], None]) -> None:
        found = Keys(path)
        path.write_text(line("admin", ADMIN, True), encoding="utf-8")
        assert found.find(OFFICE) == Key("office", admin=False)
        wait(1)
        assert found.find(OFFICE) is None
        assert found.find(ADMIN) == Key("admin", admin=True)

    def test_a_file_put_in_its_place_is_seen(self, path: Path, wait: Callable[[float], None]) -> None:
        found = Keys(path)
        other = path.with_name("other")
        other.write_text(TEXT.replace(line("office", OFFICE, False), line("office", "other-key!", False)), "utf-8")
        times = path.stat()
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
        other.replace(path)
        wait(1)
        assert found.find(OFFICE) is None
        assert found.find("other-key!") == Key("office", admin=False)

    def test_the_file_is_looked_at_once_a_second(
        self, path: Path, wait: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[Path] = []
        monkeypatch.setattr(keys, "_signature", looks.append)
        found = Keys(path)
        looks.clear()
        for _ in range(10):
            found.find(OFFICE)
        assert looks == []
        wait(1)
        for _ in range(10):
            found.find(OFFICE)
        assert looks == [path]

    def test_a_file_that_did_not_change_is_not_read(
        self, path: Path, wait: Callable[[float], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        found = Keys(path)
        wait(1)
        assert found.find(OFFICE)
        assert not caplog.records

    def test_emptying_the_file_revokes_every_key(self, path: Path, wait: Callable[[float], None]) -> None:
        found = Keys(path)
        path.write_text("# nobody\n", encoding="utf-8")
        wait(1)
        assert found.find(OFFICE) is None
        assert found.find(ADMIN) is None

    @pytest.mark.parametrize(
        "change", [lambda path: path.unlink(), lambda path: path.write_text("office 密钥\n", "utf-8")]
    )
    def test_an_unusable_file_leaves_the_keys_and_is_told_once(
        self,
        path: Path,
        wait: Callable[[float], None],
        caplog: pytest.LogCaptureFixture,
        change: Callable[[Path], object],
    ) -> None:
        found = Keys(path)
        change(path)
        for _ in range(3):
            wait(1)
            assert found.find(OFFICE) == Key("office", admin=False)
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert vars(record)["reason"].startswith(str(path))
        assert "密钥" not in vars(record)["reason"]

        path.write_text(line("admin", ADMIN, True), encoding="utf-8")
        wait(1)
        assert found.find(OFFICE) is None
        change(path)
        wait(1)
        assert found.find(ADMIN)
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2

    def test_what_could_not_be_read_for_a_moment_is_read_later(
        self, path: Path, wait: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = Keys(path)
        path.write_text(line("admin", ADMIN, True), encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", lambda path: (_ for _ in ()).throw(OSError(24, "Too many open files")))
            wait(1)
            assert found.find(OFFICE)
        wait(1)
        assert found.find(OFFICE) is None


class TestAdding:
    def test_a_new_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.txt"
        key = add(path, "office", admin=False)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert key not in path.read_text(encoding="utf-8")
        assert Keys(path).find(key) == Key("office", admin=False)

    @pytest.mark.parametrize("text", [TEXT, TEXT.rstrip("\n"), "# nobody yet"])
    def test_an_old_file_is_added_to(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)
        key = add(path, "third", admin=True)
        assert Keys(path).find(key) == Key("third", admin=True)
        assert path.read_text(encoding="utf-8").startswith(text)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_name_that_is_there_is_refused(self, path: Path) -> None:
        with pytest.raises(KeysError, match="has a key of this name already"):
            add(path, "office", admin=False)
        assert path.read_text(encoding="utf-8") == TEXT

    def test_a_name_is_not_given_twice_at_once(self, path: Path) -> None:
        with ThreadPoolExecutor(1) as pool, path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            other = pool.submit(add, path, "third", False)
            with pytest.raises(TimeoutError):
                other.result(0.2)
            file.write(line("third", "key", False) + "\n")
            file.close()
            with pytest.raises(KeysError, match="has a key of this name already"):
                other.result(10)

    @pytest.mark.parametrize("name", ["", "a b", "司法局", "a\n", "#a", "a" * 65, "a/b"])
    def test_a_name_that_cannot_be_is_refused_before_anything_is_written(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(KeysError, match="1 to 64 letters"):
            add(tmp_path / "keys.txt", name, admin=False)
        assert not (tmp_path / "keys.txt").exists()

    def test_a_malformed_file_is_not_added_to(self, path: Path) -> None:
        path.write_text("office\n", encoding="utf-8")
        with pytest.raises(KeysError, match=f"{path}:1: expected"):
            add(path, "third", admin=False)
        assert path.read_text(encoding="utf-8") == "office\n"

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "no" / "keys.txt"
        with pytest.raises(KeysError) as caught:
            add(path, "office", admin=False)
        assert str(caught.value) == f"{path}: cannot be written (No such file or directory)"

    def test_keys_are_long_and_fresh(self) -> None:
        made = {new_key() for _ in range(100)}
        assert len(made) == 100
        assert all(len(key) == 43 and key.isascii() for key in made)

    @pytest.mark.parametrize(("admin", "end"), [(False, ""), (True, " admin")])
    def test_a_line_holds_name_and_digest(self, admin: bool, end: str) -> None:
        digest = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
        assert line("司".encode().hex(), "key", admin) == f"e58fb8 {digest}{end}"
