"""From a window to one table: every feature of every subject is a row, and all rows are looked at together.

Rows are done in blocks that fit the processor's cache, so that ten thousand links cost what they weigh.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.diagnosis.counting import Counts
from bot.diagnosis.features import AVERAGED, FEATURES, TRANSFERS, Counted, Feature
from bot.diagnosis.rolling import BoolArray, median
from bot.diagnosis.shifts import ONSET_SHARE, ONSET_SIGMAS, SIGNIFICANT, Shifts, recent_samples, shifts
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

LENIENT = 0.8
"""Counts have no heavier tails than their law: fewer spreads make a change of theirs as sure as one of another."""
BURSTY = 1.5
"""A history that scatters by more than this many times what its counts allow is bursty: so is the present."""
BLOCK = 512
"""Rows that are looked at together."""
MOST_MIXED = 0.1
"""A shift that fills less of the rate window than this is not scaled up any further: noise would be, too."""
_TAIL, _TAIL_Z = 0.99, 2.326
_MIDDLE_SCATTER, _TAIL_SCATTER = 1.25, 3.73
"""sqrt(p (1 - p)) / phi(z): spread of the logarithm of a quantile of n lognormal values, times sqrt(n) / sigma."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One signal of one feature for the rows `first`..`last` of the table; `raw` has shape (last - first, T)."""

    feature: Feature
    subjects: tuple[str, ...]
    first: int
    raw: tuple[FloatArray, ...]
    """The feature's signals."""
    fresh: BoolArray

    @property
    def rows(self) -> slice:
        """Where its subjects stand in the table."""
        return slice(self.first, self.first + len(self.subjects))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What is known of all features; arrays of shape (rows,)."""

    place: Mapping[str, Mapping[str, int]]
    """Feature -> subject -> row."""
    found: Shifts
    size: FloatArray
    baseline: FloatArray
    observed: FloatArray
    settling: FloatArray
    known: BoolArray


def table(window: Window, wanted: frozenset[str] | None = None) -> Table:
    """Every feature that the window has the signals of, for the subjects `wanted` (None: all)."""
    parts = _parts(window, wanted)
    times = _times(window)
    raw = tuple(np.concatenate(each) for each in zip(*(_two(part) for part in parts), strict=True)) if parts else ()
    if not parts or not raw[0].size:
        return _empty(parts)
    found = _shifts(parts, times, window)
    found = _counted(found, parts, times, window)
    levels = [_levels(rows, found.split, recent_samples(times)) for rows in raw]
    found = _quantiles(found, parts, levels[0][0], window)
    return _table(parts, found, levels, window)


def _times(window: Window) -> FloatArray:
    return next((series.times for series in window.signals.values()), np.empty(0))


def rows_of(series: SignalWindow | None, subjects: Sequence[str], width: int) -> FloatArray:
    """The values of a signal for these subjects, shape (S, width); NaN for those that it lacks."""
    if series is None or not subjects or not series.subjects:
        return np.full((len(subjects), width), np.nan)
    if series.subjects == tuple(subjects):
        return series.values
    place = {name: row for row, name in enumerate(series.subjects)}
    rows = np.array([place.get(name, -1) for name in subjects], dtype=np.intp)
    return np.where((rows >= 0)[:, None], series.values[rows], np.nan)


def _parts(window: Window, wanted: frozenset[str] | None) -> list[Part]:
    parts, first = [], 0
    for feature in FEATURES.values():
        series = [window.signals[name] for name in feature.signals if name in window.signals]
        if len(series) < len(feature.signals):
            continue
        common = set(series[0].subjects).intersection(*(each.subjects for each in series[1:]))
        common = common if wanted is None else common & wanted
        subjects = tuple(name for name in series[0].subjects if name in common)
        raw = tuple(_full(_chosen(each, subjects), each, window) for each in series)
        fresh = np.logical_and.reduce([_fresh(each, subjects) for each in series])
        parts.append(Part(feature, subjects, first, raw, fresh))
        first += len(subjects)
    return parts


def _chosen(series: SignalWindow, subjects: tuple[str, ...]) -> FloatArray:
    if subjects == series.subjects:
        return series.values
    place = {name: row for row, name in enumerate(series.subjects)}
    return series.values[np.array([place[name] for name in subjects], dtype=np.intp)]


def _fresh(series: SignalWindow, subjects: tuple[str, ...]) -> BoolArray:
    fresh = {name for name, quality in zip(series.subjects, series.quality, strict=True) if quality is Quality.FRESH}
    return np.array([name in fresh for name in subjects], dtype=bool)


def _full(raw: FloatArray, series: SignalWindow, window: Window) -> FloatArray:
    """Without the first rate window of a series that began meanwhile: its means are not full yet, and so too low."""
    if series.signal not in AVERAGED or not raw.size:
        return raw
    known = np.isfinite(raw)
    if known[:, 0].all():
        return raw
    first = np.argmax(known, axis=1)
    young = (first[:, None] > 0) & (series.times < (series.times[first] + window.rate_window)[:, None])
    return np.where(young, np.nan, raw)


def _two(part: Part) -> tuple[FloatArray, FloatArray]:
    """The raw values of a feature's first and last signal: no feature has more."""
    return part.raw[0], part.raw[-1]


