"""The estimate of a link as a figure: capacity over time, and what explains the drop. Needs the extra `plot`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.cli.capacity_link import Answer
from bot.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CAPACITY = "capacity_qubits_per_s"
_NOW, _BASELINE, _DROP, _GAIN = "#0b5cad", "#5f6b76", "#b3261e", "#2e7d32"


def check() -> None:
    """Raise UsageError, naming the extra, where matplotlib is not installed."""
    try:
        import matplotlib as _  # noqa: F401, ICN001
    except ImportError:
        raise UsageError(
            "--plot needs matplotlib, which is not installed", hint="pip install 'bellhop-bot[plot]'"
        ) from None


def draw(answer: Answer, file: Path) -> None:
    """Write the figure in the format of the file's ending; raises UsageError for one that cannot be written."""
    check()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    if file.suffix.lstrip(".").lower() not in figure.canvas.get_supported_filetypes():
        known = ", ".join(sorted(figure.canvas.get_supported_filetypes()))
        raise UsageError(f"--plot cannot write {file.name}", hint=f"an ending of {known}")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _over_time(left, answer)
    _attribution(right, answer)
    figure.suptitle(f"{answer.link.id}: what it can deliver, and what took it away")
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UsageError(f"--plot cannot write {file}: {error.strerror}") from None


def _over_time(axes: "Axes", answer: Answer) -> None:
    told = answer.estimate
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    stamps = np.asarray(date2num([datetime.fromtimestamp(each, UTC) for each in (*answer.times, answer.at)]))
    if answer.times.size:
        axes.plot(stamps[:-1], answer.history, color=_NOW, label="asymptotic, at least (hashing)")
    if _CAPACITY in told.intervals:
        low, middle, high = told.intervals[_CAPACITY]
        spread: Any = [[max(0.0, middle - low)], [max(0.0, high - middle)]]
        axes.errorbar(stamps[-1:], [middle], yerr=spread, color=_NOW, marker="o", capsize=4, label="now, 5..95%")
    planned = told.now["capacity_finite_qubits_per_s"]
    if np.isfinite(planned):
        axes.plot(stamps[-1:], [planned], "v", color=_NOW, label=f"now, finite block n = {told.uses}")
    if np.isfinite(told.baseline[_CAPACITY]):
        axes.axhline(told.baseline[_CAPACITY], color=_BASELINE, linestyle="--", label="baseline, asymptotic")
    axes.set(ylabel="capacity, qubit/s", xlabel="UTC", ylim=(0, None))
    ticks = AutoDateLocator()
    axes.xaxis.set_major_locator(ticks)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(ticks))
    axes.legend(fontsize="small", loc="lower left")


def _attribution(axes: "Axes", answer: Answer) -> None:
    shares = dict(reversed(list(answer.estimate.shares.items())))
    if not shares:
        axes.text(0.5, 0.5, "no drop beyond the usual scatter", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    parts = [share * float(answer.estimate.explanation.drop) for share in shares.values()]
    bars = axes.barh(list(shares), parts, color=[_DROP if part >= 0 else _GAIN for part in parts])
    axes.bar_label(bars, [f"{share:.0%}" if abs(share) >= 0.005 else "" for share in shares.values()], padding=3)
    axes.margins(x=0.15)
    axes.set(xlabel="part of the drop, qubit/s (Shapley)")
