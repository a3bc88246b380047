"""The newest results of the comparison as a plot."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import shown
from benchmarks.results import Document

_GREY = "#7a7a7a"  # reads on white and on black
_COLOURS = {"services": "#3b82c4", "mongod": "#4fa362", "rabbitmq": "#e08b3a"}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sambandh",  # the same picture for the same figures
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _GREY,
    "axes.labelcolor": _GREY,
    "axes.edgecolor": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
}


def consume(result: Document, path: Path) -> None:
    """Orders a second, and the processor time of an order, side by side."""
    sides = result["sides"][::-1]
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # its names are literals to the type checker
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        rates, costs = figure.subplots(1, 2, sharey=True)
        titles = [side["title"] for side in sides]
        rates.barh(titles, [side["orders_per_second"] for side in sides], color=_COLOURS["services"], height=0.55)
        _label(rates, [side["orders_per_second"] for side in sides])
        rates.set_title("orders a second: more is better", fontsize=10, loc="left")
        left = [0.0] * len(sides)
        for group, colour in _COLOURS.items():
            widths = [side["cpu_ms_per_order"][group] for side in sides]
            costs.barh(titles, widths, left=left, color=colour, height=0.55, label=group)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        _label(costs, left)
        costs.set_title("ms of processor time an order: less is better", fontsize=10, loc="left")
        figure.legend(loc="outside lower right", ncols=3, frameon=False, fontsize=9, labelcolor=_GREY)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _label(axes: Axes, totals: list[float]) -> None:
    """Write each bar's figure at its end, and leave out lines that say nothing."""
    for position, total in enumerate(totals):
        axes.text(total, position, f" {shown(total)}", va="center")
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    axes.tick_params(left=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
