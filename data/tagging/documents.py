"""Documents -> their tagged units, in this process; one that cannot be read stops none. Knows no model's inside."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fazhi.data.exports.report import TaggedReport, tagged_report
from fazhi.data.readers import Reading, UnreadableError, read_bytes, read_file
from fazhi.data.tagging.sources import STDIN, Failure, Source
from fazhi.model.document import Document, read_document
from fazhi.model.outline import Outline
from fazhi.model.predict import Prediction, Predictor
from fazhi.model.units import Unit

FIELDS = ("document", "start", "end", "text", "heading", "role", "topics", "unsure", "scores")
PLACE = ("page", "paragraph", "table", "furniture")
TOGETHER = 16  # documents whose windows share batches
PLAIN = "txt"  # the format that is its own text: offsets say all there is to say of a place


@dataclass(frozen=True, slots=True)
class Tagged:
    """A document's units and their predictions, in order; with what they were read from, where that is known."""

    source: Source
    units: Sequence[Unit]
    predictions: Sequence[Prediction]
    reading: Reading | None = None
    outline: Outline | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of a row's fields; a unit's place in the file is among them where the file is more than a text."""
        return FIELDS if self.reading is None or self.reading.format == PLAIN else (*FIELDS, *PLACE)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat mapping a unit, as the files of single documents have it."""
        for row in self.report(self.source.name.as_posix()).rows():
            yield {name: row[name] for name in self.fields}

    def report(self, name: str) -> TaggedReport:
        """The same as the exports take it, under the name that tables are to give it."""
        count = len(self.units)
        outline = self.outline or Outline(title="", opening="", headings=((),) * count, levels=(0,) * count)
        return tagged_report(name, Document(tuple(self.units), outline), self.predictions, self.reading)


def tag(
    sources: Iterable[Source | Failure], predictor: Predictor, progress: Callable[[int], None] | None = None
) -> Iterator[Tagged | Failure]:
    """Tag documents in their order; one that cannot be read is told and the others go on."""
    waiting = iter(sources)
    while group := list(islice(waiting, TOGETHER)):
        read = [(source, _read(source)) for source in group]
        documents = [read_document(reading.text) for _, reading in read if isinstance(reading, Reading)]
        answers = iter(zip(documents, predictor.predict(documents, progress), strict=True))
        for source, reading in read:
            if isinstance(source, Failure):
                yield source
            elif isinstance(reading, Failure):
                yield reading
            else:
                document, predictions = next(answers)
                yield Tagged(source, document.units, predictions, reading, document.outline)


def _read(source: Source | Failure) -> Reading | Failure:
    if isinstance(source, Failure):
        return source
    try:
        return read_bytes("", sys.stdin.buffer.read()) if source.path == STDIN else read_file(source.path)
    except UnreadableError as error:
        return Failure(source.path, str(error))
    except OSError as error:
        return Failure(source.path, error.strerror or str(error))
