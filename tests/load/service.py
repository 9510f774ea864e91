"""A server in a process of its own: started, waited for, measured, stopped. Its output goes to a file."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.load.plan import DEADLINE, PATIENCE, Plan
from tests.load.report import Part, tail

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "fazhi.serve")
DRAIN = 20  # seconds that the service is given to end
START = 120  # seconds until a server that does not answer is given up
LOOK = 0.02  # seconds between two looks whether it is ready
MOST_MEMORY = 500  # megabytes
ERRORS = ('"level": "ERROR"', '"level": "CRITICAL"', "Traceback (most recent call last)")


class StuckError(Exception):
    """A server that did not start."""


class Program:
    """One running server on loopback."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], port: int, log: Path) -> None:
        self.port, self.log = port, log
        self.code: int | None = None
        self._spawned = time.monotonic()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_ready(self, path: str) -> float:
        """Seconds from its start until `path` answered 200."""
        while time.monotonic() - self._spawned < START:
            if self.process.poll() is not None:
                raise StuckError(f"the server ended with {self.process.returncode}:\n{tail(self.log)}")
            try:
                if fetch(self.port, "GET", path)[0] == http.client.OK:
                    return time.monotonic() - self._spawned
            except OSError:
                pass  # not listening yet
            time.sleep(LOOK)
        raise StuckError(f"the server was not ready after {START} s:\n{tail(self.log)}")

    def terminate(self, patience: float = DRAIN + 10) -> float:
        """SIGTERM, then wait; kill what does not end. Gives the seconds it took; `code` is its exit code."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.wait_end(patience)
        return time.monotonic() - begin

    def wait_end(self, patience: float = DRAIN + 10) -> None:
        """Wait for its end; kill it and all it started if that does not come."""
        try:
            self.code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.code = self.process.wait()

    def resident(self) -> float:
        """Megabytes of resident memory, of it and of its children."""
        return sum(_resident(pid) for pid in _tree(self.process.pid)) / 1024

    def files(self) -> int:
        """How many files and sockets it has open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in _tree(self.process.pid))

    def errors(self) -> int:
        """How many lines of its log tell of an error."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return sum(any(sign in line for sign in ERRORS) for line in lines)


@contextmanager
def serving(plan: Plan, part: Part, **settings: object) -> Iterator[Program]:
    """The service, ready; afterwards it is stopped, and the part is told how it went."""
    program = spawn(plan, part, **settings)
    try:
        program.wait_ready("/health/ready")
        yield program
        memory = program.resident()
        part.must("resident memory at the end", f"{memory:.0f} MB", f"<= {MOST_MEMORY} MB", memory <= MOST_MEMORY)
        program.terminate()
        part.must("exit code after SIGTERM", str(program.code), "0", program.code == 0)
        part.none("errors in the log", program.errors())
    finally:
        if program.process.poll() is None:
            program.terminate()


def spawn(plan: Plan, part: Part, **settings: object) -> Program:
    """Start the service on a free port; `model` and other settings are its FAZHI_* variables."""
    port = free_port()
    chosen = {
        "model": plan.model,
        "host": "127.0.0.1",
        "port": port,
        "deadline_seconds": DEADLINE,
        "drain_seconds": DRAIN,
        "database": "",  # what is measured keeps nothing
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")}
    environment |= {f"FAZHI_{name.upper()}": str(value) for name, value in chosen.items()}
    log = plan.folder / f"{part.name}.log"
    if log not in part.logs:
        part.logs.append(log)
    return Program(COMMAND, environment, port, log)


def fetch(port: int, method: str, path: str, content: object = None) -> tuple[int, bytes]:
    """One request by itself: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        body = None if content is None else json.dumps(content, ensure_ascii=False).encode("utf-8")
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_child(module: str, order: Mapping[str, Any], log: Path, patience: float) -> Any:
    """Run `python -m module` with an order as JSON and give the JSON that it prints."""
    command = [sys.executable, "-m", module]
    with log.open("ab") as errors:
        done = subprocess.run(
            command,
            cwd=ROOT,
            input=json.dumps(order).encode("utf-8"),
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=patience,
            check=False,
        )
    if done.returncode:
        raise StuckError(f"{module} ended with {done.returncode}:\n{tail(log)}")
    return json.loads(done.stdout)


def _tree(root: int) -> list[int]:
    """A process and all that come from it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        parent = _field(status, "PPid")
        if parent is not None:
            parents[int(status.parent.name)] = parent
    tree = [root]
    for pid in tree:  # grows while it is walked
        tree += [child for child, parent in parents.items() if parent == pid]
    return tree


def _resident(pid: int) -> int:
    return _field(Path(f"/proc/{pid}/status"), "VmRSS") or 0


def _field(status: Path, name: str) -> int | None:
    """A number out of /proc/PID/status; None if the process is gone or has no such field."""
    try:
        lines = status.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)
