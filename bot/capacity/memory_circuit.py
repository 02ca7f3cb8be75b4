"""Failures of memory circuits at any p, from the sampled points: log-log between them, fitted corrections around them.

Below the sampled range the failure goes on as p^((d+1)/2), above it with its last slope, to 1/2 at most. Distances
3, 5, 7. Basis X and other numbers of rounds scale the failure per round by the ratio that was sampled at one or two
points; extra idle noise enters as p + kappa p_idle with kappa = a_d - b_d ln(p_idle/0.002), refitted to 27 sampled
circuits on top of this curve.

>>> f"{float(circuit_failure(5, 0.003, 5, 'z')):.3e}"  # 4,003 of 1,227,025 shots
'3.262e-03'
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import sampled
from bot.capacity.ranges import Array, count, one_of, positive, probability
from bot.capacity.surface import after_rounds

KAPPA: Mapping[int, float] = {3: 0.226, 5: 0.211, 7: 0.203}
KAPPA_SLOPE: Mapping[int, float] = {3: 0.0105, 5: 0.0093, 7: 0.0115}
"""a_d and b_d of kappa."""
Table = Mapping[int, tuple[sampled.Point, ...]]


def per_round(table: Table, d: int, p: ArrayLike) -> Array:
    """Failure per round at p, by the table's own circuits of d rounds."""
    points = table[one_of("d", count("d", d), tuple(table))]
    x, y = np.log([point[0] for point in points]), np.log([_eps(point, d) for point in points])
    at = np.log(np.maximum(probability("p", p), 1e-300))
    low = y[0] + (d + 1) / 2 * (at - x[0])
    high = y[-1] + (y[-1] - y[-2]) / (x[-1] - x[-2]) * (at - x[-1])
    value = np.where(at < x[0], low, np.where(at > x[-1], high, np.interp(at, x, y)))
    return np.minimum(0.5, np.exp(value))


def circuit_failure(d: int, p: ArrayLike, rounds: ArrayLike, basis: str) -> Array:
    """Failure per shot of the rotated surface code under circuit noise p."""
    rounds = positive("rounds", rounds)
    eps = per_round(sampled.CIRCUIT, d, p) * (_x_ratio(d) if one_of("basis", basis, ("x", "z")) == "x" else 1.0)
    longer = np.clip(np.log(rounds / d) / np.log(3), 0.0, 1.0)
    return after_rounds(np.minimum(0.5, eps * _long_ratio(d) ** longer), rounds)


def phenomenological_failure(d: int, p: ArrayLike, rounds: ArrayLike, basis: str) -> Array:
    """Failure per shot when data and syndrome bits flip with p per round; both bases are alike."""
    one_of("basis", basis, ("x", "z"))
    return after_rounds(per_round(sampled.PHENOMENOLOGICAL, d, p), positive("rounds", rounds))


def repetition_failure(d: int, p: ArrayLike, rounds: ArrayLike, basis: str) -> Array:
    """Failure per shot of the repetition code under circuit noise p, memory of Z."""
    one_of("basis", basis, ("z",))
    return after_rounds(per_round(sampled.REPETITION, d, p), positive("rounds", rounds))


def idle_failure(d: int, p: ArrayLike, p_idle: ArrayLike, rounds: ArrayLike) -> Array:
    """Failure per shot with extra depolarizing p_idle on each data qubit in every round."""
    idle = probability("p_idle", p_idle)
    kappa = KAPPA[one_of("d", d, tuple(KAPPA))] - KAPPA_SLOPE[d] * np.log(np.maximum(idle, 1e-5) / 0.002)
    effective = np.minimum(1.0, probability("p", p) + kappa * idle)
    return after_rounds(per_round(sampled.CIRCUIT, d, effective), positive("rounds", rounds))


def _eps(point: sampled.Point, rounds: int) -> float:
    return float((1 - (1 - 2 * point[2] / point[1]) ** (1 / rounds)) / 2)


def _x_ratio(d: int) -> float:
    """Geometric mean over the points at which both bases were sampled."""
    ratios = [_eps(point, d) / float(per_round(sampled.CIRCUIT, d, point[0])) for point in sampled.CIRCUIT_X[d]]
    return float(np.exp(np.mean(np.log(ratios))))


def _long_ratio(d: int) -> float:
    (point,) = sampled.CIRCUIT_LONG[d]
    return _eps(point, 3 * d) / float(per_round(sampled.CIRCUIT, d, point[0]))