def _blocks(rows: int) -> Iterable[slice]:
    return (slice(first, min(first + BLOCK, rows)) for first in range(0, rows, BLOCK))


def _shifts(parts: Sequence[Part], times: FloatArray, window: Window) -> Shifts:
    values = np.concatenate([part.feature.scale(*part.raw) for part in parts])
    counts = [len(part.subjects) for part in parts]
    quiet = np.repeat([part.feature.quiet for part in parts], counts)
    widest = np.repeat([part.feature.widest for part in parts], counts)
    memory = np.repeat([window.rate_window if part.feature.averaged else 0.0 for part in parts], counts)
    blocks = [
        shifts(values[block], times, quiet=quiet[block], memory_s=memory[block]) for block in _blocks(len(values))
    ]
    names = ("baseline", "spread", "now", "onset", "steepness", "split")
    found = Shifts(*(np.concatenate([getattr(each, name) for each in blocks]) for name in names))
    averaged = np.repeat([part.feature.averaged for part in parts], counts)
    onset = np.where(averaged, _earlier(found, times, window), found.onset)
    return replace(found, spread=np.fmin(found.spread, widest), onset=onset)


def _earlier(found: Shifts, times: FloatArray, window: Window) -> FloatArray:
    """Onsets within the rate window, less the time that its mean took to leave the baseline clearly.

    The mean of a step rises in a straight line: it passed the threshold, a share of its present shift, after the same
    share of the time.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        passed = np.clip(ONSET_SIGMAS * found.spread / np.abs(found.size), ONSET_SHARE, 0.8)
        middle = window.end - (recent_samples(times) // 2) * window.step
        began = (found.onset - window.step / 2 - passed * middle) / (1 - passed)
        recent = (found.onset > window.end - window.rate_window) & (found.onset < middle)
        return np.where(recent, np.maximum(began, window.end - window.rate_window), found.onset)


def _counted(found: Shifts, parts: Sequence[Part], times: FloatArray, window: Window) -> Shifts:
    """Shifts of shares of rare events with the spread that their counts leave open, wider where counts are bursty."""
    spread = found.spread.copy()
    for part in parts:
        counted, rows = part.feature.counted, part.rows
        if counted is None or not part.subjects:
            continue
        trials = _trials(counted, part.subjects, times.size, window)
        share = 1 - part.raw[0] if counted.of_failures else part.raw[0]
        counts = Counts(share, trials, found.split[rows], step=window.step, rate_window=window.rate_window)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = LENIENT * np.abs(found.size[rows]) / counts.sureness(recent_samples(times))
        low, high = (part.feature.scale(1 - edge if counted.of_failures else edge) for edge in counts.scatter())
        with np.errstate(divide="ignore", invalid="ignore"):
            burstiness = np.fmax(1.0, found.spread[rows] / (np.abs(high - low) / 2) / BURSTY)
            least = np.where(np.isfinite(least * burstiness), least * burstiness, found.spread[rows])
        spread[rows] = np.fmax(part.feature.quiet, least)
    return replace(found, spread=spread)


def _trials(counted: Counted, subjects: tuple[str, ...], width: int, window: Window) -> FloatArray:
    rate, per = (rows_of(window.signals.get(name), subjects, width) for name in (counted.rate, counted.per))
    with np.errstate(divide="ignore", invalid="ignore"):
        return rate / per


def _quantiles(found: Shifts, parts: Sequence[Part], usual: FloatArray, window: Window) -> Shifts:
    """Shifts of quantiles with at least the spread of a quantile of so few values, by the width of their law."""
    of = {part.feature.quantile: part for part in parts if part.feature.quantile is not None}
    middle, tail = of.get(0.5), of.get(_TAIL)
    if middle is None or tail is None or middle.subjects != tail.subjects or not tail.subjects:
        return found
    trials = _trials(TRANSFERS, tail.subjects, tail.raw[0].shape[1], window)
    values = np.where(np.isfinite(trials), trials, 0.0).mean(axis=1) * window.rate_window
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.log(usual[tail.rows] / usual[middle.rows]) / _TAIL_Z / np.sqrt(values)
    spread = found.spread.copy()
    for part, factor in ((middle, _MIDDLE_SCATTER), (tail, _TAIL_SCATTER)):
        least = np.where(np.isfinite(width), factor * width, 0.0)
        spread[part.rows] = np.fmax(spread[part.rows], least)
    return replace(found, spread=spread)


def _levels(raw: FloatArray, split: FloatArray, recent: int) -> tuple[FloatArray, FloatArray]:
    """The signal's own values before and now, shape (rows,)."""
    before = np.arange(raw.shape[1])
    past = [median(np.where(before < split[block, None], raw[block], np.nan)) for block in _blocks(len(raw))]
    return np.concatenate(past), median(raw[:, -recent:])


