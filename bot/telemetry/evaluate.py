"""PromQL's functions over the arrays of a ring, for all series and all instants at once.

Semantics follow Prometheus 2 (its documentation of `rate`, `histogram_quantile`, staleness and lookback):
windows are closed on both sides. Prometheus 3 leaves out a sample exactly at a window's left edge; scrapes
rarely fall on it. Times are Unix ms, values have shape (series, scrapes), results (series, instants).
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray
from bot.telemetry.ring import GAP, MARKER, SAMPLE, MarkArray

LOOKBACK_MS: Final = 300_000
_THRESHOLD: Final = 1.1
"""A window's edge further from its sample than this many sample intervals counts as the end of the series."""

IntArray = NDArray[np.int64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
_Cell = TypeVar("_Cell", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A slice of a ring with its look-up tables, made once and used by every function."""

    times: IntArray
    values: FloatArray
    previous: IndexArray
    """Column of the newest sample at or before each column, -1 where there is none."""
    following: IndexArray
    """Column of the oldest sample at or after each column, the width where there is none."""
    counts: IndexArray
    """How many samples stand before each column; one column more than `values`."""
    marks: MarkArray


def samples_of(times: IntArray, values: FloatArray, marks: MarkArray) -> Samples:
    """Index a slice of a ring."""
    present = marks == SAMPLE
    columns = np.arange(times.size)
    previous = np.maximum.accumulate(np.where(present, columns, -1), axis=1)
    following = np.minimum.accumulate(np.where(present, columns, times.size)[:, ::-1], axis=1)[:, ::-1]
    counts = np.zeros((len(values), times.size + 1), dtype=np.intp)
    np.cumsum(present, axis=1, out=counts[:, 1:])
    return Samples(times, values, previous, following, counts, marks)


def last_over_time(samples: Samples, at: IntArray, window_ms: int) -> tuple[FloatArray, BoolArray]:
    """The newest sample within the window, and whether there is one."""
    first, after = _edges(samples, at, window_ms)
    last = _newest(samples, after)
    present = last >= first
    return np.where(present, _cells(samples.values, last), np.nan), present


def present_over_time(samples: Samples, at: IntArray, window_ms: int) -> BoolArray:
    """Whether there is a sample within the window."""
    first, after = _edges(samples, at, window_ms)
    return np.asarray(_newest(samples, after) >= first)


def timestamp(samples: Samples, at: IntArray) -> FloatArray:
    """Unix seconds of the sample that an instant selector finds; NaN when too old or the series vanished since."""
    first, after = _edges(samples, at, LOOKBACK_MS)
    known = np.maximum.accumulate(np.where(samples.marks == GAP, -1, np.arange(samples.times.size)), axis=1)
    last = _before(known, after)
    vanished = _cells(samples.marks, last) == MARKER
    stamps = samples.times[np.maximum(last, 0)] / 1000.0 if samples.times.size else np.zeros(last.shape)
    return np.where((last >= first) & ~vanished, stamps, np.nan)


def rate(samples: Samples, at: IntArray, window_ms: int) -> tuple[FloatArray, BoolArray]:
    """Increase per second with counter resets, extrapolated towards the window's edges; none below two samples."""
    first_column, after = _edges(samples, at, window_ms)
    count = samples.counts[:, after] - samples.counts[:, first_column]
    enough = count >= 2
    first = np.where(enough, _oldest(samples, first_column), 0)
    last = np.where(enough, _newest(samples, after), 0)
    if not samples.times.size:
        return np.full(count.shape, np.nan), enough
    start = _cells(samples.values, first)
    corrected = _corrections(samples)
    with np.errstate(invalid="ignore"):
        increase = _cells(samples.values, last) - start + (_cells(corrected, last) - _cells(corrected, first))
    stretch = _stretch(samples, at, window_ms, first=first, last=last, count=count, start=start, increase=increase)
    with np.errstate(invalid="ignore"):
        return np.where(enough, increase * stretch / (window_ms / 1000.0), np.nan), enough


def histogram_quantile(quantile: float, bounds: FloatArray, counts: FloatArray) -> FloatArray:
    """Quantile by linear interpolation in cumulative buckets, as Prometheus does it.

    `bounds` has shape (B,), ascending; `counts` (B, N), NaN where a bucket is absent. NaN without an infinite
    bucket, with fewer than two buckets, or without observations. The result has shape (N,).
    """
    present = ~np.isnan(counts)
    if len(bounds) < 2 or not np.isposinf(bounds[-1]):
        return np.full(counts.shape[1], np.nan)
    filled = np.maximum.accumulate(np.where(present, counts, -np.inf), axis=0)
    total = filled[-1]
    with np.errstate(invalid="ignore"):
        reached = present & (filled >= quantile * total)
    reached[-1] = True
    result = _interpolate(quantile * total, bounds, filled, present, reached.argmax(axis=0))
    usable = present[-1] & (present.sum(axis=0) >= 2) & (total > 0)
    return np.where(usable, result, np.nan)


def _interpolate(
    rank: FloatArray, bounds: FloatArray, filled: FloatArray, present: BoolArray, bucket: IndexArray
) -> FloatArray:
    lower = np.maximum.accumulate(np.where(present, np.arange(len(bounds))[:, None], -1), axis=0)
    columns = np.arange(bucket.size)
    below = np.where(bucket > 0, lower[np.maximum(bucket - 1, 0), columns], -1)
    floor = np.where(below >= 0, bounds[below], 0.0)
    under = np.where(below >= 0, filled[below, columns], 0.0)
    top = bounds[bucket]
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = floor + (top - floor) * ((rank - under) / (filled[bucket, columns] - under))
    lowest_nonpositive = (below < 0) & (top <= 0)
    return np.where(np.isposinf(top), floor, np.where(lowest_nonpositive, top, inside))


def _stretch(
    samples: Samples,
    at: IntArray,
    window_ms: int,
    *,
    first: IndexArray,
    last: IndexArray,
    count: IndexArray,
    start: FloatArray,
    increase: FloatArray,
) -> FloatArray:
    """How far the increase between two samples is extrapolated: to the window's edge, or half an interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sampled = (samples.times[last] - samples.times[first]) / 1000.0
        interval = sampled / (count - 1)
        to_start = (samples.times[first] - (at - window_ms)) / 1000.0
        to_end = (at - samples.times[last]) / 1000.0
        to_zero = np.where((increase > 0) & (start >= 0), sampled * (start / increase), np.inf)
        to_start = np.minimum(to_start, to_zero)
        limit = interval * _THRESHOLD
        reach = sampled + np.where(to_start < limit, to_start, interval / 2)
        reach = reach + np.where(to_end < limit, to_end, interval / 2)
        return np.asarray(reach / sampled)


def _corrections(samples: Samples) -> FloatArray:
    """What was lost at counter resets up to each column: the value before each fall, summed."""
    before = np.full(samples.values.shape, -1, dtype=np.intp)
    before[:, 1:] = samples.previous[:, :-1]
    earlier = np.where(before >= 0, _cells(samples.values, before), np.nan)
    with np.errstate(invalid="ignore"):
        fell = (samples.marks == SAMPLE) & (samples.values < earlier)
    return np.cumsum(np.where(fell, earlier, 0.0), axis=1)


def _edges(samples: Samples, at: IntArray, window_ms: int) -> tuple[IndexArray, IndexArray]:
    """First column inside each window and first column after it."""
    first = np.searchsorted(samples.times, at - window_ms, side="left")
    return first, np.searchsorted(samples.times, at, side="right")


def _newest(samples: Samples, after: IndexArray) -> IndexArray:
    return _before(samples.previous, after)


def _before(table: IndexArray, after: IndexArray) -> IndexArray:
    if not table.shape[1]:
        return np.full((len(table), after.size), -1)
    return np.where(after > 0, table[:, np.maximum(after - 1, 0)], -1)


def _oldest(samples: Samples, first: IndexArray) -> IndexArray:
    width = samples.times.size
    if not width:
        return np.zeros((len(samples.values), first.size), dtype=np.intp)
    return np.where(first < width, samples.following[:, np.minimum(first, width - 1)], width)


def _cells(table: NDArray[_Cell], columns: IndexArray) -> NDArray[_Cell]:
    """The cell of each row at its own columns; columns below 0 give the first cell, a table without columns zeros."""
    if not table.shape[1]:
        return np.zeros(columns.shape, dtype=table.dtype)
    return np.take_along_axis(table, np.maximum(columns, 0), axis=1)
