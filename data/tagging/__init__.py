"""Files in, tagged units out: what `fazhi tag` does between its options and its exit code."""

from fazhi.data.tagging.batch import Batch, BatchSummary, tag_batch
from fazhi.data.tagging.documents import TOGETHER, Tagged, tag
from fazhi.data.tagging.output import Output, OutputError, are_several, tag_paths, write_file
from fazhi.data.tagging.sources import Failure, Source, find_sources

__all__ = [
    "TOGETHER",
    "Batch",
    "BatchSummary",
    "Failure",
    "Output",
    "OutputError",
    "Source",
    "Tagged",
    "are_several",
    "find_sources",
    "tag",
    "tag_batch",
    "tag_paths",
    "write_file",
]
