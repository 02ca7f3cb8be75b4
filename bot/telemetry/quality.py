"""From raw values to a signal window: which values count, and how far each series can be trusted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray, Quality, SignalWindow
from bot.telemetry.signal import Signal

BoolArray = NDArray[np.bool_]


def judge(
    signal: Signal, *, subjects: Sequence[str], times: FloatArray, raw: FloatArray, labels: Sequence[str] = ()
) -> SignalWindow:
    """Drop what is not a possible value and name each series' quality at the end of the window.

    `raw` has shape (S, T), NaN where the source has no value; the source itself gives none once there was no
    sample for five scrape intervals. A value outside the signal's range, or infinite, becomes NaN.

    FRESH: there is a valid value at the window's end. OUT_OF_RANGE: the value there is impossible, or every
    value in the window is. STALE: there was a valid value, but none at the end. MISSING: none at all.
    """
    valid = np.isfinite(raw) & (raw >= signal.low) & (raw <= signal.high)
    impossible = ~valid & ~np.isnan(raw)
    age = _age(valid, times)
    return SignalWindow(
        signal=signal.name,
        subjects=tuple(subjects),
        times=times,
        values=np.where(valid, raw, np.nan),
        quality=tuple(_name(*row) for row in zip(*_facts(valid, impossible), strict=True)),
        age_s=age,
        labels=tuple(labels),
    )


def newest_version(stamps: FloatArray, *, times: FloatArray, stale_after_s: float) -> FloatArray:
    """Which version is running: index of the one with the newest sample, NaN where unknown.

    `stamps` has shape (V, T), the Unix time of each version's newest sample, NaN where there is none. Two
    versions with equally new samples contradict each other: unknown.
    """
    fresh = np.where(times - stamps <= stale_after_s, stamps, -np.inf)
    newest = fresh.max(axis=0)
    alone = (fresh == newest).sum(axis=0) == 1
    return np.where(np.isfinite(newest) & alone, fresh.argmax(axis=0).astype(np.float64), np.nan)


def _age(valid: BoolArray, times: FloatArray) -> FloatArray:
    if not times.size:
        return np.full(len(valid), np.inf)
    last = np.where(valid, times, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(times[-1] - last, dtype=np.float64)


def _facts(valid: BoolArray, impossible: BoolArray) -> tuple[list[bool], ...]:
    if not valid.shape[1]:
        return tuple([False] * len(valid) for _ in range(4))
    return valid[:, -1].tolist(), impossible[:, -1].tolist(), _any(valid), _any(impossible)


def _any(facts: BoolArray) -> list[bool]:
    return [bool(row.any()) for row in facts]


def _name(valid_now: bool, impossible_now: bool, ever_valid: bool, ever_impossible: bool) -> Quality:
    if valid_now:
        return Quality.FRESH
    if impossible_now or (ever_impossible and not ever_valid):
        return Quality.OUT_OF_RANGE
    return Quality.STALE if ever_valid else Quality.MISSING
