"""From windows to shifts: baseline before the onset, level now, how sure, since when, and of what shape.

All series of a signal are done at once, shape (S, T). The split between before and after is the one that least
squares prefers (a single change point, as in Killick, Fearnhead, Eckley 2012 with one change); medians and median
absolute deviations stand on both sides of it, so single spikes and gaps count for little.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray

BoolArray = NDArray[np.bool_]

RECENT = 5
"""Samples at the window's end whose median is the present level."""
LEAST_BEFORE = 10
"""Samples that a baseline needs."""
LEAST_SHARE = 0.2
"""Share of the samples that a baseline keeps at least: less than two rate windows of an hour say little of noise."""
SIGNIFICANT = 4.0
"""A split counts when the means differ by this many spreads."""
_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""
_STEEP = 4
"""Samples before and after a moment that tell a step from a drift."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Arrays of shape (S,), on the feature's scale unless said otherwise; NaN where the series says nothing.

    `onset` Unix seconds, NaN where nothing changed. `steepness` 0..1: the part of the change that happened within
    two minutes; a step is near 1, a slow drift near 0. `before` and `after` are column ranges for other signals.
    """

    baseline: FloatArray
    spread: FloatArray
    now: FloatArray
    onset: FloatArray
    steepness: FloatArray
    split: FloatArray
    """Index of the first sample behind the baseline; T where the whole window is baseline."""

    @property
    def size(self) -> FloatArray:
        """Present level less baseline."""
        return self.now - self.baseline


def shifts(values: FloatArray, times: FloatArray, *, quiet: float) -> Shifts:
    """Shifts of every row of `values` (S, T); NaN where there is no sample. `quiet` bounds the spread from below."""
    rows = len(values)
    if not values.size:
        nothing = np.full(rows, np.nan)
        return Shifts(nothing, nothing, nothing, nothing, nothing, np.zeros(rows))
    split = _split(_despiked(values), quiet)
    before = np.arange(values.shape[1]) < split[:, None]
    with np.errstate(all="ignore"):
        past = np.where(before, values, np.nan)
        baseline = _median(past)
        noise = _noise(past, baseline)
        spread = np.maximum(np.where(np.isnan(noise), 0.0, noise), quiet)
        enough = np.isfinite(past).sum(axis=1) >= LEAST_BEFORE
        now = _median(values[:, -RECENT:])
        now = np.where(np.isfinite(values[:, -RECENT:]).any(axis=1), now, np.nan)
    baseline = np.where(enough, baseline, np.nan)
    return Shifts(
        baseline=baseline,
        spread=spread,
        now=now,
        onset=_onset(values, times, baseline, spread, now),
        steepness=_steepness(values, now - baseline),
        split=split,
    )


def _noise(past: FloatArray, baseline: FloatArray) -> FloatArray:
    """Spread of what `now` would be if nothing changed, (S,): of medians over RECENT samples within the baseline.

    Taken from the medians themselves, it holds for white noise, which they average out, and for slow wobble and
    overlapping rate windows, which they do not.
    """
    if past.shape[1] < RECENT:
        return _TO_SIGMA * _median(np.abs(past - baseline[:, None]))
    return _TO_SIGMA * _median(np.abs(_rolling(past, RECENT) - baseline[:, None]))


