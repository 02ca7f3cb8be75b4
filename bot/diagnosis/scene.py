"""Every shift of a window, found by feature and subject; what is not fresh is missing, never zero."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bot.capacity.link import LinkState, evaluate, observed, specified
from bot.diagnosis.counting import sureness
from bot.diagnosis.features import AVERAGED, EXCESS_FAILURE, FEATURES, FIRMWARE, Counted, Feature
from bot.diagnosis.shifts import LEAST_BEFORE, RECENT, SIGNIFICANT, Shifts, shifts
from bot.model.network import Link, Network
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

EMPTY = 0.05
"""Pool level below which consumption is bounded by generation and no longer tells the demand."""
MOST_MIXED = 0.1
"""A shift that fills less of the rate window than this is not scaled up any further: noise would be, too."""


@dataclass(frozen=True, slots=True)
class Look:
    """One feature of one subject: the shift on the feature's scale, and the signal's own values for people."""

    feature: str
    signal: str
    subject: str
    size: float
    spread: float
    steepness: float
    onset: float | None
    baseline: float
    observed: float
    settling: float
    """Where `observed` is heading once the rate window holds nothing from before the onset; else the same."""
    significance: float
    """Size of the shift as measured, in spreads."""
    expected: float | None = None
    """What the capacity model expects now, where the feature is its residual."""


@dataclass(frozen=True, slots=True)
class _Column:
    feature: Feature
    subjects: Mapping[str, int]
    shifts: Shifts
    size: FloatArray
    baseline: FloatArray
    observed: FloatArray
    settling: FloatArray
    fresh: tuple[bool, ...]


class Scene:
    """A window seen through the features; built once, asked about many links."""

    def __init__(self, window: Window, network: Network) -> None:
        self.network = network
        self._window = window
        seen = [each for feature in FEATURES.values() if (each := _see(feature, window)) is not None]
        onsets = _recent_onsets(seen, window)
        self._columns = {each.feature.name: _column(each, onsets, window) for each in seen}
        self._excess: dict[str, Look | None] = {}

    def look(self, feature: str, subject: str) -> Look | None:
        """One feature of one subject, or None when its telemetry does not allow an answer."""
        if feature == EXCESS_FAILURE:
            if subject not in self._excess:
                self._excess[subject] = self._excess_failure(subject)
            return self._excess[subject]
        column = self._columns.get(feature)
        if column is None or subject not in column.subjects:
            return None
        row = column.subjects[subject]
        found = column.shifts
        if not column.fresh[row] or not np.isfinite([found.baseline[row], found.now[row]]).all():
            return None
        onset = float(found.onset[row])
        return Look(
            feature=feature,
            signal=column.feature.show,
            subject=subject,
            size=float(column.size[row]),
            spread=float(found.spread[row]),
            steepness=float(np.nan_to_num(found.steepness[row])),
            onset=onset if np.isfinite(onset) else None,
            baseline=float(column.baseline[row]),
            observed=float(column.observed[row]),
            settling=float(column.settling[row]),
            significance=float(abs(found.size[row]) / found.spread[row]),
        )

    def lacking(self, feature: str, subject: str) -> tuple[str, ...]:
        """The signals without which `feature` of `subject` has no answer."""
        if feature == EXCESS_FAILURE:
            return ("logical_success_ratio",)
        return tuple(name for name in FEATURES[feature].signals if not self.usable(name, subject))

    def usable(self, signal: str, subject: str) -> bool:
        """Whether a signal is fresh at the window's end."""
        series = self._window.signals.get(signal)
        return series is not None and series.quality_of(subject) is Quality.FRESH

    def version_change(self, node: str) -> tuple[float, str, str] | None:
        """(when, from, to) of the last firmware change within the window, Unix seconds."""
        series = self._window.signals.get(FIRMWARE)
        row = series.row(node) if series is not None else None
        if series is None or row is None:
            return None
        known = np.flatnonzero(np.isfinite(row))
        changed = np.flatnonzero(np.diff(row[known]) != 0)
        if not changed.size:
            return None
        before, after = known[changed[-1]], known[changed[-1] + 1]
        return float(series.times[after]), series.labels[int(row[before])], series.labels[int(row[after])]

    def states(self, link: Link) -> tuple[LinkState, LinkState]:
        """The link's parameters at its baseline and now; what is unknown is taken from the specification."""
        baseline = observed(link, self.levels(link, "baseline"), reference=specified(link))
        now = observed(link, self.levels(link, "now"), reference=baseline)
        if now.pool_pairs < EMPTY * now.pool_capacity_pairs:
            # An empty pool serves only what is made: what was asked for shows in the time before.
            now = replace(now, consumption_rate=max(float(now.consumption_rate), float(baseline.consumption_rate)))
        return baseline, now

    def levels(self, link: Link, when: Literal["baseline", "now"]) -> Mapping[str, float]:
        """Signal -> level; for signals of nodes the worse end. Signals that are not fresh are left out."""
        levels: dict[str, float] = {}
        for name, column in self._columns.items():
            signal = column.feature.show
            if signal in levels or len(column.feature.signals) > 1:
                continue
            subjects = (link.id,) if column.feature.of == "link" else link.ends
            looks = [look for subject in subjects if (look := self.look(name, subject)) is not None]
            values = [look.baseline if when == "baseline" else look.settling for look in looks]
            if values:
                levels[signal] = min(values) if signal.startswith("coherence") else max(values)
        return levels

    def _excess_failure(self, subject: str) -> Look | None:
        seen = self.look("logical_failure", subject)
        link = self.network.links.get(subject)
        if seen is None or link is None:
            return None
        before, now = self.states(link)
        expected_before = 1 - float(np.asarray(evaluate(before)["logical_success_ratio"]))
        expected_now = 1 - float(np.asarray(evaluate(now)["logical_success_ratio"]))
        rise = float(np.log((max(expected_now, 0.0) + 1e-3) / (max(expected_before, 0.0) + 1e-3)))
        size = seen.size - max(0.0, rise)
        expected = 1 - (1 - seen.baseline + 1e-3) * float(np.exp(max(0.0, rise))) + 1e-3
        return replace(seen, feature=EXCESS_FAILURE, size=size, expected=max(0.0, expected))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A feature's series as measured, before the rate window is looked through."""

    feature: Feature
    series: tuple[SignalWindow, ...]
    subjects: tuple[str, ...]
    shifts: Shifts
    levels: tuple[tuple[FloatArray, FloatArray], ...]
    """(before, now) of each of the feature's signals, shape (S,)."""