def _table(
    parts: Sequence[Part], found: Shifts, levels: Sequence[tuple[FloatArray, FloatArray]], window: Window
) -> Table:
    began, recent = _recent_onsets(parts, found, window), recent_samples(_times(window))
    size, settling = found.size.copy(), levels[0][1].copy()
    for part in parts:
        rows = part.rows
        if not part.feature.averaged:
            continue
        ends = [
            _settled((before[rows], now[rows]), began[rows], _some(found, rows), window, recent)
            if name in AVERAGED
            else now[rows]
            for name, (before, now) in zip(part.feature.signals, levels, strict=False)
        ]
        settling[rows] = ends[0]
        size[rows] = part.feature.scale(*ends) - found.baseline[rows]
    fresh = np.concatenate([part.fresh for part in parts])
    return Table(
        place=_place(parts),
        found=found,
        size=size,
        baseline=levels[0][0],
        observed=levels[0][1],
        settling=settling,
        known=fresh & np.isfinite(found.baseline) & np.isfinite(found.now),
    )


def _some(found: Shifts, rows: slice) -> Shifts:
    names = ("baseline", "spread", "now", "onset", "steepness", "split")
    return Shifts(*(getattr(found, name)[rows] for name in names))


def _recent_onsets(parts: Sequence[Part], found: Shifts, window: Window) -> FloatArray:
    """For each row the onset of its subject's surest shift within the rate window: one event began at one time."""
    number = {name: index for index, name in enumerate(dict.fromkeys(name for part in parts for name in part.subjects))}
    subject = np.array([number[name] for part in parts for name in part.subjects], dtype=np.intp)
    averaged = np.repeat([part.feature.averaged for part in parts], [len(part.subjects) for part in parts])
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = np.abs(found.size) / found.spread
        chosen = np.flatnonzero((sure > SIGNIFICANT) & (found.onset >= window.end - window.rate_window) & averaged)
    chosen = chosen[np.argsort(sure[chosen], kind="stable")]
    onset = np.full(len(number), np.nan)
    onset[subject[chosen]] = found.onset[chosen]
    return np.asarray(onset[subject])


def _settled(
    level: tuple[FloatArray, FloatArray], began: FloatArray, found: Shifts, window: Window, recent: int
) -> FloatArray:
    """A mean over the rate window, less the part from before the onset, where the shift is beyond doubt.

    With a step `age` seconds ago the mean is before + (after - before) age / window; shape (S,).
    """
    before, now = level
    middle = window.end - (recent // 2) * window.step
    age = np.clip(middle - began, MOST_MIXED * window.rate_window, window.rate_window)
    with np.errstate(invalid="ignore"):
        old = found.onset < window.end - window.rate_window
        doubtful = ~(np.abs(found.size) > SIGNIFICANT * found.spread) | np.isnan(age) | old
        after = before + (now - before) * np.where(doubtful, 1.0, window.rate_window / np.where(doubtful, 1.0, age))
        lowest = 0.1 * np.minimum(now, before)
        most = np.maximum(now, before)
        highest = np.where(most <= 1.0, 1 - 0.1 * (1 - most), np.inf)
    return np.asarray(np.clip(after, lowest, highest), dtype=np.float64)


def _place(parts: Sequence[Part]) -> Mapping[str, Mapping[str, int]]:
    return {part.feature.name: {name: part.first + row for row, name in enumerate(part.subjects)} for part in parts}


def _empty(parts: Sequence[Part]) -> Table:
    rows = sum(len(part.subjects) for part in parts)
    nothing = np.full(rows, np.nan)
    found = Shifts(nothing, nothing, nothing, nothing, nothing, np.zeros(rows))
    return Table(_place(parts), found, nothing, nothing, nothing, nothing, np.zeros(rows, dtype=bool))
