"""What one HTTP request carries along from the edge to its route and into the log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import Scope

from fazhi.serve.tagger import Timing


@dataclass(slots=True)
class Call:
    """A request's id, its deadline, its key's name where keys are asked for, where its time went, how it failed."""

    request_id: str
    deadline: float = 0.0  # loop time
    key: str = ""
    admin: bool = True
    code: str = ""
    timing: Timing = field(default_factory=Timing)
    stages: dict[str, float] = field(default_factory=dict)  # seconds of what only some requests pass through

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = time.perf_counter() - begin

    def milliseconds(self) -> dict[str, float]:
        """Queue, encode and model time, and that of other stages."""
        timing = self.timing
        seconds = {"queue": timing.queue, "encode": timing.encode, "model": timing.model, **self.stages}
        return {name: taken * 1000 for name, taken in seconds.items()}


def call_of(scope: Scope) -> Call:
    """The Call that the edge put into a request's scope."""
    call: Call = scope["state"]["call"]
    return call
