"""How sure a change of a share is when all that is known are counts: a few more failures are no trend.

A signal that is a share of rare events scatters by Poisson's law, and over an hour of overlapping rate windows its
own history is too short to show how widely. The counts behind it tell: trials per second times the rate window.
"""

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray


def sureness(
    share: FloatArray, trials: FloatArray, split: FloatArray, *, step: float, rate_window: float, recent: int
) -> FloatArray:
    """Spreads by which the present share differs from the one before `split`, shape (S,), 0 and up; NaN if unknown.

    `share` (0..1) and `trials` (per second) have shape (S, T). The answer is the square root of the likelihood
    ratio of two Poisson rates against one: sqrt 2 [k ln(k/mE) + K ln(K/mF)] with k events now over exposure E, K over
    F before, m = (k + K) / (E + F). It holds down to no event at all, where a normal law does not.
    """
    before = np.arange(share.shape[1]) < split[:, None]
    now = np.arange(share.shape[1]) >= share.shape[1] - recent
    usual, exposure_before = _events(share, trials, before, step=step, rate_window=rate_window)
    seen, exposure_now = _events(share, trials, now[None, :] & np.isfinite(share), step=0.0, rate_window=rate_window)
    with np.errstate(all="ignore"):
        common = (seen + usual) / (exposure_now + exposure_before)
        ratio = _part(seen, common * exposure_now) + _part(usual, common * exposure_before)
        return np.sqrt(np.maximum(0.0, 2 * ratio))


def _events(
    share: FloatArray, trials: FloatArray, where: NDArray[np.bool_], *, step: float, rate_window: float
) -> tuple[FloatArray, FloatArray]:
    """(events, trials) within the samples `where`, shape (S,): rate windows overlap, so that time counts once."""
    known = where & np.isfinite(share) & np.isfinite(trials)
    count = known.sum(axis=1)
    with np.errstate(all="ignore"):
        probability = np.where(known, share, 0.0).sum(axis=1) / count
        rate = np.where(known, trials, 0.0).sum(axis=1) / count
    exposure = rate * (rate_window + step * np.maximum(count - 1, 0))
    return probability * exposure, exposure


def _part(count: FloatArray, expected: FloatArray) -> FloatArray:
    return np.where(count > 0, count * np.log(np.where(count > 0, count, 1.0) / expected), 0.0)
