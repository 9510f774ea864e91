"""Reloads and ends under load, and the start: no request may be lost, whatever the service goes through."""

import asyncio
import os
import random
import re
import shutil
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from fazhi.model.checkpoint import version, write_sums
from tests.load.client import ANSWERED, REFUSED, UNREAD, Answer, Callers, Sample, post
from tests.load.plan import Plan
from tests.load.report import Part, counted
from tests.load.service import DRAIN, MOST_MEMORY, Program, fetch, serving, spawn

CALLERS = 16
PAUSE = 0.5  # seconds of load between two reloads
MOST_START = 3.0  # seconds
LINKED = 1_000_000  # bytes from which on a model's file is linked, not copied
_VERSION = re.compile(rb'"version"\s*:\s*"(\w+)"')


def reloads(plan: Plan, part: Part) -> None:
    """Swap two models back and forth under load."""
    folders = [copy_model(plan.model, plan.folder / name) for name in ("one", "two")]
    current = plan.folder / "current"
    point(current, folders[0])
    with serving(plan, part, model=current) as program:
        asyncio.run(_reload(plan, part, program, folders))


async def _reload(plan: Plan, part: Part, program: Program, folders: list[Path]) -> None:
    statuses: list[object] = []
    calls: list[tuple[float, float, str]] = []
    load = Callers(program.port, _requests(plan), CALLERS)
    load.note = _version_of
    async with load:
        for number in range(1, plan.scale.reloads + 1):
            await asyncio.sleep(PAUSE)
            folder = folders[number % 2]
            point(plan.folder / "current", folder)
            begin = time.monotonic()
            status, body = await asyncio.to_thread(fetch, program.port, "POST", "/admin/reload")
            calls.append((begin, time.monotonic(), version(folder)))
            statuses.append(status if version(folder).encode() in body else f"{status} without the new version")
        await asyncio.sleep(PAUSE)
    failed = [f"{sample.how} {sample.status}" for sample in load.samples if sample.status != 200]
    part.must("reloads", counted(statuses), f"200: {plan.scale.reloads}", statuses == [200] * plan.scale.reloads)
    part.told("requests answered meanwhile", str(len(load.samples)))
    part.must("failed requests", counted(failed), "none", not failed)
    seen = {sample.note for sample in load.samples if sample.status == 200}
    expected = {version(folder) for folder in folders}
    part.must("versions in the answers", str(len(seen)), str(len(expected)), seen == expected)
    between, old = _between(load.samples, calls)
    part.told("requests sent and answered between two reloads", str(between))
    part.none("of these, answered by another model than the last loaded", old)
    seconds = [end - begin for begin, end, _ in calls]
    part.told("seconds a reload, median and most", f"{statistics.median(seconds):.1f}, {max(seconds):.1f}")


def _between(samples: list[Sample], calls: list[tuple[float, float, str]]) -> tuple[int, int]:
    """Of the requests that no reload overlapped: how many there are, and how many another version answered."""
    starts = [begin for begin, _, _ in calls[1:]] + [float("inf")]
    notes = [
        (sample.note, name)
        for (_, loaded, name), following in zip(calls, starts, strict=True)
        for sample in samples
        if loaded < sample.begin and sample.end < following
    ]
    return len(notes), sum(note != name for note, name in notes)


@dataclass(slots=True)
class Ending:
    """What the callers of one ended service saw, and how it ended."""

    samples: list[Sample] = field(default_factory=list)
    signal: float = 0.0
    seconds: float = 0.0
    code: int | None = None

    def unread(self) -> int:
        """Requests that were sent after the signal and came back unread: their connection had been closed."""
        return sum(sample.how == UNREAD and sample.begin > self.signal for sample in self.samples)

    def lost(self) -> list[str]:
        """Accepted requests that got no proper answer."""
        return [
            f"{sample.how} {sample.status}, sent {sample.begin - self.signal:+.3f} s from the signal"
            for sample in self.samples
            if sample.how != REFUSED
            and not (sample.how == ANSWERED and sample.status in (200, 429, 503))
            and not (sample.how == UNREAD and sample.begin > self.signal)
        ]


def terms(plan: Plan, part: Part) -> None:
    """SIGTERM under load, again and again."""
    chance = random.Random(7)
    endings = []
    for _ in range(plan.scale.terms):
        program = spawn(plan, part)
        try:
            program.wait_ready("/health/ready")
            endings.append(asyncio.run(_end(plan, program, chance.uniform(0.3, 1.3))))
        finally:
            if program.process.poll() is None:
                program.terminate()
    samples = [sample for ending in endings for sample in ending.samples]
    lost = [line for ending in endings for line in ending.lost()]
    after = [s.status for e in endings for s in e.samples if s.how == ANSWERED and s.end > e.signal]
    codes = [ending.code for ending in endings]
    longest = max(ending.seconds for ending in endings)
    part.told("answered", counted([sample.status for sample in samples if sample.how == ANSWERED]))
    part.told("of these, after the signal", counted(after))
    part.must("accepted requests without a whole answer", str(len(lost)), "0", not lost)
    part.told("not accepted: connection closed while idle", str(sum(ending.unread() for ending in endings)))
    part.told("not accepted: connection refused", str(sum(sample.how == REFUSED for sample in samples)))
    part.must("exit codes", counted(codes), f"0: {plan.scale.terms}", not any(codes) and None not in codes)
    part.must("longest end", f"{longest:.1f} s", f"<= {DRAIN} s", longest <= DRAIN)
    part.none("errors in the log", program.errors())
    part.notes += [f"- {line}" for line in lost[:10]]


async def _end(plan: Plan, program: Program, delay: float) -> Ending:
    ending = Ending()
    async with Callers(program.port, _requests(plan), CALLERS) as load:
        await asyncio.sleep(delay)
        ending.signal = time.monotonic()
        ending.seconds = await asyncio.to_thread(program.terminate)
        ending.code = program.code
    ending.samples = load.samples
    return ending


def start(plan: Plan, part: Part) -> None:
    """From the process' start to its readiness."""
    taken, memory = [], 0.0
    for _ in range(plan.scale.starts):
        program = spawn(plan, part)
        try:
            taken.append(program.wait_ready("/health/ready"))
            memory = program.resident()
        finally:
            program.terminate()
    median = statistics.median(taken)
    part.told("starts", ", ".join(f"{seconds:.2f} s" for seconds in taken))
    part.speed("median start", f"{median:.2f} s", f"<= {MOST_START:g} s", median <= MOST_START)
    part.must("resident memory, ready", f"{memory:.0f} MB", f"<= {MOST_MEMORY} MB", memory <= MOST_MEMORY)


def copy_model(source: Path, folder: Path) -> Path:
    """A model folder with another version, its big files linked where that can be."""
    folder.mkdir()
    for file in source.iterdir():
        try:
            if file.stat().st_size < LINKED:
                raise OSError("small")
            os.link(file.resolve(), folder / file.name)
        except OSError:
            shutil.copyfile(file, folder / file.name)
    (folder / "copy.txt").write_text(f"Copy {folder.name} of the load test.\n", encoding="utf-8")
    write_sums(folder)
    return folder


def point(link: Path, folder: Path) -> None:
    """Make a symbolic link point to a folder, at once."""
    fresh = link.with_suffix(".fresh")
    fresh.symlink_to(folder)
    fresh.replace(link)


def _requests(plan: Plan) -> list[bytes]:
    return [post("/v1/sentences", {"sentences": [sentence]}) for sentence in plan.sentences]


def _version_of(answer: Answer) -> str:
    found = _VERSION.search(answer.body)
    return found[1].decode() if found else ""
