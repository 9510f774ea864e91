"""Files that are none and forms that are broken, as requests to /v1/documents."""

import hashlib
import io
import zipfile
from functools import cache
from urllib.parse import quote

from hypothesis import strategies as st

from tests.load.attacks import CLOSE, RESET, Attack, draw, request

PATH = "/v1/documents"
FORM = b"Content-Type: multipart/form-data; boundary=edge"
BYTES = b"Content-Type: application/octet-stream"
WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>%s</w:body></w:document>'
LINE = "<w:p><w:r><w:t>办理行政复议案件12件。</w:t></w:r></w:p>"
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>',
    "word/document.xml": WORD % (LINE * 40),
}
KEPT_TEXT = "云溪县2022年法治政府建设情况报告\n一、主要工作\n组织会前学法4次。\n"
KEPT = hashlib.sha256(KEPT_TEXT.encode("utf-8")).hexdigest()  # sent before the attacks begin
BEGINNINGS = [
    b"PK\x03\x04",
    b"%PDF-1.7\n",
    b"<html><body>",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\xff\xfe",
    b"GIF8",
    b"",
]
HEADS = [
    *(b'form-data; name="file"; filename="a.txt"', b'form-data; name="file"', b'form-data; filename="a"', b"form-data"),
    *(
        b'form-data; name="other"; filename="a"',
        b"form-data; name=\"file\"; filename*=UTF-8''%E6%8A%A5.txt",
        b"\xff",
        b"",
    ),
    *(b'form-data; name="file"; filename="../../' + b"x" * 300 + b'"', b'form-data; name="' + b"n" * 9000 + b'"'),
    *(b'form-data; name="file"; filename="\xb1\xa8.txt"', b'attachment; name="file"; filename="a\\"\\\\.txt"'),
]
ENDS = [b"\r\n--edge--\r\n", b"\r\n--edge\r\n", b"\r\n--edge-", b"", b"\r\n--edge--" + b"x" * 100]


@cache
def word_file() -> bytes:
    """A Word file that holds what it must."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in PARTS.items():
            package.writestr(name, content)
    return file.getvalue()


def _broken(place: int, garbage: bytes, cut: bool) -> bytes:
    whole = word_file()
    place %= len(whole)
    return whole[:place] + garbage + (b"" if cut else whole[place + len(garbage) :])


def _form(parts: list[tuple[bytes, bytes]], end: bytes) -> bytes:
    lines = [b"--edge\r\nContent-Disposition: " + head + b"\r\n\r\n" + content for head, content in parts]
    return request(b"\r\n".join(lines) + end, PATH, FORM)


def _file(name: str, content: bytes) -> bytes:
    return request(content, f"{PATH}?name={quote(name, safe='', errors='replace')}", BYTES)


def kept() -> bytes:
    """The request that has a document kept."""
    return _file("a.txt", KEPT_TEXT.encode("utf-8"))


few = st.binary(max_size=80)
names = st.sampled_from(["报告.docx", "a.pdf", "a.doc", "../a.html", "", "\0", "a" * 400]) | st.text(max_size=20)
files = st.builds(lambda beginning, rest: beginning + rest, st.sampled_from(BEGINNINGS), st.binary(max_size=400))
broken = st.builds(_broken, st.integers(0, 4000), few, st.booleans())
parts = st.lists(st.tuples(st.sampled_from(HEADS) | few, few | st.sampled_from(["一句。".encode()])), max_size=3)
KINDS = {
    "files that are none": st.builds(_file, names, files),
    "broken Word files": st.builds(_file, names, broken),
    "broken forms": st.builds(_form, parts, st.sampled_from(ENDS)),
}


def uploads(count: int, number: int) -> list[Attack]:
    """So many, of every kind as many; a fourth of them by clients that leave while the file is sent or read."""
    each = -(-count // (len(KINDS) + 1))
    made = [[Attack(kind, (content,)) for content in draw(how, each, number)] for kind, how in KINDS.items()]
    whole = _file("报告.docx", word_file())
    places = st.integers(1, len(whole)) | st.just(len(whole))
    leaving = st.builds(
        lambda place, pause, ending: Attack("left while reading", (whole[:place],), pause, ending),
        places,
        st.sampled_from([0.0, 0.02, 0.2]),
        st.sampled_from([CLOSE, RESET]),
    )
    return [attack for row in zip(*made, draw(leaving, each, number), strict=True) for attack in row][:count]
