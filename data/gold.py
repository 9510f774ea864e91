"""A labelled document -> the document as the program reads it, unit for unit what was labelled."""

from fazhi.data.corpus import LabelledDocument
from fazhi.model.document import Document, read_document
from fazhi.model.errors import FazhiError


class SegmentationDiffersError(FazhiError):
    """The labels are of other units than those the segmentation finds."""


def read_gold(labelled: LabelledDocument) -> Document:
    """Read the text as any other; raises SegmentationDiffersError at the first unit whose offsets are not gold's."""
    document = read_document(labelled.text)
    gold = [(unit.start, unit.end) for unit in labelled.units]
    found = [(unit.start, unit.end) for unit in document.units]
    if gold == found:
        return document
    at = next((i for i, (g, f) in enumerate(zip(gold, found, strict=False)) if g != f), min(len(gold), len(found)))
    shown = [
        f"[{spans[at][0]}, {spans[at][1]}) {labelled.text[slice(*spans[at])][:60]!r}" if at < len(spans) else "no unit"
        for spans in (gold, found)
    ]
    raise SegmentationDiffersError(
        f"document {labelled.id}: unit {at + 1} is {shown[0]} in gold and {shown[1]} by segmentation"
        f" ({len(gold)} units in gold, {len(found)} found)"
    )
