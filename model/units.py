"""The unit: one sentence of a report, at its place in the text as it was given."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence: `text == document[start:end]`, in characters; `heading` goes by layout."""

    start: int
    end: int
    text: str
    heading: bool
