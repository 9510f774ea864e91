"""What one HTTP request carries along from the edge to its route and into the log."""

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

    def milliseconds(self) -> dict[str, float]:
        """Queue, encode and model time."""
        timing = self.timing
        return {"queue": timing.queue * 1000, "encode": timing.encode * 1000, "model": timing.model * 1000}


def call_of(scope: Scope) -> Call:
    """The Call that the edge put into a request's scope."""
    call: Call = scope["state"]["call"]
    return call
