"""The instants at which a window is evaluated, the same for every source."""

import math

import numpy as np

from bot.errors import UsageError
from bot.model.telemetry import FloatArray


def aligned(*, start: float, end: float, step: float) -> FloatArray:
    """Instants from `start` to `end` at whole multiples of `step`, Unix seconds to the millisecond.

    Start is rounded up and end down, so that no instant lies outside; alignment lets a source cache and gives
    every source the same instants. Raises UsageError when `step` is below 1 ms or no instant fits.
    """
    if not (math.isfinite(start) and math.isfinite(end) and step >= 0.001):
        raise UsageError(f"cannot read telemetry from {start} to {end} in steps of {step} s")
    step_ms = round(step * 1000)
    first, last = -(-round(start * 1000) // step_ms), round(end * 1000) // step_ms
    if last < first:
        raise UsageError(
            f"no multiple of the step {step} s lies between {start} and {end}", hint="ask for a longer window"
        )
    return np.arange(first, last + 1, dtype=np.int64) * step_ms / 1000.0


def instant(at: float) -> FloatArray:
    """The one instant `at`, to the millisecond."""
    if not math.isfinite(at):
        raise UsageError(f"cannot read telemetry at {at}")
    return np.array([round(at * 1000) / 1000.0])
