"""Lengths of time as people write them: 30s, 5m, 1h30m, 30d."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str | float) -> float:
    """Read `1h30m` (or a bare number of seconds) as seconds; raises ValueError when it is neither."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError("must be a length of time such as 30s, 5m or 1h30m")
    if isinstance(text, str) and _WHOLE.fullmatch(text.strip()) is None:
        raise ValueError(f"{text!r} is not a length of time such as 30s, 5m or 1h30m")
    try:
        seconds = _seconds(text) if isinstance(text, str) else float(text)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError("must be a length of time that ends")
    return seconds


def _seconds(text: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Write seconds in the two largest units that say something: 95 -> 1m35s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    left, parts = round(seconds), []
    for unit in ("w", "d", "h", "m", "s"):
        count, left = divmod(left, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


_FORMS = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": rf"^\s*({_PART.pattern})+\s*$"},
    ],
    "description": "A length of time: 30s, 5m, 1h30m, or seconds",
}
Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema(_FORMS)]
"""A pydantic field in seconds that reads `5m`; its JSON Schema knows both forms."""
PositiveDuration = Annotated[Duration, Field(gt=0)]
"""The same, longer than nothing."""
