"""An evaluation as tables for people."""

import sys
from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bot.laboratory.evaluation import Report
from bot.laboratory.examine import BELLHOP
from bot.laboratory.summary import CLASSES, Summary, confusion, marks_of

_WIDTH = 120
"""Characters of a line where there is no terminal."""
_COLUMNS = ("asked", "top-1", "top-2", "exact", "macro-F1", "subject", "false alarms", "calibration", "delay p50, p90")
_LEGEND = """
top-1: the first answer is a true mode, or the true verdict (95% interval); exact: neither a mode too few nor too many;
subject: named for the link or node that has it; false alarms: on links that nothing touched; calibration: expected
calibration error; delay: from the onset until the right answer is given and stays, late where that many faults were
not answered rightly within their age; -: not asked, or no such answer.
""".strip()


def show(report: Report) -> None:
    """Print how each method did, by kind, and Bellhop's confusion."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    for method in report.methods():
        console.print(method, style="bold")
        console.print(_scores(report, method))
    console.print(f"{BELLHOP}: what is true (rows) and what was said first (columns)", style="bold")
    console.print(_confusion(report))
    console.print(_siblings(report.overall(BELLHOP)))
    for line in report.left_out():
        console.print(line)
    console.print(_LEGEND, style="dim")


def _table(first: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    return table


def _scores(report: Report, method: str) -> Table:
    table = _table("kind")
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    by_kind = report.by_kind(method)
    for kind, of_kind in by_kind.items():
        table.add_row(kind, *_cells(of_kind), end_section=kind == list(by_kind)[-1])
    table.add_row("all", *_cells(report.overall(method)), style="bold")
    return table


def _cells(told: Summary) -> Iterable[str]:
    low, high = told.top_1_interval
    delay = told.delay
    alarms = f"{told.false_alarms} of {told.untouched_links}"
    return (
        str(told.incidents),
        f"{told.top_1:.1%} ({100 * low:.0f}..{high:.0%})",
        f"{told.top_2:.1%}",
        _share(told.exact),
        _number(told.macro_f1),
        _share(told.subject),
        alarms if told.untouched_links else "-",
        _number(told.calibration_error),
        f"{_seconds(delay.median_s)}, {_seconds(delay.p90_s)}" if delay.asked else "-",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    """A delay; `late` where so many faults were not answered rightly within their age."""
    return "late" if value is None else f"{value:.0f} s"


def _siblings(told: Summary) -> str:
    if told.siblings is None:
        return "No node with several links had a fault."
    return f"A node's fault is named, with the node, on {told.siblings:.1%} of the node's other links."


def _confusion(report: Report) -> Table:
    counts = confusion(marks_of(report.outcomes, BELLHOP))
    table = _table("true")
    for said in CLASSES:
        table.add_column(said, justify="right")
    for truth in CLASSES:
        row = [counts.get((truth, said), 0) for said in CLASSES]
        if any(row):
            table.add_row(truth, *(str(count) if count else "·" for count in row))
    return table
