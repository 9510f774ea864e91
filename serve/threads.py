"""Calls that block -> threads for their kind of work, so many at once: what one kind waits for holds up no other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fazhi.serve.errors import ShuttingDown

Answer = TypeVar("Answer")


class Threads:
    """The threads of one kind of work."""

    def __init__(self, at_once: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._closed = False

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """Make a call when a thread is free, unless whoever asked has gone by then; raises ShuttingDown."""
        if self._closed:
            raise ShuttingDown
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except asyncio.CancelledError:
            if self._closed:  # it was not begun
                raise ShuttingDown from None
            raise

    def close(self) -> None:
        """Drop what has not begun, and wait for nothing."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
