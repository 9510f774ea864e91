"""Tagged reports out: tables of sentences and a Word summary."""

from fazhi.data.exports.report import FailedFile, TaggedReport, TaggedUnit, tagged_report
from fazhi.data.exports.word import write_summary
from fazhi.data.exports.write import SUFFIXES, ExportError, failures_beside, write_tags

__all__ = [
    "SUFFIXES",
    "ExportError",
    "FailedFile",
    "TaggedReport",
    "TaggedUnit",
    "failures_beside",
    "tagged_report",
    "write_summary",
    "write_tags",
]
