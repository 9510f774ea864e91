"""Calls that block, in threads of their own."""

import asyncio
import threading

import pytest

from fazhi.serve.errors import ShuttingDown
from fazhi.serve.threads import Threads


def test_so_many_at_once_and_no_more() -> None:
    async def run() -> int:
        threads, together = Threads(2, "test"), threading.Barrier(2)
        await asyncio.gather(*(threads.run(lambda: together.wait(10)) for _ in range(6)))
        counts: list[int] = []
        await asyncio.gather(*(threads.run(lambda: counts.append(threading.active_count())) for _ in range(6)))
        threads.close()
        return max(counts)

    assert asyncio.run(run()) <= threading.active_count() + 2


def test_a_failure_is_the_callers() -> None:
    async def run() -> None:
        await Threads(1, "test").run(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    async def run() -> list[str]:
        threads, free = Threads(1, "test"), threading.Event()
        done: list[str] = []
        first = asyncio.ensure_future(threads.run(lambda: free.wait(10)))
        second = asyncio.ensure_future(threads.run(lambda: done.append("second")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        free.set()
        await asyncio.gather(first, threads.run(lambda: done.append("third")))
        assert second.cancelled()
        return done

    assert asyncio.run(run()) == ["third"]


def test_the_end_waits_for_nothing_and_whoever_waits_is_told() -> None:
    async def run() -> list[object]:
        threads, free = Threads(1, "test"), threading.Event()
        first = asyncio.ensure_future(threads.run(lambda: free.wait(10)))
        second = asyncio.ensure_future(threads.run(lambda: None))
        await asyncio.sleep(0)
        threads.close()
        told = await asyncio.gather(second, threads.run(lambda: None), return_exceptions=True)
        free.set()
        return [*told, await first]

    second, third, first = asyncio.run(run())
    assert first is True
    assert isinstance(second, ShuttingDown)
    assert isinstance(third, ShuttingDown)
