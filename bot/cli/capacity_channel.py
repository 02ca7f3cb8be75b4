"""A bare channel on the terminal: its capacities, each with bounds, help and regime."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click

from bot.capacity.report import bare


def show(channel: str, values: Mapping[str, float], *, uses: int, eps: float, form: str) -> None:
    """Print every capacity of a channel; raises CapacityRangeError for parameters missing or out of range."""
    rows = bare(channel, values, uses=uses, eps=eps)
    if form == "json":
        plain = [{k: _json_number(v) for k, v in asdict(row).items()} for row in rows]
        click.echo(json.dumps({"channel": channel, "parameters": values, "capacities": plain}, allow_nan=False))
        return
    table(
        f"{channel} {', '.join(f'{name}={value:g}' for name, value in values.items())}",
        ("regime", "capacity", "help", "at least", "at most", "per use"),
        [(r.regime, r.what, r.help, _number(r.lower), _number(r.upper), r.unit) for r in rows],
    )
    for row in rows:
        if row.note:
            click.echo(f"  {row.what}, {row.help}: {row.note}")


def table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A title and columns, widths as needed."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    click.echo(title)
    for row in (head, *rows):
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _json_number(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
