"""How often telemetry really speaks: a scrape every minute, read every 15 s, is one sample told four times."""

from dataclasses import replace

import numpy as np

from bot.diagnosis.features import AVERAGED, FIRMWARE
from bot.model.telemetry import FloatArray, Window

_CHANGES = 10
"""Rows that change less often than this tell no cadence: whole numbers, flat lines."""
_ENOUGH = 24
"""Samples that are left at least."""


def thinned(window: Window) -> Window:
    """The window with one sample for each scrape, its last sample kept; itself when no sample is told twice."""
    every = min(_repeats(window), max(1, _length(window) // _ENOUGH))
    if every <= 1:
        return window
    signals = {
        name: replace(
            series,
            times=series.times[(series.times.size - 1) % every :: every],
            values=series.values[:, (series.times.size - 1) % every :: every],
        )
        for name, series in window.signals.items()
    }
    return replace(window, step=window.step * every, signals=signals)


def _length(window: Window) -> int:
    return max((series.times.size for series in window.signals.values()), default=0)


def _repeats(window: Window) -> int:
    """How many samples on end a gauge that moves keeps its value: the least over all gauges of their mean runs."""
    runs = [
        _run(series.values)
        for name, series in window.signals.items()
        if name not in AVERAGED and name != FIRMWARE and series.values.size
    ]
    least = min(runs, default=1.0)
    return int(np.floor(least + 0.2)) if np.isfinite(least) else 1


def _run(values: FloatArray) -> float:
    """Mean length of the runs of equal values of the row that moves most often, at least 1; infinite for still rows."""
    pairs = np.isfinite(values[:, 1:]) & np.isfinite(values[:, :-1])
    with np.errstate(invalid="ignore"):
        changes = ((values[:, 1:] != values[:, :-1]) & pairs).sum(axis=1)
    moving = changes >= _CHANGES
    if not moving.any():
        return float("inf")
    return float(np.min(pairs.sum(axis=1)[moving] / changes[moving]))
