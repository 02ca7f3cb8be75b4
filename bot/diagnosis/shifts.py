"""From windows to shifts: baseline before the onset, level now, how sure, since when, and of what shape.

All series are done at once, shape (S, T). The split between before and after is the one that least squares prefers
(a single change point, as in Killick, Fearnhead, Eckley 2012 with one change); medians and median absolute
deviations stand on both sides of it, so single spikes and gaps count for little. Widths are times, not numbers of
samples: the same series sampled more often has the same shift.
"""

from dataclasses import dataclass

import numpy as np

from bot.diagnosis.rolling import BoolArray, around, despiked, median, rolling_mean
from bot.model.telemetry import FloatArray

RECENT_S = 75.0
"""The median of this long at the window's end is the present level."""
RECENT = 5
"""The same in samples, at the usual step of 15 s."""
FEWEST_RECENT, MOST_RECENT = 3, 15
"""With fewer than three samples a single spike would be the present."""
LEAST_BEFORE = 10
"""Samples that a baseline needs."""
LEAST_SHARE = 0.2
"""Share of the samples that a baseline keeps at least: less than two rate windows of an hour say little of noise."""
SIGNIFICANT = 4.0
"""A split counts when the means differ by this many spreads."""
ONSET_SIGMAS, ONSET_SHARE = 3.0, 0.2
"""A shift begins where it passes this many spreads, and this share of itself."""
STEEP_S = 60.0
"""Time before and after a moment that tells a step from a drift."""
_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""
_SMALL_SAMPLE = 1.0
"""A spread from n independent values is too small by about 1/n of itself more often than a normal law forgives."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Arrays of shape (S,), on the feature's scale unless said otherwise; NaN where the series says nothing.

    `onset` Unix seconds, NaN where nothing changed. `steepness` 0..1: the part of the change that happened within
    two minutes; a step is near 1, a slow drift near 0.
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


def recent_samples(times: FloatArray) -> int:
    """How many samples at the end make the present level."""
    step = float(times[1] - times[0]) if times.size > 1 else 15.0
    return int(np.clip(round(RECENT_S / step), FEWEST_RECENT, MOST_RECENT))


def shifts(
    values: FloatArray, times: FloatArray, *, quiet: float | FloatArray, memory_s: float | FloatArray = 0.0
) -> Shifts:
    """Shifts of every row of `values` (S, T); NaN where there is no sample.

    `quiet` (S,) bounds the spread from below; `memory_s` (S,) is the time over which each sample is already a mean.
    """
    rows = len(values)
    if not values.size:
        nothing = np.full(rows, np.nan)
        return Shifts(nothing, nothing, nothing, nothing, nothing, np.zeros(rows))
    recent, least = recent_samples(times), np.broadcast_to(np.asarray(quiet, dtype=np.float64), (rows,))
    smooth = despiked(values)
    split = _split(smooth, least, recent)
    before = np.arange(values.shape[1]) < split[:, None]
    count = np.count_nonzero(np.isfinite(values) & before, axis=1)
    baseline = np.where(count >= LEAST_BEFORE, median(np.where(before, values, np.nan)), np.nan)
    step = float(times[1] - times[0]) if times.size > 1 else 15.0
    independent = np.maximum(count * step / np.maximum(np.asarray(memory_s), recent * step), 1.0)
    noise = _noise(np.where(before, smooth, np.nan), baseline, recent) * (1 + _SMALL_SAMPLE / independent)
    spread = np.fmax(noise, least)
    now = median(values[:, -recent:])
    threshold = np.maximum(ONSET_SIGMAS * spread, ONSET_SHARE * np.abs(now - baseline))
    with np.errstate(invalid="ignore"):
        outside = np.sign(now - baseline)[:, None] * (values - baseline[:, None]) > threshold[:, None]
    return Shifts(
        baseline=baseline,
        spread=spread,
        now=now,
        onset=_onset(outside, np.isfinite(values), times, recent),
        steepness=_steepness(smooth, now - baseline, max(2, round(STEEP_S / step))),
        split=split,
    )


def _noise(past: FloatArray, baseline: FloatArray, recent: int) -> FloatArray:
    """Spread of what `now` would be if nothing changed, (S,): of means over `recent` samples within the baseline.

    Taken from the means themselves, it holds for white noise, which they average out, and for slow wobble and
    overlapping rate windows, which they do not.
    """
    means = rolling_mean(past, recent, least=(recent + 1) // 2)
    if not means.shape[1]:
        means = past
    # Of normal noise a median scatters by a quarter more than a mean.
    return 1.25 * _TO_SIGMA * median(np.abs(means - baseline[:, None]))


def _split(values: FloatArray, quiet: FloatArray, recent: int) -> FloatArray:
    """First column behind the baseline of each row."""
    known = np.isfinite(values)
    total = values.shape[1]
    if total < 2 * LEAST_BEFORE:
        return np.full(len(values), float(total))
    count = np.cumsum(known, axis=1, dtype=np.float64)
    sums = np.cumsum(np.where(known, values, 0.0), axis=1)
    least = np.maximum(LEAST_BEFORE, LEAST_SHARE * count[:, -1:])
    with np.errstate(all="ignore"):
        rest = count[:, -1:] - count
        jump = sums / count - (sums[:, -1:] - sums) / rest
        gain = np.where((count >= least) & (rest >= recent), count * rest * jump**2, -1.0)
    best = np.argmax(gain, axis=1)
    row = np.arange(len(values))
    past = np.where(np.arange(total) <= best[:, None], values, np.nan)
    wide = _TO_SIGMA * median(np.abs(past - median(past)[:, None]))
    with np.errstate(invalid="ignore"):
        changed = np.abs(jump[row, best]) > SIGNIFICANT * np.fmax(wide, quiet) / 2
    changed &= gain[row, best] > 0
    # A drift has no clean side: its baseline is the first part of what comes before the split.
    kept = np.maximum(least[:, 0], np.floor(0.7 * count[row, best]))
    return np.where(changed, np.argmax(count >= kept[:, None], axis=1) + 1.0, float(total))


def _onset(outside: BoolArray, known: BoolArray, times: FloatArray, recent: int) -> FloatArray:
    """The earliest sample from which on most samples lie on the present side of the baseline, clearly `outside` it.

    Most of the next few and most of all that follow: one stray sample before the change is not its beginning.
    """
    inside, all_known = _sums(outside & known), _sums(known)
    mostly = outside & _most(inside, all_known, 0.6, recent) & _most(inside, all_known, 0.75, outside.shape[1])
    first = np.argmax(mostly, axis=1)
    return np.where(mostly.any(axis=1), times[first], np.nan)


def _sums(where: BoolArray) -> FloatArray:
    sums = np.zeros((len(where), where.shape[1] + 1))
    np.cumsum(where, axis=1, out=sums[:, 1:])
    return sums


def _most(outside: FloatArray, known: FloatArray, share: float, ahead: int) -> BoolArray:
    """Whether at least `share` of the known samples within the next `ahead`, its own included, lie outside."""
    total = outside.shape[1] - 1
    last = np.minimum(np.arange(total) + ahead, total)
    least = share * np.maximum(known[:, last] - known[:, :-1], 1)
    return np.asarray(outside[:, last] - outside[:, :-1] >= least)


def _steepness(values: FloatArray, size: FloatArray, width: int) -> FloatArray:
    """Largest change between neighbouring minutes as a share of the whole change, 0..1."""
    before, after = around(values, width)
    if not before.shape[1]:
        return np.full(len(values), np.nan)
    jumps = np.sign(size)[:, None] * (after - before)
    largest = np.max(np.where(np.isfinite(jumps), jumps, -np.inf), axis=1)
    with np.errstate(all="ignore"):
        share = np.clip(largest / np.abs(size), 0.0, 1.0)
    return np.where(np.isfinite(largest) & (np.abs(size) > 0), share, np.nan)