def _rolling(values: FloatArray, width: int) -> FloatArray:
    """Median of each `width` neighbouring samples, (S, T - width + 1); NaN where one of them is missing."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    ordered = np.sort(windows, axis=-1)
    return np.where(np.isnan(ordered[..., -1]), np.nan, (ordered[..., (width - 1) // 2] + ordered[..., width // 2]) / 2)


def _despiked(values: FloatArray) -> FloatArray:
    """Every sample as the median of itself and its neighbours, where all three are known: edges stay, spikes go."""
    if values.shape[1] < 3:
        return values
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    low, high = np.fmin(before, after), np.fmax(before, after)
    middle = np.where(np.isnan(before + after), here, np.clip(here, low, high))
    return np.concatenate([values[:, :1], middle, values[:, -1:]], axis=1)


def _split(values: FloatArray, quiet: float) -> FloatArray:
    """First column behind the baseline of each row."""
    known = np.isfinite(values)
    total = values.shape[1]
    if total < 2 * LEAST_BEFORE:
        return np.full(len(values), float(total))
    filled = np.where(known, values, 0.0)
    count = np.cumsum(known, axis=1).astype(np.float64)
    least = np.maximum(LEAST_BEFORE, LEAST_SHARE * count[:, -1:])
    mean_before = np.cumsum(filled, axis=1)
    with np.errstate(all="ignore"):
        left = mean_before / count
        rest = count[:, -1:] - count
        right = (mean_before[:, -1:] - mean_before) / rest
        gain = np.where((count >= least) & (rest >= RECENT), count * rest * (left - right) ** 2, -1.0)
    best = np.argmax(gain, axis=1)
    row = np.arange(len(values))
    before = np.arange(total) <= best[:, None]
    with np.errstate(all="ignore"):
        middle = _median(np.where(before, values, np.nan))
        wide = _TO_SIGMA * _median(np.abs(np.where(before, values, np.nan) - middle[:, None]))
        changed = np.abs(right[row, best] - left[row, best]) > SIGNIFICANT * np.maximum(wide, quiet) / 2
    changed &= gain[row, best] > 0
    # A drift has no clean side: its baseline is the first part of what comes before the split.
    kept = np.maximum(least[:, 0], np.floor(0.7 * count[row, best]))
    return np.where(changed, np.argmax(count >= kept[:, None], axis=1) + 1.0, float(total))


def _onset(
    values: FloatArray, times: FloatArray, baseline: FloatArray, spread: FloatArray, now: FloatArray
) -> FloatArray:
    """The earliest sample from which on most samples lie on the present side of the baseline, clearly outside it.

    Most of the next few and most of all that follow: one stray sample before the change is not its beginning.
    """
    size = now - baseline
    threshold = np.maximum(3 * spread, 0.2 * np.abs(size))
    with np.errstate(invalid="ignore"):
        outside = np.sign(size)[:, None] * (values - baseline[:, None]) > threshold[:, None]
    known = np.isfinite(values)
    mostly = outside & _most(outside, known, 0.6, RECENT) & _most(outside, known, 0.75, values.shape[1])
    first = np.argmax(mostly, axis=1)
    return np.where(mostly.any(axis=1), times[first], np.nan)


def _most(outside: BoolArray, known: BoolArray, share: float, ahead: int) -> BoolArray:
    """Whether at least `share` of the known samples within the next `ahead`, its own included, lie outside."""
    total = outside.shape[1]
    last = np.minimum(np.arange(total) + ahead, total)

    def count(where: BoolArray) -> FloatArray:
        sums = np.concatenate([np.zeros((len(where), 1)), np.cumsum(where, axis=1)], axis=1)
        return np.asarray(sums[:, last] - sums[:, :-1])

    return np.asarray(count(outside & known) >= share * np.maximum(count(known), 1))


def _steepness(values: FloatArray, size: FloatArray) -> FloatArray:
    """Largest change between neighbouring minutes as a share of the whole change, 0..1."""
    total = values.shape[1]
    if total < 2 * _STEEP + 1:
        return np.full(len(values), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(values, _STEEP, axis=1)
    middles = _median(windows)
    jumps = np.sign(size)[:, None] * (middles[:, _STEEP:] - middles[:, :-_STEEP])
    largest = np.max(np.where(np.isfinite(jumps), jumps, -np.inf), axis=1, initial=-np.inf)
    with np.errstate(all="ignore"):
        share = np.clip(largest / np.abs(size), 0.0, 1.0)
    return np.where(np.isfinite(largest) & (np.abs(size) > 0), share, np.nan)


def _median(values: FloatArray) -> FloatArray:
    """Median over the last axis without NaN; NaN where a row has no value. Sorting puts NaN last."""
    count = np.count_nonzero(~np.isnan(values), axis=-1)[..., None]
    ordered = np.sort(values, axis=-1)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan)[..., 0], dtype=np.float64)
