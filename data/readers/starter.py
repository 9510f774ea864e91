"""The process that has the parsers loaded and forks for each file. Knows no format.

A request is one byte with a socket of its own, on which the file's folder and limits come and its end is told. The fork
that takes it keeps watch over one of its own that parses, so that nothing in a file reaches the process that goes on.
"""

import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from fazhi.data.readers.child import load_parsers, read_in
from fazhi.data.readers.isolate import SLOW, seconds_for
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.sniff import Format

_FAILED = 1


def main(requests: socket.socket) -> None:
    """Fork for every request until all who could make one have gone."""
    load_parsers()
    gc.freeze()  # what is loaded stays shared with every fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who keep watch
    while True:
        request, handles, _, _ = socket.recv_fds(requests, 1, 1)
        if not request:
            return
        for handle in handles:
            _take(requests, socket.socket(fileno=handle))


def _take(requests: socket.socket, caller: socket.socket) -> None:
    with caller, suppress(OSError):  # without room for a fork the caller sees its socket closed
        if os.fork() == 0:
            requests.close()
            _end_after(lambda: keep_watch(caller))


def _end_after(work: Callable[[], None]) -> NoReturn:
    """Do a fork's work and end it there, whatever comes of it."""
    try:
        work()
        os._exit(0)
    finally:
        os._exit(_FAILED)


def keep_watch(caller: socket.socket) -> None:
    """Let a file be read, no longer than it may take nor than the caller is there, and tell how that ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with caller.makefile("rb") as lines:
        folder, form, limits, environment = json.loads(lines.readline())
    bounds = Limits(**limits)
    ended, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        caller.close()
        os.close(ended)
        os.environ.clear()
        os.environ.update(environment)
        _end_after(lambda: read_in(Path(folder), Format(form), bounds))
    with suppress(OSError):
        os.setpgid(child, child)  # whoever of the two comes first
    os.close(held)
    came, _, _ = select.select([ended, caller.fileno()], [], [], seconds_for(Format(form), bounds))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # the child is not yet reaped, so the group is certainly still its own
    _, status = os.waitpid(child, 0)
    told = os.waitstatus_to_exitcode(status) if came else SLOW
    if caller.fileno() in came:  # it was killed, and cannot clear up behind itself
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        caller.sendall(f"{told}\n".encode("ascii"))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
