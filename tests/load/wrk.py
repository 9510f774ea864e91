"""Load by wrk (Debian package wrk): closed-loop callers that cost the service little of its cores."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.plan import PATIENCE

MISSING = "wrk is not installed: apt-get install wrk"
SCRIPT = Path(__file__).with_name("wrk.lua")


class WrkError(Exception):
    """wrk that did not run, or heard nothing."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What wrk heard: answers of 200 a second, latencies in seconds, other statuses, and requests without an answer."""

    rate: float
    p50: float
    p99: float
    others: dict[str, int]
    errors: int

    @property
    def failures(self) -> int:
        return self.errors + sum(self.others.values())


class Wrk:
    """wrk with one table of bodies, each a request to `/v1/sentences` or whatever takes the same."""

    def __init__(self, sentences: Sequence[str], folder: Path, callers: int) -> None:
        self._callers = callers
        self._bodies = folder / "bodies.lua"
        self._bodies.write_text(_table(sentences), encoding="utf-8")

    def load(self, url: str, lead: int, seconds: int) -> Heard:
        """Load for `lead` seconds, in which rates do not count yet, and for `seconds` more; raises WrkError."""
        command = ["wrk", "-t1", f"-c{self._callers}", f"-d{lead + seconds}s", "--timeout", f"{PATIENCE}s"]
        command += ["-s", str(SCRIPT), url, "--", str(self._bodies), str(lead)]
        patience = lead + seconds + PATIENCE + 30
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
        found = [line for line in done.stdout.splitlines() if line.startswith("{")]
        told = json.loads(found[-1]) if found else {}
        if done.returncode or not told.get("measured"):
            raise WrkError(f"no answer of 200 from {url}:\n{done.stdout}{done.stderr}")
        del told["statuses"]["200"]
        rate = told["measured"] / (told["seconds"] - lead)
        return Heard(rate, told["p50"], told["p99"], told["statuses"], told["errors"])


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def _table(sentences: Sequence[str]) -> str:
    bodies = (json.dumps({"sentences": [sentence]}, ensure_ascii=False) for sentence in sentences)
    quoted = ('"' + body.replace("\\", "\\\\").replace('"', '\\"') + '"' for body in bodies)
    return "return {\n" + "".join(f"  {body},\n" for body in quoted) + "}\n"
