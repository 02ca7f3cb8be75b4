"""Pauli channels: probabilities of X, Y and Z errors, composed in series through their transfer eigenvalues.

Source: M. M. Wilde, Quantum Information Theory (2nd ed.), ch. 4; twirl of the T1/T2 memory after
J. Ghosh, A. G. Fowler, M. R. Geller, Phys. Rev. A 86, 062318 (2012).

>>> round(float(hashing(depolarizing(0.05))), 6)
0.634355
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import entropy
from bot.capacity.ranges import Array, CapacityRangeError, not_negative, probability, times


@dataclass(frozen=True, slots=True)
class Pauli:
    """Error probabilities of a Pauli channel, arrays of one shape; identity has what is left."""

    x: Array
    y: Array
    z: Array

    @property
    def identity(self) -> Array:
        """Probability of no error."""
        return np.maximum(0.0, 1 - self.x - self.y - self.z)

    @property
    def error(self) -> Array:
        """Probability of any error."""
        return self.x + self.y + self.z


def pauli(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Pauli:
    """A Pauli channel from its three error probabilities, which must not exceed 1 together."""
    channel = Pauli(probability("px", x), probability("py", y), probability("pz", z))
    total = channel.error
    if np.any(total > 1 + 1e-12):
        raise CapacityRangeError("px+py+pz", float(np.max(total)), "[0, 1]")
    return channel


def depolarizing(p: ArrayLike) -> Pauli:
    """Total error probability p, a third each."""
    third = probability("p", p) / 3
    return Pauli(third, third, third)


def flip(p: ArrayLike) -> Pauli:
    """Bit flip (X) with probability p."""
    array = probability("p", p)
    return Pauli(array, np.zeros_like(array), np.zeros_like(array))


def dephasing(p: ArrayLike) -> Pauli:
    """Phase flip (Z) with probability p."""
    array = probability("p", p)
    return Pauli(np.zeros_like(array), np.zeros_like(array), array)


def memory(t_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Pauli:
    """Twirl of a memory with T1 and T2 after t seconds: pX=pY=(1-e1)/4, pZ=(1-e2)/2-(1-e1)/4."""
    t1, t2 = times(t1_s, t2_s)
    t = not_negative("t_s", t_s)
    decay, dephased = -np.expm1(-t / t1) / 4, -np.expm1(-t / t2) / 2
    return Pauli(decay, decay, np.maximum(0.0, dephased - decay))


def series(*channels: Pauli) -> Pauli:
    """The channels one after the other; order does not matter."""
    return reduce(_then, channels)


def _then(first: Pauli, second: Pauli) -> Pauli:
    # Direct convolution over the Pauli group keeps small probabilities exact; eigenvalues near 1 would cancel.
    i, j = first.identity, second.identity
    return Pauli(
        i * second.x + first.x * j + first.y * second.z + first.z * second.y,
        i * second.y + first.y * j + first.x * second.z + first.z * second.x,
        i * second.z + first.z * j + first.x * second.y + first.y * second.x,
    )


def hashing(channel: Pauli) -> Array:
    """max(0, 1-H): lower bound on Q, and distillable entanglement per pair by one-way hashing; qubit/use."""
    return np.maximum(0.0, 1 - entropy.shannon(channel.identity, channel.x, channel.y, channel.z))


def two_way_upper(channel: Pauli) -> Array:
    """1-h(largest probability), 0 where none exceeds 1/2: upper bound on Q2 (PLOB)."""
    largest = np.maximum(np.maximum(channel.identity, channel.x), np.maximum(channel.y, channel.z))
    return np.where(largest <= 0.5, 0.0, 1 - entropy.binary(np.maximum(largest, 0.5)))
