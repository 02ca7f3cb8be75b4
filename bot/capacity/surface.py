"""Rotated surface code: what minimum-weight matching leaves, from fits and tables of sampled circuits.

Source of the numbers: stim 1.16.0 with pymatching 2.4.0, 2026-11-23, at least 340 (typically 4,000) failures
per point, so each point is known to about 3%. The fit's one-sigma errors are A_SIGMA and P_STAR_SIGMA, its
largest residual is 4%. One memory basis; the other is 8..22% worse.

>>> f"{float(per_round(3, 0.003)):.2e}, {float(per_round(7, 0.001)):.2e}"
'2.23e-03, 2.49e-06'
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.ranges import Array, count, probability

A, A_SIGMA = 0.0247, 0.00056
P_STAR, P_STAR_SIGMA = 0.00998, 0.000075
FIT_LIMIT = 0.004
A_PHENOMENOLOGICAL, P_STAR_PHENOMENOLOGICAL, PHENOMENOLOGICAL_LIMIT = 0.0823, 0.0413, 0.015
KAPPA_IDLE = 0.208
"""Weight of additional idle error per round in the circuit-level error probability."""

SAMPLED_P = (0.005, 0.006, 0.008)
SAMPLED_SHOT: Mapping[int, tuple[float, ...]] = {
    3: (0.0171468908425849, 0.024069144959177, 0.0417905499901584),
    5: (0.0139585286052273, 0.0232958997127187, 0.0496618167034213),
    7: (0.0100010732372079, 0.0192173725047443, 0.0522880905115929),
}
"""Failures per shot of d rounds at SAMPLED_P, above the range of the fit."""

# fmt: off
FAIL_FRACTION: Mapping[int, tuple[float, ...]] = {
    3: (0.0, 0.0, 0.5, 0.66667, 0.45238, 0.54762, 0.33333, 0.5, 1.0, 1.0),
    5: (
        0.0, 0.0, 0.0, 0.12696, 0.34253, 0.48586, 0.49785, 0.53053, 0.49955, 0.51038, 0.48608, 0.50356, 0.49124,
        0.50909, 0.49811, 0.51331, 0.49034, 0.50009, 0.46922, 0.50215, 0.51414, 0.65747, 0.87304, 1.0, 1.0, 1.0,
    ),
    7: (
        0.0, 0.0, 0.0, 0.0, 0.021739, 0.085697, 0.18887, 0.30337, 0.39044, 0.44568, 0.47838, 0.49467, 0.50103,
        0.50432, 0.50196, 0.50142, 0.49905, 0.50017, 0.50034, 0.4997, 0.50118, 0.5007, 0.50087, 0.50038, 0.49882,
        0.50025, 0.49867, 0.49976, 0.49987, 0.49959, 0.49898, 0.50071, 0.50056, 0.50102, 0.49892, 0.49736, 0.49824,
        0.49844, 0.50467, 0.52265, 0.55433, 0.60903, 0.69622, 0.81013, 0.9144, 0.97826, 1.0, 1.0, 1.0, 1.0,
    ),
}
# fmt: on
"""Share of weight-w flips on d² qubits that matching gets wrong (exact up to 400,000 patterns, else sampled)."""
MEASURED = (3, 5, 7)


def per_round(d: int, p: ArrayLike) -> Array:
    """Logical error per round, one basis, circuit noise p: A (p/p*)^((d+1)/2) up to p = 0.004, sampled points above.

    Above p = 0.008 the last slope is carried on to at most 1/2; distances above 7 carry on the ratio of 7 to 5.
    """
    p = probability("p", p)
    d = _odd(d)
    if d == 1:
        return np.minimum(p, 0.5)
    if d > MEASURED[-1]:
        return np.where(p <= FIT_LIMIT, _fit(d, p), _beyond(d, _sampled(5, p), _sampled(7, p)))
    return np.where(p <= FIT_LIMIT, _fit(d, p), _sampled(d, p))


def phenomenological_per_round(d: int, p: ArrayLike) -> Array:
    """Logical error per round when data and measurement flip with p each; fitted for p up to 0.015."""
    half = (_odd(d) + 1) / 2
    value: Array = A_PHENOMENOLOGICAL * (probability("p", p) / P_STAR_PHENOMENOLOGICAL) ** half
    return np.minimum(0.5, value)


def after_rounds(per_round_error: ArrayLike, rounds: ArrayLike) -> Array:
    """Failure per shot of several rounds: (1-(1-2 eps)^rounds)/2."""
    eps = np.asarray(per_round_error, dtype=np.float64)
    with np.errstate(divide="ignore"):
        value: Array = -np.expm1(np.asarray(rounds) * np.log1p(-2 * eps)) / 2
    return value


def flip_failure(d: int, p: ArrayLike) -> Array:
    """Failure of one logical type when each data qubit flips with p and syndromes are perfect."""
    p = probability("p", p)
    d = _odd(d)
    if d == 1:
        return p
    if d > MEASURED[-1]:
        return _beyond(d, flip_failure(5, p), flip_failure(7, p))
    n = d * d
    weights = np.arange(n + 1)
    terms = np.array(FAIL_FRACTION[d]) * binomials(n)
    powers: Array = p[..., None] ** weights * (1 - p[..., None]) ** (n - weights)
    return np.asarray(powers @ terms, dtype=np.float64)


def total_failure(d: int, flips_x: ArrayLike, flips_z: ArrayLike) -> Array:
    """Failure of either logical type, X and Z decoded apart, perfect syndromes."""
    return 1 - (1 - flip_failure(d, flips_x)) * (1 - flip_failure(d, flips_z))


def per_round_fit(d: int, p: ArrayLike) -> Array:
    """The fit's formula alone, whatever p; above p = 0.004 it is too high (by up to 30% at 0.008)."""
    return np.minimum(0.5, _fit(_odd(d), probability("p", p)))


def _odd(d: int) -> int:
    d = count("code_distance", d, 1, 101)
    return d - 1 + d % 2


def _fit(d: int, p: Array) -> Array:
    value: Array = A * (p / P_STAR) ** ((d + 1) / 2)
    return value


def _sampled(d: int, p: Array) -> Array:
    knots = np.log((FIT_LIMIT, *SAMPLED_P))
    sampled = (1 - (1 - 2 * np.array(SAMPLED_SHOT[d])) ** (1 / d)) / 2
    values = np.log((float(_fit(d, np.asarray(FIT_LIMIT))), *sampled))
    x = np.log(np.maximum(p, FIT_LIMIT))
    slope = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
    inside = np.interp(x, knots, values)
    beyond = values[-1] + slope * (x - knots[-1])
    return np.minimum(0.5, np.exp(np.where(x > knots[-1], beyond, inside)))


def _beyond(d: int, five: Array, seven: Array) -> Array:
    ratio = np.where(five > 0, seven / np.where(five > 0, five, 1.0), 0.0)
    value: Array = seven * np.minimum(1.0, ratio) ** ((d - 7) / 2)
    return value


def binomials(n: int) -> Array:
    """C(n, 0..n) as floats."""
    row = np.ones(n + 1)
    for k in range(1, n + 1):
        row[k] = row[k - 1] * (n - k + 1) / k
    return row
