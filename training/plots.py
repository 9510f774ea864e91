"""Points of curves -> SVG for the inside of a page: inherits its font, takes its colours, loads nothing."""

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

# Stand-ins that matplotlib can draw with; the page's own colours take their place, so that dark pages work.
_INK, _SOFT, _LINE, _FIRST, _SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
_COLOURS = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _FIRST: "var(--accent)",
    _SECOND: "var(--warm)",
}
_SETTINGS: Any = {  # not a dict[str, ...], which rc_context does not take
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
}


def calibration_plot(calibration: dict[str, Any]) -> str:
    """Draw observed against stated probability, roles and topics; a dot's area tells how many cases it stands for."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 100], [0, 100], color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        for group, colour, marker in (("role", _FIRST, "o"), ("topics", _SECOND, "s")):
            points = calibration[group]["points"]
            stated, observed = _percent(points, "stated"), _percent(points, "observed")
            total = sum(point["count"] for point in points) or 1
            sizes = [12 + 260 * point["count"] / total for point in points]
            axes.plot(stated, observed, color=colour, linewidth=1.4, alpha=0.7)
            axes.scatter(stated, observed, s=sizes, color=colour, marker=marker, linewidths=0, alpha=0.85, label=group)
        axes.set(xlim=(-4, 104), ylim=(-4, 104), xlabel="stated probability, %", ylabel="found true, %")
        axes.set_aspect("equal")
        legend = axes.legend(loc="upper left", frameon=False, labelcolor=_INK)
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([28])

    return _svg("calibration", draw)


def coverage_plot(coverage: dict[str, Any]) -> str:
    """Draw the role error among the most confident share of units."""

    def draw(axes: Axes) -> None:
        points = coverage["points"]
        kept, error = _percent(points, "coverage"), _percent(points, "error")
        axes.fill_between(kept, error, color=_FIRST, alpha=0.12, linewidth=0)
        axes.plot(kept, error, color=_FIRST, linewidth=1.6, marker="o", markersize=4)
        axes.set(xlim=(6, 104), xlabel="units kept, the most confident first, %", ylabel="role errors among them, %")
        axes.set_ylim(0, max([2.0, *error]) * 1.15)

    return _svg("coverage", draw)


def _percent(points: list[dict[str, float]], name: str) -> list[float]:
    return [100 * point[name] for point in points]


def _svg(name: str, draw: Any) -> str:
    """Draw, and make the result fit to stand inside a page next to others."""
    with mpl.rc_context(_SETTINGS | {"svg.hashsalt": name}):
        figure = Figure(figsize=(4.4, 3.7), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.set_axisbelow(True)
        draw(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img" aria-hidden="true">', svg, count=1
    )
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    return svg
