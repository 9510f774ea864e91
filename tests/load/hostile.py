"""Thousands of hostile requests: none may be answered 500, none may hang, none may leave anything behind."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.load import attacks, garbage, openapi, uploads
from tests.load.attacks import CLOSE, PATIENT, Attack
from tests.load.client import Connection, CutError, post
from tests.load.plan import PATIENCE, Plan
from tests.load.report import Part
from tests.load.service import Program, fetch, serving

AT_ONCE, SLOW_AT_ONCE = 32, 50
BODY_SECONDS = 2
MOST_GROWTH = 0.10
REST = 3.0  # seconds without load before memory is read
SMOKE = {"sentences": ["全年办理行政复议案件12件。"]}
HUNG, CLOSED, LEFT = "hung", "closed", "left"


def hostile(plan: Plan, part: Part) -> None:
    """Warm up, remember the memory, attack, look again."""
    database = f"sqlite:///{plan.folder / 'hostile.db'}"
    with serving(plan, part, body_seconds=BODY_SECONDS, database=database) as program:
        status, page = fetch(program.port, "GET", "/openapi.json")
        assert status == 200, f"/openapi.json answered {status}"
        begin = time.monotonic()
        first, slow_first = _made(plan, json.loads(page), share=0.03, number=1)
        quick, slow = _made(plan, json.loads(page), share=1.0, number=1000)
        part.told("requests made in", f"{time.monotonic() - begin:.0f} s")
        memory = [program.resident()]
        asyncio.run(_warm_up(plan, program))
        memory.append(program.resident())
        asyncio.run(_attack_all(program.port, first, slow_first))
        time.sleep(REST)
        before, files = program.resident(), program.files()
        told = " MB, ".join(f"{megabytes:.0f}" for megabytes in (*memory, before))
        part.told(f"memory when ready, after ordinary load, after {len(first) + len(slow_first)} hostile", f"{told} MB")
        begin = time.monotonic()
        seen = asyncio.run(_attack_all(program.port, quick, slow))
        part.told("sent in", f"{time.monotonic() - begin:.0f} s")
        _judge(plan, part, seen)
        status, body = fetch(program.port, "POST", "/v1/sentences", SMOKE)
        part.must("smoke request afterwards", str(status), "200", status == 200 and b'"role"' in body)
        time.sleep(REST)
        growth = program.resident() / before - 1
        asked = f"<= {MOST_GROWTH:.0%}"
        part.speed("growth of resident memory", f"{growth:+.1%} from {before:.0f} MB", asked, growth <= MOST_GROWTH)
        part.told("open files before, after", f"{files}, {program.files()}")


def _made(plan: Plan, page: dict[str, Any], share: float, number: int) -> tuple[list[Attack], list[Attack]]:
    """A share of the attacks, but all big ones, the kinds mixed; the slow ones apart."""

    def part_of(count: int) -> int:
        return max(6, round(count * share))

    scale = plan.scale
    slow = attacks.slow(part_of(scale.slow), number)
    others = [
        openapi.cases(page, part_of(scale.from_openapi), number),
        attacks.disconnects(part_of(scale.disconnects), number),
        uploads.uploads(part_of(scale.uploads), number),
        attacks.heavy(scale.heavy),
    ]
    rest = part_of(scale.hostile) - len(slow) - sum(map(len, others))
    others.append(garbage.requests(max(rest, len(garbage.KINDS)), number))
    placed = [(place / len(kind), attack) for kind in others for place, attack in enumerate(kind)]
    return [attack for _, attack in sorted(placed, key=lambda pair: pair[0])], slow


async def _warm_up(plan: Plan, program: Program) -> None:
    """Ordinary requests, reports among them, so that memory has the size that it has in use."""
    requests = [post("/v1/sentences", {"sentences": [sentence]}) for sentence in plan.sentences[: plan.scale.warm_up]]
    requests += [post("/v1/reports", {"text": text}) for text in plan.texts]
    requests.append(uploads.kept())
    await _attack_all(program.port, [Attack("normal", (request,)) for request in requests], [])


async def _attack_all(port: int, quick: Sequence[Attack], slow: Sequence[Attack]) -> list[tuple[Attack, str]]:
    """Every attack with how it ended: a status, or closed, left, hung."""
    seen: list[tuple[Attack, str]] = []

    async def work(waiting: list[Attack]) -> None:
        while waiting:
            attack = waiting.pop()
            seen.append((attack, await _attack(port, attack)))

    first, second = list(reversed(quick)), list(reversed(slow))
    await asyncio.gather(*[work(first) for _ in range(AT_ONCE)], *[work(second) for _ in range(SLOW_AT_ONCE)])
    return seen


async def _attack(port: int, attack: Attack) -> str:
    connection = Connection(port)
    try:
        async with asyncio.timeout(PATIENCE):
            await connection.open()
            answer = asyncio.ensure_future(connection.read(attack.bodiless))
            try:
                await _send(connection, attack, answer)
                return str((await answer).status) if attack.ending == PATIENT else LEFT
            finally:
                answer.cancel()
                await asyncio.gather(answer, return_exceptions=True)
    except CutError:
        return CLOSED
    except TimeoutError:
        return HUNG
    except ConnectionError:
        return "refused"
    finally:
        connection.close(reset=attack.ending != CLOSE and attack.ending != PATIENT)


async def _send(connection: Connection, attack: Attack, answer: "asyncio.Task[Any]") -> None:
    """Send part by part, until the service has answered or closed."""
    for part in attack.parts:
        if answer.done():
            return
        await connection.send(part)
        if attack.pause:
            await asyncio.wait({answer}, timeout=attack.pause)


def _judge(plan: Plan, part: Part, seen: Sequence[tuple[Attack, str]]) -> None:
    kinds: dict[str, Counter[str]] = {}
    for attack, end in seen:
        kinds.setdefault(attack.kind, Counter())[end] += 1
    ends = Counter(end for _, end in seen)
    part.must("hostile requests", str(len(seen)), str(plan.scale.hostile), len(seen) == plan.scale.hostile)
    part.none("answers of 500", ends["500"])
    part.none(f"without an end within {PATIENCE} s", ends[HUNG])
    part.none("connections refused", ends["refused"])
    lines = ["| kind of request | how many | how they ended |", "|---|--:|---|"]
    for kind, found in kinds.items():
        told = ", ".join(f"{end}: {count}" for end, count in found.most_common())
        lines.append(f"| {kind} | {found.total()} | {told} |")
    part.notes.append("\n".join(lines))
