"""Batches in several processes: their work is shared, none of them outlives the batch, and no file stops it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import pytest
from batch_model import LOG, load, load_nothing

from fazhi.data.exports import FailedFile
from fazhi.data.tagging import pool
from fazhi.data.tagging.pool import Done, Task, work_through

HERE = Path(__file__).parent
PROGRAM = """
import sys
from pathlib import Path
from batch_model import load
from fazhi.data.tagging import Batch, tag_batch

if __name__ == "__main__":
    try:
        tag_batch([Path(sys.argv[1])], Batch(Path(sys.argv[2]), load, "1", 2))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def write(folder: Path, texts: list[str]) -> list[Task]:
    folder.mkdir()
    tasks = []
    for number, text in enumerate(texts):
        path = folder / f"{number:02}.txt"
        path.write_text(text, encoding="utf-8")
        tasks.append(Task(path, path.name))
    return tasks


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_every_file_is_done_once_by_processes_that_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    tasks = write(tmp_path / "reports", ["慢。执法不严。"] * 8)
    done = {one.task: one for one in work_through(tasks, load, 2)}
    assert sorted(done, key=lambda task: task.name) == tasks
    assert all(not isinstance(one.result, FailedFile) and one.stamp for one in done.values())
    pids = {int(line) for line in (tmp_path / "log").read_text(encoding="ascii").split()}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert not any(alive(pid) for pid in pids)


def test_a_file_that_kills_its_process_stops_no_other(tmp_path: Path) -> None:
    tasks = write(tmp_path / "reports", ["不。", "杀。", "将。", "错。", "不。"])
    done = {one.task.name: one.result for one in work_through(tasks, load, 2)}
    assert sorted(done) == [task.name for task in tasks]
    codes = {name: result.code for name, result in done.items() if isinstance(result, FailedFile)}
    assert codes == {"01.txt": "killed", "03.txt": "not-tagged"}


def test_what_is_finished_when_another_process_dies_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    finished, killed = Task(Path("a"), "a"), Task(Path("b"), "b")
    done = Done(finished, "", FailedFile("a", "", "", ""))
    futures = {finished: Future[Done](), killed: Future[Done]()}
    futures[finished].set_result(done)
    futures[killed].set_exception(BrokenProcessPool())
    fake = SimpleNamespace(submit=lambda work, task: futures[task], shutdown=lambda **_: None)
    monkeypatch.setattr(pool, "ProcessPoolExecutor", lambda *_: fake)
    monkeypatch.setattr(pool, "wait", lambda *_, **__: SimpleNamespace(done=[futures[killed]]))
    together = pool._together(deque([finished, killed]), load, 1)
    assert next(together) == done
    with pytest.raises(StopIteration) as end:
        next(together)
    assert end.value.value == [killed]


def test_a_model_that_cannot_be_loaded_ends_the_batch(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the model is damaged"):
        list(work_through(write(tmp_path / "reports", ["不。"] * 3), load_nothing, 2))


def test_nothing_to_do_starts_no_process() -> None:
    assert list(work_through([], load_nothing, 2)) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_stopped_and_run_again_it_goes_on(blow: signal.Signals, tmp_path: Path) -> None:
    write(tmp_path / "reports", [f"慢。执法不严{number}。" for number in range(10)])
    out, log = tmp_path / "out.jsonl", tmp_path / "log"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "reports"), str(out)]
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, LOG: str(log)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr
    try:
        until = time.monotonic() + 60
        while not log.exists() or log.read_text(encoding="ascii").count("\n") < 4:
            assert time.monotonic() < until
            time.sleep(0.02)
        # Ctrl-C reaches every process of a terminal; whoever kills one reaches that one.
        os.kill(process.pid, blow) if blow is signal.SIGKILL else os.killpg(process.pid, blow)
        told = process.stderr.read() if blow is signal.SIGINT else ""
        code = process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert not out.exists()
    workers = {int(line) for line in log.read_text(encoding="ascii").splitlines()}
    until = time.monotonic() + 10
    while any(map(alive, workers)):
        assert time.monotonic() < until, "a worker outlives its batch"
        time.sleep(0.05)
    if blow is signal.SIGINT:
        assert code == 130
        assert re.fullmatch("stopped: [1-9] of 10 files are done; the same command goes on from here\n", told)

    before = log.read_text(encoding="ascii").count("\n")
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    after = log.read_text(encoding="ascii").count("\n") - before
    assert after < 10
    assert f"{10 - after} of 10 done before" in again.stderr
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["document"] for row in rows] == [f"{number:02}.txt" for number in range(10) for _ in range(2)]
