"""A tagged sentence as what reads a whole report asks for it, whoever holds it."""

from collections.abc import Sequence
from typing import Protocol

from fazhi.model.labels import Role, Topic


class Sentence(Protocol):
    """What answers and completeness ask of a unit."""

    @property
    def text(self) -> str:
        """The sentence."""
        ...

    @property
    def role(self) -> Role:
        """Its role."""
        ...

    @property
    def topics(self) -> Sequence[Topic]:
        """Its topics."""
        ...

    @property
    def headings(self) -> Sequence[str]:
        """The headings above it, outermost first."""
        ...
