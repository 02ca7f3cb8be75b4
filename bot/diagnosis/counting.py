"""How sure a change of a share is when all that is known are counts: a few more failures are no trend.

A signal that is a share of rare events scatters by Poisson's law, and over an hour of overlapping rate windows its
own history is too short to show how widely. The counts behind it tell: trials per second times the rate window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Shares (S, T) in 0..1 of `trials` per second (S, T), with the end of each row's baseline."""

    share: FloatArray
    trials: FloatArray
    split: FloatArray
    step: float
    rate_window: float

    def sureness(self, recent: int) -> FloatArray:
        """Spreads by which the present share differs from the one before `split`, shape (S,), 0 and up; NaN if unknown.

        The square root of the likelihood ratio of two Poisson rates against one: sqrt 2 [k ln(k/mE) + K ln(K/mF)]
        with k events now over exposure E, K over F before, m = (k + K) / (E + F). It holds down to no event at all,
        where a normal law does not.
        """
        now = np.arange(self.share.shape[1]) >= self.share.shape[1] - recent
        usual, exposure_before = self._events(self._before, step=self.step)
        seen, exposure_now = self._events(now[None, :] & np.isfinite(self.share), step=0.0)
        with np.errstate(all="ignore"):
            common = (seen + usual) / (exposure_now + exposure_before)
            ratio = _part(seen, common * exposure_now) + _part(usual, common * exposure_before)
            return np.sqrt(np.maximum(0.0, 2 * ratio))

    def scatter(self) -> tuple[FloatArray, FloatArray]:
        """The usual share less and plus one standard deviation of what a rate window counts, each (S,)."""
        events, exposure = self._events(self._before, step=self.step)
        with np.errstate(all="ignore"):
            known = (self._before & np.isfinite(self.trials)).sum(axis=1)
            share = events / exposure
            per_window = exposure * self.rate_window / (self.rate_window + self.step * np.maximum(known - 1, 0))
            width = np.sqrt(np.maximum(share * per_window, 1.0)) / per_window
        return np.maximum(share - width, 0.0), np.minimum(share + width, 1.0)

    @property
    def _before(self) -> NDArray[np.bool_]:
        return np.isfinite(self.share) & (np.arange(self.share.shape[1]) < self.split[:, None])

    def _events(self, where: NDArray[np.bool_], *, step: float) -> tuple[FloatArray, FloatArray]:
        """(events, trials) within the samples `where`, shape (S,): rate windows overlap, so that time counts once."""
        known = where & np.isfinite(self.trials)
        count = known.sum(axis=1)
        with np.errstate(all="ignore"):
            probability = np.where(known, self.share, 0.0).sum(axis=1) / count
            rate = np.where(known, self.trials, 0.0).sum(axis=1) / count
        exposure = rate * (self.rate_window + step * np.maximum(count - 1, 0))
        return probability * exposure, exposure


def _part(count: FloatArray, expected: FloatArray) -> FloatArray:
    return np.where(count > 0, count * np.log(np.where(count > 0, count, 1.0) / expected), 0.0)
