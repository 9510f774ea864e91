"""Speed of the service beside that of the engine alone and of a plain pipeline server; what overload does to it."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from fazhi.model.engine import cores
from tests.load.plan import DEADLINE, PATIENCE, Plan
from tests.load.report import Part, milliseconds, tail
from tests.load.service import Program, StuckError, free_port, run_child, serving
from tests.load.wrk import MISSING, Wrk, WrkError, is_installed

PATH = "/v1/sentences"
PIPELINE_WAYS = ("/blocking", "/threaded")
LEAST_OF_ENGINE = {"sentences": 0.70, "reports": 0.80}
LEAST_OF_PIPELINE = 5.0
MOST_SPREAD = 4.0
LEAST_OF_CAPACITY = 0.90


def sentences(plan: Plan, part: Part) -> None:
    """Many callers with a sentence each, against the engine and against a plain pipeline server."""
    if not is_installed():
        part.speed("load generator", MISSING, "wrk", False)
        return
    caller = Wrk(plan.sentences, plan.folder, plan.scale.callers)
    engine = Engine(plan, {"bare": True, "texts": plan.sentences})
    engine.measure(plan.scale.rounds)
    with serving(plan, part) as program:
        heard = caller.load(f"http://127.0.0.1:{program.port}{PATH}", plan.scale.lead, plan.scale.seconds)
    engine.measure(1)
    pipeline = _pipeline(plan, part, caller)
    part.told(f"service, {plan.scale.callers} callers", f"{heard.rate:.1f} sentences/s")
    engine.compare(part, heard.rate)
    times = heard.rate / pipeline
    asked = f">= {LEAST_OF_PIPELINE:g} times"
    part.speed("service / the better pipeline server", f"{times:.2f} times", asked, times >= LEAST_OF_PIPELINE)
    spread = heard.p99 / heard.p50
    part.told("p50, p99", f"{milliseconds(heard.p50)}, {milliseconds(heard.p99)}")
    part.speed("p99 / p50", f"{spread:.2f}", f"<= {MOST_SPREAD:g}", spread <= MOST_SPREAD)
    part.none("requests without a 200", heard.failures)


def reports(plan: Plan, part: Part) -> None:
    """Some callers with whole reports, against the engine on the same reports."""
    engine = Engine(plan, {"bare": False, "texts": plan.texts})
    engine.measure(plan.scale.rounds)
    callers, rounds = plan.scale.report_callers, plan.scale.report_rounds
    order = {"path": "/v1/reports", "contents": [{"text": text} for text in plan.texts], "callers": callers, "lead": 0}
    with serving(plan, part) as program:
        _client(plan, program, {**order, "rounds": 1})
        heard = _client(plan, program, {**order, "rounds": rounds})
    engine.measure(1)
    speed = heard["rate"] * sum(plan.units) / len(plan.texts)
    part.told(f"service, {callers} callers, each report {rounds} times", f"{speed:.1f} units/s")
    engine.compare(part, speed)
    part.told("p50, longest", f"{milliseconds(heard['p50'])}, {milliseconds(heard['longest'])}")
    part.none("requests without a 200", len(heard["failures"]))


def overload(plan: Plan, part: Part) -> None:
    """Twice the capacity, offered whatever becomes of it."""
    contents = [{"sentences": [sentence]} for sentence in plan.sentences]
    order = {"path": PATH, "contents": contents, "patience": PATIENCE, "connections": plan.scale.connections}
    seconds = plan.scale.overload_seconds
    with serving(plan, part) as program:
        capacity = _capacity(plan, part, program)
        rate = min(2 * capacity, plan.scale.most_rate)
        order |= {"port": program.port, "rate": rate, "seconds": seconds}
        heard = run_child("tests.load.openloop", order, plan.folder / "openloop.log", seconds + PATIENCE + 60)
    outcomes: dict[str, int] = heard["outcomes"]
    part.told("offered", f"{rate:.1f} sentences/s for {seconds} s")
    part.told("outcomes", ", ".join(f"{name}: {count}" for name, count in sorted(outcomes.items())))
    wrong = sum(count for name, count in outcomes.items() if name not in ("200", "429", "503"))
    part.none("requests that ended in another way than 200, 429 or 503", wrong)
    share = heard["accepted_in_time"] / seconds / capacity
    part.speed("accepted / capacity", f"{share:.1%}", f">= {LEAST_OF_CAPACITY:.0%}", share >= LEAST_OF_CAPACITY)
    p50, p99, longest = heard["accepted"]
    part.told("accepted: p50, longest", f"{milliseconds(p50)}, {milliseconds(longest)}")
    part.must("accepted: p99", milliseconds(p99), f"<= {DEADLINE} s", p99 <= DEADLINE)
    part.told("rejected: p50, p99", ", ".join(map(milliseconds, heard["rejected"])))
    part.told("generator: most connections, longest lag", f"{heard['connections']}, {milliseconds(heard['lag'])}")


class Engine:
    """The engine's own speed on the same texts, best of all rounds, in an otherwise idle process."""

    def __init__(self, plan: Plan, order: Mapping[str, Any]) -> None:
        self._order = {**order, "model": str(plan.model.resolve())}
        self._log = plan.folder / "engine.log"
        self._best: dict[str, float] = {}

    def measure(self, rounds: int) -> None:
        """So many rounds more."""
        speeds = run_child("tests.load.engine", {**self._order, "rounds": rounds}, self._log, 600)
        self._best = {tokens: max(speed, self._best.get(tokens, 0.0)) for tokens, speed in speeds.items()}

    def compare(self, part: Part, speed: float) -> None:
        """Tell the engine's speed, and which share of it the service has."""
        best = max(self._best.values())
        for tokens, found in self._best.items():
            part.told(f"engine alone, {cores()} at once, batches of {tokens} pieces", f"{found:.1f} units/s")
        least = LEAST_OF_ENGINE[part.name]
        part.speed("service / engine", f"{speed / best:.1%}", f">= {least:.0%}", speed / best >= least)


