"""Nested figures, each a share with its interval, and how they are written. Computes none."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


def at(tree: Any, path: Sequence[str]) -> Any:
    """What stands at a path of nested figures, or None where nothing does."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def pick(scores: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Find one score with its interval; a plain number has none, and one that is not there has no value."""
    found = at(scores, path)
    if isinstance(found, dict):
        return found
    return {"value": found if isinstance(found, int | float) else None, "low": None, "high": None}


def percent(share: float | None, places: int = 1) -> str:
    """0.9312 -> 93.1."""
    return "–" if share is None else f"{100 * share:.{places}f}"


def interval(score: Mapping[str, float | None]) -> str:
    """0.951 in [0.934, 0.966] -> 95.1 (93.4 to 96.6)."""
    bounds = "" if score["low"] is None else f" ({percent(score['low'])} to {percent(score['high'])})"
    return percent(score["value"]) + bounds


def points(difference: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    if difference is None:
        return "–"
    return "±0.0" if abs(difference) < 0.0005 else f"{100 * difference:+.1f}".replace("-", "−")


def duration(seconds: float) -> str:
    """1840.4 -> 31 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def words(key: object) -> str:
    """near_duplicates_dropped -> near duplicates dropped."""
    return str(key).replace("_", " ")


def cell(text: object) -> str:
    """Any text -> text that Markdown shows as it is, also inside a table."""
    flat = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", flat)
