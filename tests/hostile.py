"""Damaged files and files of the wrong kind, each with the refusals that are right for it, made when asked for."""

import copy
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from lxml import etree

from fazhi.data.readers import Code
from tests.papers import OLE, WORD, compound, numbered, paragraph, pdf, print_text, style, table, word

TEXT = "办理行政复议案件12件，审结11件；组织“宪法宣传周”活动36场次。"
MB = 2**20


@dataclass(frozen=True)
class Case:
    """A file, and the codes it may be refused with: none for one that must be read, "*" for any code or none."""

    name: str
    make: Callable[[], bytes]
    codes: str = "*"

    def allows(self, code: Code | None) -> bool:
        return self.codes == "*" or (code in self.codes.split() if code else not self.codes)


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
    }


def zipped(parts: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return file.getvalue()


def cut(raw: bytes, part: int) -> bytes:
    return raw[: len(raw) * part // 13]


def flip(raw: bytes, bits: int) -> bytes:
    chance, broken = random.Random(bits), bytearray(raw)
    for _ in range(bits):
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return bytes(broken)


def noise(beginning: bytes, length: int) -> bytes:
    return beginning + random.Random(length).randbytes(length)


def mangled(times: int) -> bytes:
    """A sound package of sound XML whose elements were dropped, doubled and set elsewhere."""
    chance = random.Random(times)
    body = "".join(numbered(TEXT, 1, index % 4) for index in range(20)) + table(["项目", table(["数", "量"])])
    levels = "".join(f'<w:lvl w:ilvl="{n}"><w:lvlText w:val="%{n + 1}、"/></w:lvl>' for n in range(4))
    lists = f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
    lists += '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>' + style("x", more='<w:basedOn w:val="1"/>')
    tree = etree.fromstring(f"<w:body xmlns:w='{WORD}'>{body}{lists}</w:body>")
    for _ in range(times):
        moved, place = (chance.choice(list(tree.iter())) for _ in range(2))
        if moved is not tree and chance.random() < 0.5:
            moved.getparent().remove(moved)
        elif moved not in place.iterancestors():
            place.insert(chance.randrange(len(place) + 1), copy.deepcopy(moved))
    mixed = "".join(etree.tostring(child, encoding="unicode") for child in tree)
    return word(mixed, numbering=mixed, styles=mixed)


def damaged() -> Iterator[Case]:
    for form, raw in good_files().items():
        for part in range(1, 13):
            codes = {"docx": "damaged", "pdf": "damaged", "html": "", "txt": "*"}[form]
            yield Case(f"cut-{part}.{form}", partial(cut, raw, part), codes)
        for bits in range(1, 41, 3):
            yield Case(f"flipped-{bits}.{form}", partial(flip, raw, bits))
        for other in ("docx", "pdf", "doc", "txt"):
            yield Case(f"really-{form}.{other}", partial(bytes, raw), "")
    for times in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
        yield Case(f"mangled-{times}.docx", partial(mangled, times))
    for number, beginning in enumerate((b"", b"PK\x03\x04", b"%PDF-1.7\n", OLE, b"<html>", b"\x00", b"\xff\xfe")):
        for length in (100, 1000, 10_000):
            name = f"noise-{number}-{length}.docx"
            yield Case(name, partial(noise, beginning, length), "not-text damaged unknown-format")


KINDS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "tiff": b"II*\x00",
    "rar": b"Rar!\x1a\x07\x00",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "gzip": b"\x1f\x8b\x08",
    "elf": b"\x7fELF\x02",
    "exe": b"MZ\x90\x00",
    "mht": b"MIME-Version: 1.0\r\n",
    "xml": b"<?xml version='1.0'?><a/>",
}


def other_kinds() -> Iterator[Case]:
    for kind, magic in KINDS.items():
        yield Case(f"really-{kind}.docx", partial(noise, magic, 300), "unknown-format")
    for name in ("xl/workbook.xml", "ppt/presentation.xml", "content.xml", "OFD.xml", "a/b.txt"):
        yield Case(f"{name.replace('/', '-')}.docx", partial(zipped, {name: b"<a/>"}), "unknown-format")
    for stream in ("Workbook", "PowerPoint Document", "Contents"):
        yield Case(f"{stream}.doc", partial(compound, stream), "unknown-format")
    yield Case("locked.docx", partial(compound, "EncryptedPackage"), "encrypted")
    yield Case("locked.doc", partial(compound, "WordDocument", 0x0100), "encrypted")
    yield Case("sectors.doc", lambda: OLE + b"\xff" * 8000, "damaged")


def entities() -> Iterator[Case]:
    laughs = "".join(f"<!ENTITY l{n} '" + f"&l{n - 1};" * 10 + "'>" for n in range(1, 12))
    heads = {
        "laughs": (f"<!DOCTYPE d [<!ENTITY l0 '哈哈'>{laughs}]>", "&l11;"),
        "external": ("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", "&x;"),
        "parameter": ("<!DOCTYPE d [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]>", TEXT),
        "remote": ("<!DOCTYPE d SYSTEM 'http://127.0.0.1:9/d.dtd'>", "文"),
        "quadratic": ("<!DOCTYPE d [<!ENTITY q '" + "q" * 100_000 + "'>]>", "&q;" * 20_000),
    }
    for name, (head, used) in heads.items():
        part = f"{head}<w:document xmlns:w='{WORD}'><w:body>{paragraph(used)}</w:body></w:document>"
        for place in ("document", "styles", "numbering"):
            parts = {f"word/{place}.xml": part}
            yield Case(f"{name}-{place}.docx", partial(word, paragraph(TEXT), parts=parts), "damaged")
        yield Case(f"{name}.html", partial(f"{head}<html><body><p>{TEXT}{used}".encode), "")
    hidden = f"<?xml version='1.0' encoding='utf-16'?>{part}".encode("utf-16")
    yield Case("hidden.docx", lambda: zipped({"word/document.xml": hidden}), "damaged")
