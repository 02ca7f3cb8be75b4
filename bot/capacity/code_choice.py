"""Which code delivers a logical qubit cheapest within an error budget; code capacity under depolarizing noise.

Cost per delivered logical qubit = (n c_pair + c_fixed)/(k p_accept). [[4,2,2]] only detects errors, so it is allowed
only where a discarded payload can be sent again. Ideal decoding and perfect syndromes: with circuit noise use the
link model.

>>> choose(p=0.01, slo=1e-3, c_pair=1.0, c_fixed=0.5, allow_discard=False).code
'513'
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bot.capacity import codes, surface
from bot.capacity.ranges import Array, not_negative, probability, within

FLIP_POINTS = 121


@dataclass(frozen=True, slots=True)
class Menu:
    """One code: n physical and k logical qubits, error and acceptance against depolarizing p."""

    n: int
    k: int
    error: Callable[[Array], Array]
    accepted: Callable[[Array], Array] = np.ones_like


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code would cost and deliver under one noise."""

    code: str
    cost: float
    error: float
    accepted: float
    complies: bool
    delivered_per_s: float


def detection_accepted(p: Array) -> Array:
    """Share of [[4,2,2]] blocks in which both checks pass."""
    return codes.enumerate_weights(codes.DETECTION_ACCEPTED, p)


def detection_error(p: Array) -> Array:
    """Error of an accepted [[4,2,2]] block."""
    return codes.enumerate_weights(codes.DETECTION_LOGICAL, p) / detection_accepted(p)


def surface_error(d: int, p: Array) -> Array:
    """Total error of the rotated surface code under depolarizing p, perfect syndromes."""
    flips = 2 * probability("p", p) / 3
    return surface.total_failure(d, flips, flips)


MENU: Mapping[str, Menu] = {
    "bare": Menu(1, 1, lambda p: probability("p", p)),
    "422": Menu(4, 2, detection_error, detection_accepted),
    "513": Menu(5, 1, lambda p: codes.enumerate_weights(codes.FIVE_QUBIT, p)),
    "steane": Menu(7, 1, lambda p: codes.enumerate_weights(codes.STEANE, p)),
    "surface_d3": Menu(9, 1, lambda p: surface_error(3, p)),
    "surface_d5": Menu(25, 1, lambda p: surface_error(5, p)),
    "surface_d7": Menu(49, 1, lambda p: surface_error(7, p)),
}
DISCARDING = ("422",)


def compare(
    *, p: float, slo: float, c_pair: float, c_fixed: float, allow_discard: bool, pairs_per_s: float = 0.0
) -> tuple[Offer, ...]:
    """Every code of the menu under noise p, those within the error budget `slo` first, then by cost and size."""
    noise = probability("p", p)
    within("slo", slo, 0.0, 1.0, open_low=True)
    prices = not_negative("c_pair", c_pair), not_negative("c_fixed", c_fixed)
    offers = []
    for name, code in MENU.items():
        if name in DISCARDING and not allow_discard:
            continue
        error, accepted = float(code.error(noise)), float(code.accepted(noise))
        cost = float(code.n * prices[0] + prices[1]) / (code.k * accepted)
        rate = pairs_per_s / code.n * code.k * accepted
        offers.append(Offer(name, cost, error, accepted, error <= slo, rate))
    return tuple(sorted(offers, key=lambda offer: (not offer.complies, offer.cost, MENU[offer.code].n)))


def choose(*, p: float, slo: float, c_pair: float, c_fixed: float, allow_discard: bool) -> Offer | None:
    """The cheapest code within the budget, None where there is none."""
    best = compare(p=p, slo=slo, c_pair=c_pair, c_fixed=c_fixed, allow_discard=allow_discard)[0]
    return best if best.complies else None


def flips(
    *, slo: float, c_pair: float, c_fixed: float, allow_discard: bool, low: float = 1e-4, high: float = 0.3
) -> Sequence[tuple[float, str]]:
    """(p from which, code) along p = low..high: where the recommendation changes, to a hundredth of p."""

    def name(p: float) -> str:
        best = choose(p=p, slo=slo, c_pair=c_pair, c_fixed=c_fixed, allow_discard=allow_discard)
        return best.code if best else "none"

    grid = np.geomspace(low, high, FLIP_POINTS)
    changes = [(low, name(low))]
    for left, right in pairwise(grid):
        if name(float(right)) == changes[-1][1]:
            continue
        start, end = float(left), float(right)
        while end / start > 1.001:
            middle = (start * end) ** 0.5
            start, end = (middle, end) if name(middle) == changes[-1][1] else (start, middle)
        changes.append((end, name(float(right))))
    return changes
