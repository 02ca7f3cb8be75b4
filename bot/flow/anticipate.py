"""What an act asks of a link in the words of the capacity model, from the traffic and the readings at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bot.capacity.link import SIFTING, LinkState, evaluate, key_fraction
from bot.diagnosis.scene import EMPTY, Look, Scene
from bot.model.network import Flow, Link, Network
from remediation.actions.flow import PRIORITIES, spare
from remediation.contract import Effect

_DATA_QUBITS = {"steane": 7, "five-qubit": 5, "none": 1}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is asked of a link: transfers/s by priority, pairs that each takes, and pairs/s that are measured for keys.

    `made` pairs/s (None where not known) at `cost` for each delivered qubit are what an act reads, means over the rate
    window; `cost_less_keys` is the part that transfers take.
    """

    demand: Mapping[str, float]
    pairs: float
    keys: float
    made: float | None
    cost: float
    cost_less_keys: float

    def used(self, passing: Mapping[str, float]) -> dict[str, float]:
        """Pairs/s that are used when so many transfers/s of each priority pass."""
        return {"consumption_rate": self.keys + self.pairs * sum(passing.values())}

    @property
    def asked(self) -> float:
        """Pairs/s that everything asked for takes, whether there are so many or not."""
        return self.used(self.demand)["consumption_rate"]


def traffic(network: Network, scene: Scene, link: str, now: LinkState) -> Traffic | None:
    """None where telemetry does not say what a transfer takes.

    Demands of critical and standard flows stand in the network file; everything else is best effort, as is traffic that
    the file does not know. A starved link serves less than it is asked for: that is delivered over success.
    """
    names = ("consumption", "delivered", "logical_failure", "generation")
    used, delivered, success, made = (scene.look(each, link) for each in names)
    cost = _cost(used, delivered)
    if used is None or delivered is None or success is None or cost is None or delivered.baseline <= 0:
        return None
    share = _key_share(scene, link)
    before, present = (used.baseline, used.observed) if made is None else _less(used, made, share)
    pairs = before / delivered.baseline * success.baseline
    if pairs <= 0:
        return None
    keys = share * float(evaluate(now)["entanglement_rate"])
    served = delivered.observed / success.observed if success.observed > 0 else 0.0
    return Traffic(
        demand=_demand(network, link, max(served, (float(now.consumption_rate) - keys) / pairs, 0.0)),
        pairs=pairs,
        keys=keys,
        made=None if made is None else made.observed,
        cost=cost,
        cost_less_keys=present / delivered.observed if delivered.observed > 0 else pairs,
    )


def _demand(network: Network, link: str, total: float) -> dict[str, float]:
    """`total` transfers/s by priority, those that go first, first."""
    demand: dict[str, float] = {}
    for priority in PRIORITIES[:-1]:
        wanted = sum(flow.demand_logical_per_s for flow in network.flows_over(link) if flow.priority == priority)
        demand[priority] = min(total, wanted)
        total -= demand[priority]
    return {**demand, PRIORITIES[-1]: total}


def _less(used: Look, made: Look, share: float) -> tuple[float, float]:
    """(usual, present) pairs/s that are used, less a share of those made."""
    return used.baseline - share * made.baseline, used.observed - share * made.observed


def _cost(used: Look | None, delivered: Look | None) -> float | None:
    """Pairs per delivered logical qubit, now or, where nothing is delivered, at the baseline."""
    if used is None or delivered is None:
        return None
    for pairs, logical in ((used.observed, delivered.observed), (used.baseline, delivered.baseline)):
        if pairs > 0 and logical > 0:
            return pairs / logical
    return None


def _key_share(scene: Scene, link: str) -> float:
    """Share of the pairs made that are measured for keys, by what their errors leave of a bit; 0 where none is told."""
    key, qber, made = (scene.look(each, link) for each in ("key_rate", "qber", "generation"))
    if key is None or qber is None or made is None or made.baseline <= 0:
        return 0.0
    fraction = float(key_fraction(np.asarray(qber.baseline)))
    return min(1.0, key.baseline / (SIFTING * fraction) / made.baseline) if fraction > 0 else 0.0


def throttled(asked: Traffic, values: Mapping[str, float]) -> dict[str, float]:
    """Pairs/s that are used while each priority named in `values` is held to so many logical qubits/s.

    With `to_capacity` it is held to what the link can spare, too: nothing where nobody knows what it makes.
    """
    passing = dict(asked.demand)
    for priority in (each for each in PRIORITIES if each in values):
        most = values[priority]
        if values.get("to_capacity"):
            first = sum(asked.demand[each] for each in PRIORITIES[: PRIORITIES.index(priority)])
            most = 0.0 if asked.made is None else min(most, spare(asked.made, asked.cost, first))
        passing[priority] = min(passing[priority], most)
    return asked.used(passing)


def rerouted(asked: Traffic, flow: Flow, link: str, values: Mapping[str, float]) -> dict[str, float] | None:
    """Pairs/s that are used once a flow runs elsewhere, or is held to a `quota`; None where the link is not concerned.

    `values` names the links of its new route as `over:LINK`, or `alternate` for its first other one; with neither it is
    classical.
    """
    alternate = flow.alternates[0] if flow.alternates else flow.route
    joins = link in alternate if "alternate" in values else f"over:{link}" in values
    stays = link in flow.route and (joins or "quota" in values)
    before = min(asked.demand[flow.priority], flow.demand_logical_per_s) if link in flow.route else 0.0
    after = min(before, values.get("quota", before)) if stays else flow.demand_logical_per_s * joins
    if before == after:
        return None
    return asked.used({**asked.demand, flow.priority: asked.demand[flow.priority] - before + after})


def values_of(effect: Effect, link: Link, network: Network, asked: Traffic | None) -> Mapping[str, float] | None:
    """The numbers of an effect for the capacity model, with what only the traffic tells; None for no effect there."""
    target = effect.target
    if effect.kind == "reroute":
        flow = network.flows.get(target.id)
        return None if flow is None or asked is None else rerouted(asked, flow, link.id, effect.values)
    if target.id not in {"link": (link.id,), "node": link.ends}.get(target.kind, ()):
        return None
    if effect.kind == "throttle" and asked is not None:
        return {**throttled(asked, effect.values), **effect.values}
    if effect.kind == "purify" and asked is not None:
        return {"raw_pairs": max(1.0, asked.cost_less_keys / _data_qubits(link)), "keys": asked.keys, **effect.values}
    return effect.values


def _data_qubits(link: Link) -> int:
    """Pairs that a code block is teleported with."""
    distance = link.code.distance
    return {**_DATA_QUBITS, "surface": distance**2, "repetition": distance}[link.code.family]


def settled(scene: Scene, link: str, now: LinkState) -> LinkState:
    """The state now with attempts that fit its pairs.

    Shortly after an onset the rate window still holds the time before; a signal whose shift is beyond doubt is told
    without it, another is not. Attempts are the quotient of two signals: one of each kind would multiply them.
    """
    made, success = scene.look("generation", link), scene.look("pairs_per_attempt", link)
    if made is None or success is None or success.observed <= 0:
        return now
    if made.settling != made.observed or success.settling == success.observed:
        return now
    return replace(now, attempt_rate_hz=made.observed / success.observed)


def starved(now: LinkState, asked: Traffic | None) -> LinkState:
    """The state now with the pairs/s that a link is asked for, where an empty pool serves only what is made."""
    empty = now.pool_pairs < EMPTY * np.asarray(now.pool_capacity_pairs)
    if asked is None or not empty or asked.asked <= now.consumption_rate:
        return now
    return replace(now, consumption_rate=asked.asked)
