"""What the parts of one running service share: settings, model, metrics, keys, readers, store, threads, its end."""

import asyncio
from dataclasses import dataclass, field

from starlette.types import Scope

from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import NoStore
from fazhi.serve.keys import Keys
from fazhi.serve.metrics import Metrics
from fazhi.serve.models import Models
from fazhi.serve.reading import Readers
from fazhi.serve.shelf import Shelf
from fazhi.serve.threads import Threads

ANALYSES = 2  # exports and the like at once: milliseconds for a report, half a minute for the longest text taken


@dataclass(slots=True)
class Lifecycle:
    """Requests in hand, and whether new ones are still taken."""

    draining: bool = False
    arriving: int = 0  # requests whose body is still on its way
    working: int = 0  # requests being worked on
    uploads: int = 0  # documents that came as files, from their first byte to the answer
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self) -> None:
        """Look whether the last request has been answered."""
        if not (self.arriving or self.working):
            self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Take no new requests; whether those in hand were answered within so many seconds."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                while self.arriving or self.working:  # a request is neither for a moment, between its body and its work
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Service:
    """One worker's parts."""

    config: ServeConfig
    models: Models
    metrics: Metrics
    keys: Keys | None
    readers: Readers = field(default_factory=Readers)
    kept: Shelf | None = None  # none where nothing is kept
    analyses: Threads = field(default_factory=lambda: Threads(ANALYSES, "analysis"))
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    @property
    def shelf(self) -> Shelf:
        """Where documents and corrections are kept; raises NoStore."""
        if self.kept is None:
            raise NoStore
        return self.kept

    async def close(self) -> None:
        """Stop all parts; whoever still waits is told."""
        await self.models.close()
        await self.readers.close()
        self.analyses.close()
        if self.kept:
            await self.kept.close()


def service_of(scope: Scope) -> Service:
    """The Service behind a request."""
    service: Service = scope["app"].state.service
    return service
