"""Rotated surface code and known losses: exact failure by maximum-likelihood decoding, perfect syndromes.

An erased qubit is maximally mixed and its place known. A pattern that holds a logical operator of one type fails half
the time, of both types three quarters (Stace, Barrett, Doherty 2009; Wu et al. 2022 for erasure with flips).

>>> round(float(erasure_flip_failure(0.1, 0.0)), 6)
0.003671
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.ranges import Array, elementwise, one_of, probability

# fmt: off
ONE_TYPE: Mapping[int, tuple[int, ...]] = {
    3: (0, 0, 0, 16, 84, 84, 16, 0, 0, 0),
    5: (
        0,
        0,
        0,
        0,
        0,
        104,
        1988,
        17966,
        101592,
        394294,
        1085940,
        2139736,
        3009424,
        3009424,
        2139736,
        1085940,
        394294,
        101592,
        17966,
        1988,
        104,
        0,
        0,
        0,
        0,
        0,
    ),
}
"""Erasure patterns by weight that hold a logical operator of exactly one type; all 2^(d²) patterns enumerated."""
BOTH_TYPES: Mapping[int, tuple[int, ...]] = {
    3: (0, 0, 0, 0, 0, 42, 68, 36, 9, 1),
    5: (
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        3412,
        41332,
        224882,
        715586,
        1475290,
        2092782,
        2141488,
        1645269,
        979983,
        462734,
        175112,
        53026,
        12650,
        2300,
        300,
        25,
        1,
    ),
}
# fmt: on
"""The same of both types."""
CHECKS = ((0, 1, 3, 4), (4, 5, 7, 8), (3, 6), (2, 5))
"""Checks of one type of the distance-3 code, qubits row by row; the other type is its mirror image."""
LOGICAL = (0, 1, 2)
"""A row that crosses every operator of the type that these checks leave undetected."""


def erasure_failure(d: int, p_erasure: ArrayLike) -> Array:
    """Failure of either type when each data qubit is erased with p_erasure; d = 3 or 5."""
    p = probability("p_erasure", p_erasure)[..., None]
    failing = np.array(ONE_TYPE[one_of("d", d, tuple(ONE_TYPE))]) / 2 + 0.75 * np.array(BOTH_TYPES[d])
    weights = np.arange(d * d + 1)
    return np.asarray((p**weights * (1 - p) ** (d * d - weights)) @ failing)


@elementwise
def erasure_flip_failure(p_erasure: float, p_flip: float) -> float:
    """Failure of one type, distance 3: qubits erased with p_erasure, the others flipped with p_flip; exact."""
    erased, flipped = float(probability("p_erasure", p_erasure)), float(probability("p_flip", p_flip))
    bits = (np.arange(512)[:, None] >> np.arange(9)) & 1
    syndrome = sum((bits[:, list(check)].sum(axis=1) % 2) << i for i, check in enumerate(CHECKS))
    coset = syndrome * 2 + bits[:, list(LOGICAL)].sum(axis=1) % 2
    lost = bits[:, None, :] == 1
    given = np.where(lost, 0.5, np.where(bits[None, :, :] == 1, flipped, 1 - flipped)).prod(axis=-1)
    chance = (erased**bits * (1 - erased) ** (1 - bits)).prod(axis=1)
    classes = np.zeros((512, 32))
    np.add.at(classes.T, coset, given.T)
    worst = classes.reshape(512, 16, 2).min(axis=-1).sum(axis=-1)
    return float(chance @ worst)