def _see(feature: Feature, window: Window) -> _Seen | None:
    series = [window.signals.get(name) for name in feature.signals]
    present = tuple(each for each in series if each is not None)
    if len(present) < len(series):
        return None
    subjects = tuple(name for name in present[0].subjects if all(name in each.subjects for each in present))
    raw = [_full(_rows(each, subjects), each, window) for each in present]
    found = shifts(feature.scale(*raw), present[0].times, quiet=feature.quiet)
    if feature.counted is not None:
        found = _counted(found, raw[0], feature.counted, subjects, window)
    return _Seen(feature, present, subjects, found, tuple(_levels(values, found) for values in raw))


def _counted(found: Shifts, raw: FloatArray, counted: Counted, subjects: tuple[str, ...], window: Window) -> Shifts:
    """Shifts whose spread is at least what counting leaves open."""
    rate, per = (_of(window, name, subjects) for name in (counted.rate, counted.per))
    with np.errstate(divide="ignore", invalid="ignore"):
        trials = rate / per
    sure = sureness(
        1 - raw if counted.of_failures else raw,
        trials,
        found.split,
        step=window.step,
        rate_window=window.rate_window,
        recent=RECENT,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.abs(found.size) / sure
    return replace(found, spread=np.fmax(found.spread, np.where(np.isfinite(spread), spread, 0.0)))


def _of(window: Window, signal: str, subjects: tuple[str, ...]) -> FloatArray:
    """The values of a signal for these subjects; NaN for those that it lacks."""
    series = window.signals.get(signal)
    if series is None or not subjects:
        return np.full((len(subjects), 1), np.nan)
    place = {name: row for row, name in enumerate(series.subjects)}
    rows = np.array([place.get(name, -1) for name in subjects])
    return np.where((rows >= 0)[:, None], series.values[rows] if place else np.nan, np.nan)


def _recent_onsets(seen: Iterable[_Seen], window: Window) -> Mapping[str, float]:
    """Subject -> the first certain onset within the rate window: what fails together began together."""
    first: dict[str, float] = {}
    for each in seen:
        if each.series[0].signal not in AVERAGED:
            continue
        certain = np.abs(each.shifts.size) > SIGNIFICANT * each.shifts.spread
        recent = each.shifts.onset >= window.end - window.rate_window
        for row in np.flatnonzero(certain & recent):
            name, onset = each.subjects[row], float(each.shifts.onset[row])
            first[name] = min(onset, first.get(name, onset))
    return first


def _column(seen: _Seen, onsets: Mapping[str, float], window: Window) -> _Column:
    found, feature = seen.shifts, seen.feature
    began = np.array([onsets.get(name, np.nan) for name in seen.subjects])
    averaged = [each.signal in AVERAGED for each in seen.series]
    settling = [
        _settled(*level, began, found, window) if mixed else level[1]
        for mixed, level in zip(averaged, seen.levels, strict=True)
    ]
    size = feature.scale(*settling) - found.baseline if any(averaged) else found.size
    return _Column(
        feature=feature,
        subjects={name: row for row, name in enumerate(seen.subjects)},
        shifts=found,
        size=size,
        baseline=seen.levels[0][0],
        observed=seen.levels[0][1],
        settling=settling[0],
        fresh=tuple(all(each.quality_of(name) is Quality.FRESH for each in seen.series) for name in seen.subjects),
    )


def _settled(before: FloatArray, now: FloatArray, began: FloatArray, found: Shifts, window: Window) -> FloatArray:
    """A mean over the rate window, less the part from before the onset, where the shift is beyond doubt.

    With a step `age` seconds ago the mean is before + (after - before) age / window; shape (S,).
    """
    middle = window.end - RECENT // 2 * window.step
    age = np.clip(middle - began + window.step, MOST_MIXED * window.rate_window, window.rate_window)
    old = found.onset < window.end - window.rate_window
    doubtful = ~(np.abs(found.size) > SIGNIFICANT * found.spread) | np.isnan(age) | old
    after = before + (now - before) * np.where(doubtful, 1.0, window.rate_window / np.where(doubtful, 1.0, age))
    lowest = 0.1 * np.minimum(now, before)
    highest = np.where(np.maximum(now, before) <= 1.0, 1 - 0.1 * (1 - np.maximum(now, before)), np.inf)
    return np.asarray(np.clip(after, lowest, highest), dtype=np.float64)


def _rows(series: SignalWindow, subjects: Iterable[str]) -> FloatArray:
    place = {name: row for row, name in enumerate(series.subjects)}
    rows = [place[name] for name in subjects]
    return series.values[rows] if rows else np.empty((0, len(series.times)))


def _full(raw: FloatArray, series: SignalWindow, window: Window) -> FloatArray:
    """Without the first rate window of a series that began meanwhile: its means are not full yet, and so too low."""
    known = np.isfinite(raw)
    if series.signal not in AVERAGED or not raw.size or known[:, 0].all():
        return raw
    first = np.argmax(known, axis=1)
    young = (first[:, None] > 0) & (series.times < (series.times[first] + window.rate_window)[:, None])
    return np.where(young, np.nan, raw)


def _levels(raw: FloatArray, found: Shifts) -> tuple[FloatArray, FloatArray]:
    """The signal's own values before and now, shape (S,)."""
    baseline, now = np.full(len(raw), np.nan), np.full(len(raw), np.nan)
    for row, values in enumerate(raw):
        past, recent = values[: int(found.split[row])], values[-RECENT:]
        if np.isfinite(past).sum() >= LEAST_BEFORE:
            baseline[row] = np.nanmedian(past)
        if np.isfinite(recent).any():
            now[row] = np.nanmedian(recent)
    return baseline, now
