"""What every part of the load test is given: model, texts, a folder for its files, and how much to do."""

import math
from dataclasses import dataclass
from pathlib import Path

from fazhi.model.document import read_document

DEADLINE = 60  # seconds that the service is given for an answer
PATIENCE = DEADLINE + 10  # seconds that a caller waits: longer than the service may take


@dataclass(frozen=True, slots=True)
class Scale:
    """How long and how often each part runs; `judges_speed` is off where the numbers are too small to mean a thing."""

    judges_speed: bool
    lead: int = 5  # seconds of load before anything is measured
    callers: int = 64
    seconds: int = 30
    pipeline_seconds: int = 15
    report_callers: int = 8
    report_rounds: int = 8
    rounds: int = 2  # of the engine before the service's load; one more comes after it
    overload_seconds: int = 60
    most_rate: float = math.inf  # of requests a second that are offered
    connections: int = 2000
    warm_up: int = 400
    hostile: int = 10_000
    from_openapi: int = 2_500
    disconnects: int = 1_000
    uploads: int = 1_000
    slow: int = 300
    heavy: int = 20  # of each kind
    reloads: int = 20
    terms: int = 20
    starts: int = 5


FULL = Scale(judges_speed=True)
QUICK = Scale(
    judges_speed=False,
    lead=1,
    callers=8,
    seconds=1,
    pipeline_seconds=1,
    report_callers=2,
    report_rounds=1,
    rounds=1,
    overload_seconds=2,
    most_rate=300,
    warm_up=20,
    hostile=240,
    from_openapi=60,
    disconnects=30,
    uploads=40,
    slow=10,
    heavy=1,
    reloads=2,
    terms=2,
    starts=1,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    model: Path
    data: Path
    folder: Path
    scale: Scale
    texts: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """Every unit of the seed reports, by itself."""
        return [unit.text for text in self.texts for unit in read_document(text).units]

    @property
    def units(self) -> list[int]:
        """How many units each text has."""
        return [len(read_document(text).units) for text in self.texts]
