"""The estimate of a link for people: numbers side by side, what limits it, attribution as bars."""

import json
from collections.abc import Mapping

import click
import numpy as np
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.capacity.estimate import FACTORS, KEY_BLOCK_S, PLANNED, PLANNED_KEY, Estimate, units
from bot.capacity.ranges import Number
from bot.capacity.shown import rests_on_promise
from bot.cli.capacity_link import Answer
from bot.model.time import format_instant

WIDTH = 20
_CAPACITY = "capacity_qubits_per_s"
_NEVER = "never"
_ROWS: tuple[tuple[str, str, str], ...] = (
    ("capacity, at least", "finite block", PLANNED),
    ("capacity, at least", "asymptotic", _CAPACITY),
    ("capacity, at most", "asymptotic", "capacity_upper_qubits_per_s"),
    ("secret key", "finite block", PLANNED_KEY),
    ("secret key", "asymptotic", "secret_key_rate"),
    ("logical success", "", "logical_success_ratio"),
    ("error per pair", "", "physical_error_ratio"),
    ("pairs made", "", "entanglement_rate"),
    ("pairs made less used", "", "pool_net_rate"),
    ("pool is empty in", "", "pool_depletion_s"),
)


def show(answer: Answer, *, width: int | None = None) -> None:
    """Print the estimate to standard output."""
    console = Console(highlight=False, width=width)
    console.print(_headline(answer), soft_wrap=True)
    for part in (
        _quantities(answer),
        _chain(answer.estimate),
        *_attribution(answer.estimate),
    ):
        console.print(part)
    console.print(_foot(answer))


def show_json(answer: Answer) -> None:
    """One JSON object: both sides, intervals, attribution, factors; unknown and endless quantities are left out."""
    told = answer.estimate
    why = told.explanation
    parts = {"shapley": why.shapley, "alone": why.alone, "won_back": why.without}
    said = {
        "link": answer.link.id,
        "at": format_instant(answer.at),
        "block": {"uses": told.uses, "eps": told.eps, "key_s": KEY_BLOCK_S},
        "baseline": _known(told.baseline),
        "now": _known(told.now),
        "intervals": {name: list(each) for name, each in told.intervals.items() if np.isfinite(each).all()},
        "units": {name: units(name) for name in told.now},
        "attribution": dict(told.shares),
        "attribution_qubits_per_s": {name: _known(each) for name, each in parts.items()},
        "factors": {name: _known({"baseline": each[0], "now": each[1]}) for name, each in told.factors.items()},
        "limit": told.limit,
        "source": answer.source,
    }  # fmt: skip
    click.echo(json.dumps(said, allow_nan=False))


def _known(values: Mapping[str, Number]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def _headline(answer: Answer) -> RenderableType:
    told = answer.estimate
    stamp = format_instant(answer.at)
    now, before = told.now[PLANNED], told.baseline[PLANNED]
    if rests_on_promise(PLANNED, answer.assumed):
        what = "[yellow]capacity unknown: what the link makes is not measured yet[/yellow]"
    elif not np.isfinite([now, before, float(told.explanation.drop)]).all():
        what = "[yellow]capacity unknown: a parameter of the link is not known[/yellow]"
    elif told.dropped:
        cause = next(iter(told.shares))
        change = f"{now / before - 1:+.0%} to" if before > 0 else "down to"
        what = f"[bold red]{change} {number(now)} qubit/s[/bold red] (finite block), mostly by [bold]{cause}[/bold]"
    else:
        change = f" ({now / before - 1:+.1%})" if before > 0 else ""
        what = f"[bold green]{number(now)} qubit/s[/bold green] (finite block), as usual{change}"
    return Text.from_markup(f"[bold]{escape(answer.link.id)}[/bold] at {stamp}: {what}")


def _quantities(answer: Answer) -> Table:
    told = answer.estimate
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("regime")
    for name in ("baseline", "now", "5..95%"):
        table.add_column(name, justify="right")
    if not told.intervals:
        table.columns[-1].header = ""
    table.add_column("unit")
    for what, regime, name in _ROWS:
        before, now = (_quantity(side, name) for side in (told.baseline, told.now))
        if rests_on_promise(name, answer.assumed):
            table.add_row(what, regime, "", "not measured", "", _unit(name))
        elif now == _NEVER:
            table.add_row(what, regime, before, now, "", "" if before == _NEVER else _unit(name))
        else:
            table.add_row(what, regime, before, now, _interval(told, name), _unit(name))
    return table


def _quantity(side: Mapping[str, float], name: str) -> str:
    """A number; a pool that is never empty is said to be so."""
    value = side[name]
    return _NEVER if name == "pool_depletion_s" and np.isinf(value) else number(value)


def _unit(name: str) -> str:
    return "ratio" if units(name) == "1" else units(name)


def _interval(told: Estimate, name: str) -> str:
    if name == "pool_depletion_s" and np.isfinite(told.now["pool_depletion_high_s"]):
        low, high = told.now["pool_depletion_low_s"], told.now["pool_depletion_high_s"]
    elif name in told.intervals:
        low, _, high = told.intervals[name]
    else:
        return ""
    return "" if not np.isfinite([low, high]).all() else f"{number(low)}..{number(high)}"


def _chain(told: Estimate) -> RenderableType:
    """The factors that multiply to the capacity, the limiting one marked."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what limits it")
    for name in ("baseline", "now", ""):
        table.add_column(name, justify="right")
    for name in FACTORS:
        before, now = told.factors[name]
        change = f"×{now / before:.3g}" if before > 0 else ""
        row = [name, number(before), number(now), change]
        mark = name == told.limit
        table.add_row(*row, "[bold red]← the limit[/bold red]" if mark else "", style="bold" if mark else "")
    return table


def _attribution(told: Estimate) -> list[RenderableType]:
    if not told.shares:
        return [Text("No drop beyond the usual scatter: nothing to attribute.", style="dim")]
    longest = max(abs(share) for share in told.shares.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("explains the drop", "left"), ("", "left"), ("share", "right"), ("qubit/s", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("alone", justify="right")
    table.add_column("won back", justify="right")
    for name, share in told.shares.items():
        table.add_row(name, _bar(share / longest), f"{round(share, 3) + 0.0:.1%}", *_parts(told, name))
    return [table]


def _bar(part: float) -> Text:
    """Eighths of a cell; what got better meanwhile is green."""
    eighths = round(abs(part) * WIDTH * 8)
    blocks = "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
    return Text(blocks, style="red" if part >= 0 else "green")


def _parts(told: Estimate, name: str) -> tuple[str, ...]:
    parts = (told.explanation.shapley, told.explanation.alone, told.explanation.without)
    return tuple(_part(float(part[name])) for part in parts)


def _part(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{round(value, 1) + 0.0:.1f}"


def _foot(answer: Answer) -> RenderableType:
    told = answer.estimate
    lines: tuple[str, ...] = (
        f"finite block: n = {told.uses} pairs, error {told.eps:g} per block; keys of {KEY_BLOCK_S / 60:.0f} min",
        f"asymptotic: hashing and relative-entropy bounds with two-way help, not for planning; {answer.source}",
    )
    if told.shares:
        lines = ("alone: lost if only this had changed; won back: regained if only this is repaired, qubit/s", *lines)
    return Group(*(Text(line, style="dim") for line in lines))


def number(value: float) -> str:
    """Four digits, `unknown` for NaN, `endless` for infinity."""
    if np.isnan(value):
        return "unknown"
    return "endless" if np.isinf(value) else f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
