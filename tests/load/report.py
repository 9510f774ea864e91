"""Measured values and what was asked of them -> Markdown."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TAIL = 20  # lines of a log that are shown
ORDINARY = '"level": "INFO"'  # in a line of the service's log that tells of nothing amiss


@dataclass(frozen=True, slots=True)
class Row:
    """One value; `good` is None where it is told and not judged."""

    measure: str
    value: str
    asked: str = ""
    good: bool | None = None

    def line(self) -> str:
        verdict = "" if self.good is None else "pass" if self.good else "**fail**"
        return f"| {self.measure} | {self.value} | {self.asked} | {verdict} |"


@dataclass(slots=True)
class Part:
    """One part's rows; those of speed are judged only where `judges_speed`."""

    name: str
    judges_speed: bool
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def told(self, measure: str, value: str) -> None:
        self.rows.append(Row(measure, value))

    def must(self, measure: str, value: str, asked: str, good: bool) -> None:
        self.rows.append(Row(measure, value, asked, good))

    def none(self, measure: str, count: int) -> None:
        self.must(measure, str(count), "0", count == 0)

    def speed(self, measure: str, value: str, asked: str, good: bool) -> None:
        self.rows.append(Row(measure, value, asked, good if self.judges_speed else None))

    @property
    def failed(self) -> bool:
        return any(row.good is False for row in self.rows)

    def markdown(self) -> str:
        lines = [f"## {self.name}", "", "| measure | value | asked | verdict |", "|---|--:|--:|---|"]
        lines += [row.line() for row in self.rows]
        lines += [text for note in self.notes for text in ("", note)]
        for log in self.logs if self.failed else ():
            lines += ["", f"The end of {log.name}:", "", "```", tail(log), "```"]
        return "\n".join(lines)


def tail(log: Path) -> str:
    """The last lines of a log that tell of something amiss, long ones cut."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    lines = [line for line in lines if ORDINARY not in line]
    return "\n".join(line[:400] for line in lines[-TAIL:])


def percentile(values: Iterable[float], share: float) -> float:
    """The least value that so great a share of them does not exceed; not a number if there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def milliseconds(seconds: float) -> str:
    return "none" if math.isnan(seconds) else f"{seconds * 1000:.0f} ms"


def counted(names: Sequence[object]) -> str:
    """How often each occurs, the most frequent first."""
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1])) or "none"
