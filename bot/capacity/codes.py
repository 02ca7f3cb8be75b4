"""Small codes under ideal decoding: exact weight enumerators.

[[5,1,3]], Steane [[7,1,3]] (X and Z decoded apart), [[4,2,2]] as error detection, repetition against flips.
Numbers of undetected or wrongly corrected Pauli patterns by weight, from enumeration of all 4^n patterns.

>>> round(five_qubit_breakeven(), 5)
0.13763
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import surface
from bot.capacity.optimise import root
from bot.capacity.pauli import Pauli
from bot.capacity.ranges import Array, count, one_of, probability

FIVE_QUBIT = (0, 0, 90, 210, 270, 198)
STEANE = (0, 0, 147, 693, 2226, 3822, 3675, 1725)
DETECTION_ACCEPTED = (1, 0, 18, 24, 21)
DETECTION_LOGICAL = (0, 0, 18, 24, 18)
MOST_SUMMED = 1_000
"""Copies up to which binomial coefficients are floats."""
FAMILIES = ("surface", "steane", "five-qubit", "repetition", "none")


def enumerate_weights(counts: Sequence[int], p: ArrayLike) -> Array:
    """sum_w N_w (p/3)^w (1-p)^(n-w) for depolarizing p."""
    p = probability("p", p)[..., None]
    weights = np.arange(len(counts))
    return np.asarray(((p / 3) ** weights * (1 - p) ** (len(counts) - 1 - weights)) @ np.array(counts, float))


def five_qubit_breakeven() -> float:
    """Noise p at which [[5,1,3]] fails as often as a bare qubit; also its concatenation threshold."""
    return root(lambda p: p - float(enumerate_weights(FIVE_QUBIT, p)), 0.05, 0.2)


def repetition_failure(n: int, p: ArrayLike) -> Array:
    """Majority vote of n copies fails: binomial tail from (n+1)/2, ties of even n counting half."""
    n, p = count("n", n, 1), probability("p", p)
    if n > MOST_SUMMED:
        from scipy.special import bdtrc  # noqa: PLC0415 - heavy, needed only here

        return np.asarray((bdtrc(n // 2, n, p) + bdtrc((n - 1) // 2, n, p)) / 2)
    p = p[..., None]
    weights = np.arange(n + 1)
    wrong = np.where(2 * weights > n, 1.0, np.where(2 * weights == n, 0.5, 0.0))
    return np.asarray((p**weights * (1 - p) ** (n - weights)) @ (wrong * surface.binomials(n)))


def physical_qubits(family: str, distance: int) -> int:
    """Data qubits per logical qubit; a surface code also needs d²-1 for its syndromes."""
    distance = count("code_distance", distance, 1, 101)
    return {"surface": 2 * distance**2 - 1, "steane": 7, "five-qubit": 5, "repetition": distance, "none": 1}[
        one_of("code_family", family, FAMILIES)
    ]


def logical_failure(family: str, distance: int, noise: Pauli, gate: ArrayLike, measurement: ArrayLike) -> Array:
    """Failure of one logical transfer.

    `noise` acts once on each data qubit (storage, channel); `gate` and `measurement` errors act in every one of
    `distance` syndrome rounds. Surface: both contributions as if independent (their cross terms are left out), and
    as circuit noise the mean over the four places of the sampled circuits: Clifford gates, idle data and reset fail
    with `gate`, readout with `measurement`. The others: ideal decoding of everything at once. Repetition corrects
    bit flips only.
    """
    gate, measurement = probability("gate_error", gate), probability("measurement_error", measurement)
    one_of("code_family", family, FAMILIES)
    if family == "surface":
        rounds = surface.after_rounds(surface.per_round(distance, (3 * gate + measurement) / 4), distance)
        once = surface.total_failure(distance, noise.x + noise.y, noise.z + noise.y)
        return 1 - (1 - once) * (1 - rounds) ** 2
    total = 1 - noise.identity * (1 - gate) * (1 - measurement)
    if family == "five-qubit":
        return enumerate_weights(FIVE_QUBIT, total)
    if family == "steane":
        return enumerate_weights(STEANE, total)
    if family == "repetition":
        phase = (1 - (1 - 2 * np.minimum(0.5, noise.z + noise.y)) ** distance) / 2
        flips = 1 - (1 - noise.x - noise.y) * (1 - gate) * (1 - measurement)
        return 1 - (1 - repetition_failure(distance, flips)) * (1 - phase)
    return total
