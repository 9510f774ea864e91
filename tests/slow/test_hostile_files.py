"""Two hundred damaged and hostile files: each is read or refused in time with a clear sentence, and nothing remains."""

import io
import random
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from fazhi.data.readers import Code, Limits, Reading, UnreadableError, read_bytes
from tests.papers import LEFT, WORD, Line, paragraph, pdf, print_text, table, word

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=6, office_seconds=1, memory_mb=512)
GRACE = 3.0  # seconds over the limit, for starting and ending a process on a busy machine
TEXT = "办理行政复议案件12件，审结11件；组织“宪法宣传周”活动36场次。"
SECRET = "root:x:0:0"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MB = 2**20


Case = tuple[str, Callable[[], bytes], Code | None]  # a name, how the file is made, and the refusal if there is one


@cache
def good_files() -> dict[str, bytes]:
    lines = [f"（{sign}）{TEXT * 3}" for sign in "一二三四五六七八九十" * 3]
    body = "".join(map(paragraph, lines)) + table(["项目", "数量"], ["复议", "12"])
    web = "<html><head><meta charset=utf-8><title>报告</title></head><body>" + "".join(f"<p>{x}" for x in lines)
    return {
        "docx": word(body),
        "pdf": pdf(*print_text("\n".join(lines), head="公报")),
        "html": web.encode(),
        "txt": "\n".join(lines).encode("gb18030"),
        "doc": compound("WordDocument", "\n".join(lines).encode("utf-16-le")),
    }


FORMS = ("docx", "pdf", "html", "txt", "doc")


def compound(stream: str, content: bytes = b"") -> bytes:
    """A container of Microsoft's old kind that names a stream."""
    header = bytearray(512)
    header[:8], header[30:32] = OLE, (9).to_bytes(2, "little")
    entry = bytearray(512)
    name = f"{stream}\0".encode("utf-16-le")
    entry[: len(name)] = name
    entry[116:120] = (1).to_bytes(4, "little")
    return bytes(header + entry) + b"\0" * 512 + content


