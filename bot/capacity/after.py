"""The state of a link after an act of each kind, from its state now.

>>> float(used_by_transfers_and_keys(100.0, keys=20.0, share=2.0))
180.0
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bot.capacity.link import LinkState, specified
from bot.capacity.purification import MOST_ROUNDS, Purified, bbpssw_rounds, of_channel, of_pair, rounds_seen
from bot.capacity.ranges import Array, Number, count, not_negative, plain, probability
from bot.model.network import Code, Link

Readings = Mapping[str, float]

LEAST_ROUNDS = 1
"""Rounds of purification that pairs go through where telemetry does not tell: the fewest that can be asked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question: the link, its state now and when healthy, what the act carries, and readings where known."""

    link: Link
    now: LinkState
    baseline: LinkState
    values: Mapping[str, float]
    measured: Readings = field(default_factory=dict)
    healthy: Readings = field(default_factory=dict)
    code: Code | None = None


After = Callable[[Case], LinkState]


def replenished(case: Case) -> LinkState:
    """At least `level` of the pool is full."""
    level = float(probability("level", case.values.get("level", case.link.pool.target_level)))
    filled = np.maximum(case.now.pool_pairs, level * np.asarray(case.now.pool_capacity_pairs))
    return replace(case.now, pool_pairs=plain(filled))


def generating(case: Case) -> LinkState:
    """`share` of the specified attempts."""
    share = float(probability("share", case.values.get("share", 1.0)))
    return replace(case.now, attempt_rate_hz=share * case.link.attempt_rate_hz)


def throttled(case: Case) -> LinkState:
    """`consumption_rate` pairs/s are used; the usual ones, if fewer than now, where it is not given."""
    rate = case.values.get("consumption_rate")
    if rate is None:
        rate = float(np.fmin(case.now.consumption_rate, case.baseline.consumption_rate))
    return replace(case.now, consumption_rate=float(not_negative("consumption_rate", rate)))


def rerouted(case: Case) -> LinkState:
    """`consumption_rate` pairs/s are used, by the flows that stay."""
    rate = not_negative("consumption_rate", case.values.get("consumption_rate", 0.0))
    return replace(case.now, consumption_rate=float(rate))


def recoded(case: Case) -> LinkState:
    """Another code, where one is given."""
    code = case.link.code if case.code is None else case.code
    return replace(case.now, code_family=code.family, code_distance=code.distance)


def failed_over(case: Case) -> LinkState:
    """Standby equipment: what the network file promises, with the pool and the demand of now."""
    kept = {name: getattr(case.now, name) for name in ("pool_pairs", "consumption_rate", "herald_efficiency")}
    return replace(specified(case.link), **kept)


def relit(case: Case) -> LinkState:
    """Loss as at the baseline, heralding at most as efficient: both are estimates from counts of one rate window.

    No act on the fiber makes heralding better than it was.
    """
    efficiency = np.fmin(case.now.herald_efficiency, case.baseline.herald_efficiency)
    return replace(case.now, loss_db=case.baseline.loss_db, herald_efficiency=plain(np.asarray(efficiency)))


def purified(case: Case) -> LinkState:
    """As many transfers as now, each with pairs that went through `rounds`; `keys` pairs/s are measured as they are."""
    present, after = rounds(case)
    keys, share = case.values.get("keys", 0.0), after.raw_pairs / present.raw_pairs
    used = used_by_transfers_and_keys(case.now.consumption_rate, keys=keys, share=share)
    return replace(case.now, fidelity=of_channel(after.fidelity), consumption_rate=plain(used))


def used_by_transfers_and_keys(used: Number, *, keys: float, share: float) -> Array:
    """Pairs/s when each transfer takes `share` times as many; `keys` of those used now are measured as they are."""
    for_keys = np.minimum(not_negative("keys", keys), used)
    return np.asarray(for_keys + (used - for_keys) * share)


def as_used(case: Case) -> Case:
    """The case with pairs as transfers get them now; an act that no health asks for leads away from no fault."""
    done = rounds_now(case)
    now, baseline = (
        replace(state, fidelity=of_channel(bbpssw_rounds(pair_fidelity(state), done).fidelity))
        for state in (case.now, case.baseline)
    )
    return replace(case, now=now, baseline=baseline, healthy={})


def pair_fidelity(state: LinkState) -> float:
    """Fidelity with Phi+ of the pairs as they are made."""
    return of_pair(float(np.asarray(state.fidelity)))


def rounds_now(case: Case) -> int:
    """Rounds that pairs go through now, told by `raw_pairs`: how many are used up for each that a transfer needs."""
    raw = case.values.get("raw_pairs")
    return LEAST_ROUNDS if raw is None else rounds_seen(pair_fidelity(case.now), raw)


def rounds(case: Case) -> tuple[Purified, Purified]:
    """Pairs as they are used now, and after the act."""
    raw = pair_fidelity(case.now)
    return bbpssw_rounds(raw, rounds_now(case)), bbpssw_rounds(raw, rounds_asked(case))


def rounds_asked(case: Case) -> int:
    """Rounds that pairs go through after the act."""
    return count("rounds", case.values.get("rounds", LEAST_ROUNDS), 0, MOST_ROUNDS)


def restored(*names: str) -> After:
    """These parameters are back at their baseline."""

    def after(case: Case) -> LinkState:
        return replace(case.now, **{name: getattr(case.baseline, name) for name in names})

    return after
