"""The bytes of a Word file -> its parts as XML trees, each measured before it is unpacked. Knows zip and XML only."""

import io
import posixpath
import zipfile
from typing import Any

from fazhi.data.readers.failures import Code, megabytes, refused
from fazhi.data.readers.limits import Limits

_MAX_ENTRIES = 5000
_ENCRYPTED = 0x1  # in the flags of a zip entry
_STRICT = (  # the other names that the strict form of the standard has for the same things
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    ),
)
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_USUAL_DOCUMENT = "word/document.xml"


class Package:
    """A zip file that holds a Word document; raises UnreadableError for one that holds another thing or too much."""

    def __init__(self, raw: bytes, limits: Limits) -> None:
        self._limits = limits
        self._zip = zipfile.ZipFile(io.BytesIO(raw))
        entries = self._zip.infolist()
        if len(entries) > _MAX_ENTRIES:
            raise refused(Code.UNKNOWN_FORMAT, found="ZIP")
        if sum(entry.file_size for entry in entries) > limits.unpacked:
            raise refused(Code.TOO_LARGE, limit=megabytes(limits.unpacked))
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise refused(Code.ENCRYPTED)
        self._entries = {entry.filename.replace("\\", "/").lstrip("/").lower(): entry for entry in entries}
        self.main = self._find_main()
        if self.main.lower() not in self._entries:
            raise refused(Code.UNKNOWN_FORMAT, found=self._kind())

    def _kind(self) -> str:
        folders = {
            "xl/": "Excel (.xlsx)",
            "ppt/": "PowerPoint (.pptx)",
            "content.xml": "OpenDocument",
            "ofd.xml": "OFD",
        }
        found = (kind for mark, kind in folders.items() if any(name.startswith(mark) for name in self._entries))
        return next(found, "ZIP")

    def _find_main(self) -> str:
        """Find the part that holds the text, by the relations of the package or by its usual name."""
        relations = self.xml("_rels/.rels")
        if relations is not None:
            for relation in relations:
                if relation.get("Type") == _DOCUMENT:
                    return str(relation.get("Target", "")).lstrip("/")
        return _USUAL_DOCUMENT

    def beside(self, name: str) -> str:
        """The name of a part that lies in one folder with the text."""
        return posixpath.join(posixpath.dirname(self.main), name)

    def xml(self, name: str) -> Any:
        """Parse a part; None if the package has none of that name."""
        from lxml import etree

        entry = self._entries.get(name.lower())
        if entry is None:
            return None
        if entry.file_size > self._limits.part:
            raise refused(Code.TOO_LARGE, limit=megabytes(self._limits.part))
        with self._zip.open(entry) as file:
            content = file.read(self._limits.part + 1)
        if len(content) > self._limits.part:
            raise refused(Code.TOO_LARGE, limit=megabytes(self._limits.part))
        for strict, transitional in _STRICT:
            content = content.replace(strict, transitional)
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        tree = etree.fromstring(content, parser)
        if tree.getroottree().docinfo.internalDTD is not None:
            raise refused(Code.DAMAGED)  # the standard forbids it, so somebody wants to define entities
        return tree
