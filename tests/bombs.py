"""Files that are small or sound to look at and ask for more than there is, made when asked for."""

import copy
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import partial

from tests.hostile import MB, TEXT, Case, good_files, zipped
from tests.papers import LEFT, Line, numbered, paragraph, pdf, style, table, word


def word_bombs() -> Iterator[Case]:
    main = "word/document.xml"
    yield Case("declared.docx", lambda: zeros({main: 70 * MB}), "too-large")
    yield Case("media.docx", lambda: zeros({f"word/media/{n}.bmp": 7 * MB for n in range(9)}), "too-large")
    yield Case("entries.docx", lambda: zeros({f"word/{n}.xml": 0 for n in range(6000)}), "unknown-format")
    yield Case("one-part.docx", lambda: zeros({main: 9 * MB}), "too-large")
    yield Case("zeros.docx", lambda: zeros({main: 7 * MB}), "damaged")
    yield Case("bzip2.docx", lambda: zeros({main: 7 * MB}, zipfile.ZIP_BZIP2), "damaged")
    yield Case("lzma.docx", lambda: zeros({main: 7 * MB}, zipfile.ZIP_LZMA), "damaged")
    yield Case("overlapping.docx", overlapping, "too-large")
    size, lie = (20 * MB).to_bytes(4, "little"), (9).to_bytes(4, "little")
    yield Case("lie.docx", lambda: zeros({main: 20 * MB}).replace(size, lie), "damaged")
    yield Case("nested.docx", nested, "unknown-format")
    yield Case("aes.docx", lambda: good_files()["docx"].replace(b"\x08\x00", b"\x63\x00"), "damaged")
    yield Case("up.docx", lambda: zipped({"../../etc/passwd": b"a", "/etc/passwd": b"a"}), "unknown-format")
    yield Case("ten-million.docx", lambda: word("<w:p/>" * 10_000_000), "too-large")
    yield Case("million.docx", lambda: word("<w:p/>" * 1_000_000), "empty too-slow too-much-memory")
    yield Case("deep.docx", lambda: word("<w:ins>" * 100_000 + "</w:ins>" * 100_000), "damaged")
    yield Case("tables.docx", lambda: word(in_tables(60)), "")
    yield Case("deep-tables.docx", lambda: word(in_tables(2000)), "damaged")
    yield Case("wide.docx", lambda: word(f"<w:tbl><w:tr>{'<w:tc><w:p/></w:tc>' * 90_000}</w:tr></w:tbl>"))
    yield Case("long.docx", lambda: word(paragraph("文" * 400_000)), "too-large")
    yield Case("attributes.docx", lambda: word("<w:p " + " ".join(f"a{n}=''" for n in range(100_000)) + "/>"))
    yield Case("attribute.docx", lambda: word(f"<w:p a='{'文' * MB}'/>{paragraph(TEXT)}"), "")
    span = f"<w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr>{paragraph('文')}"
    yield Case("span.docx", lambda: word(table([span, span])), "")
    yield from lists_and_styles()


def lists_and_styles() -> Iterator[Case]:
    long = f'<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:lvlText w:val="{"%1" * 50_000}"/></w:lvl>'
    number = '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    yield Case("labels.docx", lambda: word(numbered("文", 1) * 1000, long + number), "too-large")
    for value in ("-1", "0", "99999999999999999999", "一", "1.5", ""):
        level = f'<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="{value}"><w:start w:val="{value}"/>'
        level += '<w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1%9"/></w:lvl>'
        body = paragraph(TEXT, f'<w:numPr><w:ilvl w:val="{value}"/><w:numId w:val="1"/></w:numPr>') * 3
        yield Case(f"number-{value}.docx", partial(word, body, level + number), "")
    chain = "".join(style("x", more=f'<w:basedOn w:val="{n + 1}"/>', identity=str(n)) for n in range(5000))
    yield Case("styles.docx", lambda: word(paragraph(TEXT, '<w:pStyle w:val="0"/>') * 2000, styles=chain), "")


def in_tables(depth: int) -> str:
    return "<w:tbl><w:tr><w:tc>" * depth + paragraph(TEXT) + "</w:tc></w:tr></w:tbl>" * depth


