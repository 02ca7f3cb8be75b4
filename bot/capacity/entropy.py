"""Entropies in bits, exact at the edges; arrays of any shape.

>>> float(binary(0.5)), float(binary([0.0, 1.0]).sum())
(1.0, 0.0)
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.ranges import Array


def term(p: ArrayLike) -> Array:
    """-p log2 p, 0 at p = 0. Negative rounding noise counts as 0."""
    array = np.asarray(p, dtype=np.float64)
    safe = np.where(array <= 0, 1.0, array)
    result: Array = -safe * np.log2(safe)
    return result


def binary(p: ArrayLike) -> Array:
    """h(p) = -p log2 p - (1-p) log2(1-p)."""
    array = np.asarray(p, dtype=np.float64)
    return term(array) + term(1 - array)


def shannon(*probabilities: ArrayLike) -> Array:
    """Entropy of a distribution given as its parts, each an array over cases."""
    total: Array = np.asarray(sum(term(part) for part in probabilities), dtype=np.float64)
    return total


def thermal(n: ArrayLike) -> Array:
    """g(n) = (n+1) log2(n+1) - n log2 n: entropy of a thermal mode with n photons on average."""
    array = np.asarray(n, dtype=np.float64)
    safe = np.where(array <= 1e-300, 1.0, array)
    # n log2(1 + 1/n) keeps its digits where (n+1)log(n+1) and n log n are both huge.
    value: Array = np.log1p(array) / np.log(2) + safe * np.log1p(1 / safe) / np.log(2)
    return np.where(array <= 1e-300, 0.0, value)
