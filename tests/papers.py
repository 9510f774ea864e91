"""Files for the tests of the readers, written by hand: Word files of given XML, and PDFs of given rows."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMES = {
    "w": WORD,
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


_PARTS = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)


def paragraph(text: str, properties: str = "") -> str:
    """The XML of a paragraph of one run."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def numbered(text: str, number: int, level: int = 0) -> str:
    """The XML of a paragraph that Word numbers itself."""
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def style(name: str, properties: str = "", more: str = "", identity: str = "1") -> str:
    """The XML of a paragraph style."""
    head = f'<w:style w:type="paragraph" w:styleId="{identity}"><w:name w:val="{name}"/>{more}'
    return f"{head}<w:pPr>{properties}</w:pPr></w:style>"


def table(*rows: Sequence[str]) -> str:
    """The XML of a table whose cells are given as text, or as XML where they begin with <."""
    cells = ["".join(f"<w:tc>{c if c.startswith('<') else paragraph(c)}</w:tc>" for c in row) for row in rows]
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def word(body: str, numbering: str = "", styles: str = "", parts: Mapping[str, str] = {}) -> bytes:
    """A .docx file of a body's XML."""
    written = {
        "[Content_Types].xml": _PARTS,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": f"<w:document {_DECLARED}><w:body>{body}</w:body></w:document>",
        "word/numbering.xml": f"<w:numbering {_DECLARED}>{numbering}</w:numbering>",
        "word/styles.xml": f"<w:styles {_DECLARED}>{styles}</w:styles>",
        **parts,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in written.items():
            package.writestr(name, content)
    return file.getvalue()


@dataclass(frozen=True)
class Line:
    """A printed line; every letter is as wide as `size`, those of ASCII half as wide."""

    text: str
    left: float
    base: float
    size: float = 16.0


WIDTH, HEIGHT = 595.0, 842.0  # of A4
_FONT = (
    "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [4 0 R] >>",
    "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /W [1 95 500] /FontDescriptor 5 0 R "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> >>",
    "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 "
    "/Ascent 880 /Descent -120 /CapHeight 700 /StemV 80 >>",
)


def ruled(rights: Sequence[float], heights: Sequence[float]) -> str:
    """What draws the lines of a table without merged cells."""
    down = (f"{right} {heights[-1]} m {right} {heights[0]} l S" for right in rights)
    return "\n".join([*(f"{rights[0]} {height} m {rights[-1]} {height} l S" for height in heights), *down])


def pdf(*pages: Sequence[Line], picture: bool = False, drawn: str = "") -> bytes:
    """A .pdf file whose font is named, not embedded; with a picture or something drawn on every page if asked for."""
    kids = " ".join(f"{6 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        *_FONT,
    ]
    for index, lines in enumerate(pages):
        shown = "\n".join(
            f"BT /F1 {line.size} Tf 1 0 0 1 {line.left} {line.base} Tm <{line.text.encode('utf-16-be').hex()}> Tj ET"
            for line in lines
        )
        shown += f"\n{drawn}"
        if picture:
            shown += "\nBI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI\n"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {7 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
    return _with_table(objects)


def _with_table(objects: Sequence[str]) -> bytes:
    written, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return written + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


PER_ROW, PER_PAGE, LEFT, TOP, STEP = 28, 22, 73.5, 740.0, 28.0
_NO_FIRST = frozenset("，。、；：！？）》”’％%,.;:!?)")


def print_text(text: str, head: str = "", indent: int = 2) -> list[list[Line]]:
    """Lay a text out as an office does: an indent, no row that begins with a stop, page numbers below."""
    rows = [row for line in text.splitlines() if line.strip() for row in _broken(line.strip(), indent)]
    pages = []
    for _, group in groupby(enumerate(rows), key=lambda pair: pair[0] // PER_PAGE):
        number = len(pages) + 1
        lines = [Line(row, LEFT + 16 * before, TOP - STEP * place) for place, (_, (before, row)) in enumerate(group)]
        above = [Line(head, 200, 800, 9)] if head else []
        pages.append([*above, *lines, Line(f"— {number} —", 270, 50, 14)])
    return pages


def _broken(line: str, indent: int) -> Iterator[tuple[int, str]]:
    """Break a line into rows, each with its indent in letters; spaces at a row's end stay on it."""
    while line:
        most = _fitting(line, PER_ROW - indent)
        end = most
        while 1 < end < len(line) and _keeps_together(line[end - 1], line[end]):
            end -= 1
        end = most if end == 1 else end
        while end < len(line) and line[end] == " ":
            end += 1
        yield indent, line[:end]
        line, indent = line[end:], 0


def _fitting(line: str, width: float) -> int:
    """Count the letters that a row of this width holds."""
    for index, letter in enumerate(line):
        width -= 0.5 if letter.isascii() else 1
        if width < 0:
            return index
    return len(line)


def _keeps_together(left: str, right: str) -> bool:
    return right in _NO_FIRST or (_is_latin(left) and _is_latin(right))


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def compound(stream: str, flags: int = 0, content: bytes = b"") -> bytes:
    """A container of Microsoft's old kind, as far as is looked at: a header, a directory and a stream's beginning."""
    header, entry, text = bytearray(512), bytearray(512), bytearray(512)
    header[:8], header[30:32] = OLE, (9).to_bytes(2, "little")
    name = f"{stream}\0".encode("utf-16-le")
    entry[: len(name)] = name
    entry[116:120] = (1).to_bytes(4, "little")
    text[:2], text[10:12] = b"\xec\xa5", flags.to_bytes(2, "little")
    return bytes(header + entry + text) + content
