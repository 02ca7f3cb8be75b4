"""Qubit channels: capacities where they are known, bounds that say so where they are not. Unit: qubit or bit per use.

Q is one-way and unassisted, Q2 has two-way classical help, C classical, EA entanglement-assisted. p is the total
probability of a Pauli error, gamma the decay probability |1> -> |0>, an erasure is flagged.
Sources: Bennett et al. 1996 (hashing), Bennett, DiVincenzo, Smolin 1997 (erasure), Devetak, Shor 2005 (dephasing),
Giovannetti, Fazio 2005 (amplitude damping), Smith, Smolin 2008 (depolarizing upper bound), Pirandola et al. 2017
(two-way bounds), Goodenough, Elkouss, Wehner 2016 (squashed), Bennett et al. 2002 (assisted), King 2003 (unital).
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import pauli as paulis
from bot.capacity.coherent import coherent_information, generalized_damping
from bot.capacity.entropy import binary, shannon, term
from bot.capacity.optimise import maximum
from bot.capacity.ranges import Array, not_negative, probability, times

LOG3 = float(np.log2(3))


def dephasing_q(p: ArrayLike) -> Array:
    """1-h(p): Q = P = Q2, exact."""
    return 1 - binary(probability("p", p))


def dephasing_assisted(p: ArrayLike) -> Array:
    """2-h(p)."""
    return 2 - binary(probability("p", p))


def depolarizing_hashing(p: ArrayLike) -> Array:
    """max(0, 1-h(p)-p log2 3): lower bound on Q.

    >>> depolarizing_hashing([0.0, 0.1, 0.25]).round(6).tolist()
    [1.0, 0.372508, 0.0]
    """
    p = probability("p", p)
    return np.maximum(0.0, 1 - binary(p) - p * LOG3)


def depolarizing_upper(p: ArrayLike) -> Array:
    """min{1-h(p), h((1-a)/2)-h(a/2), 1-4p} with a = 4 sqrt(1-p)(1-sqrt(1-p)); 0 from p = 1/4: upper bound on Q."""
    p = probability("p", p)
    kept = np.sqrt(1 - p)
    a = np.minimum(1.0, 4 * kept * (1 - kept))
    degradable = binary((1 - a) / 2) - binary(a / 2)
    smallest = np.minimum(np.minimum(1 - binary(p), degradable), 1 - 4 * p)
    return np.where(p >= 0.25, 0.0, np.maximum(0.0, smallest))


def depolarizing_two_way_upper(p: ArrayLike) -> Array:
    """1-h(p), 0 from p = 1/2: upper bound on Q2."""
    p = probability("p", p)
    return np.where(p >= 0.5, 0.0, 1 - binary(p))


def depolarizing_c(p: ArrayLike) -> Array:
    """1-h(2p/3): classical capacity."""
    return 1 - binary(2 * probability("p", p) / 3)


def depolarizing_assisted(p: ArrayLike) -> Array:
    """2-h(p)-p log2 3."""
    p = probability("p", p)
    return 2 - binary(p) - p * LOG3


def pauli_hashing(px: ArrayLike, py: ArrayLike, pz: ArrayLike) -> Array:
    """max(0, 1-H(pI,pX,pY,pZ)): lower bound on Q."""
    return paulis.hashing(paulis.pauli(px, py, pz))


def pauli_c(px: ArrayLike, py: ArrayLike, pz: ArrayLike) -> Array:
    """1-h((1-max|lambda|)/2): classical capacity of a unital qubit channel."""
    channel = paulis.pauli(px, py, pz)
    pairs = (channel.y + channel.z, channel.x + channel.z, channel.x + channel.y)
    largest = np.max(np.stack(np.broadcast_arrays(*(np.abs(1 - 2 * pair) for pair in pairs))), axis=0)
    return np.asarray(1 - binary((1 - largest) / 2))


def pauli_assisted(px: ArrayLike, py: ArrayLike, pz: ArrayLike) -> Array:
    """2-H(pI,pX,pY,pZ)."""
    channel = paulis.pauli(px, py, pz)
    return 2 - shannon(channel.identity, channel.x, channel.y, channel.z)


def erasure_q(p: ArrayLike) -> Array:
    """max(0, 1-2p): exact, one-way."""
    return np.maximum(0.0, 1 - 2 * probability("p", p))


def erasure_two_way(p: ArrayLike) -> Array:
    """1-p: exact with two-way help; also the classical capacity."""
    return 1 - probability("p", p)


def erasure_assisted(p: ArrayLike) -> Array:
    """2(1-p)."""
    return 2 * (1 - probability("p", p))


def damping_q(gamma: ArrayLike) -> Array:
    """max_x h((1-g)x)-h(gx), exactly 0 from g = 1/2: Q = P."""
    g = probability("gamma", gamma)
    best = maximum(lambda x: binary((1 - g) * x) - binary(g * x), 0.0, 1.0)
    return np.where(g >= 0.5, 0.0, np.maximum(0.0, best))


def damping_two_way_lower(gamma: ArrayLike) -> Array:
    """max_x h(x)-h(gx): reverse coherent information, lower bound on Q2."""
    g = probability("gamma", gamma)
    return np.maximum(0.0, maximum(lambda x: binary(x) - binary(g * x), 0.0, 1.0))


def damping_squashed(gamma: ArrayLike) -> Array:
    """max_x h((1-g/2)x)-h(gx/2): upper bound on Q2; see damping_two_way_upper."""
    g = probability("gamma", gamma)
    return maximum(lambda x: binary((1 - g / 2) * x) - binary(g * x / 2), 0.0, 1.0)


def damping_two_way_upper(gamma: ArrayLike) -> Array:
    """The smaller of the squashed bound and -log2 g."""
    g = probability("gamma", gamma)
    with np.errstate(divide="ignore"):
        return np.minimum(damping_squashed(g), np.abs(np.log2(g)))


def damping_assisted(gamma: ArrayLike) -> Array:
    """max_x h(x)+h((1-g)x)-h(gx)."""
    g = probability("gamma", gamma)
    return maximum(lambda x: binary(x) + binary((1 - g) * x) - binary(g * x), 0.0, 1.0)


def damping_holevo(gamma: ArrayLike) -> Array:
    """max_x h((1-g)x)-h((1+sqrt(1-4g(1-g)x²))/2): one-shot Holevo capacity, a lower bound on C."""
    g = probability("gamma", gamma)

    def holevo(x: Array) -> Array:
        root = np.sqrt(np.maximum(0.0, 1 - 4 * g * (1 - g) * x**2))
        return binary((1 - g) * x) - binary((1 + root) / 2)

    return maximum(holevo, 0.0, 1.0)


def generalized_damping_lower(gamma: ArrayLike, population: ArrayLike) -> Array:
    """Single-letter coherent information with thermal population N of |1>: lower bound on Q."""
    kraus = generalized_damping(gamma, population)
    return np.maximum(0.0, maximum(lambda x: coherent_information(kraus, x), 0.0, 1.0))


def generalized_damping_upper(gamma: ArrayLike, population: ArrayLike) -> Array:
    """Least Q of its damping parts: upper bound on Q by data processing (Khatri, Sharma, Wilde 2020).

    Damping by g(1-N)/(1-gN) to |0>, then by gN to |1> is the whole channel; so is the other order.
    """
    g, n = probability("gamma", gamma), probability("N", population)
    down, up = (np.where(g < 1, g * part / np.where(g < 1, 1 - g * (1 - part), 1.0), 1.0) for part in (1 - n, n))
    return np.minimum(damping_q(down), damping_q(up))


def memory_lower(t_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Array:
    """Single-letter coherent information of a T1/T2 memory: lower bound on Q, exact at T2 = 2 T1."""
    t1, t2 = times(t1_s, t2_s)
    t = not_negative("t", t_s)
    e1, e2 = np.exp(-t / t1), np.exp(-t / t2)

    def information(x: Array) -> Array:
        s = 1 - x * (1 - e1)
        spread = np.sqrt(np.maximum(0.0, s**2 - 4 * x * (1 - x) * (e1 - e2**2)))
        return binary(x * e1) - term(x * (1 - e1)) - term((s + spread) / 2) - term((s - spread) / 2)

    return np.maximum(0.0, maximum(information, 0.0, 1.0))


def memory_upper(t_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Array:
    """min(Q of its damping part, Q of its dephasing part): upper bound on Q by data processing."""
    t1, t2 = times(t1_s, t2_s)
    t = not_negative("t", t_s)
    kept = np.minimum(1.0, np.exp(-t * np.maximum(0.0, 1 / t2 - 1 / (2 * t1))))
    return np.minimum(damping_q(-np.expm1(-t / t1)), dephasing_q((1 - kept) / 2))


def memory_fidelity(t_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Array:
    """Entanglement fidelity of a T1/T2 memory, (1+e1+2e2)/4."""
    return 1 - memory_error(t_s, t1_s, t2_s)


def memory_error(t_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Array:
    """1 - entanglement fidelity, the total Pauli error of the twirl; keeps its digits for short times."""
    t1, t2 = times(t1_s, t2_s)
    t = not_negative("t", t_s)
    return np.asarray(-(np.expm1(-t / t1) + 2 * np.expm1(-t / t2)) / 4)


def flagged_pauli_lower(erasure: ArrayLike, p: ArrayLike) -> Array:
    """(1-e)(1-H)-e after depolarizing p: lower bound on Q, one-way."""
    e, p = probability("e", erasure), probability("p", p)
    return np.maximum(0.0, (1 - e) * (1 - binary(p) - p * LOG3) - e)
