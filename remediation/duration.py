"""Lengths of time as people write them: 30s, 5m, 1h30m, 30d."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")


def parse_duration(text: str | float) -> float:
    """Read `1h30m` (or a bare number of seconds) as seconds; raises ValueError when it is neither."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError("must be a length of time such as 30s, 5m or 1h30m")
    if isinstance(text, int | float):
        return float(text)
    if _WHOLE.fullmatch(text.strip()) is None:
        raise ValueError(f"{text!r} is not a length of time such as 30s, 5m or 1h30m")
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


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""A pydantic field in seconds that reads `5m`."""
