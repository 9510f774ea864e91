"""Files in, text out, with its blocks and their places in the file."""

from fazhi.data.readers.failures import Code, UnreadableError
from fazhi.data.readers.isolate import Stop, prepare
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.plain import decode
from fazhi.data.readers.read import read_bytes, read_file
from fazhi.data.readers.reading import Block, Kind, Place, Reading
from fazhi.data.readers.sniff import FORMATS

__all__ = [
    "FORMATS",
    "Block",
    "Code",
    "Kind",
    "Limits",
    "Place",
    "Reading",
    "Stop",
    "UnreadableError",
    "decode",
    "prepare",
    "read_bytes",
    "read_file",
]
