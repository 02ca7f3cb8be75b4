"""What it costs to know: pairs that are used up by measuring a fidelity, a QBER or a success ratio.

A pair that is measured is gone. In the normal approximation n = z² v/d² with
the variance v of one pair's contribution, half-width d and z = 1.96 (95%) unless said otherwise.

>>> int(pairs_for_fidelity(0.95, 0.01)), int(pairs_for_share(0.03, 0.005))
(2786, 4472)
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.ranges import Array, not_negative, probability, within

Z95 = 1.959964


def pairs_for_fidelity(fidelity: ArrayLike, half_width: ArrayLike, z: ArrayLike = Z95) -> Array:
    """Pairs to know the fidelity of Werner pairs to +- half_width: a third each in XX, YY and ZZ.

    F = (1+XX-YY+ZZ)/4 with correlations of size e = (4F-1)/3 has the variance 9(1-e²)/(16 n). Fidelity 1/4..1.
    """
    e = (4 * within("F", fidelity, 0.25, 1.0) - 1) / 3
    return _pairs(9 * (1 - e**2) / 16, half_width, z)


def pairs_for_share(share: ArrayLike, half_width: ArrayLike, z: ArrayLike = Z95) -> Array:
    """Pairs to know a share, such as a QBER or a readout error, to +- half_width: variance Q(1-Q)/n."""
    q = probability("Q", share)
    return _pairs(q * (1 - q), half_width, z)


def burned_per_s(pairs: ArrayLike, every_s: ArrayLike) -> Array:
    """Pairs/s that a measurement of `pairs` pairs takes from the pool when it is made each `every_s` seconds."""
    return np.asarray(not_negative("pairs", pairs) / within("every_s", every_s, 0.0, open_low=True))


def _pairs(variance: Array, half_width: ArrayLike, z: ArrayLike) -> Array:
    """At least one: nothing is known without a measurement."""
    d = within("half_width", half_width, 0.0, 1.0, open_low=True)
    return np.maximum(1.0, np.ceil(not_negative("z", z) ** 2 * variance / d**2))
