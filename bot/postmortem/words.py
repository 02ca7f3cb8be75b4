"""Numbers and names as people read them."""

import math

from bot.model.diagnosis import Evidence, Finding


def number(value: float | None, unit: str = "") -> str:
    """A value to four significant digits, `unknown` where there is none."""
    if value is None or not math.isfinite(value):
        return "unknown"
    text = f"{value:.4g}"
    return f"{text} {unit}" if unit and unit not in ("1", "ratio") else text


def percent(share: float) -> str:
    """A share 0..1 as a whole percentage."""
    return f"{round(share, 2) + 0.0:.0%}"


def plural(count: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def evidence(item: Evidence) -> str:
    """One observation with its numbers."""
    place = f" on {item.subject}" if item.subject is not None else ""
    if item.observed is None:
        return f"{item.signal}{place}: {item.why}"
    before = f"{number(item.baseline)} → " if item.baseline is not None else ""
    return f"{item.signal}{place} {before}{number(item.observed)}: {item.why}"


def finding(item: Finding) -> str:
    """A failure mode with its confidence and place."""
    return f"{item.mode} {item.name} on {item.subject} (confidence {item.sureness})"