def zeros(sizes: Mapping[str, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of parts that are so many zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as package:
        for name, size in sizes.items():
            package.writestr(name, bytes(size))
    return file.getvalue()


def overlapping() -> bytes:
    """A zip file whose many entries are all the same bytes of it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", bytes(7 * MB))
        for number in range(100):
            entry = copy.copy(package.filelist[0])
            entry.filename = f"word/{number}.xml"
            package.filelist.append(entry)
    return file.getvalue()


def nested() -> bytes:
    """Zip files in zip files: small, and unpacked to the last without end."""
    content = zeros({"a": 10 * MB})
    for _ in range(4):
        content = zipped({f"{number}.zip": content for number in range(10)})
    return content


PAGE = pdf([Line("文", LEFT, 700)])


def packed(piece: bytes, times: int, again: int = 0) -> bytes:
    """A PDF of one page, whose content is a piece many times over, packed once and again."""
    packer = zlib.compressobj(1)
    content = b"".join([*(packer.compress(piece) for _ in range(times)), packer.flush()])
    for _ in range(again):
        content = zlib.compress(content)
    filters = b"/FlateDecode " * (again + 1)
    head = b"<< /Filter [%s] /Length %d >>\nstream\n" % (filters, len(content))
    return PAGE[: PAGE.index(b"<< /Length")] + head + content + b"\n" + PAGE[PAGE.index(b"endstream") :]


def changed(old: bytes, new: bytes, more: bytes = b"") -> bytes:
    """The same PDF with something else in it, and more objects; its table of objects is found to be wrong."""
    return PAGE.replace(old, new).replace(b"xref\n0", more + b"xref\n0", 1)


def forms(count: int) -> bytes:
    """Drawings that each draw the next one twice."""
    objects = b""
    for number in range(20, 20 + count):
        head = b"%d 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 10 " % number
        objects += head + b"/Resources << /XObject << /F %d 0 R >> >> >>\nstream\n/F Do /F Do\nendstream\nendobj\n" % (
            number + 1
        )
    return changed(b"/Font <<", b"/XObject << /F 20 0 R >> /Font <<", objects).replace(b"BT /F1", b"/F Do BT /F1")


def page_tree(depth: int) -> bytes:
    nodes = b"".join(
        b"%d 0 obj\n<< /Type /Pages /Kids [%d 0 R] /Count 1 >>\nendobj\n" % (n, n + 1) for n in range(20, 20 + depth)
    )
    return changed(b"/Kids [6 0 R]", b"/Kids [20 0 R]", nodes)


def pdf_bombs() -> Iterator[Case]:
    stopped = "too-slow too-much-memory"
    yield Case("thousand.pdf", lambda: pdf(*[[Line(TEXT, LEFT, 700)]] * 1000), "too-many-pages")
    yield Case("scanned.pdf", lambda: pdf(*[[]] * 30, picture=True), "scanned-only")
    yield Case("blank.pdf", lambda: pdf([]), "empty")
    yield Case("flate.pdf", lambda: packed(bytes(MB), 300), "too-much-memory")
    yield Case("flate-flate.pdf", lambda: packed(bytes(MB), 300, again=3), "too-much-memory")
    yield Case("slow.pdf", lambda: packed(b"q 1 0 0 1 0 0 cm Q\n" * 10_000, 200), "too-slow")
    yield Case("letters.pdf", lambda: packed(b"BT /F1 9 Tf 9 9 Td <4E00> Tj ET\n" * 10_000, 100), stopped)
    yield Case("lines.pdf", lambda: packed(b"9 9 m 9 99 l S 9 9 99 9 re S\n" * 1000, 20))
    yield Case("open.pdf", lambda: packed(b"q " * 10_000, 100))
    yield Case("brackets.pdf", lambda: packed(b"[" * 10_000, 50))
    yield Case("forms.pdf", lambda: forms(40), stopped)
    yield Case("tree.pdf", lambda: page_tree(5000), "damaged")
    yield Case("widths.pdf", lambda: changed(b"/W [1 95 500]", b"/W [0 999999999 500]"), stopped)
    changes = {
        "loop": (b"/Kids [6 0 R]", b"/Kids [2 0 R]"),
        "count": (b"/Count 1", b"/Count 999999999"),
        "box": (b"[0 0 595.0 842.0]", b"[0 0 1e99 1e-99 ]"),
        "length": (b"/Length ", b"/Length 9999999"),
        "self": (b"/Contents 7 0 R", b"/Contents 6 0 R"),
        "form": (b"/Font << /F1 3 0 R >>", b"/XObject << /F 7 0 R >>"),
        "previous": (b"trailer\n<<", b"trailer\n<< /Prev 9"),
        "no-font": (b"/UniGB-UTF16-H", b"/Elsewhere-CMap"),
        "path": (b"/UniGB-UTF16-H", b"/..#2f..#2fetc#2fpasswd"),
    }
    for name, (old, new) in changes.items():
        yield Case(f"{name}.pdf", partial(changed, old, new))
    yield Case("locked.pdf", lambda: changed(b"/Root", b"/Encrypt 3 0 R /Root"), "encrypted")


def text_bombs() -> Iterator[Case]:
    yield Case("empty.pdf", lambda: b"", "empty")
    yield Case("bom.txt", lambda: b"\xef\xbb\xbf", "empty")
    yield Case("blank.txt", lambda: b" \n" * 1000, "empty")
    yield Case("large.txt", lambda: b"a" * (21 * MB), "too-large")
    yield Case("long.txt", lambda: b"a" * MB, "too-large")
    yield Case("nul.txt", lambda: bytes(1000), "not-text")
    yield Case("utf-32.txt", lambda: TEXT.encode("utf-32"), "not-text")
    yield Case("half.txt", lambda: b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1], "not-text")
    yield Case("surrogates.txt", lambda: "\ud800".encode("utf-16-le", "surrogatepass") * 99, "not-text")
    yield Case("line.txt", lambda: ("文" * 299_999).encode(), "")
    yield Case("deep.html", lambda: b"<html>" + b"<div>" * 1_000_000 + TEXT.encode(), "damaged")
    yield Case("tags.html", lambda: b"<html>" + b"<b><i><u>" * 300_000 + TEXT.encode(), "damaged")
    yield Case("rows.html", lambda: b"<html><table>" + b"<tr><td><table>" * 5_000 + TEXT.encode(), "damaged")
    yield Case("comment.html", lambda: b"<html><!--" + b"-" * 5 * MB, "empty")
    yield Case("class.html", lambda: b"<html><p class='" + b"nav " * MB + b"'>" + TEXT.encode(), "")
    yield Case("picture.html", lambda: b"<html><img src='data:" + b"a" * 9 * MB + b"'>" + TEXT.encode(), "")
    yield Case("items.html", lambda: b"<html><ol start=99999999999999999999>" + b"<li>" * 5_000 + TEXT.encode(), "")
    yield Case("entities.html", lambda: b"<!DOCTYPE html><html>" + b"&a;&amp;&#x4e00;&#xd800;" * 50_000)
    yield Case("utf-7.html", lambda: f"<html><meta charset=utf-7><p>{TEXT}".encode(), "")
    yield Case("script.html", lambda: b"<html><script>" + TEXT.encode() * 1000, "empty")
