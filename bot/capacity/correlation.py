"""Does the noise act together? Indicators of correlated errors against the independent model, and sample statistics.

Sources: Google Quantum AI, Nature 595, 383 (2021) (p_ij); Clopper, Pearson 1934.

>>> [round(edge, 5) for edge in clopper_pearson(5, 1000, 0.05)]
[0.00163, 0.01163]
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.codes import repetition_failure
from bot.capacity.ranges import (
    Array,
    CapacityRangeError,
    Number,
    count,
    elementwise,
    finite,
    plain,
    positive,
    probability,
    within,
)


def pair_probability(x_i: ArrayLike, x_j: ArrayLike, x_ij: ArrayLike) -> Array:
    """p_ij = 1/2 - sqrt(1/4 - (<xixj>-<xi><xj>)/(1-2<xi>-2<xj>+4<xixj>)); NaN where no p_ij fits."""
    i, j, ij = probability("x_i", x_i), probability("x_j", x_j), probability("x_ij", x_ij)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(0.5 - np.sqrt(0.25 - (ij - i * j) / (1 - 2 * i - 2 * j + 4 * ij)))


def pair_standard_error(x_i: ArrayLike, x_j: ArrayLike, n: ArrayLike) -> Array:
    """Standard error of p_ij over n shots where there is no correlation; infinite where a detector fires in half."""
    i, j = probability("x_i", x_i), probability("x_j", x_j)
    spread = np.sqrt(i * (1 - i) * j * (1 - j) / positive("n", n))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(spread / np.abs((1 - 2 * i) * (1 - 2 * j)))


def fano_baseline(mechanisms: Sequence[Mapping[str, float]]) -> float:
    """Fano factor of detection events from independent faults that flip `detectors` each: sum k²p(1-p)/sum kp."""
    p = probability("p", _column(mechanisms, "p"))
    flipped, times = (finite(name, _column(mechanisms, name)) for name in ("detectors", "count"))
    events = float((times * flipped * p).sum())
    if events == 0:
        raise CapacityRangeError(
            "mechanisms", "without any detection event", "at least one with p, detectors, count > 0"
        )
    return float((times * flipped**2 * p * (1 - p)).sum()) / events


def _column(mechanisms: Sequence[Mapping[str, float]], name: str) -> list[float]:
    if not all(isinstance(item, Mapping) and name in item for item in mechanisms):
        raise CapacityRangeError("mechanisms", f"one without {name}", "objects with p, detectors and count")
    return [item[name] for item in mechanisms]


def fano_burst(n: ArrayLike, pb: ArrayLike, p0: ArrayLike, p1: ArrayLike) -> Array:
    """Fano factor when n detectors fire at p0, and at p1 in a share pb of the shots: (1-m)+(n-1)Var(p)/m.

    1, its limit, where nothing ever fires.
    """
    n, pb = finite("n", n, 1), probability("pb", pb)
    p0, p1 = probability("p0", p0), probability("p1", p1)
    mean = (1 - pb) * p0 + pb * p1
    spread = (n - 1) * pb * (1 - pb) * (p1 - p0) ** 2
    return np.asarray(1 - mean + spread / np.where(mean > 0, mean, 1.0))


@elementwise
def excess_p_value(k: int, n: int, p0: float) -> float:
    """P(at least k failures in n shots | independent model p0), one-sided."""
    n = count("n", n, 1)
    k, p0 = count("k", k, 0, n), float(probability("p0", p0))
    from scipy.special import bdtrc  # noqa: PLC0415 - heavy, needed only here

    return 1.0 if k == 0 else float(bdtrc(k - 1, n, p0))


@elementwise
def repetition_excess(n: int, pb: float, p0: float, p1: float) -> float:
    """E[P_L(p)]/P_L(E[p]) of the repetition code under bursts: it grows with distance where noise is correlated."""
    pb = float(probability("pb", pb))
    mixed = float((1 - pb) * repetition_failure(n, p0) + pb * repetition_failure(n, p1))
    independent = float(repetition_failure(n, (1 - pb) * p0 + pb * p1))
    if independent == 0:
        raise CapacityRangeError("p0 and p1", "too small", "values at which the code fails at all")
    return mixed / independent


def clopper_pearson(k: ArrayLike, n: ArrayLike, alpha: ArrayLike) -> tuple[Number, Number]:
    """Exact interval for a share of k out of n, missed with probability alpha at most; arrays broadcast."""
    from scipy.special import betaincinv  # noqa: PLC0415 - heavy, needed only here

    k, n = _whole("k", k, 0), _whole("n", n, 1)
    within("k/n", k / n, 0.0, 1.0)
    tail = within("alpha", alpha, 0.0, 1.0, open_low=True, open_high=True) / 2
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return plain(low), plain(high)


def _whole(name: str, value: ArrayLike, low: float) -> Array:
    array = finite(name, value, low)
    odd = np.atleast_1d(array)[np.atleast_1d((array % 1 != 0) & ~np.isnan(array))]
    if odd.size:
        raise CapacityRangeError(name, float(odd[0]), "whole numbers")
    return array
