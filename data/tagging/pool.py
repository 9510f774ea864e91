"""Files -> what became of each, by processes that have a model of their own each; a file that kills one stops none.

Yields in the order in which files are done. Knows neither tables nor journals.
"""

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from fazhi.data.exports.report import FailedFile, TaggedReport, tagged_report
from fazhi.data.readers import UnreadableError, read_file
from fazhi.data.tagging.journal import stamp_of
from fazhi.data.tagging.sources import NOT_OPENED
from fazhi.model.document import read_document
from fazhi.model.predict import Predictor

log = logging.getLogger(__name__)

AHEAD = 2  # files a process is given at once, so that it never waits for the next
NOT_TAGGED, KILLED = "not-tagged", "killed"  # beside those of sources and the codes of UnreadableError
_OPENING = {FileNotFoundError: "文件不存在。", PermissionError: "没有权限打开。"}

Load = Callable[[], Predictor]


@dataclass(frozen=True, slots=True)
class Task:
    """A file to tag, and what tables are to call it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Done:
    """A file's tags or failure, and its stamp before it was read ("" where there was no reading it)."""

    task: Task
    stamp: str
    result: TaggedReport | FailedFile


def work_through(tasks: Iterable[Task], load: Load, workers: int) -> Generator[Done, None, None]:
    """Tag all files; what `load` raises is raised here."""
    waiting = deque(tasks)
    while waiting:
        suspects = yield from _together(waiting, load, min(workers, len(waiting)))
        for task in suspects:  # one of them ended its process: now each has one to itself
            if (yield from _together(deque([task]), load, 1)):
                yield Done(
                    task, "", _failed(task, KILLED, "the process that tagged it was killed", "处理进程异常终止。")
                )


def _together(waiting: deque[Task], load: Load, workers: int) -> Generator[Done, None, list[Task]]:
    """Work until nothing waits or a process dies; give the files that were in work then."""
    # Spawned, not forked: a forked copy of a process whose threads hold locks may never run.
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _begin, (load, watched))
    running: dict[Future[Done], Task] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers * AHEAD:
                with _no_interrupt():
                    future = pool.submit(work, waiting[0])
                running[future] = waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                done = future.result()
                del running[future]
                yield done
    except BrokenProcessPool:
        log.warning("a process that tagged files was killed; those it had are tried again")
        for future in [future for future in running if future.done() and not future.exception()]:
            del running[future]
            yield future.result()
    finally:
        if running:  # broken off: what still works ends at once
            held.close()
        pool.shutdown(wait=True, cancel_futures=True)
        held.close()
        watched.close()
    return list(running.values())


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started, which for its whole life leaves it to this one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(slots=True)
class _Worker:
    """What a process keeps between files."""

    load: Load | None = None
    predictor: Predictor | None = None

    def ready(self) -> Predictor:
        """The process's own model, loaded for its first file."""
        if self.predictor is None:
            assert self.load
            self.predictor = self.load()
        return self.predictor


_worker = _Worker()


def _begin(load: Load, watched: Connection) -> None:
    """Set a new process up: it ends when the other end of `watched` is closed, or its owner is killed."""
    _worker.load = load
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for every core
    logging.getLogger("fazhi.data.readers").setLevel(logging.ERROR)  # what a reader says of a file is in its failure
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    watched.poll(None)
    os._exit(1)


def work(task: Task) -> Done:
    """Tag one file in this process."""
    predictor = _worker.ready()  # without a model every file would fail: this one error ends the batch
    stamp = ""
    try:
        stamp = stamp_of(task.path)
        return Done(task, stamp, _tagged(task, predictor))
    except UnreadableError as error:
        return Done(task, stamp, _failed(task, error.code, str(error), error.chinese))
    except OSError as error:
        reason = error.strerror or str(error)
        known = next((chinese for kind, chinese in _OPENING.items() if isinstance(error, kind)), f"无法打开：{reason}")
        return Done(task, stamp, _failed(task, NOT_OPENED, reason, known))
    except Exception as error:
        log.exception("%s could not be tagged", task.path)
        reason = f"{type(error).__name__}: {error}"
        return Done(task, stamp, _failed(task, NOT_TAGGED, reason, f"处理出错：{reason}"))


def _tagged(task: Task, predictor: Predictor) -> TaggedReport:
    reading = read_file(task.path)
    document = read_document(reading.text)
    (predictions,) = predictor.predict([document])
    return tagged_report(task.name, document, predictions, reading)


def _failed(task: Task, code: str, reason: str, chinese: str) -> FailedFile:
    return FailedFile(task.name, str(code), reason, chinese)
