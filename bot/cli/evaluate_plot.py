"""An evaluation as a figure: the confusion, and whether confidence is what it says. Needs the extra `plot`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import UsageError
from bot.laboratory.evaluation import Report
from bot.laboratory.examine import BELLHOP
from bot.laboratory.summary import CLASSES, confusion, marks_of, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _GREY = "#0b5cad", "#5f6b76"


def check(file: Path) -> None:
    """Raise UsageError where matplotlib is not installed, or does not write files with such an ending."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(
            "--plot needs matplotlib, which is not installed", hint="pip install 'bellhop-bot[plot]'"
        ) from None
    known = Figure().canvas.get_supported_filetypes()
    if file.suffix.lstrip(".").lower() not in known:
        raise UsageError(f"--plot cannot write {file.name}", hint=f"an ending of {', '.join(sorted(known))}")


def draw(report: Report, file: Path) -> None:
    """Write the figure in the format of the file's ending; raises UsageError for one that cannot be written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(5, 4))
    _confusion(left, report)
    _reliability(right, report)
    told = report.overall(BELLHOP)
    figure.suptitle(f"{told.incidents} labelled incidents: {told.top_1:.1%} of the first answers right")
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UsageError(f"--plot cannot write {file}: {error.strerror}") from None


def _confusion(axes: "Axes", report: Report) -> None:
    counts = confusion(marks_of(report.outcomes, BELLHOP))
    table = np.array([[counts.get((truth, said), 0) for said in CLASSES] for truth in CLASSES], dtype=float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=45, ha="right")
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    axes.set(xlabel="said first", ylabel="true", title="confusion, incidents")


def _reliability(axes: "Axes", report: Report) -> None:
    bins = reliability(marks_of(report.outcomes, BELLHOP))
    axes.plot([0, 1], [0, 1], "--", color=_GREY, label="as confident as right")
    if bins:
        confidence, right = [each.confidence for each in bins], [each.right for each in bins]
        spread = np.abs(np.array([each.interval for each in bins]).T - right)
        axes.errorbar(confidence, right, yerr=spread, color=_BLUE, fmt="o", capsize=3, label="measured, 95%")
        for each in bins:
            axes.annotate(f"{each.answers}", (each.confidence, each.right), (6, -12), textcoords="offset points")
    error = report.overall(BELLHOP).calibration_error
    told = "no confidence" if error is None else f"expected calibration error {error:.3f}"
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.05), ylim=(0, 1.05), title=f"reliability: {told}")
    axes.legend(loc="upper left", fontsize="small")