def _pipeline(plan: Plan, part: Part, caller: Wrk) -> float:
    """Sentences a second of a plain pipeline server, written in the better of two ways."""
    port, log = free_port(), plan.folder / "pipeline.log"
    command = [sys.executable, "-m", "tests.load.pipeline_server", str(plan.model.resolve()), str(port)]
    part.logs.append(log)
    program = Program(command, os.environ, port, log)
    speeds = []
    try:
        program.wait_ready("/health")
        for way in PIPELINE_WAYS:
            name = f"pipeline server, {way.removeprefix('/')} calls"
            try:
                heard = caller.load(f"http://127.0.0.1:{port}{way}", plan.scale.lead, plan.scale.pipeline_seconds)
            except WrkError:
                part.told(name, "no answer")
                continue
            failures = f", {heard.failures} failures" if heard.failures else ""
            part.told(name, f"{heard.rate:.1f} sentences/s{failures}")
            speeds.append(heard.rate)
    finally:
        program.terminate()
    if not speeds:
        raise StuckError(f"the pipeline server answered nothing:\n{tail(log)}")
    return max(speeds)


def _capacity(plan: Plan, part: Part, program: Program) -> float:
    """What closed-loop callers get: sentences a second."""
    callers, seconds = plan.scale.callers, plan.scale.pipeline_seconds
    if is_installed():
        url = f"http://127.0.0.1:{program.port}{PATH}"
        rate = Wrk(plan.sentences, plan.folder, callers).load(url, plan.scale.lead, seconds).rate
    else:
        contents = [{"sentences": [sentence]} for sentence in plan.sentences]
        order = {"path": PATH, "contents": contents, "callers": callers, "lead": plan.scale.lead, "seconds": seconds}
        rate = _client(plan, program, order)["rate"]
    part.told(f"capacity: {callers} callers, {seconds} s, {'wrk' if is_installed() else 'own client'}", f"{rate:.1f}/s")
    return rate


def _client(plan: Plan, program: Program, order: Mapping[str, Any]) -> Any:
    """Closed-loop callers in a process of their own."""
    return run_child("tests.load.client", {**order, "port": program.port}, plan.folder / "client.log", 10 * PATIENCE)
