"""The capacity of a link over a window of telemetry: the same model at every instant in one call; pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from bot.capacity.link import evaluate
from bot.capacity.observed import RANGES, observed
from bot.capacity.ranges import Array
from bot.capacity.state import LinkState
from bot.model.network import Link
from bot.model.telemetry import Window

WORSE_END: Final = {"coherence_t1": np.fmin, "coherence_t2": np.fmin, "measurement_variance": np.fmax}
"""Signals of nodes: the worse of a link's two ends counts."""


EMPTY: Final = 0.05
"""Pool level below which consumption is bounded by generation: what was asked for shows in the time before."""
LIFE_SIGN: Final = "entanglement_rate"


def over_time(link: Link, window: Window, reference: LinkState) -> tuple[Array, Mapping[str, Array]]:
    """(instants (T,) in Unix s, quantity -> (T,)); NaN before the link's first full rate window and in gaps.

    What a signal does not say at an instant is taken from `reference`. Rates are means over the rate window, so steps
    look like ramps that long. An empty window gives (0,).
    """
    series = {name: values for name in RANGES if (values := _series(name, link, window)) is not None}
    if LIFE_SIGN not in series:
        return np.empty(0), {}
    times = window.signals[LIFE_SIGN].times
    state = observed(link, series, reference=reference)
    level = np.asarray(state.pool_pairs) / np.asarray(state.pool_capacity_pairs)
    asked = np.where(level < EMPTY, np.fmax(state.consumption_rate, reference.consumption_rate), state.consumption_rate)
    known = _known(series[LIFE_SIGN], times, window)
    told = evaluate(replace(state, consumption_rate=asked))
    return times, {name: np.where(known, value, np.nan) for name, value in told.items()}


def _known(life: Array, times: Array, window: Window) -> Array:
    """Where the link gave signs of life, less the first rate window of a series that began within the window."""
    known = np.isfinite(life)
    if known.any() and not known[0]:
        known = known & (times >= times[np.argmax(known)] + window.rate_window)
    return np.asarray(known)


def _series(name: str, link: Link, window: Window) -> Array | None:
    signal = window.signals.get(name)
    if signal is None:
        return None
    if name not in WORSE_END:
        return signal.row(link.id)
    rows = [row for end in link.ends if (row := signal.row(end)) is not None]
    return np.asarray(WORSE_END[name].reduce(rows)) if rows else None
