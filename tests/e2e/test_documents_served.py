"""The service as its users start it, with a database: files over a real connection, and corrections that outlive it."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "fazhi.serve", "--port", "0")
PATIENCE = 60.0
TEXT = "云溪县2022年法治政府建设情况报告\n一、主要工作\n组织会前学法4次。\n查处违法案件45件。\n"
SHA = hashlib.sha256(TEXT.encode("utf-8")).hexdigest()


class Running:
    """A service on a free port of the loopback."""

    def __init__(self, folder: Path, model: Path, **settings: object) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")}
        own = {f"FAZHI_{name.upper()}": str(value) for name, value in {"model": model, **settings}.items()}
        self._log = folder / f"log-{time.monotonic_ns()}"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(COMMAND, stderr=log, cwd=folder, env=kept | own, start_new_session=True)
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

    def send(self, name: str, raw: bytes) -> tuple[int, Any]:
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = head + raw + b"\r\n--x--\r\n"
        return self.ask("POST", "/v1/documents", body, Content_Type="multipart/form-data; boundary=x")

    def correct(self, unit: Any, role: str) -> tuple[int, Any]:
        one = {"start": unit["start"], "end": unit["end"], "role": role, "topics": [], "revision": unit["revision"]}
        body = json.dumps({"user": "张三", "corrections": [one]}).encode()
        return self.ask("POST", f"/v1/documents/{SHA}/corrections", body, Content_Type="application/json")

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def started() -> Iterator[list[Running]]:
    """Services to be killed in the end if they still run."""
    running: list[Running] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_an_acknowledged_correction_outlives_the_service(
    tiny_model: Path, tmp_path: Path, started: list[Running]
) -> None:
    started.append(Running(tmp_path, tiny_model))
    status, sent = started[0].send("报告.txt", TEXT.encode("utf-8"))
    assert (status, sent["document"]["sha256"]) == (200, SHA)
    status, _ = started[0].correct(sent["units"][2], "计划")
    assert status == 200
    assert started[0].end(signal.SIGKILL) == -signal.SIGKILL
    assert (tmp_path / "artifacts" / "feedback.db").is_file()  # where it is kept by default

    started.append(Running(tmp_path, tiny_model))
    status, found = started[1].ask("GET", f"/v1/documents/{SHA}")
    assert (status, found["units"][2]["label"]["role"], found["units"][2]["revision"]) == (200, "计划", 1)
    status, late = started[1].correct(sent["units"][2], "问题")
    assert (status, late["code"], late["current"][0]["role"]) == (409, "stale", "计划")
    assert started[1].end(signal.SIGTERM) == 0
    assert "法治" not in started[0].log() + started[1].log()  # nothing of a text, a name or a user is logged
    assert "张三" not in started[1].log()


def test_several_workers_share_what_is_kept(tiny_model: Path, tmp_path: Path, started: list[Running]) -> None:
    started.append(Running(tmp_path, tiny_model, workers=2, threads=1))
    status, sent = started[0].send("报告.txt", TEXT.encode("utf-8"))
    assert status == 200
    for revision in range(8):
        status, corrected = started[0].correct({**sent["units"][2], "revision": revision}, "计划")
        assert (status, corrected["labels"][0]["revision"]) == (200, revision + 1)
    assert started[0].end(signal.SIGTERM) == 0


def test_word_files_are_read_and_hostile_ones_harm_nobody(
    tiny_model: Path, tmp_path: Path, started: list[Running]
) -> None:
    import docx

    page = docx.Document()
    for line in TEXT.splitlines():
        page.add_paragraph(line)
    page.save(str(tmp_path / "report.docx"))
    raw = (tmp_path / "report.docx").read_bytes()

    started.append(Running(tmp_path, tiny_model))
    status, sent = started[0].send("报告.docx", raw)
    assert (status, sent["document"]["format"]) == (200, "docx")
    assert [unit["text"] for unit in sent["units"]] == TEXT.splitlines()
    assert [unit["source"]["paragraph"] for unit in sent["units"]] == [1, 2, 3, 4]
    for hostile in (raw[:500], raw[:-200], b"PK\x03\x04" + b"\0" * 1000, b"%PDF-1.7\n" + b"\xff" * 1000):
        status, problem = started[0].send("报告.docx", hostile)
        assert (status, problem["code"]) == (422, "file_unreadable")
        assert problem["reason"] in {"damaged", "empty", "not-text", "encrypted", "scanned-only"}
    assert started[0].send("报告.docx", raw)[0] == 200
    assert started[0].end(signal.SIGTERM) == 0


def test_a_database_that_cannot_be_is_one_line_at_the_start(tiny_model: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")}
    environment |= {"FAZHI_MODEL": str(tiny_model), "FAZHI_DATABASE": "mysql://root:secret@127.0.0.1/x"}
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr
    assert "sqlite" in done.stderr
