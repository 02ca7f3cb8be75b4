"""Swapping, purification and waiting: what repeaters make of elementary pairs.

F is the fidelity with Phi+. Sources: Briegel, Dür, Cirac, Zoller 1998; Bennett et al. 1996 (BBPSSW); Deutsch et al.
1996 (DEJMPS); Bernardes, Praxmeyer, van Loock 2011; Barrett, Kok 2005; Pirandola 2019 (chain limits).

>>> round(float(swapped([0.95, 0.95])), 6), most_links(0.99, 0.9)
(0.903333, 10)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.bosonic import repeaterless_bound
from bot.capacity.ranges import (
    Array,
    CapacityRangeError,
    Number,
    count,
    elementwise,
    not_negative,
    plain,
    positive,
    probability,
    within,
)

LIGHT_KM_PER_S = 2e5
"""Speed of light in fiber."""
MOST_ROUNDS = 60
MOST_LINKS = 1_000_000_000
DIRECT_TERMS = 2_000_000


def swapped(fidelities: ArrayLike, gate: ArrayLike = 1.0, readout: ArrayLike = 1.0) -> Array:
    """Werner pairs (last axis) swapped into one: 1/4+3/4 prod (4F-1)/3, times gate (4 readout²-1)/3 per swap."""
    f = probability("F", np.atleast_1d(np.asarray(fidelities, dtype=np.float64)))
    swaps = f.shape[-1] - 1
    if swaps < 0:
        raise CapacityRangeError("F", "empty", "at least one fidelity")
    loss = probability("p2", gate) * (4 * probability("eta", readout) ** 2 - 1) / 3
    return np.asarray(0.25 + 0.75 * np.prod((4 * f - 1) / 3, axis=-1) * loss**swaps)


def teleported(fidelity: ArrayLike) -> Array:
    """Average fidelity of teleportation through a pair of fidelity F: (2F+1)/3 (Horodecki 1999)."""
    return np.asarray((2 * probability("F", fidelity) + 1) / 3)


@elementwise
def most_links(link_fidelity: float, target: float) -> int:
    """How many equal links can be swapped before fidelity falls below `target`; 0 where one is already too many."""
    link, goal = float(within("F_link", link_fidelity, 0.25, 1.0)), float(within("F_target", target, 0.25, 1.0))
    if link < goal:
        return 0
    if link == 1.0 or goal == 0.25:
        raise CapacityRangeError("F_link", link, "below 1 (and F_target above 1/4): else there is no limit")
    # Logarithms of 1 - 4(1-F)/3 keep their digits for links that are almost perfect.
    whole, part = (np.log1p(-4 * (1 - value) / 3) for value in (goal, link))
    links = float(whole / part)
    if links > MOST_LINKS:
        raise CapacityRangeError("F_link", link, f"such that at most {MOST_LINKS:g} links reach F_target")
    return max(1, int(links * (1 + 1e-14) + 1e-12))


def bbpssw(target: ArrayLike, sacrificed: ArrayLike) -> tuple[Array, Array]:
    """(fidelity, success probability) of one BBPSSW step on Werner pairs F1 (kept) and F2."""
    f1, f2 = probability("F1", target), probability("F2", sacrificed)
    wrong = (1 - f1) * (1 - f2)
    success = f1 * f2 + f1 * (1 - f2) / 3 + (1 - f1) * f2 / 3 + 5 * wrong / 9
    return np.asarray((f1 * f2 + wrong / 9) / success), np.asarray(success)


def bbpssw_noisy(fidelity: ArrayLike, gate: ArrayLike, readout: ArrayLike) -> Array:
    """Fidelity after BBPSSW on two equal pairs with gate reliability p2 and readout reliability eta."""
    f, eta = probability("F", fidelity), probability("eta", readout)
    p2 = probability("p2", gate)
    agree, differ = eta**2 + (1 - eta) ** 2, 2 * eta * (1 - eta)
    wrong = (1 - f) / 3
    noise = (1 - p2**2) / 8
    top = ((f**2 + wrong**2) * agree + (f * wrong + wrong**2) * differ) * p2**2 + noise
    kept = (f**2 + 2 * f * wrong + 5 * wrong**2) * agree + (f * wrong + wrong**2) * 4 * differ
    bottom = kept * p2**2 + 4 * noise
    return np.asarray(top / bottom)


def dejmps(coefficients: ArrayLike) -> tuple[Array, Array]:
    """(coefficients, success probability) of DEJMPS on two equal pairs; last axis (Phi+, Psi-, Psi+, Phi-)."""
    c = probability("coeffs", coefficients)
    if c.shape[-1:] != (4,) or np.any(np.abs(c.sum(axis=-1) - 1) > 1e-9):
        raise CapacityRangeError("coeffs", str(c.tolist()), "four probabilities that sum to 1")
    a, b, p, m = np.moveaxis(c, -1, 0)
    success = (a + b) ** 2 + (p + m) ** 2
    after = np.stack([a**2 + b**2, 2 * p * m, p**2 + m**2, 2 * a * b], axis=-1) / success[..., None]
    return after, np.asarray(success)


@dataclass(frozen=True, slots=True)
class Purification:
    """Nested recurrences: rounds, fidelity reached, raw pairs used per output pair on average; arrays of one shape."""

    rounds: Number
    fidelity: Number
    raw_pairs: Number


def nested_bbpssw(start: ArrayLike, target: ArrayLike) -> Purification:
    """BBPSSW on Werner pairs, twirled every round, until F >= target (start above 1/2, target below 1)."""

    def step(state: Array) -> tuple[Array, Array]:
        fidelity, success = bbpssw(state[..., 0], state[..., 0])
        return fidelity[..., None], success

    return _nested(_start(start)[..., None], target, step)


def nested_dejmps(start: ArrayLike, target: ArrayLike) -> Purification:
    """DEJMPS from a Werner pair, never twirled, until F >= target (start above 1/2, target below 1)."""
    wrong = (1 - _start(start)) / 3
    return _nested(np.stack([1 - 3 * wrong, wrong, wrong, wrong], axis=-1), target, dejmps)


@elementwise
def mean_attempts(p: float, links: int) -> float:
    """Mean slots until all N parallel links of success p are ready."""
    p, links = float(within("p", p, 1e-300, 1.0)), count("N", links, 1)
    if p == 1.0:
        return 1.0
    rate = -np.log1p(-p)
    terms = int((40 + np.log(links)) / rate) + 2
    if terms <= DIRECT_TERMS:
        slots = np.arange(terms)
        return float(-np.expm1(links * np.log1p(-np.exp(-rate * slots[1:]))).sum() + 1)
    # Euler-Maclaurin: the sum over slots is the integral H_N/rate plus half of the first term.
    from scipy.special import digamma  # noqa: PLC0415 - heavy, needed only here

    return float((digamma(links + 1) - digamma(1)) / rate + 0.5) if links > 1 else 1 / p


def two_segment_rate(p: ArrayLike, swap: ArrayLike, slot_s: ArrayLike) -> Array:
    """Pairs/s over two segments: q p(2-p)/((3-2p) T0)."""
    p, q, t0 = probability("p", p), probability("q", swap), positive("T0", slot_s)
    return np.asarray(q * p * (2 - p) / ((3 - 2 * p) * t0))


def memory_factor(p: ArrayLike, slot_over_tau: ArrayLike) -> Array:
    """E[exp(-|K1-K2| T0/tau)]: what waiting for the other segment leaves of the Werner parameter."""
    p = within("p", p, 0.0, 1.0, open_low=True)
    z = np.exp(-not_negative("T0_over_tau", slot_over_tau))
    return np.asarray(p / (2 - p) * (1 + 2 * (1 - p) * z / (1 - (1 - p) * z)))


def two_segment_fidelity(f1: ArrayLike, f2: ArrayLike, p: ArrayLike, slot_over_tau: ArrayLike) -> Array:
    """Fidelity of the swapped pair when the first one waits in a depolarizing memory."""
    w1, w2 = (4 * probability("F1", f1) - 1) / 3, (4 * probability("F2", f2) - 1) / 3
    return np.asarray(0.25 + 0.75 * w1 * w2 * memory_factor(p, slot_over_tau))


def barrett_kok(length_km: ArrayLike, alpha: ArrayLike, efficiency: ArrayLike) -> Array:
    """Success per attempt of a midpoint link: eta_h²/2 with eta_h = efficiency × 10^(-alpha L/20)."""
    loss = not_negative("length_km", length_km) * not_negative("alpha", alpha)
    return np.asarray((probability("eta", efficiency) * 10 ** (-loss / 20)) ** 2 / 2)


def barrett_kok_rate(length_km: ArrayLike, alpha: ArrayLike, efficiency: ArrayLike, overhead_s: ArrayLike) -> Array:
    """Pairs/s when an attempt takes 2 L/c and an overhead: an upper estimate, real protocols shake hands."""
    attempt = 2 * not_negative("length_km", length_km) / LIGHT_KM_PER_S + not_negative("t_overhead", overhead_s)
    return np.asarray(barrett_kok(length_km, alpha, efficiency) / positive("attempt time", attempt))


def chain(etas: Sequence[float]) -> Array:
    """Two-way capacity of a chain of pure-loss links with ideal repeaters: that of the worst link."""
    return repeaterless_bound(np.min(probability("etas", etas), axis=-1))


def equispaced(eta: ArrayLike, repeaters: ArrayLike) -> Array:
    """-log2(1-eta^(1/(N+1))) with N equally spaced ideal repeaters."""
    return repeaterless_bound(probability("eta", eta) ** (1 / (not_negative("N", repeaters) + 1)))


@elementwise
def repeaters_needed(eta: float, target: float) -> int:
    """Least number of equally spaced ideal repeaters for `target` bit/use."""
    eta = float(within("eta", eta, 0.0, 1.0, open_low=True))
    goal = float(within("target", target, 0.0, 50.0, open_low=True))
    # eta^(1/(N+1)) >= 1-2^-target; a target that is met to 1e-13 of a link counts as met.
    links = np.log(eta) / np.log1p(-np.exp2(-goal))
    return max(0, int(np.ceil(links * (1 - 1e-13))) - 1)


def _start(fidelity: ArrayLike) -> Array:
    return within("F0", fidelity, 0.5, 1.0, open_low=True)


def _nested(state: Array, target: ArrayLike, step: Callable[[Array], tuple[Array, Array]]) -> Purification:
    """Rounds until the first entry of the last axis reaches `target`; those that have reached it stand still."""
    goal = within("F_target", target, 0.0, 1.0, open_high=True)
    shape = np.broadcast_shapes(state.shape[:-1], goal.shape)
    state, rounds, pairs = np.broadcast_to(state, (*shape, state.shape[-1])), np.zeros(shape), np.ones(shape)
    for _ in range(MOST_ROUNDS + 1):
        short = state[..., 0] < goal
        if not short.any():
            unknown = np.where(np.isnan(state[..., 0] + goal), np.nan, 0.0)
            return Purification(*(plain(each + unknown) for each in (rounds, state[..., 0], pairs)))
        after, success = step(state)
        state = np.where(short[..., None], after, state)
        rounds, pairs = rounds + short, np.where(short, pairs * 2 / success, pairs)
    raise CapacityRangeError("F_target", float(np.max(goal[()])), f"reachable in {MOST_ROUNDS} rounds")
