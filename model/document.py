"""A text, or sentences with their headings -> what the model is given: units in order with their outline."""

from collections.abc import Sequence
from dataclasses import dataclass

from fazhi.model.outline import Outline, outline
from fazhi.model.segment import segment
from fazhi.model.units import Unit


@dataclass(frozen=True, slots=True)
class Document:
    """Units in the order they stand in the text, and the outline they stand under."""

    units: tuple[Unit, ...]
    outline: Outline


def read_document(text: str) -> Document:
    """Cut a whole text into units and find its outline."""
    units = segment(text)
    return Document(tuple(units), outline(text, units))


def bare_sentence(text: str, headings: Sequence[str] = ()) -> Document:
    """Take one sentence, with its headings where the caller knows them, as a document of one unit."""
    unit = Unit(0, len(text), text, heading=False)
    return Document((unit,), Outline(title="", opening="", headings=(tuple(headings),), levels=(0,)))