def cut(form: str, part: int) -> bytes:
    raw = good_files()[form]
    return raw[: len(raw) * part // 13]


def flip(form: str, bits: int) -> bytes:
    chance, broken = random.Random(bits), bytearray(good_files()[form])
    for _ in range(bits):
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return bytes(broken)


def noise(beginning: bytes, length: int) -> bytes:
    return beginning + random.Random(length).randbytes(length)


def damaged() -> Iterator[Case]:
    for form in FORMS:
        for part in range(1, 13):
            yield f"cut-{part}.{form}", partial(cut, form, part), None
        for bits in range(1, 41, 3):
            yield f"flipped-{bits}.{form}", partial(flip, form, bits), None
        for other in ("docx", "pdf", "doc", "txt"):
            yield f"really-{form}.{other}", partial(cut, form, 13), None
    for number, beginning in enumerate((b"", b"PK\x03\x04", b"%PDF-1.7\n", OLE, b"{\\rtf1 ", b"<html>", b"\x00")):
        for length in (100, 1000, 10_000):
            yield f"noise-{number}-{length}.docx", partial(noise, beginning, length), None


def entities() -> Iterator[Case]:
    laughs = "".join(f"<!ENTITY l{n} '" + f"&l{n - 1};" * 10 + "'>" for n in range(1, 12))
    heads = {
        "laughs": (f"<!DOCTYPE d [<!ENTITY l0 '哈哈'>{laughs}]>", "&l11;"),
        "external": ("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", "&x;"),
        "remote": ("<!DOCTYPE d SYSTEM 'http://127.0.0.1:9/d.dtd'>", "文"),
        "quadratic": ("<!DOCTYPE d [<!ENTITY q '" + "q" * 100_000 + "'>]>", "&q;" * 20_000),
    }
    for name, (head, used) in heads.items():
        part = f"{head}<w:document xmlns:w='{WORD}'><w:body>{paragraph(used)}</w:body></w:document>"
        for place in ("document", "styles", "numbering"):
            parts = {f"word/{place}.xml": part}
            yield f"{name}-{place}.docx", partial(word, paragraph(TEXT), parts=parts), Code.DAMAGED


def word_bombs() -> Iterator[Case]:
    main = "word/document.xml"
    yield "declared.docx", lambda: zeros({main: 600 * MB}), Code.TOO_LARGE
    yield "media.docx", lambda: zeros({f"word/media/{n}.bmp": 30 * MB for n in range(20)}), Code.TOO_LARGE
    yield "entries.docx", lambda: zeros({f"word/{n}.xml": 0 for n in range(6000)}), Code.TOO_LARGE
    yield "one-part.docx", lambda: zeros({main: 60 * MB}), Code.TOO_LARGE
    yield "zeros.docx", lambda: zeros({main: 40 * MB}), Code.DAMAGED
    size, lie = (60 * MB).to_bytes(4, "little"), (9).to_bytes(4, "little")
    yield "lie.docx", lambda: zeros({main: 60 * MB}).replace(size, lie), Code.DAMAGED
    yield "nested.docx", nested, Code.UNKNOWN_FORMAT
    yield "deep.docx", lambda: word("<w:ins>" * 100_000 + "</w:ins>" * 100_000), Code.DAMAGED
    yield "many.docx", lambda: word("<w:p/>" * 2_000_000), None
    yield "wide.docx", lambda: word(f"<w:tbl><w:tr>{'<w:tc><w:p/></w:tc>' * 300_000}</w:tr></w:tbl>"), None
    yield "long.docx", lambda: word(paragraph("文" * 3_000_000)), Code.TOO_LARGE
    attributes = "<w:p " + " ".join(f"a{n}=''" for n in range(200_000)) + "/>"
    yield "attributes.docx", lambda: word(attributes), None
    span = f"<w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr>{paragraph('文')}"
    yield "span.docx", lambda: word(table([span, span])), None


def zeros(sizes: dict[str, int]) -> bytes:
    """A zip file of parts that are so many zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, size in sizes.items():
            with package.open(name, "w") as part:
                for _ in range(size // MB):
                    part.write(bytes(MB))
    return file.getvalue()


def nested() -> bytes:
    """Zip files in zip files: small, and unpacked to the last without end."""
    content = zeros({"a": 10 * MB})
    for _ in range(4):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
            for number in range(10):
                package.writestr(f"{number}.zip", content)
        content = file.getvalue()
    return content


PAGE = pdf([Line("文", LEFT, 700)])


def packed(piece: bytes, times: int) -> bytes:
    """A PDF of one page, whose content is a piece many times over."""
    packer = zlib.compressobj(6)
    content = b"".join([*(packer.compress(piece) for _ in range(times)), packer.flush()])
    start, end = PAGE.index(b"<< /Length"), PAGE.index(b"endstream")
    head = f"<< /Filter /FlateDecode /Length {len(content)} >>\nstream\n".encode()
    return PAGE[:start] + head + content + b"\n" + PAGE[end:]


def pdf_bombs() -> Iterator[Case]:
    yield "pages.pdf", lambda: pdf(*[[Line("文", LEFT, 700)]] * 1000), Code.TOO_MANY_PAGES
    yield "scanned.pdf", lambda: pdf(*[[]] * 30, picture=True), Code.SCANNED_ONLY
    yield "blank.pdf", lambda: pdf([]), Code.EMPTY
    yield "flate.pdf", lambda: packed(bytes(MB), 700), Code.TOO_MUCH_MEMORY
    yield "slow.pdf", lambda: packed(b"q 1 0 0 1 0 0 cm Q\n" * 10_000, 500), Code.TOO_SLOW
    yield "letters.pdf", lambda: packed(b"BT /F1 9 Tf 9 9 Td <4E00> Tj ET\n" * 10_000, 300), Code.TOO_SLOW
    yield "open.pdf", lambda: packed(b"q " * 10_000, 200), None
    yield "brackets.pdf", lambda: packed(b"[" * 10_000, 100), None
    changes = {
        "loop": (b"/Kids [6 0 R]", b"/Kids [2 0 R]"),
        "count": (b"/Count 1", b"/Count 999999999"),
        "box": (b"[0 0 595.0 842.0]", b"[0 0 1e99 1e-99 ]"),
        "length": (b"/Length ", b"/Length 9999999"),
        "self": (b"/Contents 7 0 R", b"/Contents 6 0 R"),
        "form": (b"/Font << /F1 3 0 R >>", b"/XObject << /F 7 0 R >>"),
        "previous": (b"trailer\n<<", b"trailer\n<< /Prev 9"),
        "locked": (b"/Root", b"/Encrypt 3 0 R /Root"),
        "no-font": (b"/UniGB-UTF16-H", b"/Elsewhere-CMap"),
    }
    for name, (old, new) in changes.items():
        yield f"{name}.pdf", partial(PAGE.replace, old, new), None


def other_bombs() -> Iterator[Case]:
    yield "empty.pdf", lambda: b"", Code.EMPTY
    yield "blank.txt", lambda: b" \n" * 1000, Code.EMPTY
    yield "large.txt", lambda: b"a" * (21 * MB), Code.TOO_LARGE
    yield "long.txt", lambda: b"a" * (3 * MB), Code.TOO_LARGE
    yield "nul.txt", lambda: bytes(1000), Code.NOT_TEXT
    yield "picture.pdf", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), Code.UNKNOWN_FORMAT
    yield "locked.docx", lambda: compound("EncryptedPackage"), Code.ENCRYPTED
    yield "sheet.doc", lambda: compound("Workbook"), Code.UNKNOWN_FORMAT
    yield "sectors.doc", lambda: OLE + b"\xff" * 8000, Code.UNKNOWN_FORMAT
    yield "flags.doc", lambda: compound("WordDocument")[:600], None
    yield "deep.html", lambda: b"<html>" + b"<div>" * 1_000_000 + TEXT.encode(), Code.DAMAGED
    yield "tags.html", lambda: b"<html>" + b"<b><i><u>" * 500_000 + TEXT.encode(), None
    yield "rows.html", lambda: b"<html><table>" + b"<tr><td><table>" * 5_000 + TEXT.encode(), Code.DAMAGED
    yield "comment.html", lambda: b"<html><!--" + b"-" * 5 * MB, None
    yield "class.html", lambda: b"<html><p class='" + b"nav " * MB + b"'>" + TEXT.encode(), None
    yield "entities.html", lambda: b"<!DOCTYPE html [<!ENTITY a 'aa'>]><html>" + b"&a;&amp;&#x4e00;" * 100_000, None


FILES = [*damaged(), *entities(), *word_bombs(), *pdf_bombs(), *other_bombs()]


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 200
    assert len({name for name, _, _ in FILES}) == len(FILES)


@pytest.mark.parametrize(("name", "make", "code"), FILES, ids=[name for name, _, _ in FILES])
def test_it_is_read_or_refused(
    name: str, make: Callable[[], bytes], code: Code | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = make()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = time.monotonic()
    outcome: Reading | UnreadableError
    try:
        outcome = read_bytes(name, raw, LIMITS)
    except UnreadableError as error:
        outcome = error
    assert time.monotonic() - started < LIMITS.seconds + LIMITS.office_seconds + GRACE
    assert list(tmp_path.iterdir()) == []
    if isinstance(outcome, Reading):
        assert code is None, outcome.text[:100]
        assert outcome.text.strip()
        assert SECRET not in outcome.text
        assert all(0 <= block.start < block.end <= len(outcome.text) for block in outcome.blocks)
        outcome.text.encode("utf-8")
    else:
        assert code in {None, outcome.code}
        assert outcome.message[0].islower()
        assert outcome.chinese.endswith("。")


def test_good_files_are_still_read_afterwards() -> None:
    for form, raw in good_files().items():
        if form != "doc":
            assert TEXT in read_bytes(f"a.{form}", raw, LIMITS).text
