"""Bytes of a file -> its text and where each piece of it came from. Knows no HTTP and no format.

Each file is read in a process of its own (fazhi.data.readers), so many at once; the others wait.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fazhi.data.readers import Limits, Reading, UnreadableError, read_bytes
from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import FileTooLarge, FileUnreadable, FileUnsupported, ServeError, ShuttingDown

_REFUSALS: dict[str, type[ServeError]] = {
    "too-large": FileTooLarge,
    "too-many-pages": FileTooLarge,
    "too-slow": FileTooLarge,
    "too-much-memory": FileTooLarge,
    "unknown-format": FileUnsupported,
    "no-libreoffice": FileUnsupported,
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
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="read")  # each waits for its process

    async def read(self, name: str, raw: bytes) -> Reading:
        """Read one file; raises FileTooLarge, FileUnsupported, FileUnreadable."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._threads, read_bytes, name, raw, self._limits)
        except RuntimeError as error:  # closed
            raise ShuttingDown from error
        try:
            return await reading
        except UnreadableError as error:
            raise refusal_of(error) from None  # its frames hold the file

    async def close(self) -> None:
        """Stop; what has not begun is dropped, what is being read ends within its limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def refusal_of(error: UnreadableError) -> ServeError:
    """The answer to a file that cannot be read; `reason` in it is the reader's code."""
    refusal = _REFUSALS.get(error.code, FileUnreadable)(why_zh=error.chinese, why_en=str(error))
    refusal.members["reason"] = error.code
    return refusal
