"""The load test: every figure that is asked of the service, measured on this machine, as one report in Markdown.

Runs the service in a process of its own on loopback and loads it from others. Ends with 1 if anything failed. The
figures are to be read as ratios: all of a part are of one run on one machine.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from fazhi.data.corpus import read_corpus
from fazhi.model.engine import cores
from tests.load.hostile import hostile
from tests.load.lifecycle import reloads, start, terms
from tests.load.plan import FULL, QUICK, Plan
from tests.load.report import Part
from tests.load.throughput import overload, reports, sentences

PARTS = {
    "start": start,
    "sentences": sentences,
    "reports": reports,
    "overload": overload,
    "hostile": hostile,
    "reloads": reloads,
    "terms": terms,
}


def main() -> int:
    """Run the parts in order and print the report."""
    options = _parser().parse_args()
    scale = QUICK if options.quick else FULL
    texts = tuple(document.text for document in read_corpus(options.data / "seeds"))
    print(_head(sys.argv[1:]), flush=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="fazhi-load-") as folder:
        plan = Plan(options.model.resolve(), options.data, Path(folder), scale, texts)
        for name in options.only or PARTS:
            part = _run(plan, name)
            print(f"\n{part.markdown()}", flush=True)
            failed += [name] * part.failed
    print(f"\n{'Failed: ' + ', '.join(failed) if failed else 'Nothing failed.'}")
    return int(bool(failed))


def _run(plan: Plan, name: str) -> Part:
    """One part; whatever stops it is a failure of its own."""
    part = Part(name, plan.scale.judges_speed)
    begin = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        PARTS[name](plan, part)
    except Exception as error:
        traceback.print_exc()
        part.must("ran to its end", type(error).__name__, "yes", False)
        part.notes.append(f"```\n{error}\n```")
    part.told("taken", f"{time.monotonic() - begin:.0f} s")
    return part


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("artifacts/model"), help="folder of the trained model")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds seeds/")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small numbers, speed not judged: a test of the test")
    return parser


def _head(arguments: list[str]) -> str:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    command = " ".join(["python -m tests.load", *arguments])
    lines = ["# Load test", "", f"- command: `{command}`", f"- CPU: {model}, {cores()} cores"]
    lines.append(f"- busy before it began (load average of a minute): {os.getloadavg()[0]:.1f}")
    return "\n".join([*lines, f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"])


if __name__ == "__main__":
    sys.exit(main())
