"""Two segments whose memories give up after a cut-off: rate against quality; times in slots of T0.

Both segments try in every slot with success p. Once one has its pair the other has m more slots, then the waiting
pair is thrown away and both start again. With q = 1-p a success takes (1 + 2pq(1-q^m)/p)/(1-q²-2pq q^m) slots on
average, and the first pair has waited K slots with weights p² (K = 0) and 2p²q^K (K = 1..m). For m to infinity both are
the results without a cut-off (Bernardes, Praxmeyer, van Loock 2011; cut-offs: Collins et al., PRL 98, 060502 (2007)).

>>> round(float(pairs_per_slot(0.1, 5)), 5), round(float(memory_factor(0.1, 0.02, 5)), 4)
(0.04819, 0.9525)
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import pauli
from bot.capacity.ranges import Array, count, not_negative, probability, within

MOST_SLOTS = 10_000


def pairs_per_slot(p: ArrayLike, cutoff: ArrayLike, swap: ArrayLike = 1.0) -> Array:
    """Swapped pairs per slot, swap success included; shapes broadcast, an infinite cut-off never gives up."""
    p, m = within("p", p, 0.0, 1.0, open_low=True), not_negative("cutoff", cutoff)
    q = 1 - p
    lost = q**m
    slots = (1 + 2 * q * (1 - lost)) / (1 - q**2 - 2 * p * q * lost)
    return np.asarray(probability("swap", swap) / slots)


def memory_factor(p: ArrayLike, slot_over_tau: ArrayLike, cutoff: ArrayLike) -> Array:
    """E[exp(-K T0/tau)] over the successes: what waiting at most `cutoff` slots leaves of the Werner parameter."""
    p, m = within("p", p, 0.0, 1.0, open_low=True), not_negative("cutoff", cutoff)
    q, z = 1 - p, np.exp(-not_negative("T0_over_tau", slot_over_tau))
    geometric = np.where(q * z < 1, q * z * (1 - (q * z) ** m) / np.where(q * z < 1, 1 - q * z, 1.0), m)
    plain = q * (1 - q**m) / p
    return np.asarray((1 + 2 * geometric) / (1 + 2 * plain))


def fidelity(f1: ArrayLike, f2: ArrayLike, p: ArrayLike, slot_over_tau: ArrayLike, cutoff: ArrayLike) -> Array:
    """Mean fidelity of the swapped Werner pair when the first waits in a depolarizing memory."""
    w1, w2 = (4 * probability("F1", f1) - 1) / 3, (4 * probability("F2", f2) - 1) / 3
    return np.asarray(0.25 + 0.75 * w1 * w2 * memory_factor(p, slot_over_tau, cutoff))


def best(f1: float, f2: float, p: float, slot_over_tau: float, *, most: int = MOST_SLOTS) -> tuple[int, float]:
    """(cut-off in slots, ebits per slot): where rate times hashing of the mean pair is largest, cut-offs 0..most."""
    slots = np.arange(count("most", most, 0) + 1)
    error = 1 - fidelity(f1, f2, p, slot_over_tau, slots)
    yields = pairs_per_slot(p, slots) * pauli.hashing(pauli.depolarizing(np.minimum(1.0, error)))
    at = int(np.argmax(yields))
    return int(slots[at]), float(yields[at])
