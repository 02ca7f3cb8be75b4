"""The Prometheus text exposition format (0.0.4), read strictly: one bad line spoils a scrape, as in Prometheus.

Timestamps behind a value are accepted and not used: samples count from the moment of the scrape. Types and help
are not needed and passed over.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from bot.errors import BadPayloadError

Labels = tuple[tuple[str, str], ...]

_LINE = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{.*\})?\s*([^\s{}]+)(?:\s+(-?\d+))?\s*\Z")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|\Z)')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf|infinity|nan)\Z", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


class Sample(NamedTuple):
    """One line: metric name, labels sorted by name, value."""

    name: str
    labels: Labels
    value: float


def parse(text: str, *, wanted: Callable[[str], bool] | None = None) -> list[Sample]:
    """The samples of a scrape, in order; of metrics that are not `wanted` only the syntax of the line is checked.

    Raises BadPayloadError whose field is the line.
    """
    samples = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace() or line.lstrip()[0] == "#":
            continue
        sample = _sample(line, number, wanted)
        if sample is not None:
            samples.append(sample)
    return samples


def _sample(line: str, number: int, wanted: Callable[[str], bool] | None) -> Sample | None:
    match = _LINE.match(line)
    if match is None or not _NUMBER.match(match[3]):
        raise BadPayloadError(f"line {number} is no sample of the text format", field=f"line {number}")
    if wanted is not None and not wanted(match[1]):
        return None
    return Sample(match[1], _labels(match[2] or "", number), float(match[3]))


def _labels(braces: str, number: int) -> Labels:
    inside, place = braces[1:-1], 0
    labels: dict[str, str] = {}
    while inside[place:].strip():
        match = _LABEL.match(inside, place)
        if match is None or match[1] in labels:
            raise BadPayloadError(f"line {number} has labels that cannot be read", field=f"line {number}")
        labels[match[1]] = _ESCAPE.sub(lambda sign: _UNESCAPED.get(sign[1], sign[0]), match[2])
        place = match.end()
    return tuple(sorted((name, value) for name, value in labels.items() if value))
