"""Instants: Unix seconds inside, RFC 3339 in UTC at every door."""

import math
import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$",
)


def parse_instant(text: str) -> float:
    """Read an RFC 3339 timestamp, with any number of fraction digits, as Unix seconds.

    Raises ValueError when the text is no RFC 3339 timestamp or names no real instant.
    """
    match = _RFC3339.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-05T12:00:00Z")
    *_, fraction, zone = match.groups()
    whole = datetime.fromisoformat(text[:19].replace("t", "T") + ("+00:00" if zone in "Zz" else zone))
    return whole.timestamp() + float(fraction or 0.0)


def format_instant(seconds: float) -> str:
    """Write Unix seconds as RFC 3339 in UTC, cut to the second: 2026-01-05T12:00:00Z."""
    return datetime.fromtimestamp(math.floor(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_clock(seconds: float) -> str:
    """The time of day of an instant in UTC, cut to the second like everywhere else: 12:00:00."""
    return format_instant(seconds)[11:19]
