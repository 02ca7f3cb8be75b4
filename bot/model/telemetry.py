"""Windows of telemetry as arrays: S subjects by T instants, one such array per signal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Quality(StrEnum):
    """How far a series can be trusted at the end of its window."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"
    OUT_OF_RANGE = "out of range"


@dataclass(frozen=True, slots=True, eq=False)
class SignalWindow:
    """One signal for many subjects.

    `values` has shape (S, T); NaN where there is no valid sample, never zero. `times` has shape (T,), Unix
    seconds, evenly spaced. `age_s` has shape (S,): seconds from the last valid sample to the window's end,
    inf where there is none. For `firmware_version` the values are indices into `labels`.
    """

    signal: str
    subjects: tuple[str, ...]
    times: FloatArray
    values: FloatArray
    quality: tuple[Quality, ...]
    age_s: FloatArray
    labels: tuple[str, ...] = ()

    def row(self, subject: str) -> FloatArray | None:
        """The values of one subject, shape (T,), or None when it has no series."""
        return self.values[self.subjects.index(subject)] if subject in self.subjects else None

    def quality_of(self, subject: str) -> Quality:
        """The quality of one subject's series; MISSING when it has none."""
        return self.quality[self.subjects.index(subject)] if subject in self.subjects else Quality.MISSING

    def last(self, subject: str) -> float | None:
        """The last valid value of one subject, whatever its age, or None."""
        row = self.row(subject)
        if row is None:
            return None
        valid = row[np.isfinite(row)]
        return float(valid[-1]) if valid.size else None


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Several signals over the same instants, Unix seconds; `warnings` are the source's own (partial data).

    Rates, and ratios of rates, are means over the last `rate_window` seconds.
    """

    start: float
    end: float
    step: float
    signals: Mapping[str, SignalWindow]
    rate_window: float = 300.0
    warnings: tuple[str, ...] = field(default=())
