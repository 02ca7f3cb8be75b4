"""The deciding signals of a diagnosis as a drawing (SVG without script or outside parts) and as a line of text."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import jinja2
from markupsafe import Markup

from bot.model.diagnosis import Trace
from bot.model.time import format_instant
from bot.postmortem.words import number

WIDTH, HEIGHT = 720, 118
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 12, 24, 20
_ROOM = 0.08
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARKS = 40


@dataclass(frozen=True)
class Panel:
    """One trace in drawing units: lines are runs of known values, `band` and `onset` are None where not known."""

    title: str
    top: int
    lines: tuple[str, ...]
    band: tuple[float, float] | None
    onset: float | None
    onset_at: str
    highest: str
    lowest: str
    first: str
    last: str


def svg(traces: Sequence[Trace]) -> Markup:
    """One panel under the other, as wide as the page; empty where there is nothing to draw."""
    panels = [_panel(trace, HEIGHT * place) for place, trace in enumerate(traces)]
    frame = {"left": _LEFT, "right": WIDTH - _RIGHT, "above": _TOP, "below": HEIGHT - _BOTTOM}
    text = _template().render(panels=panels, width=WIDTH, height=HEIGHT * len(panels), **frame)
    return Markup(text) if panels else Markup("")  # noqa: S704 - the template escapes what it is given


def sparkline(trace: Trace) -> str:
    """The trace in at most 40 characters, a space where nothing is known."""
    thin = max(1, math.ceil(len(trace.values) / _SPARKS))
    values = trace.values[::-1][::thin][::-1]
    known = [value for value in values if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    step = span / (len(_BLOCKS) - 1) or 1.0
    return "".join(" " if value is None else _BLOCKS[round((value - low) / step)] for value in values)


def _panel(trace: Trace, top: int) -> Panel:
    known = [value for value in trace.values if value is not None]
    shown = [*known, *(edge for edge in (trace.low, trace.high) if edge is not None)]
    room = (max(shown) - min(shown)) * _ROOM or abs(max(shown)) * _ROOM or 1.0
    low, high = min(shown) - room, max(shown) + room
    start = trace.end - trace.step * (len(trace.values) - 1)

    def down(value: float) -> float:
        return round(top + _TOP + (high - value) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)

    def across(instant: float) -> float:
        share = (instant - start) / (trace.end - start) if trace.end > start else 1.0
        return round(_LEFT + min(max(share, 0.0), 1.0) * (WIDTH - _LEFT - _RIGHT), 1)

    points = [
        None if value is None else (across(start + trace.step * place), down(value))
        for place, value in enumerate(trace.values)
    ]
    banded = trace.low is not None and trace.high is not None
    return Panel(
        title=f"{trace.signal} of {trace.subject.id}",
        top=top,
        lines=tuple(_runs(points)),
        band=(down(trace.high or 0.0), down(trace.low or 0.0)) if banded else None,
        onset=None if trace.onset is None else across(trace.onset),
        onset_at="" if trace.onset is None else format_instant(trace.onset)[11:19],
        highest=number(max(known)),
        lowest=number(min(known)),
        first=format_instant(start)[11:16],
        last=format_instant(trace.end)[11:16],
    )


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """Points joined where they follow each other; a gap stays a gap, and a lone point a dot."""
    run: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            yield " ".join(f"{x:g},{y:g}" for x, y in (run if len(run) > 1 else run * 2))
            run = []


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("bot.postmortem")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("figure.svg.j2")
