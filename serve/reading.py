"""Bytes of a file -> its text and where each piece of it came from. Knows no HTTP and no format.

Each file is read in a process of its own (fazhi.data.readers), so many at once; the others wait.
"""

import asyncio
import logging
from contextlib import suppress

from fazhi.data.readers import Code, Limits, Reading, Stop, UnreadableError, prepare, read_bytes
from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import FileTooLarge, FileUnreadable, FileUnsupported, ReaderFailed, ServeError, ShuttingDown
from fazhi.serve.threads import Threads

log = logging.getLogger(__name__)

_REFUSALS: dict[Code, type[ServeError]] = {
    Code.TOO_LARGE: FileTooLarge,
    Code.TOO_MANY_PAGES: FileTooLarge,
    Code.TOO_SLOW: FileTooLarge,
    Code.TOO_MUCH_MEMORY: FileTooLarge,
    Code.UNKNOWN_FORMAT: FileUnsupported,
    Code.NO_LIBREOFFICE: FileUnsupported,
    Code.NOT_INSTALLED: FileUnsupported,
    Code.READER_FAILED: ReaderFailed,
}


def limits_of(config: ServeConfig) -> Limits:
    """What one file may take; LibreOffice, through which the oldest formats go, is given the same again."""
    return Limits(
        bytes=config.document_bytes,
        characters=config.characters,
        seconds=config.read_seconds,
        office_seconds=config.read_seconds,
        memory_mb=config.read_memory_mb,
    )


class Readers:
    """Reads files, so many at once, each within the limits."""

    def __init__(self, at_once: int = 2, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._threads = Threads(at_once, "read")  # each waits for its process
        self._in_hand: set[Stop] = set()
        self._closed = False

    def prepare(self) -> None:
        """Make ready for a file before one comes, beside all else; if that cannot be, the first file will tell."""
        asyncio.get_running_loop().run_in_executor(None, _prepare)

    async def read(self, name: str, raw: bytes) -> Reading:
        """Read one file; raises FileTooLarge, FileUnsupported, FileUnreadable, ShuttingDown."""
        stop = Stop()
        self._in_hand.add(stop)
        try:
            return await self._threads.run(lambda: read_bytes(name, raw, self._limits, stop))
        except UnreadableError as error:
            if self._closed:
                raise ShuttingDown from None
            raise refusal_of(error) from None  # its frames hold the file
        except OSError as error:  # no room on the disk, no process left
            log.exception("a file could not be read", extra={"reason": error.strerror})
            raise ReaderFailed from None
        finally:
            stop.set()  # where whoever asked has gone its process goes on
            self._in_hand.discard(stop)

    async def close(self) -> None:
        """Stop; what has not begun is dropped, and the processes of what is being read are ended."""
        self._closed = True
        self._threads.close()
        for stop in self._in_hand:
            stop.set()


def _prepare() -> None:
    with suppress(OSError):
        prepare()


def refusal_of(error: UnreadableError) -> ServeError:
    """The answer to a file that cannot be read; `reason` in it is the reader's code."""
    refusal = _REFUSALS.get(error.code, FileUnreadable)(why_zh=error.chinese, why_en=str(error))
    refusal.members["reason"] = error.code
    return refusal
