"""Unlike channels one after the other and side by side.

In series the noise adds up (a lower bound by construction) and no chain beats its worst part (an upper bound): show
both. In parallel the capacities of degradable channels add; in general only lower bounds do (Smith, Yard 2008).

>>> round(float(depolarizing(0.1, 0.1)), 6)  # p1 + p2 - 4 p1 p2/3
0.186667
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import channels
from bot.capacity import pauli as paulis
from bot.capacity.coherent import coherent_information, damping, pauli_kraus, then
from bot.capacity.entropy import binary
from bot.capacity.optimise import maximum
from bot.capacity.ranges import Array, CapacityRangeError, one_of, probability


def depolarizing(p1: ArrayLike, p2: ArrayLike) -> Array:
    """Total error of two depolarizing channels in series, p1+p2-4 p1 p2/3."""
    p1, p2 = probability("p1", p1), probability("p2", p2)
    return np.asarray(p1 + p2 - 4 * p1 * p2 / 3)


def damping_q(gammas: Sequence[float]) -> Array:
    """Q of amplitude-damping channels in series."""
    return channels.damping_q(1 - np.prod(1 - probability("gammas", gammas), axis=-1))


def erasure_q(ps: Sequence[float]) -> Array:
    """Q of erasure channels in series, max(0, 2 prod(1-p)-1)."""
    return np.asarray(np.maximum(0.0, 2 * np.prod(1 - probability("ps", ps), axis=-1) - 1))


def pauli_hashing(a: Sequence[float], b: Sequence[float]) -> Array:
    """Hashing bound of two Pauli channels (pX, pY, pZ) in series."""
    return paulis.hashing(paulis.series(paulis.pauli(*a), paulis.pauli(*b)))


def series_lower(gamma: ArrayLike, q: ArrayLike, p: ArrayLike, erasure: ArrayLike) -> Array:
    """Amplitude damping, dephasing q, depolarizing p, flagged erasure: max over diagonal inputs of (1-e) I_c - e S.

    Lower bound on Q only: dephasing with erasure is superadditive (Leditzky, Leung, Smith 2018).
    """
    e = probability("erasure", erasure)
    third = probability("p", p) / 3
    flips = pauli_kraus(0.0, 0.0, q)
    kraus = then(then(damping(gamma), flips), pauli_kraus(third, third, third))
    value = maximum(lambda x: (1 - e) * coherent_information(kraus, x) - e * binary(x), 0.0, 1.0)
    return np.maximum(0.0, value)


def series_upper(gamma: ArrayLike, q: ArrayLike, p: ArrayLike, erasure: ArrayLike) -> Array:
    """The least upper bound of the parts, in any order."""
    parts = (
        channels.damping_q(gamma),
        channels.dephasing_q(q),
        channels.depolarizing_upper(p),
        channels.erasure_q(erasure),
    )
    return np.asarray(np.min(np.stack(np.broadcast_arrays(*parts)), axis=0))


DEGRADABLE = {"ad": channels.damping_q, "erasure": channels.erasure_q, "dephasing": channels.dephasing_q}


def _number(link: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if np.isnan(value):
        raise CapacityRangeError("link", link, "a channel and its parameter, such as ad:0.05")
    return value


def parallel_q(links: Sequence[str]) -> float:
    """Sum of Q over links like `ad:0.05`; exact while each is degradable, refused beyond.

    Dephasing always is, amplitude damping and erasure up to 1/2.
    """
    total = 0.0
    for link in links:
        kind, _, value = str(link).partition(":")
        function = DEGRADABLE[one_of("link", kind, tuple(DEGRADABLE))]
        parameter = _number(link, value)
        if kind != "dephasing" and parameter > 0.5:
            raise CapacityRangeError(link, parameter, "[0, 0.5], where the channel is degradable")
        total += float(function(parameter))
    return total
