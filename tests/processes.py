"""What the tests ask of the system's processes."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def starter_of(parent: int) -> int:
    """The process of a process that forks for every file; 0 if it has none."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            of = int(path.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            if of == parent and b"fazhi.data.readers.starter" in (path.parent / "cmdline").read_bytes():
                return int(path.parent.name)
    return 0


def wait_until(happens: Callable[[], bool]) -> None:
    """Wait ten seconds at most."""
    for _ in range(500):
        if happens():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen")
