"""Robust arithmetic along time for many series at once, shape (S, T), with NaN where there is no sample."""

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray

BoolArray = NDArray[np.bool_]


def median(values: FloatArray) -> FloatArray:
    """Median over the last axis without NaN; NaN where a row has no value. Sorting puts NaN last."""
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    count = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan)[..., 0], dtype=np.float64)


def despiked(values: FloatArray) -> FloatArray:
    """Every sample as the median of itself and its neighbours, where all three are known: edges stay, spikes go."""
    if values.shape[1] < 3:
        return values
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    middle = np.maximum(np.minimum(before, after), np.minimum(np.maximum(before, after), here))
    middle = np.where(np.isnan(middle), here, middle)
    return np.concatenate([values[:, :1], middle, values[:, -1:]], axis=1)


def rolling_mean(values: FloatArray, width: int, *, least: int) -> FloatArray:
    """Mean of each `width` neighbouring samples, (S, T - width + 1); NaN where fewer than `least` are known."""
    known = np.isfinite(values)
    centre = np.nanmean(np.where(known.any(axis=1, keepdims=True), values, 0.0), axis=1, keepdims=True)
    count = _windows(known.astype(np.float64), width)
    total = _windows(np.where(known, values - centre, 0.0), width)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count >= least, total / count + centre, np.nan)


def around(values: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """(mean of the `width` samples before a moment, mean of those after it), each (S, T - 2 width + 1)."""
    means = rolling_mean(values, width, least=(width + 1) // 2) if values.shape[1] >= width else values[:, :0]
    return means[:, :-width], means[:, width:]


def _windows(values: FloatArray, width: int) -> FloatArray:
    """Sum of each `width` neighbours."""
    if values.shape[1] < width:
        return values[:, :0]
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return np.asarray(sums[:, width:] - sums[:, :-width])
