"""How much of a drop in capacity each parameter of the link explains: exact Shapley values.

phi_i = sum over coalitions S without i of |S|! (n-1-|S|)! / n! [v(S+i) - v(S)] (L. S. Shapley 1953), where v(S) is
the capacity lost when the parameters in S have their present values and the others those of the baseline. All 2^8
coalitions are one array evaluation of the link model. Memory enters as (1/T1, 1/Tphi), so that no coalition has
T2 above 2 T1.

>>> shapley(np.array([0.0, 6.0, 2.0, 10.0])).tolist()  # alone 6 and 2, together 10
[7.0, 3.0]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import factorial
from typing import Any

import numpy as np

from bot.capacity.link import LinkState, capacity
from bot.capacity.ranges import Array, CapacityRangeError, Number, plain, times

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "loss": ("loss_db",),
    "memory": ("t1_s",),
    "dephasing": ("t2_s",),
    "gate": ("gate_error",),
    "measurement": ("measurement_error",),
    "fidelity": ("fidelity",),
    "pool": ("attempt_rate_hz", "herald_efficiency", "consumption_rate", "pool_pairs", "pool_capacity_pairs"),
    "decoder": ("decode_latency_s", "decode_p99_s", "decoder_budget_s", "control_rtt_s"),
}
"""The players, and the fields of the link's state that each stands for."""
NO_DROP = 1e-9
"""Relative drops below this are rounding."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A drop in qubit/s and each parameter's part of it.

    `shapley` sums to `drop`; `alone` is the drop when only that parameter changes, `without` what would be won
    back if only that parameter were healthy: the two bracket what one repair can do.
    """

    baseline: Number
    now: Number
    drop: Number
    shapley: Mapping[str, Number]
    alone: Mapping[str, Number]
    without: Mapping[str, Number]


@cache
def coalitions(players: int) -> Array:
    """All 2^n coalitions as rows of 0/1; row k is the binary number k, player 0 its lowest bit."""
    if not 1 <= players <= 16:
        raise CapacityRangeError("players", players, "[1, 16]")
    numbers = np.arange(2**players)
    return np.asarray((numbers[:, None] >> np.arange(players)) & 1, dtype=np.float64)


@cache
def weights(players: int) -> Array:
    """Matrix (n x 2^n) that turns the values of all coalitions into Shapley values."""
    member = coalitions(players)
    size = member.sum(axis=1).astype(int)
    share = [factorial(k) * factorial(players - 1 - k) / factorial(players) for k in range(players)]
    gain = np.array([0.0, *share])[size]
    loss = np.array([*share, 0.0])[size]
    return np.asarray(np.where(member > 0, gain[:, None], -loss[:, None]).T)


def shapley(values: Array) -> Array:
    """Shapley values of a game; `values` (2^n, ...) in the order of `coalitions`, answer (n, ...)."""
    players = values.shape[0].bit_length() - 1
    return np.asarray(np.tensordot(weights(players), values, axes=1))


def explain(baseline: LinkState, now: LinkState) -> Explanation:
    """Split the drop in `capacity_qubits_per_s`; fields may be arrays over links."""
    lost = _lost(baseline, now)
    parts = shapley(lost)
    last = lost.shape[0] - 1
    names = tuple(PARAMETERS)
    before = capacity(baseline)
    return Explanation(
        baseline=plain(before),
        now=plain(before - lost[last]),
        drop=plain(lost[last]),
        shapley={name: plain(parts[i]) for i, name in enumerate(names)},
        alone={name: plain(lost[1 << i]) for i, name in enumerate(names)},
        without={name: plain(lost[last] - lost[last ^ (1 << i)]) for i, name in enumerate(names)},
    )


def attribute(baseline: LinkState, now: LinkState) -> dict[str, Number]:
    """Shares of the drop by parameter: they sum to 1; all 0 where capacity did not drop; NaN where unknown.

    A share is negative for a parameter that got better meanwhile. Floats for one link, arrays for many.
    """
    lost = _lost(baseline, now)
    parts, drop = shapley(lost), lost[-1]
    dropped = ~(drop <= NO_DROP * np.abs(capacity(baseline)))
    shares: Array = np.where(dropped, parts / np.where(dropped, drop, 1.0), 0.0)
    return {name: plain(shares[i]) for i, name in enumerate(PARAMETERS)}


def _lost(baseline: LinkState, now: LinkState) -> Array:
    """Capacity lost by each coalition, (256, ...)."""
    values = capacity(_mixture(baseline, now))
    return np.asarray(values[0] - values)


def _mixture(baseline: LinkState, now: LinkState) -> LinkState:
    """The states of all coalitions along a new first axis."""
    fields = [name for names in PARAMETERS.values() for name in names]
    shape = np.broadcast_shapes(*(np.shape(getattr(state, name)) for name in fields for state in (baseline, now)))
    chosen = coalitions(len(PARAMETERS)).T.reshape(len(PARAMETERS), -1, *(1 for _ in shape)) > 0
    mixed: dict[str, Any] = {}
    for player, names in zip(chosen, PARAMETERS.values(), strict=True):
        for name in names:
            mixed[name] = np.where(player, getattr(now, name), getattr(baseline, name))
    mixed["t2_s"] = _coherence(chosen[tuple(PARAMETERS).index("dephasing")], mixed["t1_s"], baseline, now)
    return replace(baseline, **mixed)


def _coherence(chosen: Array, t1: Array, baseline: LinkState, now: LinkState) -> Array:
    rates = [_pure_dephasing(state) for state in (now, baseline)]
    return np.asarray(1 / (1 / (2 * t1) + np.where(chosen, *rates)))


def _pure_dephasing(state: LinkState) -> Array:
    t1, t2 = times(state.t1_s, state.t2_s)
    return np.maximum(0.0, 1 / t2 - 1 / (2 * t1))
