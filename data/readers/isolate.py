"""Starts the child process that parses a file, waits no longer than allowed, and tells how it ended. Knows no format.

What the child leaves behind is ended with it: it leads a process group of its own, which is killed whatever happened.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fazhi.data.readers.failures import Code, UnreadableError, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.reading import Block, Kind, Place, Reading
from fazhi.data.readers.sniff import THROUGH_OFFICE, Format

log = logging.getLogger(__name__)

ANSWER, DOCUMENT = "answer.json", "document"
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.02


def seconds_for(form: Format, limits: Limits) -> float:
    """How long a file of this format may take."""
    return limits.seconds + (limits.office_seconds if form in THROUGH_OFFICE else 0)


def parse_in_child(raw: bytes, form: Format, limits: Limits) -> Reading:
    """Parse a file where it can do no harm; raises UnreadableError."""
    with tempfile.TemporaryDirectory(prefix="fazhi-read-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / DOCUMENT).write_bytes(raw)
        code = _run(folder, form, limits)
        if code == 0:  # an answer was written
            return _reading(json.loads((folder / ANSWER).read_text(encoding="utf-8")), form)
        if code == -signal.SIGXCPU:
            raise refused(Code.TOO_SLOW, limit=f"{seconds_for(form, limits):g}")
        if code == -signal.SIGKILL:
            raise refused(Code.TOO_MUCH_MEMORY, limit=limits.memory_mb)
        log.warning("the parser of %s files ended with %d", form, code)
        raise refused(Code.DAMAGED)


def _run(folder: Path, form: Format, limits: Limits) -> int:
    """Run the child to its end and give its exit code; raises UnreadableError if it has to be stopped."""
    # -P: the folder one stands in is no place to import from.
    command = [sys.executable, "-P", "-m", "fazhi.data.readers.child", str(folder), form, json.dumps(asdict(limits))]
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "HOME": str(folder), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ended = _ended(process.pid, seconds_for(form, limits))
    finally:
        # The child is not yet reaped, so the group is certainly still its own.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    if not ended:
        raise refused(Code.TOO_SLOW, limit=f"{seconds_for(form, limits):g}")
    return code


def _ended(pid: int, seconds: float) -> bool:
    """Wait for a child's end without reaping it; False if it does not come in time."""
    until, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return True


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
