"""Kinds of bad bodies, bad headers and bad HTTP, each a Hypothesis strategy of whole requests."""

import gzip
import json
from collections.abc import Callable, Iterable

from hypothesis import strategies as st

from tests.load.attacks import BODIES, Attack, body, draw, literal_body, request

LITERALS = [
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\\u12"', b'"\\x41"', b'"\x00"', b'"\n"', b'"open', b"'text'"),
    *(b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf5\x80\x80\x80"', b'"\xef\xbb\xbf"', b"\xef\xbb\xbf1"),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"0x10", b"9" * 5000, b"1" + b"0" * 400 + b".5", b"01"),
    *(b"", b"[,]", b"{}", b"[]", b"null", b"true", b"// remark\n1", b'{"":{}}', b'"a" "b"', b'"' + b"a" * 9000 + b'"'),
]
TYPES = [
    *(b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/xml"),
    *(b"application/json; charset=utf-16", b"application/json; charset=", b"application/json;q=1, text/plain", b""),
    *(b"application/x-ndjson", b"application/octet-stream", b"*/*", b";;;=", b"\xff\xfe"),
]
LENGTHS = [b"-1", b"+10", b"ten", b"", b"1e3", b"0x10", b"9" * 20, b"1, 2", b" ", b"4000001", b"\xb2"]
SECOND_LENGTHS = [b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: x, chunked"]
CHUNKS = [
    *(b"zz\r\nab\r\n0\r\n\r\n", b"5\r\nab", b"-1\r\nab\r\n", b"f" * 18 + b"\r\nab", b"2\r\nabc\r\n0\r\n\r\n", b"\r\n"),
    *(b"2;x=\x00\r\nab\r\n0\r\n\r\n", b"0\r\nTrailer: a\r\n\r\n", b"2\nab\n0\n\n", b"0" * 20 + b"2\r\n{}\r\n0\r\n\r\n"),
]
STARTS = [
    *(b"GET / HTTP/1.1", b"GET  /  HTTP/1.1", b"get / http/1.1", b"GET /", b"GET /health/ready HTTP/9.9", b"* * *"),
    *(b"TRACE / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"HEAD / HTTP/1.0", b"DELETE /v1/reports HTTP/1.1", b"\x16\x03\x01"),
    *(b"CONNECT 127.0.0.1:1 HTTP/1.1", b"GET http://elsewhere.invalid/x HTTP/1.1", b"PRI * HTTP/2.0\r\n\r\nSM"),
    *(b"GET /%ff%00%2e%2e/%2e%2e/etc HTTP/1.1", b"GET /docs/../../x HTTP/1.1", b"GET /\xff\xfe HTTP/1.1"),
    *(b"GET /v2/models/%00%ff/ready HTTP/1.1", b"GET /v2/models/%E6%B3%95/versions/..%2f/ready HTTP/1.1"),
    *(b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"GET /v1/model?" + b"q=%00&" * 5000 + b" HTTP/1.1"),
]
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"A" * 22
NAMES = [b"Accept", b"Authorization", b"X-Request-ID", b"Expect", b"Host", b"Cookie", b"Content-Encoding", b"Origin"]
MEMBERS = ["sentences", "text", "inputs", "parameters", "id", "outputs", "headings", "__proto__", ""]

paths = st.sampled_from(list(BODIES))
few = st.binary(max_size=60)
header_values = few.map(lambda value: value.replace(b"\r", b"").replace(b"\n", b""))
odd = st.characters(categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Mn", "So"])
texts = st.text(max_size=200) | st.text(odd, max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
pairs = st.lists(st.tuples(st.sampled_from(MEMBERS), values), max_size=4)
encodings = st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "gb18030", "utf-7"])

Strategy = st.SearchStrategy[bytes]


def _bodies(make: Callable[..., bytes], *parts: st.SearchStrategy[object]) -> Strategy:
    """Requests with the bodies that `make` gives for a path and parts."""
    return st.builds(lambda path, *drawn: request(make(path, *drawn), path), paths, *parts)


def _headers(make: Callable[..., Iterable[bytes]], *parts: st.SearchStrategy[object]) -> Strategy:
    """Requests with a good body and the headers that `make` gives."""
    return st.builds(lambda path, *drawn: request(body(path, "x"), path, *make(*drawn)), paths, *parts)


def _replaced(path: str, text: str, place: int, garbage: bytes) -> bytes:
    content = json.dumps(BODIES[path](text), ensure_ascii=False).encode("utf-8", "surrogatepass")
    place %= len(content) + 1
    return content[:place] + garbage + content[place + len(garbage) :]


def _members(_: str, members: list[tuple[str, object]]) -> bytes:
    """An object whose members may repeat."""
    return ("{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}").encode()


def _compressed(path: str, content: bytes, name: bytes) -> bytes:
    return request(gzip.compress(content, 1, mtime=0), path, b"Content-Encoding: " + name)


def _chunked(path: str, chunks: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + chunks


def _encoded(path: str, text: str, encoding: str) -> bytes:
    return json.dumps(BODIES[path](text), ensure_ascii=False).encode(encoding, "replace")


lengths = st.sampled_from(LENGTHS) | st.integers(0, 60).map(lambda length: str(length).encode())

KINDS: dict[str, Strategy] = {
    "random bytes": _bodies(lambda _, content: content, st.binary(max_size=500)),
    "bad literals": _bodies(literal_body, st.sampled_from(LITERALS)),
    "odd texts": _bodies(body, texts),
    "broken bodies": _bodies(_replaced, texts, st.integers(0, 999), st.binary(max_size=3)),
    "other JSON": _bodies(lambda _, value: json.dumps(value).encode(), values),
    "odd members": _bodies(_members, pairs),
    "other encodings": _bodies(_encoded, texts, encodings),
    "nested": _bodies(
        lambda path, depth, mark: literal_body(path, mark * depth),
        st.integers(1, 5000),
        st.sampled_from([b"[", b'{"a":', b"[{"]),
    ),
    "content types": _headers(lambda name: [b"Content-Type: " + name], st.sampled_from(TYPES) | header_values),
    "compressed": st.builds(_compressed, paths, few, st.sampled_from([b"gzip", b"br", b"identity, gzip", b"x"])),
    "odd headers": _headers(lambda name, value: [name + b": " + value], st.sampled_from(NAMES), header_values),
    "huge headers": _headers(
        lambda size, count: [b"X-A: " + b"a" * size] * count, st.integers(1, 2000), st.integers(1, 200)
    ),
    "two lengths": _headers(lambda second: [second], st.sampled_from(SECOND_LENGTHS)),
    "false lengths": st.builds(lambda path, length: request(body(path, "x"), path, length=length), paths, lengths),
    "chunked garbage": st.builds(_chunked, paths, st.sampled_from(CHUNKS) | few),
    "invalid HTTP": st.builds(
        lambda start, rest: start + b"\r\n" + rest + b"\r\n\r\n",
        st.sampled_from(STARTS) | st.binary(min_size=1, max_size=60),
        st.sampled_from([b"Host: x", b"", WEBSOCKET]) | few,
    ),
    "several at once": st.builds(
        lambda contents: b"".join(request(content, "/v1/sentences") for content in contents), st.lists(few, min_size=2)
    ),
}


def requests(count: int, number: int) -> list[Attack]:
    """So many requests, of every kind as many as of the others."""
    each = -(-count // len(KINDS))
    made = [[Attack(kind, (content,)) for content in draw(how, each, number)] for kind, how in KINDS.items()]
    return [attack for row in zip(*made, strict=True) for attack in row][:count]
