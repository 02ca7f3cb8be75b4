"""Noise at which a bound reaches zero, for families of Pauli channels and amplitude damping.

>>> round(hashing_zero("depolarizing"), 7), round(antidegradable("depolarizing"), 7)
(0.1892896, 0.25)
"""

from collections.abc import Callable, Mapping

import numpy as np

from bot.capacity.entropy import shannon
from bot.capacity.optimise import root
from bot.capacity.ranges import elementwise, finite, one_of

Probabilities = tuple[float, float, float, float]

FAMILIES: Mapping[str, Callable[[float], Probabilities]] = {
    "depolarizing": lambda p: (1 - p, p / 3, p / 3, p / 3),
    "BB84": lambda p: ((1 - p) ** 2, p - p * p, p * p, p - p * p),
    "two-Pauli": lambda p: (1 - 2 * p, p, 0.0, p),
}
"""(pI, pX, pY, pZ) of one-parameter families."""


def hashing_zero(family: str) -> float:
    """Where 1-H of the family crosses zero; the name may carry its formula behind a blank."""
    channel = FAMILIES[_family(family)]
    return root(lambda p: float(1 - shannon(*channel(p))), 1e-9, 0.3)


@elementwise
def hashing_zero_biased(bias: float) -> float:
    """The same for px = py and bias = pz/(px+py); total error."""
    channel = _biased(bias)
    return root(lambda p: float(1 - shannon(*channel(p))), 1e-9, 0.5)


def antidegradable(family: str) -> float:
    """Where the family becomes antidegradable, so that Q = 0; amplitude damping: 1/2, exactly."""
    if str(family).startswith("amplitude damping"):
        return 0.5
    channel = FAMILIES[_family(family)]
    return root(lambda p: -margin(channel(p)), 1e-6, 0.3)


@elementwise
def antidegradable_biased(bias: float) -> float:
    """The same for px = py and bias = pz/(px+py); total error, at most 1/2."""
    channel = _biased(bias)
    return root(lambda p: -margin(channel(p)), 1e-6, 0.5)


def margin(probabilities: Probabilities) -> float:
    """Symmetric-extension margin of a Pauli channel: its Choi state has its probabilities as eigenvalues."""
    p = np.array(probabilities)
    return float(0.5 - (p**2).sum() + 4 * np.sqrt(np.maximum(0.0, p.prod())))


def _family(name: str) -> str:
    return one_of("family", str(name).split(" ", maxsplit=1)[0], tuple(FAMILIES))


def _biased(bias: float) -> Callable[[float], Probabilities]:
    eta = float(finite("bias", bias))
    return lambda p: (1 - p, p / (2 * (1 + eta)), p / (2 * (1 + eta)), p * eta / (1 + eta))
