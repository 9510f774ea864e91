"""The service as its users start it, with a database: files over a real connection, and corrections that outlive it."""

import hashlib
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fazhi.model.labels import ROLES

COMMAND = (sys.executable, "-m", "fazhi.serve", "--port", "0")
PATIENCE = 60.0
RTF = b"{\\rtf1\\ansi a file that only LibreOffice reads}"
TEXT = "云溪县2022年法治政府建设情况报告\n一、主要工作\n组织会前学法4次。\n查处违法案件45件。\n"
SHA = hashlib.sha256(TEXT.encode("utf-8")).hexdigest()


def environment(**settings: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")}
    return kept | {f"FAZHI_{name.upper()}": str(value) for name, value in settings.items()}


def soon(happens: Callable[[], Any]) -> Any:
    """Wait until something is true, and give it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := happens():
            return found
        time.sleep(0.01)
    raise AssertionError(happens)


class Running:
    """A service on a free port of the loopback; `path` goes before the PATH, and its files lie in `folder`."""

    def __init__(self, folder: Path, model: Path, path: str = "", **settings: object) -> None:
        own = environment(model=model, **settings) | {"TMPDIR": str(folder)}
        own["PATH"] = f"{path}{os.pathsep}{own['PATH']}" if path else own["PATH"]
        self._log = folder / f"log-{time.monotonic_ns()}"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(COMMAND, stderr=log, cwd=folder, env=own, start_new_session=True)
        self.port = self._listening()

    def _listening(self) -> int:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            for line in self.log().splitlines():
                if line.startswith("{") and line.endswith("}") and json.loads(line)["event"] == "listening":
                    return int(json.loads(line)["port"])
            time.sleep(0.05)
        raise AssertionError(self.log())

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if "json" in answer.headers["Content-Type"] else content
        finally:
            connection.close()

    def begin(self, raw: bytes) -> socket.socket:
        """Send a file, and do not wait for its answer."""
        head = f"POST /v1/documents?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(raw)}\r\n\r\n"
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(head.encode("ascii") + raw)
        return connection

    def send(self, name: str, raw: bytes) -> tuple[int, Any]:
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = head + raw + b"\r\n--x--\r\n"
        return self.ask("POST", "/v1/documents", body, Content_Type="multipart/form-data; boundary=x")

    def correct(self, unit: Any, role: str) -> tuple[int, Any]:
        """Correct a unit of TEXT."""
        one = {"start": unit["start"], "end": unit["end"], "role": role, "topics": [], "revision": unit["revision"]}
        body = json.dumps({"user": "审核员甲", "corrections": [one]}).encode()
        return self.ask("POST", f"/v1/documents/{SHA}/corrections", body, Content_Type="application/json")

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Office:
    """A LibreOffice that takes so many seconds and makes nothing of any file; tells its process."""

    def __init__(self, folder: Path, seconds: float) -> None:
        folder.mkdir()
        self.path, self._told = str(folder), folder / "pid"
        program = folder / "soffice"
        program.write_text(f'#!/bin/sh\ncd "{folder}" && echo $$ > new && mv new pid\nexec sleep {seconds:g}\n')
        program.chmod(0o755)

    def begun(self) -> int:
        """The process that was started for a file, once it is there."""
        soon(self._told.is_file)
        pid = int(self._told.read_text())
        self._told.unlink()
        return pid


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def answer_of(connection: socket.socket) -> tuple[int, Any]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read())


Start = Callable[..., Running]


@pytest.fixture
def start(tiny_model: Path, tmp_path: Path) -> Iterator[Start]:
    """Start services, which are killed in the end if they still run."""
    running: list[Running] = []

    def begin(**settings: Any) -> Running:
        running.append(Running(tmp_path, tiny_model, **settings))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


class TestWhatIsKept:
    def test_every_acknowledged_correction_outlives_the_service(self, start: Start, tmp_path: Path) -> None:
        service = start(threads=1, log_level="DEBUG")
        status, sent = service.send("报告.txt", TEXT.encode("utf-8"))
        assert (status, sent["document"]["sha256"]) == (200, SHA)
        acknowledged = [0] * len(sent["units"])  # each unit's revision

        def correct(number: int) -> None:
            """Correct a unit again and again, each revision to another role, until the service is gone."""
            while True:
                revision = acknowledged[number]
                try:
                    unit = {**sent["units"][number], "revision": revision}
                    status, answer = service.correct(unit, ROLES[(revision + 1) % len(ROLES)])
                except (OSError, http.client.HTTPException):
                    return
                assert (status, answer["labels"][0]["revision"]) == (200, revision + 1)
                acknowledged[number] += 1

        with ThreadPoolExecutor(len(acknowledged)) as people:
            at_work = [people.submit(correct, number) for number in range(len(acknowledged))]
            soon(lambda: sum(acknowledged) > 100)
            assert service.end(signal.SIGKILL) == -signal.SIGKILL
            for one in at_work:
                one.result()
        assert (tmp_path / "artifacts" / "feedback.db").is_file()  # where it is kept by default

        again = start(threads=1, log_level="DEBUG")
        status, found = again.ask("GET", f"/v1/documents/{SHA}")
        assert status == 200
        for unit, revision in zip(found["units"], acknowledged, strict=True):
            assert unit["revision"] in (revision, revision + 1)  # the last may have been stored and not told
            assert unit["label"]["role"] == ROLES[unit["revision"] % len(ROLES)]
        status, late = again.correct(sent["units"][2], ROLES[0])
        assert (status, late["code"], late["current"]) == (409, "stale", [found["units"][2]["label"]])
        assert again.end(signal.SIGTERM) == 0
        assert "法治" not in service.log() + again.log()  # nothing of a text, a name or a user is logged
        assert "审核员甲" not in service.log() + again.log()

    def test_several_workers_share_it(self, start: Start) -> None:
        """They make the database at once, and correct one unit at once: each correction is somebody's."""
        service = start(workers=3, threads=1)
        texts = [TEXT, *(f"{TEXT}第{number}份。\n" for number in range(5))]
        with ThreadPoolExecutor(6) as people:
            sent = list(people.map(lambda text: service.send("报告.txt", text.encode("utf-8")), texts))
            assert {status for status, _ in sent} == {200}
            unit = sent[0][1]["units"][2]
            answers = list(people.map(lambda role: service.correct(unit, role), [*ROLES, *ROLES]))
        assert sorted(status for status, _ in answers) == [200, *[409] * 7]
        (made,) = [answer["labels"] for status, answer in answers if status == 200]
        assert all(answer["current"] == made for status, answer in answers if status == 409)
        assert len(service.ask("GET", "/v1/documents")[1]["documents"]) == len(texts)
        assert service.end(signal.SIGTERM) == 0

    def test_a_full_disk_harms_nothing_else(self, start: Start) -> None:
        service = start(threads=1)
        assert service.send("报告.txt", TEXT.encode("utf-8"))[0] == 200
        free = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (200_000, free[1]))  # of the database's files
        failed = None
        for number in range(100):
            status, answer = service.send("报告.txt", f"{TEXT}{number}。\n".encode() * 5)
            if status != 200:
                failed = (status, answer["code"])
                break
        assert failed == (503, "store_failed")
        assert service.ask("GET", f"/v1/documents/{SHA}")[0] == 200
        status, _ = service.ask(
            "POST", "/v1/reports", json.dumps({"text": TEXT}).encode(), Content_Type="application/json"
        )
        assert status == 200
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, free)
        assert service.send("报告.txt", f"{TEXT}有空间了。\n".encode())[0] == 200
        assert service.end(signal.SIGTERM) == 0
        assert "法治" not in service.log()

    @pytest.mark.parametrize(
        ("database", "told"),
        [
            ("mysql://root:secret@127.0.0.1/x", "sqlite"),
            ("sqlite:////proc/none/feedback.db", "/proc/none"),
            ("postgresql://root:secret@127.0.0.1:1/x", "refused"),
        ],
    )
    def test_a_database_that_cannot_be_is_one_line_at_the_start(
        self, tiny_model: Path, tmp_path: Path, database: str, told: str
    ) -> None:
        done = subprocess.run(
            COMMAND,
            cwd=tmp_path,
            env=environment(model=tiny_model, database=database),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert told in done.stderr
        assert "secret" not in done.stderr


class TestReading:
    def test_word_files_are_read_and_hostile_ones_harm_nobody(self, start: Start, tmp_path: Path) -> None:
        import docx

        page = docx.Document()
        for line in TEXT.splitlines():
            page.add_paragraph(line)
        page.save(str(tmp_path / "report.docx"))
        raw = (tmp_path / "report.docx").read_bytes()

        service = start()
        status, sent = service.send("报告.docx", raw)
        assert (status, sent["document"]["format"]) == (200, "docx")
        assert [unit["text"] for unit in sent["units"]] == TEXT.splitlines()
        assert [unit["source"]["paragraph"] for unit in sent["units"]] == [1, 2, 3, 4]
        for hostile in (raw[:500], raw[:-200], b"PK\x03\x04" + b"\0" * 1000, b"%PDF-1.7\n" + b"\xff" * 1000):
            status, problem = service.send("报告.docx", hostile)
            assert (status, problem["code"]) == (422, "file_unreadable")
            assert problem["reason"] in {"damaged", "empty", "not-text", "encrypted", "scanned-only"}
        assert service.send("报告.docx", raw)[0] == 200
        assert service.end(signal.SIGTERM) == 0

    def test_a_file_is_read_no_longer_than_somebody_waits_for_it(self, start: Start, tmp_path: Path) -> None:
        office = Office(tmp_path / "bin", seconds=60)
        service = start(path=office.path, readers=1, read_seconds=60, deadline_seconds=4, drain_seconds=0.5)
        with service.begin(RTF):
            first = office.begun()
        soon(lambda: gone(first))  # its sender hung up
        assert service.send("报告.txt", TEXT.encode("utf-8"))[0] == 200  # and the only reader is free
        with service.begin(RTF) as late:
            second = office.begun()
            status, problem = answer_of(late)
        assert (status, problem["code"]) == (504, "deadline_exceeded")
        soon(lambda: gone(second))
        with service.begin(RTF) as left:
            third = office.begun()
            service.process.send_signal(signal.SIGTERM)
            status, problem = answer_of(left)
            assert (status, problem["code"]) == (503, "shutting_down")
        assert service.process.wait(PATIENCE) == 0
        soon(lambda: gone(third))
        assert list(tmp_path.glob("fazhi-read-*")) == []

    def test_the_end_waits_for_a_file_that_is_being_read(self, start: Start, tmp_path: Path) -> None:
        office = Office(tmp_path / "bin", seconds=1)
        service = start(path=office.path)
        with service.begin(RTF) as connection:
            pid = office.begun()
            service.process.send_signal(signal.SIGTERM)
            status, problem = answer_of(connection)
        assert (status, problem["reason"]) == (422, "damaged")  # nothing was made of it, but that was told
        assert service.process.wait(PATIENCE) == 0
        assert gone(pid)

    def test_nothing_goes_on_when_the_service_is_killed(self, start: Start, tmp_path: Path) -> None:
        office = Office(tmp_path / "bin", seconds=60)
        service = start(path=office.path)
        with service.begin(RTF):
            pid = office.begun()
            assert service.end(signal.SIGKILL) == -signal.SIGKILL
            soon(lambda: gone(pid))
