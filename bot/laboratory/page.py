"""Series as an exporter would tell them: one text page per scrape, with the flaws of real telemetry."""

import json
import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bot.laboratory.series import Key
from bot.model.telemetry import FloatArray

SPIKES = 0.0005
"""Chance that a gauge's sample is a spike."""
GAPS = 0.004
"""Chance that a scrape fails altogether."""
OUTAGE = 0.15
"""Chance that the exporter is away once for up to three minutes."""
RESTART = 0.1
"""Chance that the exporter starts again once, and with it every counter."""
SPIKY = ("coherence", "variance", "temperature", "fidelity", "queue", "rtt", "qber")
"""Words in the names of gauges that are read from instruments."""
COUNTING = ("_total", "_bucket")
_RECENT = 25
"""Scrapes before the question in which the exporter neither goes away nor starts again."""


def with_flaws(series: Mapping[Key, FloatArray], rng: np.random.Generator) -> dict[Key, FloatArray]:
    """Single spikes in gauges, counters that start again, and scrapes that nobody answered (NaN: no sample)."""
    steps = len(next(iter(series.values())))
    lost = _lost(rng, steps)
    flawed = {key: _spiked(key[0], values, rng) for key, values in series.items()}
    if rng.random() < RESTART:
        reset(flawed, {dict(labels).get("link", "") for _, labels in series}, int(rng.integers(1, steps - _RECENT)))
    return {key: np.where(lost, np.nan, values) for key, values in flawed.items()}


def _lost(rng: np.random.Generator, steps: int) -> NDArray[np.bool_]:
    lost = rng.random(steps) < GAPS
    if rng.random() < OUTAGE:
        start = int(rng.integers(0, steps - _RECENT))
        lost[start : start + int(rng.integers(2, 13))] = True
    lost[-1] = False
    return lost


def _spiked(name: str, values: FloatArray, rng: np.random.Generator) -> FloatArray:
    if not any(word in name for word in SPIKY):
        return values
    hit = rng.random(len(values)) < SPIKES
    spiked = np.where(hit, values * rng.choice([0.3, 0.6, 2.0, 5.0], len(values)), values)
    return np.minimum(spiked, 1.0) if _is_share(name) else spiked


def spike(series: dict[Key, FloatArray], rng: np.random.Generator, step: int) -> None:
    """One absurd sample at `step` in every second of the gauges that are read from instruments."""
    for (name, _), values in series.items():
        if any(word in name for word in SPIKY) and rng.random() < 0.5:
            values[step] *= float(rng.choice([0.2, 0.5, 2.0, 4.0]))
            values[step] = min(values[step], 1.0) if _is_share(name) else values[step]


def _is_share(name: str) -> bool:
    """Whether values above 1 cannot be."""
    return name.endswith("_ratio") and "variance" not in name


def reset(series: Mapping[Key, FloatArray], links: Collection[str], step: int) -> None:
    """Let the counters of `links` start again from zero at `step`."""
    for (name, labels), values in series.items():
        if name.endswith(COUNTING) and dict(labels).get("link") in links:
            values[step:] -= values[step - 1]


def pages(series: Mapping[Key, FloatArray]) -> Iterator[str]:
    """The text of each scrape, in order; an empty one where the exporter did not answer."""
    heads = [_head(name, labels) for name, labels in series]
    table = np.array(list(series.values()))
    for column in range(table.shape[1]):
        samples = zip(heads, table[:, column].tolist(), strict=True)
        yield "".join(f"{head}{value!r}\n" for head, value in samples if not math.isnan(value))


def _head(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels)}}} "
