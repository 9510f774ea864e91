"""How much a file may ask for before it is refused. Knows no format."""

from dataclasses import dataclass

MB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take; a yearly report takes a hundredth of it."""

    bytes: int = 20 * MB  # of the file
    unpacked: int = 500 * MB  # of everything a Word file says it holds, pictures too, which are never unpacked
    part: int = 50 * MB  # of one part of a Word file that is unpacked
    pages: int = 500
    characters: int = 2_000_000
    seconds: float = 30.0  # by the clock and of processor time
    office_seconds: float = 60.0  # more for LibreOffice, whose first start is slow
    memory_mb: int = 1024  # of address space
