"""One signal of one subject at one instant, beside the band that it kept before."""

import numpy as np

from bot.model.telemetry import Quality, Window
from remediation.contract import Reading

_BAND = 4.0
_TO_SIGMA = 1.4826
_RELATIVE = 0.05
"""A band is never narrower than this share of its middle: runbooks ask for recovery, not for coincidence."""


def reading(window: Window, signal: str, subject: str, at: float) -> Reading:
    """The last value in `window` and the band of its history: median, four spreads to either side.

    The band also holds 98% of the history. Missing telemetry gives a reading without value, never zero.
    """
    series = window.signals.get(signal)
    quality = series.quality_of(subject) if series is not None else Quality.MISSING
    row = series.row(subject) if series is not None else None
    if series is None or row is None or not np.isfinite(row).any():
        return Reading(signal=signal, subject=subject, value=None, quality=quality.value, age_s=float("inf"))
    known = np.flatnonzero(np.isfinite(row))
    values = row[known]
    middle = float(np.median(values))
    spread = _TO_SIGMA * float(np.median(np.abs(values - middle)))
    width = max(_BAND * spread, _RELATIVE * abs(middle), _ABSOLUTE.get(signal, 0.0))
    low, high = (float(edge) for edge in np.quantile(values, (0.01, 0.99)))
    return Reading(
        signal=signal,
        subject=subject,
        value=float(values[-1]),
        quality=quality.value,
        age_s=max(0.0, at - float(series.times[known[-1]])),
        baseline=middle,
        baseline_low=min(low, middle - width),
        baseline_high=max(high, middle + width),
    )


_ABSOLUTE = {"transfer_queue_length": 4.0, "retry_ratio": 0.01, "slot_utilisation": 0.1, "syndrome_correlation": 0.01}
"""Counts and rare events: how far they may stray whatever their history."""
