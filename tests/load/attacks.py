"""Hostile requests as the very bytes that are sent, drawn by Hypothesis from seeds that are always the same."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")

PATIENT, CLOSE, RESET = "waits for an answer", "closes", "resets"
BODIES: dict[str, Callable[[str], object]] = {
    "/v1/sentences": lambda text: {"sentences": [text]},
    "/v1/reports": lambda text: {"text": text},
    "/predict": lambda text: {"inputs": text},
    "/v2/models/fazhi/infer": lambda text: {
        "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}]
    },
}


@dataclass(frozen=True, slots=True)
class Attack:
    """Bytes to send, a pause (s) after each part, and what the client does when all are sent."""

    kind: str
    parts: tuple[bytes, ...]
    pause: float = 0.0
    ending: str = PATIENT

    @property
    def bodiless(self) -> bool:
        """Whether the answer, by its request, has a head only."""
        return self.parts[0].startswith(b"HEAD ")


def draw(strategy: st.SearchStrategy[Drawn], count: int, number: int) -> list[Drawn]:
    """So many examples; seed after seed, because Hypothesis stops early where it finds few new ones."""
    drawn: list[Drawn] = []
    while len(drawn) < count:

        @seed(number)
        @settings(
            max_examples=max(10, count - len(drawn)),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def keep(example: Drawn) -> None:
            drawn.append(example)

        keep()
        number += 1
    return drawn[:count]


def request(body: bytes, path: str, *headers: bytes, length: bytes | None = None) -> bytes:
    """A POST with whatever body and headers; its length is true unless another is given."""
    size = str(len(body)).encode() if length is None else length
    lines = [b"POST " + path.encode() + b" HTTP/1.1", b"Host: 127.0.0.1", b"Content-Length: " + size]
    if not any(header.lower().startswith(b"content-type:") for header in headers):
        lines.append(b"Content-Type: application/json")
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def body(path: str, text: str) -> bytes:
    """What the path takes, with this text."""
    return json.dumps(BODIES[path](text)).encode("ascii")


def literal_body(path: str, literal: bytes) -> bytes:
    """What the path takes, with any bytes in the place of the text and its quotes."""
    return body(path, "@").replace(b'"@"', literal)


HEAVY: dict[str, Callable[[str], bytes]] = {
    "nested 100,000 deep": lambda path: literal_body(path, b"[" * 100_000 + b"]" * 100_000),
    "a million spaces": lambda path: literal_body(path, b'"' + b" " * 1_000_000 + b'"'),
    "a line of 200,000 characters": lambda path: literal_body(path, b'"' + "法".encode() * 200_000 + b'"'),
    "4 MB and a byte": lambda _: b" " * 4_000_001,
    "100,000 empty sentences": lambda _: b'{"sentences":[' + b'"",' * 100_000 + b'""]}',
    "100,000 members": lambda _: b"{" + b'"a":1,' * 100_000 + b'"a":1}',
}


def heavy(each: int) -> list[Attack]:
    """Big ones, of which the service cannot be asked thousands."""
    paths = list(BODIES)
    return [
        Attack(kind, (request(make(path), path),))
        for number in range(each)
        for path in [paths[number % len(paths)]]
        for kind, make in HEAVY.items()
    ]


def disconnects(count: int, number: int) -> list[Attack]:
    """Clients that leave after the head, in the middle of the body, or before the answer."""
    whole = request(body("/v1/reports", "办理行政复议案件12件。\n" * 30), "/v1/reports")
    head = whole.index(b"\r\n\r\n") + 4
    places = st.sampled_from([1, head // 2, head, len(whole)]) | st.integers(1, len(whole))
    pauses = st.sampled_from([0.0, 0.0, 0.02, 0.2])
    endings = st.sampled_from([CLOSE, RESET])
    how = st.builds(lambda place, *rest: Attack("early disconnects", (whole[:place],), *rest), places, pauses, endings)
    return draw(how, count, number)


def slow(count: int, number: int) -> list[Attack]:
    """Clients that send a byte now and then, from somewhere in the head or body on."""
    whole = request(body("/v1/sentences", "slow"), "/v1/sentences")

    def drip(place: int, pause: float) -> Attack:
        return Attack("slow senders", (whole[:place], *(bytes([byte]) for byte in whole[place:])), pause)

    return draw(st.builds(drip, st.integers(1, len(whole) - 25), st.floats(0.2, 0.5)), count, number)
