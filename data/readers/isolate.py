"""Has files parsed by processes in which they can do no harm, and tells what came of it. Knows no format.

One process with all parsers loaded is started for the first file, and ends with this one; it forks for every file.
"""

import atexit
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fazhi.data.readers.failures import Code, UnreadableError, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.reading import Block, Kind, Place, Reading
from fazhi.data.readers.sniff import THROUGH_OFFICE, Format

log = logging.getLogger(__name__)

ANSWER, DOCUMENT = "answer.json", "document"
SLOW = "slow"  # told instead of an exit code
FAILED, OUT_OF_MEMORY = 1, 3  # the child's exit codes
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_GRACE = 10.0  # seconds over its limit after which a file's process is given up unheard
_TRIES = 3


def seconds_for(form: Format, limits: Limits) -> float:
    """How long a file of this format may take."""
    return limits.seconds + (limits.office_seconds if form in THROUGH_OFFICE else 0)


class Stop:
    """Ends a reading that nobody waits for any more; set from any thread, before, during or after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._caller: socket.socket | None = None
        self.is_set = False

    def set(self) -> None:
        """End it, and all that it started."""
        with self._lock:
            self.is_set = True
            self._hang_up()

    @contextmanager
    def heeded(self, caller: socket.socket) -> Iterator[None]:
        """Hang up on whoever reads the file when it is set."""
        with self._lock:
            self._caller = caller
            if self.is_set:
                self._hang_up()
        try:
            yield
        finally:
            with self._lock:
                self._caller = None

    def _hang_up(self) -> None:
        if self._caller:
            with suppress(OSError):
                self._caller.shutdown(socket.SHUT_RDWR)


def parse_in_child(raw: bytes, form: Format, limits: Limits, stop: Stop) -> Reading:
    """Parse a file where it can do no harm; raises UnreadableError."""
    with tempfile.TemporaryDirectory(prefix="fazhi-read-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / DOCUMENT).write_bytes(raw)
        ended = _starter.run(folder, form, limits, stop)
        if ended == "0":  # an answer was written
            return _reading(json.loads((folder / ANSWER).read_text(encoding="utf-8")), form)
        if stop.is_set or ended in {SLOW, str(-signal.SIGXCPU), str(-signal.SIGALRM)}:
            raise refused(Code.TOO_SLOW, limit=f"{seconds_for(form, limits):g}")
        if ended in {str(OUT_OF_MEMORY), str(-signal.SIGKILL)}:
            raise refused(Code.TOO_MUCH_MEMORY, limit=limits.memory_mb)
        log.warning("the parser of %s files ended with %s", form, ended or "nothing said")
        if ended in {"", str(FAILED)}:  # it could not be started, or could not write its answer
            raise refused(Code.READER_FAILED)
        raise refused(Code.DAMAGED)


def prepare() -> None:
    """Start the process that reads files before the first one comes."""
    _starter.wake()


class _Starter:
    """The process that forks for every file, started when it is first needed and again if it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def wake(self) -> socket.socket:
        """Give the socket that takes requests, of a process that is there."""
        with self._lock:
            if self._requests is None or _hung_up(self._requests):
                self._end()
                self._start()
            assert self._requests
            return self._requests

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # -P: the folder one stands in is no place to import from.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "fazhi.data.readers.starter", str(theirs.fileno())],
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._requests = ours

    def _end(self) -> None:
        if self._requests:
            self._requests.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process = self._requests = None

    def close(self) -> None:
        """End the process, and with it what it has in hand."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Leave the process to the one that this process is a fork of."""
        self._lock = threading.Lock()
        if self._requests and self._process:
            self._requests.close()
            self._process.returncode = 0  # it is no child of this one
        self._process = self._requests = None

    def run(self, folder: Path, form: Format, limits: Limits, stop: Stop) -> str:
        """Have the document in a folder read, and give how that ended: an exit code, SLOW, or "" for nothing said."""
        environment = {**_environment(), "HOME": str(folder), "TMPDIR": str(folder)}
        request = json.dumps([str(folder), form, asdict(limits), environment]).encode("ascii") + b"\n"
        told = ""
        for _ in range(_TRIES):
            requests = self.wake()
            with suppress(OSError):
                told = _ask(requests, request, seconds_for(form, limits) + _GRACE, stop)
            if told or stop.is_set or not _hung_up(requests):
                break  # else the process that forks was killed before it took the request
        return told


def _hung_up(requests: socket.socket) -> bool:
    """Whether nobody takes requests any more; nothing is ever sent back on this socket."""
    poll = select.poll()
    with suppress(OSError, ValueError):
        poll.register(requests, select.POLLIN)
        return bool(poll.poll(0))
    return True


def _ask(requests: socket.socket, request: bytes, seconds: float, stop: Stop) -> str:
    """Send one request and wait for what is told of its end."""
    ours, theirs = socket.socketpair()
    with ours, theirs, stop.heeded(ours):
        ours.settimeout(seconds)
        socket.send_fds(requests, [b"+"], [theirs.fileno()])
        theirs.close()
        try:
            ours.sendall(request)
            return ours.recv(20).decode("ascii").strip()
        except TimeoutError:
            return SLOW


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


_starter = _Starter()
atexit.register(_starter.close)
os.register_at_fork(after_in_child=_starter.forget)


def _reading(answer: dict[str, Any], form: Format) -> Reading:
    if "code" in answer:
        if answer["fault"]:
            log.warning("a %s file could not be parsed: %s", form, answer["fault"])
        raise UnreadableError(answer["message"], Code(answer["code"]), answer["chinese"])
    blocks = tuple(
        Block(start, end, Kind(kind), Place(page, paragraph, tuple(table) if table else None))
        for start, end, kind, page, paragraph, table in answer["blocks"]
    )
    return Reading(answer["text"], blocks, form, tuple(answer["notes"]))
