"""Every shift of a window, found by feature and subject; what is not fresh is missing, never zero."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bot.capacity.link import LinkState, evaluate, observed, specified
from bot.diagnosis.features import AVERAGED, EXCESS_FAILURE, FEATURES, FIRMWARE, Feature
from bot.diagnosis.shifts import LEAST_BEFORE, RECENT, SIGNIFICANT, Shifts, shifts
from bot.model.network import Link, Network
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

MOST_MIXED = 0.2
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
        self._columns = {
            feature.name: column for feature in FEATURES.values() if (column := _column(feature, window)) is not None
        }
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
        return baseline, observed(link, self.levels(link, "now"), reference=baseline)

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


def _column(feature: Feature, window: Window) -> _Column | None:
    series = [window.signals.get(name) for name in feature.signals]
    if any(each is None for each in series):
        return None
    present = [each for each in series if each is not None]
    subjects = [name for name in present[0].subjects if all(name in each.subjects for each in present)]
    raw = [_rows(each, subjects) for each in present]
    found = shifts(feature.scale(*raw), present[0].times, quiet=feature.quiet)
    fresh = tuple(all(each.quality_of(name) is Quality.FRESH for each in present) for name in subjects)
    levels = [_levels(values, found) for values in raw]
    settling = [
        _settled(*level, found, window) if each.signal in AVERAGED else level[1]
        for each, level in zip(present, levels, strict=True)
    ]
    size = feature.scale(*settling) - found.baseline if any(each.signal in AVERAGED for each in present) else found.size
    place = {name: row for row, name in enumerate(subjects)}
    return _Column(feature, place, found, size, *levels[0], settling[0], fresh)


def _settled(before: FloatArray, now: FloatArray, found: Shifts, window: Window) -> FloatArray:
    """A mean over the rate window, less the part from before the onset, where the shift is beyond doubt.

    With a step `age` seconds ago the mean is before + (after - before) age / window; shape (S,).
    """
    age = np.clip(window.end - found.onset + window.step, MOST_MIXED * window.rate_window, window.rate_window)
    doubtful = ~(np.abs(found.size) > SIGNIFICANT * found.spread) | np.isnan(age)
    after = before + (now - before) * np.where(doubtful, 1.0, window.rate_window / np.where(doubtful, 1.0, age))
    lowest = 0.1 * np.minimum(now, before)
    highest = np.where(np.maximum(now, before) <= 1.0, 1 - 0.1 * (1 - np.maximum(now, before)), np.inf)
    return np.asarray(np.clip(after, lowest, highest), dtype=np.float64)


def _rows(series: SignalWindow, subjects: Iterable[str]) -> FloatArray:
    place = {name: row for row, name in enumerate(series.subjects)}
    rows = [place[name] for name in subjects]
    return series.values[rows] if rows else np.empty((0, len(series.times)))


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
